/* Practices 15, 16, 17 and 19: what the firewall lets in and out. */
#include "audit/audit.h"

#include <stdio.h>

#include "audit/nft.h"

#define NOBODY 65534u

static void unseen(const struct audit_world *world, struct audit_row *row)
{
    audit_find(row, AUDIT_UNSEEN, world->is_root ? "apt-get install nftables" : NULL,
               world->is_root ? "nft does not answer: it is not installed"
                              : "the firewall takes root to see");
}

void practice_firewall(const struct audit_world *world, struct audit_row *row)
{
    char fix[AUDIT_FIX_MAX];
    struct nft_facts facts;

    nft_read(world, &facts);
    if (!facts.seen) {
        unseen(world, row);
        return;
    }
    nft_closing_fix(fix, world, facts.filter);
    if (!facts.input) {
        audit_find(row, AUDIT_FAIL, fix, "no firewall: nothing looks at what comes in");
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
    if (facts.rules == 0 && !facts.input_drops)
        audit_find(row, AUDIT_WARN, fix, "a firewall without a rule, which lets everything in");
    else
        audit_find(row, AUDIT_PASS, NULL, "%u rules, %u never reached", facts.rules,
                   facts.shadowed);
}

void practice_closed_services(const struct audit_world *world, struct audit_row *row)
{
    char fix[AUDIT_FIX_MAX];
    struct nft_facts facts;

    nft_read(world, &facts);
    if (!facts.seen) {
        unseen(world, row);
        return;
    }
    if (facts.input_drops) {
        audit_find(row, AUDIT_PASS, NULL, "what no rule accepts is dropped");
        return;
    }
    nft_closing_fix(fix, world, facts.filter);
    audit_find(row, AUDIT_WARN, fix,
               "what no rule names is let in to whatever listens (the fix goes on accepting what "
               "listens now)");
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
    if (!facts.seen) {
        unseen(world, row);
        return;
    }
    audit_find(row, AUDIT_WARN,
               NFT_FIX("add set " NFT_TABLE " denied { type ipv4_addr; flags interval; }; "
                       "insert rule " NFT_INPUT " ip saddr @denied drop"),
               "no service is restricted to addresses, no prefix is refused (the fix makes a list: "
               "nft add element inet hardening denied { PREFIX })");
}

/* Whoever serves the network under an account of its own has no call to connect to strangers. */
static unsigned server_uid(const struct audit_world *world)
{
    for (uint32_t i = 0; i < world->listeners.count; i++)
        if (listener_is_open(&world->listeners.items[i]) && world->listeners.items[i].uid != 0)
            return world->listeners.items[i].uid;
    return NOBODY;
}

void practice_outbound(const struct audit_world *world, struct audit_row *row)
{
    char fix[AUDIT_FIX_MAX];
    struct nft_facts facts;

    nft_read(world, &facts);
    if (!facts.seen) {
        unseen(world, row);
        return;
    }
    if (facts.output_drops) {
        audit_find(row, AUDIT_PASS, NULL, "the firewall refuses some of what goes out");
        return;
    }
    snprintf(fix, sizeof fix,
             "nft 'add table inet hardening; add chain inet hardening output { type filter hook "
             "output priority 0; }; add rule inet hardening output meta skuid %u ct state new oif "
             "!= lo reject'",
             server_uid(world));
    audit_find(row, AUDIT_WARN, fix, "whatever runs here may connect to anywhere");
}
