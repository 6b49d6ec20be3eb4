/* Ethernet II with at most one 802.1Q tag. [RFC 894; RFC 2464 3] */
#ifndef WIRE_ETHERNET_H
#define WIRE_ETHERNET_H

#include <handfast/handfast.h>

enum ethertype {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
};

#define ETHERNET_HEADER 14
#define ETHERNET_HEADER_TAGGED 18

struct ethernet {
    struct hf_mac destination, source;
    uint16_t vlan;         /* 0: untagged, or only a priority                       */
    uint8_t priority;      /* the tag's four bits above the network: PCP and DEI    */
    uint8_t header_length; /* 14 or 18; build: 0 tags if vlan is not 0              */
    uint16_t ethertype;    /* of what follows; a second tag is left as 0x8100       */
};

/* False: the frame is shorter than its header. */
bool ethernet_parse(struct ethernet *header, const uint8_t *data, uint32_t length);

/* Writes the header and returns its length: 18 with a tag, else 14. */
uint32_t ethernet_build(uint8_t *to, const struct ethernet *header);

static inline bool mac_is_group(const struct hf_mac *mac)
{
    return mac->bytes[0] & 1;
}

static inline bool mac_equal(const struct hf_mac *a, const struct hf_mac *b)
{
    return __builtin_memcmp(a, b, sizeof *a) == 0;
}

static inline struct hf_mac mac_broadcast(void)
{
    return (struct hf_mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
}

/* The link address of an IPv4 or IPv6 multicast address. RFC 1112 6.4. [RFC 2464 7] */
struct hf_mac mac_of_multicast(const struct hf_address *group);

#endif
