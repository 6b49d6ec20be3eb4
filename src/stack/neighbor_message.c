/* The frames that neighbours exchange, built whole. [RFC 826; RFC 5227; RFC 4861 4.3, 4.4; RFC 3810 5.2] */
#include "stack/neighbor_message.h"

#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/ipv6.h"
#include "wire/mld.h"
#include "wire/nd.h"

static uint32_t link_header(const struct neighbors *neighbors, uint8_t *frame,
                            const struct hf_mac *to, uint16_t ethertype)
{
    struct ethernet header = {
        .destination = *to,
        .source = neighbors->mac,
        .vlan = neighbors->vlan,
        .ethertype = ethertype,
    };

    return ethernet_build(frame, &header);
}

static uint32_t arp_frame(const struct neighbors *neighbors, uint8_t *frame,
                          const struct hf_mac *to, const struct arp_message *message)
{
    uint32_t length = link_header(neighbors, frame, to, ETHERTYPE_ARP);

    return length + arp_build(frame + length, message);
}

/* Hop limit 255 shows that we are on the link. [RFC 4861 7.1] */
static uint32_t nd_frame(const struct neighbors *neighbors, uint8_t *frame, const struct hf_mac *to,
                         const struct nd_message *message, const struct flow *addresses)
{
    uint32_t length = link_header(neighbors, frame, to, ETHERTYPE_IPV6);
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

/* [R4861-10, R826-05] */
uint32_t neighbor_message_solicit(const struct neighbors *neighbors, const struct neighbor *entry,
                                  uint8_t *frame)
{
    bool ask_all = entry->state != NEIGHBOR_PROBE || entry->ask_all;
    struct route_path path;

    if (route_find(neighbors->route, &entry->address, NULL, &path) != HF_OK)
        return 0;
    if (hf_address_is_v4(&entry->address)) {
        struct arp_message request = arp_request(&neighbors->mac, &path.source, &entry->address);
        struct hf_mac to = ask_all ? mac_broadcast() : entry->mac;

        return arp_frame(neighbors, frame, &to, &request);
    }
    struct flow addresses = {.local = path.source, .remote = entry->address};
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

/* To whoever runs duplicate detection there is no address to answer to: everyone hears it. [RFC 4861 7.2.4] */
static uint32_t advertise(const struct neighbors *neighbors, const struct neighbor_reply *reply,
                          uint8_t *frame)
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

uint32_t neighbor_message_announce(const struct neighbors *neighbors, const struct hf_address *ours,
                                   uint8_t *frame)
{
    if (hf_address_is_v4(ours)) {
        struct arp_message message = arp_announcement(&neighbors->mac, ours);
        struct hf_mac to = mac_broadcast();

        return arp_frame(neighbors, frame, &to, &message);
    }
    return advertise(neighbors, &(struct neighbor_reply){.ours = *ours}, frame);
}

/* [R4861-12, R826-04] */
uint32_t neighbor_message_reply(const struct neighbors *neighbors,
                                const struct neighbor_reply *reply, uint8_t *frame)
{
    if (reply->kind == NEIGHBOR_REPLY_DEFENCE)
        return neighbor_message_announce(neighbors, &reply->ours, frame);
    if (!hf_address_is_v4(&reply->ours))
        return advertise(neighbors, reply, frame);

    struct arp_message request = {.sender_mac = reply->mac, .sender = reply->asker};
    struct arp_message message = arp_reply(&request, &neighbors->mac, &reply->ours);

    return arp_frame(neighbors, frame, &reply->mac, &message);
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
uint32_t neighbor_message_report(const struct neighbors *neighbors, uint8_t *frame)
{
    struct hf_address groups[HF_ADDRESSES_MAX], source = report_source(neighbors->route);
    uint32_t count = our_groups(neighbors->route, groups);
    struct hf_address routers = mld_routers();
    struct hf_mac to = mac_of_multicast(&routers);

    if (count == 0)
        return 0;
    uint32_t length = link_header(neighbors, frame, &to, ETHERTYPE_IPV6);

    return length + mld_build_join(frame + length, &source, groups, count);
}
