/* Practices 15, 16, 17 and 19: what the firewall lets in and out. */
#include "audit/audit.h"

#include <stdio.h>

#include "audit/nft.h"

#define TAKES_ROOT "nft does not answer: it takes root, or is not installed"

void practice_firewall(const struct audit_world *world, struct audit_row *row)
{
    struct nft_facts facts;

    nft_read(world, &facts);
    if (!facts.seen) {
        audit_find(row, AUDIT_UNSEEN, NULL, TAKES_ROOT);
        return;
    }
    if (!facts.input) {
        audit_find(row, AUDIT_FAIL,
                   "nft 'add table inet filter; add chain inet filter input { type filter hook "
                   "input priority 0; }'",
                   "no firewall: nothing looks at what comes in");
        return;
    }
    for (unsigned i = 0; i < facts.shadowed && i < NFT_NAMED_MAX; i++)
        audit_find(row, AUDIT_WARN, facts.shadowed_fix[i],
                   "a rule is never reached, an earlier one decides for all of it (%s)",
                   facts.shadowed_fix[i] + sizeof "nft delete rule");
    for (unsigned i = 0; i < facts.wide && i < NFT_NAMED_MAX; i++)
        audit_find(row, AUDIT_FAIL, facts.wide_fix[i],
                   "a rule accepts everything without a condition (%s)",
                   facts.wide_fix[i] + sizeof "nft delete rule");
    audit_find(row, AUDIT_PASS, NULL, "%u rules, %u never reached", facts.rules, facts.shadowed);
}

void practice_closed_services(const struct audit_world *world, struct audit_row *row)
{
    char fix[AUDIT_FIX_MAX];
    struct nft_facts facts;

    nft_read(world, &facts);
    if (!facts.seen) {
        audit_find(row, AUDIT_UNSEEN, NULL, TAKES_ROOT);
        return;
    }
    if (facts.input_drops) {
        audit_find(row, AUDIT_PASS, NULL, "what no rule accepts is dropped");
        return;
    }
    if (facts.filter[0] != '\0')
        snprintf(fix, sizeof fix, "nft add chain %s '{ policy drop; }'", facts.filter);
    else
        snprintf(fix, sizeof fix,
                 "nft 'add table inet filter; add chain inet filter input { type filter hook input "
                 "priority 0; policy drop; }'");
    audit_find(row, AUDIT_WARN, fix,
               "what no rule names is let in to whatever listens (accept what you need, your own "
               "session first)");
}

void practice_addresses(const struct audit_world *world, struct audit_row *row)
{
    struct nft_facts facts;

    nft_read(world, &facts);
    if (world->guard_lists)
        audit_find(row, AUDIT_PASS, NULL, "a guard has allow or deny lists");
    if (facts.addresses)
        audit_find(row, AUDIT_PASS, NULL, "the firewall names source addresses");
    if (world->guard_lists || facts.addresses)
        return;
    if (!facts.seen)
        audit_find(row, AUDIT_UNSEEN, NULL, TAKES_ROOT);
    else if (world->guard_here)
        audit_find(row, AUDIT_WARN, "handfast block PREFIX --for 1h --reason TEXT",
                   "no service is restricted to addresses, no prefix is refused");
    else
        audit_find(
            row, AUDIT_WARN,
            "nft add rule inet filter input ip saddr != 192.0.2.0/24 tcp dport 22 drop",
            "no service is restricted to addresses (the fix is an example: your own network, "
            "the service that only you need)");
}

void practice_outbound(const struct audit_world *world, struct audit_row *row)
{
    struct nft_facts facts;

    nft_read(world, &facts);
    if (!facts.seen)
        audit_find(row, AUDIT_UNSEEN, NULL, TAKES_ROOT);
    else if (facts.output_drops)
        audit_find(row, AUDIT_PASS, NULL, "the firewall refuses some of what goes out");
    else
        audit_find(row, AUDIT_WARN,
                   "nft 'add table inet filter; add chain inet filter output { type filter hook "
                   "output priority 0; }; add rule inet filter output meta skuid www-data ct state "
                   "new reject'",
                   "whatever runs here may connect to anywhere");
}
