/* Ethernet II with at most one 802.1Q tag. [RFC 894; RFC 2464 3] */
#include "wire/ethernet.h"

#include "base/bytes.h"

/* [R1122-04] */
bool ethernet_parse(struct ethernet *header, const uint8_t *data, uint32_t length)
{
    if (length < ETHERNET_HEADER)
        return false;
    memcpy(&header->destination, data, sizeof header->destination);
    memcpy(&header->source, data + 6, sizeof header->source);
    header->ethertype = get_be16(data + 12);
    header->vlan = 0;
    header->priority = 0;
    header->header_length = ETHERNET_HEADER;
    if (__builtin_expect(header->ethertype != ETHERTYPE_VLAN, 1))
        return true;

    if (length < ETHERNET_HEADER_TAGGED)
        return false;
    uint16_t tag = get_be16(data + 14);
    header->vlan = tag & 0xfff;
    header->priority = (uint8_t)(tag >> 12);
    header->header_length = ETHERNET_HEADER_TAGGED;
    header->ethertype = get_be16(data + 16);
    return true;
}

/* [R1122-04] */
uint32_t ethernet_build(uint8_t *to, const struct ethernet *header)
{
    memcpy(to, &header->destination, sizeof header->destination);
    memcpy(to + 6, &header->source, sizeof header->source);
    if (header->vlan == 0 && header->header_length != ETHERNET_HEADER_TAGGED) {
        put_be16(to + 12, header->ethertype);
        return ETHERNET_HEADER;
    }
    put_be16(to + 12, ETHERTYPE_VLAN);
    put_be16(to + 14, (uint16_t)(header->priority << 12 | (header->vlan & 0xfff)));
    put_be16(to + 16, header->ethertype);
    return ETHERNET_HEADER_TAGGED;
}

struct hf_mac mac_of_multicast(const struct hf_address *group)
{
    const uint8_t *b = group->bytes;

    if (hf_address_is_v4(group))
        return (struct hf_mac){{0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15]}};
    return (struct hf_mac){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}
