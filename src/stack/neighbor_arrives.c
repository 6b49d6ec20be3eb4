/* ARP packets that arrive. [RFC 826; RFC 5227 2.4] */
#include "stack/neighbor_arrives.h"

#include "base/event_sink.h"
#include "stack/neighbor_message.h"
#include "wire/arp.h"
#include "wire/ethernet.h"

/* Another station uses our address: told once an interval, and answered by one announcement. [RFC 5227 2.4 (b)] */
void neighbor_conflict(struct neighbors *neighbors, const struct hf_address *ours, int64_t now_us)
{
    if (neighbors->shared || now_us - neighbors->conflict_us < NEIGHBOR_DEFEND_US)
        return;
    neighbors->conflict_us = now_us;
    event_sink_put(neighbors->events, &(struct hf_event){.at_us = now_us,
                                                         .kind = HF_EVENT_ADDRESS_CONFLICT,
                                                         .local.address = *ours});
    struct neighbor_reply *reply = ring_push(&neighbors->replies);

    if (reply)
        *reply = (struct neighbor_reply){.kind = NEIGHBOR_REPLY_DEFENCE, .ours = *ours};
    else
        neighbors->stats->outbox_dropped++;
}

void neighbor_answer(struct neighbors *neighbors, const struct hf_address *ours,
                     const struct hf_address *asker, const struct hf_mac *mac)
{
    struct neighbor_reply *reply;

    if (neighbors->shared)
        return;
    reply = ring_push(&neighbors->replies);
    if (reply)
        *reply = (struct neighbor_reply){.mac = *mac, .ours = *ours, .asker = *asker};
    else
        neighbors->stats->outbox_dropped++;
}

bool neighbor_is_awaited(const struct neighbor *entry)
{
    return (entry->state == NEIGHBOR_INCOMPLETE || entry->state == NEIGHBOR_PROBE) &&
           entry->solicits > 0;
}

static void on_arp_reply(struct neighbors *neighbors, const struct arp_message *message,
                         int64_t now_us)
{
    uint32_t slot = neighbor_find(neighbors, &message->sender);

    if (slot != SLOT_NONE && neighbor_is_awaited(neighbor_at(neighbors, slot)))
        neighbor_settle(neighbors, slot, &message->sender_mac, NEIGHBOR_REACHABLE, now_us);
    else
        neighbor_claim(neighbors, &message->sender, &message->sender_mac, now_us);
}

/* [R826-03, R826-04] */
enum hf_stat neighbor_on_arp(struct neighbors *neighbors, const struct packet *packet,
                             int64_t now_us)
{
    struct arp_message message;

    if (!arp_parse(&message, packet->payload, packet->payload_length) ||
        mac_is_group(&message.sender_mac)) {
        neighbors->stats->arp_malformed++;
        return HF_STAT_arp_malformed;
    }
    if (!neighbor_mac_is_possible(neighbors, &message.sender_mac))
        return HF_STAT_none; /* our own words, echoed by the link */
    if (route_is_ours(neighbors->route, &message.sender)) {
        neighbor_conflict(neighbors, &message.sender, now_us);
        return HF_STAT_none;
    }
    if (!route_is_ours(neighbors->route, &message.target)) {
        if (!address_equal(&message.sender, &message.target))
            return HF_STAT_frame_foreign;
        neighbor_claim(neighbors, &message.sender, &message.sender_mac,
                       now_us); /* an announcement */
        return HF_STAT_none;
    }
    if (message.operation == ARP_REPLY) {
        on_arp_reply(neighbors, &message, now_us);
        return HF_STAT_none;
    }
    neighbor_answer(neighbors, &message.target, &message.sender, &packet->link.source);
    neighbor_claim(neighbors, &message.sender, &message.sender_mac, now_us);
    return HF_STAT_none;
}
