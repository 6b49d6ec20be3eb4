/* Inward rules, so that the first that fits is found without asking them one by one: for the source, the destination and the
 * port of a packet a set of the rules that it fits, and what is in all of them. [Lakshman and Stiliadis, 1998] */
#ifndef FILTER_RULEBOOK_H
#define FILTER_RULEBOOK_H

#include "base/arena.h"
#include "filter/prefix_table.h"
#include "wire/packet.h"

#define RULEBOOK_NONE UINT32_MAX

/* A dimension of addresses: the table says which set, 0 for addresses that only rules without a prefix speak of. */
struct rulebook_addresses {
    struct prefix_table table;
    uint64_t *sets;
};

struct rulebook {
    uint32_t count, words;        /* rules; words of 64 of them in a set */
    struct hf_filter_rule *rules; /* the inward ones, in their order    */
    uint32_t *numbers;            /* among all rules                    */
    struct rulebook_addresses from, to;
    uint32_t port_count;
    uint32_t *port_starts; /* sorted; a set for each             */
    uint64_t *port_sets;
    uint64_t *tcp, *icmp; /* sets by protocol                   */
};

/* Carves and, unless the arena only measures, builds. */
void rulebook_build(struct rulebook *book, struct arena *arena,
                    const struct hf_filter_rules *rules);

/* The place in book->rules of the first rule that fits a TCP or ICMP packet, or RULEBOOK_NONE. */
uint32_t rulebook_first(const struct rulebook *book, const struct packet *packet);

#endif
