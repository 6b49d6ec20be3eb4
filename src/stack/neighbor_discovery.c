/* Neighbour discovery: the messages of IPv6 that drive the state machine of neighbours. [RFC 4861 4.3, 4.4, 7.2; RFC 3810 5] */
#include "stack/neighbor_discovery.h"

#include "stack/neighbor_arrives.h"
#include "stack/neighbor_message.h"
#include "wire/ethernet.h"
#include "wire/ipv6.h"
#include "wire/mld.h"
#include "wire/nd.h"

#define REPORT_INTERVAL_US (1 * US_PER_S) /* between two answers to group queries */

/* [RFC 4861 7.2.5], but that what we did not ask for is at most a reason to ask. [R4861-13, R4861-14] */
static void on_advertisement(struct neighbors *neighbors, const struct nd_message *message,
                             int64_t now_us)
{
    uint32_t slot = neighbor_find(neighbors, &message->target);

    if (slot == SLOT_NONE)
        return;
    struct neighbor *entry = neighbor_at(neighbors, slot);

    if (entry->state == NEIGHBOR_INCOMPLETE) {
        if (message->has_mac && neighbor_is_awaited(entry))
            neighbor_settle(neighbors, slot, &message->mac,
                            message->solicited ? NEIGHBOR_REACHABLE : NEIGHBOR_STALE, now_us);
        return;
    }
    bool differs = message->has_mac && !mac_equal(&message->mac, &entry->mac);

    if (differs && !message->override) {
        if (entry->state == NEIGHBOR_REACHABLE)
            entry->state = NEIGHBOR_STALE;
    } else if (message->solicited && neighbor_is_awaited(entry)) {
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
        neighbor_conflict(neighbors, &message->target, now_us);
    neighbor_answer(neighbors, &message->target, &packet->source, &packet->link.source);
    if (message->has_mac)
        neighbor_claim(neighbors, &packet->source, &message->mac, now_us);
}

enum hf_stat neighbor_discovery_arrives(struct neighbors *neighbors, const struct packet *packet,
                                        int64_t now_us)
{
    struct nd_message message;

    if (!neighbors->ethernet)
        return HF_STAT_none; /* a link without addresses */
    if (!nd_parse(&message, packet) || (message.has_mac && mac_is_group(&message.mac))) {
        neighbors->stats->neighbor_malformed++;
        return HF_STAT_neighbor_malformed;
    }
    if (!neighbor_mac_is_possible(neighbors, &packet->link.source) ||
        (message.has_mac && !neighbor_mac_is_possible(neighbors, &message.mac)))
        return HF_STAT_none; /* our own words */
    if (!message.advertisement)
        on_solicitation(neighbors, &message, packet, now_us);
    else if (route_is_ours(neighbors->route, &message.target))
        neighbor_conflict(neighbors, &message.target, now_us);
    else
        on_advertisement(neighbors, &message, now_us);
    return HF_STAT_none;
}

void neighbor_discovery_on_group_query(struct neighbors *neighbors, int64_t now_us)
{
    if (!neighbors->ethernet || neighbors->shared ||
        now_us - neighbors->reported_us < REPORT_INTERVAL_US)
        return;
    neighbors->report_due = true;
}

/* Hop limit 255 shows that we are on the link. [RFC 4861 7.1] */
static uint32_t nd_frame(const struct neighbors *neighbors, uint8_t *frame, const struct hf_mac *to,
                         const struct nd_message *message, const struct flow *addresses)
{
    uint32_t length = neighbor_link_header(neighbors, frame, to, ETHERTYPE_IPV6);
    uint8_t *ip = frame + length;
    uint32_t text = nd_build(ip + IPV6_HEADER, message, &addresses->local, &addresses->remote);
    struct ipv6 header = {
        .source = addresses->local,
        .destination = addresses->remote,
        .payload_length = (uint16_t)text,
        .next_header = IP_ICMPV6,
        .hop_limit = 255,
    };

    return length + ipv6_build(ip, &header) + text;
}

static struct hf_address all_nodes(void)
{
    return (struct hf_address){{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

/* [R4861-10] */
uint32_t neighbor_discovery_solicit(const struct neighbors *neighbors, const struct neighbor *entry,
                                    const struct hf_address *source, uint8_t *frame)
{
    bool ask_all = entry->state != NEIGHBOR_PROBE || entry->ask_all;
    struct flow addresses = {.local = *source, .remote = entry->address};
    struct nd_message message = {
        .has_mac = true,
        .mac = neighbors->mac,
        .target = entry->address,
    };
    struct hf_mac to = entry->mac;

    if (ask_all) {
        addresses.remote = ipv6_solicited_node(&entry->address);
        to = mac_of_multicast(&addresses.remote);
    }
    return nd_frame(neighbors, frame, &to, &message, &addresses);
}

/* To whoever runs duplicate detection there is no address to answer to: everyone hears it. [RFC 4861 7.2.4] [R4861-12] */
uint32_t neighbor_discovery_advertise(const struct neighbors *neighbors,
                                      const struct neighbor_reply *reply, uint8_t *frame)
{
    bool solicited = !address_is_any(&reply->asker);
    struct flow addresses = {
        .local = reply->ours,
        .remote = solicited ? reply->asker : all_nodes(),
    };
    struct hf_mac to = solicited ? reply->mac : mac_of_multicast(&addresses.remote);
    struct nd_message message = {
        .advertisement = true,
        .solicited = solicited,
        .override = true,
        .has_mac = true,
        .mac = neighbors->mac,
        .target = reply->ours,
    };

    return nd_frame(neighbors, frame, &to, &message, &addresses);
}

/* Addresses that end alike share a group. */
static uint32_t our_groups(const struct route *route, struct hf_address groups[HF_ADDRESSES_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < route->our_count; i++) {
        uint32_t known = 0;

        if (hf_address_is_v4(&route->ours[i].address))
            continue;
        groups[count] = ipv6_solicited_node(&route->ours[i].address);
        while (!address_equal(&groups[known], &groups[count]))
            known++;
        count += known == count;
    }
    return count;
}

/* From a link-local address, or from :: while we have none. (RFC 3590) */
static struct hf_address report_source(const struct route *route)
{
    for (uint32_t i = 0; i < route->our_count; i++) {
        const struct hf_address *ours = &route->ours[i].address;

        if (!hf_address_is_v4(ours) && address_is_link_local(ours))
            return *ours;
    }
    return (struct hf_address){{0}};
}

/* [R4861-07] */
uint32_t neighbor_discovery_report(const struct neighbors *neighbors, uint8_t *frame)
{
    struct hf_address groups[HF_ADDRESSES_MAX], source = report_source(neighbors->route);
    uint32_t count = our_groups(neighbors->route, groups);
    struct hf_address routers = mld_routers();
    struct hf_mac to = mac_of_multicast(&routers);

    if (count == 0)
        return 0;
    uint32_t length = neighbor_link_header(neighbors, frame, &to, ETHERTYPE_IPV6);

    return length + mld_build_join(frame + length, &source, groups, count);
}
