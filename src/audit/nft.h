/* What nftables' ruleset says, from its JSON. [libnftables-json(5)] */
#ifndef AUDIT_NFT_H
#define AUDIT_NFT_H

#include "audit/audit.h"

#define NFT_NAMED_MAX 4
#define NFT_NAME_MAX 200

/* What mends a firewall is one transaction, in a table of its own: what is there stays as it is, and
 * "nft delete table inet hardening" undoes it. */
#define NFT_TABLE "inet hardening"
#define NFT_INPUT NFT_TABLE " input"
#define NFT_MAKE_INPUT \
    "add table " NFT_TABLE "; add chain " NFT_INPUT " { type filter hook input priority 0; }; "
#define NFT_CLOSING NFT_TABLE " closing" /* behind it; made anew, so that it can be made twice */
#define NFT_MAKE_CLOSING                              \
    "add table " NFT_TABLE "; add chain " NFT_CLOSING \
    " { type filter hook input priority 1; }; flush chain " NFT_CLOSING "; "
#define NFT_FIX(rules) "nft '" NFT_MAKE_INPUT rules "'"

struct nft_facts {
    bool seen;         /* the ruleset could be read */
    bool input;        /* a chain that sees what comes in (input, or ingress of an interface) */
    bool input_drops;  /* ... and drops what no rule accepts                     */
    bool output;       /* a chain that sees what goes out, and can refuse it     */
    bool output_drops; /* some of it is dropped or rejected                      */
    bool synproxy, limits, counts_connections;
    bool addresses; /* rules or sets name source addresses */
    unsigned rules, shadowed, wide;
    char shadowed_fix[NFT_NAMED_MAX]
                     [NFT_NAME_MAX]; /* "nft delete rule FAMILY TABLE CHAIN handle N" */
    char wide_fix[NFT_NAMED_MAX][NFT_NAME_MAX];
    char filter[NFT_NAME_MAX]; /* "FAMILY TABLE CHAIN" of the first chain of hook input */
};

/* What world->nft knows, or else what nft answers now. */
void nft_read(const struct audit_world *world, struct nft_facts *facts);

/* A command that lets in what listens now, answers and what the network itself needs, and nothing else: in `chain`, or in a table of its
 * own if that is "". */
void nft_closing_fix(char fix[AUDIT_FIX_MAX], const struct audit_world *world, const char *chain);

/* The same from its text. False: it is none. */
bool nft_parse(struct nft_facts *facts, const char *text);

#endif
