/* Segments that wait for hf_output and belong to no connection: described, not built. Two lanes, so that what answers the
 * unproven is dropped first. [RFC 9293 3.10.7.1] */
#ifndef STACK_OUTBOX_H
#define STACK_OUTBOX_H

#include <handfast/stats.h>

#include "base/ring.h"
#include "wire/packet.h"

/* A segment without text, and where it goes. */
struct reply {
    struct flow flow;
    struct hf_mac to; /* link address, if it is known */
    bool to_known;    /* else by route and neighbour  */
    uint8_t flags;    /* enum tcp_flag                */
    seq seq, ack;
    uint32_t ts_value, ts_echo;
    uint16_t window;
    uint16_t options; /* enum tcp_option_bit: MSS, SCALE, SACK_PERMITTED, TIMESTAMPS */
    uint16_t mss;
    uint8_t scale;
    uint32_t flow_hash;
};

enum outbox_lane {
    OUTBOX_PROVEN = 0, /* for connections that are, or were, ours */
    OUTBOX_UNPROVEN,   /* answers to peers without a connection   */
    OUTBOX_LANES,
};

struct outbox {
    struct ring lanes[OUTBOX_LANES];
    struct hf_stats *stats;
};

void outbox_init(struct outbox *outbox, struct arena *arena, const struct hf_config *config,
                 struct hf_stats *stats);

/* Where a segment comes from and goes to. `link`: of the frame that it answers, NULL if there is none. */
struct outbox_way {
    const struct flow *flow;
    const struct hf_mac *to; /* NULL: by route and neighbour */
    uint64_t hash;
};

/* Describes a segment (text and SACK blocks are not carried); a full lane drops and counts it. */
void outbox_put(struct outbox *outbox, enum outbox_lane lane, const struct outbox_way *way,
                const struct segment *seg);

static inline bool outbox_is_empty(const struct outbox *outbox, enum outbox_lane lane)
{
    return ring_count(&outbox->lanes[lane]) == 0;
}

#endif
