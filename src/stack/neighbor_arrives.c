/* ARP packets and neighbour discovery messages that arrive. [RFC 826; RFC 5227 2.4; RFC 4861 7.2] */
#include "stack/neighbor_arrives.h"

#include "base/event_sink.h"
#include "stack/neighbor_message.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/nd.h"

#define REPORT_INTERVAL_US (1 * US_PER_S) /* between two answers to group queries */

/* Another station uses our address: told once an interval, and answered by one announcement. [RFC 5227 2.4 (b)] */
static void conflict(struct neighbors *neighbors, const struct hf_address *ours, int64_t now_us)
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

static void answer(struct neighbors *neighbors, const struct hf_address *ours,
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

/* Whether a message about this entry can be the answer to a question of ours. [R4861-17] */
static bool is_awaited(const struct neighbor *entry)
{
    return (entry->state == NEIGHBOR_INCOMPLETE || entry->state == NEIGHBOR_PROBE) &&
           entry->solicits > 0;
}

static void on_arp_reply(struct neighbors *neighbors, const struct arp_message *message,
                         int64_t now_us)
{
    uint32_t slot = neighbor_find(neighbors, &message->sender);

    if (slot != SLOT_NONE && is_awaited(neighbor_at(neighbors, slot)))
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
        conflict(neighbors, &message.sender, now_us);
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
    answer(neighbors, &message.target, &message.sender, &packet->link.source);
    neighbor_claim(neighbors, &message.sender, &message.sender_mac, now_us);
    return HF_STAT_none;
}

/* [RFC 4861 7.2.5], but that what we did not ask for is at most a reason to ask. [R4861-13, R4861-14] */
static void on_advertisement(struct neighbors *neighbors, const struct nd_message *message,
                             int64_t now_us)
{
    uint32_t slot = neighbor_find(neighbors, &message->target);

    if (slot == SLOT_NONE)
        return;
    struct neighbor *entry = neighbor_at(neighbors, slot);

    if (entry->state == NEIGHBOR_INCOMPLETE) {
        if (message->has_mac && is_awaited(entry))
            neighbor_settle(neighbors, slot, &message->mac,
                            message->solicited ? NEIGHBOR_REACHABLE : NEIGHBOR_STALE, now_us);
        return;
    }
    bool differs = message->has_mac && !mac_equal(&message->mac, &entry->mac);

    if (differs && !message->override) {
        if (entry->state == NEIGHBOR_REACHABLE)
            entry->state = NEIGHBOR_STALE;
    } else if (message->solicited && is_awaited(entry)) {
        neighbor_settle(neighbors, slot, differs ? &message->mac : &entry->mac, NEIGHBOR_REACHABLE,
                        now_us);
    } else if (message->has_mac) {
        neighbor_claim(neighbors, &message->target, &message->mac, now_us);
    }
}

/* [R4861-11] */
static void on_solicitation(struct neighbors *neighbors, const struct nd_message *message,
                            const struct packet *packet, int64_t now_us)
{
    if (!route_is_ours(neighbors->route, &message->target))
        return;
    if (address_is_any(&packet->source)) /* it wants our address for itself [RFC 4862 5.4.3] */
        conflict(neighbors, &message->target, now_us);
    answer(neighbors, &message->target, &packet->source, &packet->link.source);
    if (message->has_mac)
        neighbor_claim(neighbors, &packet->source, &message->mac, now_us);
}

enum hf_stat neighbor_on_nd(struct neighbors *neighbors, const struct packet *packet,
                            int64_t now_us)
{
    struct nd_message message;

    if (!nd_parse(&message, packet) || (message.has_mac && mac_is_group(&message.mac))) {
        neighbors->stats->neighbor_malformed++;
        return HF_STAT_neighbor_malformed;
    }
    if (!neighbors->ethernet || !neighbor_mac_is_possible(neighbors, &packet->link.source) ||
        (message.has_mac && !neighbor_mac_is_possible(neighbors, &message.mac)))
        return HF_STAT_none; /* a link without addresses, or our own words */
    if (!message.advertisement)
        on_solicitation(neighbors, &message, packet, now_us);
    else if (route_is_ours(neighbors->route, &message.target))
        conflict(neighbors, &message.target, now_us);
    else
        on_advertisement(neighbors, &message, now_us);
    return HF_STAT_none;
}

void neighbor_on_group_query(struct neighbors *neighbors, int64_t now_us)
{
    if (!neighbors->ethernet || neighbors->shared ||
        now_us - neighbors->reported_us < REPORT_INTERVAL_US)
        return;
    neighbors->report_due = true;
}
