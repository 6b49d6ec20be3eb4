/* Looking at every connection a little at a time, for `handfast top`: the largest of each kind, and the prefixes that have most.
 *
 * A pass goes over all connections in steps of at most TOP_STEP, so that the packets never wait for it; its result replaces the
 * one before. Memory is fixed: a short list for each order, and a table of prefixes in which the smallest give way.
 */
#ifndef CONTROL_TOP_WALK_H
#define CONTROL_TOP_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "guard/relay.h"

#define TOP_STEP 256      /* slots looked at between two batches of packets: some 100 us */
#define TOP_LISTED 64     /* of each order */
#define TOP_PREFIXES 1024 /* in the table */
#define TOP_PREFIX_PROBES 8

enum top_order {
    TOP_BY_RTT,
    TOP_BY_BYTES,
    TOP_BY_AGE,
    TOP_ORDERS,
};

struct top_entry {
    uint64_t key, id;
    uint32_t slot;
};

/* The largest so far: a heap whose root is the smallest of them. */
struct top_list {
    uint32_t count;
    struct top_entry entry[TOP_LISTED];
};

struct top_prefix {
    struct hf_prefix prefix; /* a /32 or a /64 */
    uint32_t connections;    /* 0: the place is free */
    uint64_t bytes_in, bytes_out;
};

struct top_result {
    uint64_t seen;            /* connections looked at                                   */
    uint64_t prefixes_missed; /* times that a prefix found no room or gave way: then it is about */
    struct top_list list[TOP_ORDERS];
    struct top_prefix prefix[TOP_PREFIXES];
};

struct top_walk {
    uint32_t slot; /* the next */
    struct top_result under_way, done;
    uint64_t passes; /* finished */
};

const char *top_order_name(enum top_order order); /* "rtt", "bytes", "age" */

/* The next step. True: a pass is finished, and `done` is new. */
bool top_walk_step(struct top_walk *walk, const struct relays *relays, int64_t now_us);

/* The list from the largest to the smallest, in `sorted`; returns how many. */
uint32_t top_list_sorted(const struct top_list *list, struct top_entry sorted[TOP_LISTED]);

void top_list_add(struct top_list *list, struct top_entry entry);

/* Up to `count` prefixes, those with most connections first; returns how many. */
uint32_t top_prefixes_sorted(const struct top_result *result, struct top_prefix *sorted,
                             uint32_t count);

void top_prefix_add(struct top_result *result, const struct relay_view *view);

#endif
