/* Practices 13, 14 and 18: how the kernel and its firewall meet floods. [RFC 4987 3] */
#include "audit/audit.h"

#include <stdio.h>

#include "audit/nft.h"

#define IPV4_SYSCTL "/proc/sys/net/ipv4/"
#define BACKLOG_LEAST 256
#define RETRIES_MOST 3
#define FIRST_SYN "tcp flags & (fin|syn|rst|ack) == syn "
/* For each source of IPv4 and each /64 of IPv6. */
#define EACH_SOURCE(verb, name, kind, limit)                                             \
    NFT_FIX("add set " NFT_TABLE " " name "4 { type ipv4_addr; " kind " size 65535; }; " \
            "add set " NFT_TABLE " " name "6 { type ipv6_addr; " kind " size 65535; }; " \
            "insert rule " NFT_INPUT " " FIRST_SYN verb " @" name "4 { ip saddr " limit  \
            " } drop; "                                                                  \
            "insert rule " NFT_INPUT " " FIRST_SYN verb " @" name                        \
            "6 { ip6 saddr and ffff:ffff:ffff:ffff:: " limit " } drop")

void practice_half_open_limit(const struct audit_world *world, struct audit_row *row)
{
    long backlog = audit_number(world, IPV4_SYSCTL "tcp_max_syn_backlog", -1);
    struct nft_facts facts;

    if (backlog < 0)
        audit_find(row, AUDIT_UNSEEN, NULL, "tcp_max_syn_backlog cannot be read");
    else if (backlog < BACKLOG_LEAST)
        audit_find(row, AUDIT_WARN, "sysctl -w net.ipv4.tcp_max_syn_backlog=4096",
                   "tcp_max_syn_backlog is %ld: a handful of clients fills it", backlog);
    else
        audit_find(row, AUDIT_PASS, NULL, "tcp_max_syn_backlog is %ld", backlog);
    nft_read(world, &facts);
    if (world->guard_here)
        audit_find(row, AUDIT_PASS, NULL, "a guard limits half-opens, each prefix to its share");
    else if (facts.seen && facts.counts_connections)
        audit_find(row, AUDIT_PASS, NULL, "the firewall limits connections of a source");
    else if (facts.seen)
        audit_find(row, AUDIT_WARN,
                   EACH_SOURCE("add", "held", "flags dynamic;", "ct count over 100"),
                   "nothing limits the connections of one source");
    else
        audit_find(row, AUDIT_UNSEEN, NULL, "limits of the firewall take root to see");
}

void practice_half_open_timeout(const struct audit_world *world, struct audit_row *row)
{
    long retries = audit_number(world, IPV4_SYSCTL "tcp_synack_retries", -1);

    if (retries < 0)
        audit_find(row, AUDIT_UNSEEN, NULL, "tcp_synack_retries cannot be read");
    else if (retries > RETRIES_MOST)
        audit_find(row, AUDIT_WARN, "sysctl -w net.ipv4.tcp_synack_retries=2",
                   "tcp_synack_retries is %ld: a half-open lives for %d s", retries,
                   (1 << (retries < 7 ? retries + 1 : 8)) - 1);
    else
        audit_find(row, AUDIT_PASS, NULL, "tcp_synack_retries is %ld: a half-open lives for %d s",
                   retries, (1 << (retries + 1)) - 1);
}

static void look_at_reverse_path(const struct audit_world *world, struct audit_row *row)
{
    long all = audit_number(world, IPV4_SYSCTL "conf/all/rp_filter", -1);
    long fresh = audit_number(world, IPV4_SYSCTL "conf/default/rp_filter", -1);

    if (all < 0)
        return;
    if (all == 0 && fresh <= 0)
        audit_find(row, AUDIT_WARN, "sysctl -w net.ipv4.conf.all.rp_filter=2",
                   "no reverse-path filter: forged sources come in");
    else
        audit_find(row, AUDIT_PASS, NULL, "reverse-path filter is on");
}

/* Floods of connections that are real are held back by limits alone. */
static void look_at_guard(const struct audit_world *world, struct audit_row *row)
{
    char fix[AUDIT_FIX_MAX];

    if (world->guard_limits || !world->guard_config) {
        audit_find(row, AUDIT_PASS, NULL, "a guard answers floods%s",
                   world->guard_limits ? " and limits prefixes" : "");
        return;
    }
    snprintf(fix, sizeof fix,
             "sed -i 's/^ *service *\"[^\"]*\" *{/& max_per_prefix = 200 /' %s && handfast reload",
             world->guard_config);
    audit_find(row, AUDIT_WARN, fix,
               "a guard answers floods, and no service limits the connections of one prefix");
}

void practice_anti_ddos(const struct audit_world *world, struct audit_row *row)
{
    long cookies = audit_number(world, IPV4_SYSCTL "tcp_syncookies", -1);
    struct nft_facts facts;

    if (cookies == 0)
        audit_find(row, AUDIT_FAIL, "sysctl -w net.ipv4.tcp_syncookies=1", "SYN cookies are off");
    else if (cookies > 0)
        audit_find(row, AUDIT_PASS, NULL, "SYN cookies are on");
    else
        audit_find(row, AUDIT_UNSEEN, NULL, "tcp_syncookies cannot be read");
    nft_read(world, &facts);
    if (world->guard_here)
        look_at_guard(world, row);
    else if (facts.synproxy)
        audit_find(row, AUDIT_PASS, NULL, "the firewall has a synproxy");
    else if (facts.limits)
        audit_find(row, AUDIT_PASS, NULL, "the firewall limits rates");
    else if (facts.seen)
        audit_find(row, AUDIT_WARN,
                   EACH_SOURCE("update", "syns", "flags dynamic,timeout; timeout 1m;",
                               "limit rate over 200/second burst 400 packets"),
                   "neither a guard nor synproxy nor a rate limit of the firewall");
    else
        audit_find(row, AUDIT_UNSEEN, NULL, "the firewall takes root to see");
    if (world->guard_silent)
        audit_find(row, AUDIT_WARN, "systemctl start handfast-guard",
                   "a guard is configured, and none is running");
    look_at_reverse_path(world, row);
}
