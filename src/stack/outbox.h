/* Segments that wait for hf_output and belong to no connection, in two lanes, so that what answers the unproven is dropped
 * first. [RFC 9293 3.10.7.1]
 *
 * Replies go to those who have, or had, a connection: they are described, as their next hop may have to be asked for. Answers
 * go to strangers: they are written at once, as all that they need is in the frame that they answer.
 */
#ifndef STACK_OUTBOX_H
#define STACK_OUTBOX_H

#include <handfast/stats.h>

#include "auth/auth.h"
#include "base/count.h"
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
    struct auth_terms terms; /* how it is signed; HF_KEY_NONE: it is not */
};

#define ANSWER_MAX 118 /* link header with a tag, IPv6 header, TCP header with all options */

/* A frame. */
struct answer {
    uint8_t bytes[ANSWER_MAX];
    uint8_t length, header_length, transport_offset;
    uint32_t flow_hash;
};

_Static_assert(sizeof(struct answer) == 128, "an answer is two cache lines");

struct outbox {
    struct ring replies, answers;
    struct hf_stats *stats;
};

void outbox_init(struct outbox *outbox, struct arena *arena, const struct hf_config *config,
                 struct hf_stats *stats);

/* Where a segment comes from and goes to. */
struct outbox_way {
    const struct flow *flow;
    const struct hf_mac
        *to; /* link address of the frame that it answers; NULL: by route and neighbour */
    uint64_t hash;
    const struct auth_terms *terms; /* how it is signed; NULL: it is not */
};

/* Describes a reply (text and SACK blocks are not carried); a full lane drops and counts it. */
void outbox_put(struct outbox *outbox, const struct outbox_way *way, const struct segment *seg);

/* Room for an answer, at the end of its lane; NULL: full, counted. */
static inline struct answer *outbox_take_answer(struct outbox *outbox)
{
    struct answer *answer = ring_push(&outbox->answers);

    outbox->stats->outbox_dropped += answer == NULL;
    return answer;
}

#endif
