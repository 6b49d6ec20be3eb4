/* Segments that wait for hf_output and belong to no connection. */
#include "stack/outbox.h"

#include "base/bytes.h"

#define LANE_LEAST 8u
#define PROVEN_MOST 256u
#define UNPROVEN_MOST 1024u

void outbox_init(struct outbox *outbox, struct arena *arena, const struct hf_config *config,
                 struct hf_stats *stats)
{
    uint32_t proven = min_u32(max_u32(config->max_connections, LANE_LEAST), PROVEN_MOST);
    uint32_t unproven = min_u32(max_u32(config->max_half_opens, LANE_LEAST), UNPROVEN_MOST);

    ring_init(&outbox->replies, arena, sizeof(struct reply), proven);
    ring_init(&outbox->answers, arena, sizeof(struct answer), unproven);
    outbox->stats = stats;
}

void outbox_put(struct outbox *outbox, const struct outbox_way *way, const struct segment *seg)
{
    struct reply *reply = ring_push(&outbox->replies);

    if (!reply) {
        count_one(outbox->stats, outbox_dropped);
        return;
    }
    reply->flow = *way->flow;
    reply->to_known = way->to != NULL;
    if (way->to)
        reply->to = *way->to;
    reply->flow_hash = (uint32_t)(way->hash >> 32);
    reply->terms.algorithm = HF_KEY_NONE;
    if (way->terms)
        reply->terms = *way->terms;
    reply->flags = seg->flags;
    reply->seq = seg->seq;
    reply->ack = seg->ack;
    reply->window = seg->window;
    reply->options = seg->options.present & (TCP_OPTION_MSS | TCP_OPTION_SCALE |
                                             TCP_OPTION_SACK_PERMITTED | TCP_OPTION_TIMESTAMPS);
    reply->mss = seg->options.mss;
    reply->scale = seg->options.scale;
    reply->ts_value = seg->options.ts_value;
    reply->ts_echo = seg->options.ts_echo;
}
