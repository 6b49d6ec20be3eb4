/* The frames that neighbours exchange, built whole. [RFC 826; RFC 5227] */
#include "stack/neighbor_message.h"

#include "stack/ipv6.h"
#include "wire/arp.h"
#include "wire/ethernet.h"

uint32_t neighbor_link_header(const struct neighbors *neighbors, uint8_t *frame,
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
    uint32_t length = neighbor_link_header(neighbors, frame, to, ETHERTYPE_ARP);

    return length + arp_build(frame + length, message);
}

/* [R826-05] */
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
    return neighbors->ipv6->solicit(neighbors, entry, &path.source, frame);
}

uint32_t neighbor_message_announce(const struct neighbors *neighbors, const struct hf_address *ours,
                                   uint8_t *frame)
{
    if (hf_address_is_v4(ours)) {
        struct arp_message message = arp_announcement(&neighbors->mac, ours);
        struct hf_mac to = mac_broadcast();

        return arp_frame(neighbors, frame, &to, &message);
    }
    return neighbors->ipv6->advertise(neighbors, &(struct neighbor_reply){.ours = *ours}, frame);
}

/* [R826-04] */
uint32_t neighbor_message_reply(const struct neighbors *neighbors,
                                const struct neighbor_reply *reply, uint8_t *frame)
{
    if (reply->kind == NEIGHBOR_REPLY_DEFENCE)
        return neighbor_message_announce(neighbors, &reply->ours, frame);
    if (!hf_address_is_v4(&reply->ours))
        return neighbors->ipv6->advertise(neighbors, reply, frame);

    struct arp_message request = {.sender_mac = reply->mac, .sender = reply->asker};
    struct arp_message message = arp_reply(&request, &neighbors->mac, &reply->ours);

    return arp_frame(neighbors, frame, &reply->mac, &message);
}
