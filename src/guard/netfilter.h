/* The tables of port mode, in nftables' own words and through libnftables. [nft(8), netdev family, ingress hook]
 *
 * Two tables an interface. "handfast-IF" redirects; it is owned by the guard's netlink socket, and the kernel removes it when
 * that is closed, whatever ended the guard. "handfast-IF-stopped" drops what nobody redirects; it stays, and exists only
 * with when_stopped = drop.
 */
#ifndef HF_GUARD_NETFILTER_H
#define HF_GUARD_NETFILTER_H

#include <handfast/handfast.h>

#include <stdio.h>

#define NETFILTER_ERROR_MAX 512

struct netfilter; /* a connection to nftables */

/* A connection, seen from this host. */
struct netfilter_flow {
    struct hf_endpoint remote, local;
};

/* What is redirected. Names are interfaces'. */
struct netfilter_ports {
    const char *interface, *tap;
    const struct hf_endpoint *at;
    uint32_t count;
    const struct netfilter_flow *held; /* connections on other ports that are redirected too */
    const struct netfilter_flow *kept; /* connections on these ports that are not            */
    uint32_t held_count, kept_count;
};

/* The tables as text for nft -f; each replaces what is there, at once. `owned`: vanishes with who made it. */
void netfilter_print_redirect(FILE *out, const struct netfilter_ports *ports, bool owned);
void netfilter_print_drop(FILE *out, const struct netfilter_ports *ports);
/* No error if there is none; the first removes only a table without an owner, as an operator makes it. */
void netfilter_print_no_redirect(FILE *out, const char *interface);
void netfilter_print_no_drop(FILE *out, const char *interface);

/* NULL: `error` says why. */
struct netfilter *netfilter_open(char error[NETFILTER_ERROR_MAX]);
/* With it ends every table that was made as owned. */
void netfilter_close(struct netfilter *netfilter);

/* Runs what was printed, all or nothing. */
bool netfilter_run(struct netfilter *netfilter, const char *commands,
                   char error[NETFILTER_ERROR_MAX]);

#endif
