/* A storm of fragments: datagrams that never become whole, overlap, are tiny, or lie about where they belong.
 * [RFC 791 3.2; RFC 1858; RFC 5722; RFC 8200 4.5] */
#ifndef SIM_ATTACK_FRAGMENTS_H
#define SIM_ATTACK_FRAGMENTS_H

#include "sim/attack_field.h"

enum fragments_kind {
    FRAGMENTS_FIRST_ONLY = 0, /* each of another datagram, and nothing else of it       */
    FRAGMENTS_LAST_ONLY,
    FRAGMENTS_TINY,        /* the TCP header cut in two                              */
    FRAGMENTS_OVERLAPPING, /* the second overwrites the first                        */
    FRAGMENTS_HUGE,        /* beyond 65,535 bytes                                    */
    FRAGMENTS_SCATTERED,   /* one datagram, eight bytes each, every second one       */
    FRAGMENTS_RANDOM,
    FRAGMENTS_KINDS,
};

struct fragments {
    struct attacker attacker;
    enum fragments_kind kind;
    struct random random;
    struct field *field;
    struct flow flow;
    uint32_t id, piece;
};

void fragments_enter(struct fragments *fragments, struct field *field, enum fragments_kind kind,
                     uint64_t frames, uint32_t per_s);

#endif
