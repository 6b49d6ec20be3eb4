/* ARP for IPv4 over Ethernet. [RFC 826; RFC 5227] */
#include "wire/arp.h"

#include "base/bytes.h"
#include "wire/ethernet.h"
#include "wire/flow.h"

enum {
    HARDWARE_ETHERNET = 1,
};

/* [R826-01] */
bool arp_parse(struct arp_message *message, const uint8_t *data, uint32_t length)
{
    if (length < ARP_LENGTH)
        return false;
    if (get_be16(data) != HARDWARE_ETHERNET || get_be16(data + 2) != ETHERTYPE_IPV4 ||
        data[4] != 6 || data[5] != 4)
        return false;
    message->operation = get_be16(data + 6);
    if (message->operation != ARP_REQUEST && message->operation != ARP_REPLY)
        return false;

    memcpy(&message->sender_mac, data + 8, sizeof message->sender_mac);
    message->sender = address_v4(get_be32(data + 14));
    memcpy(&message->target_mac, data + 18, sizeof message->target_mac);
    message->target = address_v4(get_be32(data + 24));
    return true;
}

uint32_t arp_build(uint8_t *to, const struct arp_message *message)
{
    put_be16(to, HARDWARE_ETHERNET);
    put_be16(to + 2, ETHERTYPE_IPV4);
    to[4] = 6;
    to[5] = 4;
    put_be16(to + 6, message->operation);
    memcpy(to + 8, &message->sender_mac, sizeof message->sender_mac);
    memcpy(to + 14, address_v4_bytes(&message->sender), 4);
    memcpy(to + 18, &message->target_mac, sizeof message->target_mac);
    memcpy(to + 24, address_v4_bytes(&message->target), 4);
    return ARP_LENGTH;
}

struct arp_message arp_request(const struct hf_mac *mac, const struct hf_address *sender,
                               const struct hf_address *target)
{
    return (struct arp_message){
        .operation = ARP_REQUEST,
        .sender_mac = *mac,
        .sender = *sender,
        .target = *target,
    };
}

struct arp_message arp_reply(const struct arp_message *request, const struct hf_mac *mac,
                             const struct hf_address *address)
{
    return (struct arp_message){
        .operation = ARP_REPLY,
        .sender_mac = *mac,
        .sender = *address,
        .target_mac = request->sender_mac,
        .target = request->sender,
    };
}

struct arp_message arp_announcement(const struct hf_mac *mac, const struct hf_address *address)
{
    return arp_request(mac, address, address);
}
