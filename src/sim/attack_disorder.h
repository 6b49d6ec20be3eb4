/* Text in the worst order: single bytes that never join, each in a piece of memory of its own. [RFC 9293 3.10.7.4 seventh] */
#ifndef SIM_ATTACK_DISORDER_H
#define SIM_ATTACK_DISORDER_H

#include "sim/attack_peer.h"

enum disorder {
    DISORDER_DESCENDING = 0, /* every second byte, from the window's end to its beginning   */
    DISORDER_SCATTERED,      /* each 2 KB from the others: a chunk for a byte               */
    DISORDER_RANDOM,         /* anywhere in the window                                      */
    DISORDER_INWARD,         /* from both ends in turn                                      */
    DISORDERS,
};

/* How far ahead of RCV.NXT the byte number `count` goes: 1 to window - 1. */
uint32_t disorder_distance(enum disorder order, uint64_t count, uint32_t window,
                           struct random *random);

/* `count` segments of one byte each, at once; the byte at a position of the stream is app_pattern's, under `key`. */
void disorder_storm(struct attack_peer *peer, struct field *field, enum disorder order,
                    uint64_t count, uint32_t key);

#endif
