/* A captured packet to a TCP segment, with patience. [RFC 791 3.1; RFC 8200; RFC 9293 3.1] */
#include "explain/dissect.h"

#include "base/bytes.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

#define COOKED_HEADER 16
#define COOKED2_HEADER 20
#define NULL_HEADER 4
#define TAGS_MOST 8
#define ETHERTYPE_PROVIDER 0x88a8u     /* IEEE 802.1ad */
#define ETHERTYPE_PROVIDER_OLD 0x9100u /* before it    */
#define ETHERTYPE_MPLS 0x8847u
#define ETHERTYPE_PPPOE 0x8864u
#define MPLS_LABEL 4
#define PPPOE_HEADER 8 /* with the protocol of PPP */
#define PPP_IPV4 0x0021u
#define PPP_IPV6 0x0057u

/* TCP at `data`: `length` bytes were sent, `captured` of them are here. */
static enum dissect_kind dissect_tcp(struct dissected *dissected, const uint8_t *data,
                                     uint32_t length, uint32_t captured)
{
    if (captured < TCP_HEADER)
        return DISSECTED_SHORT;
    uint32_t header = (uint32_t)(data[12] >> 4) * 4;

    if (header < TCP_HEADER || header > length)
        return DISSECTED_BROKEN;
    if (header > captured)
        return DISSECTED_SHORT;
    tcp_header_parse(&dissected->segment, data, length);
    dissected->segment.text = NULL;
    dissected->cut = captured < length;
    dissected->flow.remote_port = dissected->segment.source_port;
    dissected->flow.local_port = dissected->segment.destination_port;
    return DISSECTED_TCP;
}

/* A length of zero in an IP header: the network card cuts a large packet later, or it is larger than the field can say.
 * Then it has all that the frame has. */
static uint32_t length_of_frame(const struct dissected *dissected, uint32_t captured)
{
    return dissected->missing < UINT32_MAX - captured ? captured + dissected->missing : captured;
}

static enum dissect_kind dissect_v4(struct dissected *dissected, const uint8_t *data,
                                    uint32_t captured)
{
    struct ipv4 ip;
    uint32_t header, total;

    if (captured < IPV4_HEADER)
        return DISSECTED_SHORT;
    header = (uint32_t)(data[0] & 0xf) * 4;
    total = get_be16(data + 2);
    if (header > captured)
        return DISSECTED_SHORT;
    if (ipv4_parse_quoted(&ip, data, captured) != HF_STAT_none &&
        (total > 0 || header < IPV4_HEADER))
        return DISSECTED_BROKEN;
    if (total == 0)
        total = length_of_frame(dissected, captured);
    if (ip.protocol != IP_TCP)
        return DISSECTED_OTHER;
    if (ip.fragment_offset > 0)
        return DISSECTED_FRAGMENT;
    if (captured > total)
        captured = total;
    dissected->flow.remote = ip.source;
    dissected->flow.local = ip.destination;
    dissected->ttl = ip.ttl;
    dissected->id = ip.id;
    dissected->is_piece = ip.more_fragments;
    return dissect_tcp(dissected, data + header, total - header, captured - header);
}

static enum dissect_kind dissect_v6(struct dissected *dissected, const uint8_t *data,
                                    uint32_t captured)
{
    if (captured < IPV6_HEADER)
        return DISSECTED_SHORT;
    if (data[0] >> 4 != 6)
        return DISSECTED_BROKEN;
    uint32_t length = IPV6_HEADER + get_be16(data + 4);
    if (length == IPV6_HEADER)
        length = length_of_frame(dissected, captured);
    uint32_t here = captured < length ? captured : length;
    struct ipv6_chain chain;

    if (ipv6_walk(&chain, data, here) != HF_STAT_none)
        return here < length ? DISSECTED_SHORT : DISSECTED_BROKEN;
    if (chain.protocol != IP_TCP)
        return DISSECTED_OTHER;
    if (chain.fragment_offset > 0)
        return DISSECTED_FRAGMENT;
    dissected->is_piece = chain.fragment_more;
    memcpy(&dissected->flow.remote, data + 8, sizeof dissected->flow.remote);
    memcpy(&dissected->flow.local, data + 24, sizeof dissected->flow.local);
    dissected->ttl = data[7];
    return dissect_tcp(dissected, data + chain.length, length - chain.length, here - chain.length);
}

static enum dissect_kind dissect_ip(struct dissected *dissected, const uint8_t *data,
                                    uint32_t captured)
{
    if (captured == 0)
        return DISSECTED_SHORT;
    switch (data[0] >> 4) {
    case 4: return dissect_v4(dissected, data, captured);
    case 6: return dissect_v6(dissected, data, captured);
    default: return DISSECTED_BROKEN;
    }
}

/* Labels up to the last, and what IP there is behind it. See RFC 3032 2.1. */
static enum dissect_kind dissect_mpls(struct dissected *dissected, const uint8_t *data,
                                      uint32_t captured)
{
    for (unsigned labels = 0; labels < TAGS_MOST && captured >= MPLS_LABEL; labels++) {
        bool last = data[2] & 1;

        data += MPLS_LABEL;
        captured -= MPLS_LABEL;
        if (last)
            return dissect_ip(dissected, data, captured);
    }
    return captured < MPLS_LABEL ? DISSECTED_SHORT : DISSECTED_OTHER;
}

/* See RFC 2516 4 and RFC 1661 2. */
static enum dissect_kind dissect_pppoe(struct dissected *dissected, const uint8_t *data,
                                       uint32_t captured)
{
    if (captured < PPPOE_HEADER)
        return DISSECTED_SHORT;
    uint16_t protocol = get_be16(data + PPPOE_HEADER - 2);

    return protocol == PPP_IPV4 || protocol == PPP_IPV6
               ? dissect_ip(dissected, data + PPPOE_HEADER, captured - PPPOE_HEADER)
               : DISSECTED_OTHER;
}

/* What follows a header that names it by an ethertype at `type`; VLAN tags may stand between. */
static enum dissect_kind dissect_typed(struct dissected *dissected, const uint8_t *data,
                                       uint32_t captured, uint32_t type, uint32_t header)
{
    for (unsigned tags = 0; captured >= header; tags++) {
        uint16_t ethertype = get_be16(data + type);

        if (ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6)
            return dissect_ip(dissected, data + header, captured - header);
        if (ethertype == ETHERTYPE_MPLS)
            return dissect_mpls(dissected, data + header, captured - header);
        if (ethertype == ETHERTYPE_PPPOE)
            return dissect_pppoe(dissected, data + header, captured - header);
        if ((ethertype != ETHERTYPE_VLAN && ethertype != ETHERTYPE_PROVIDER &&
             ethertype != ETHERTYPE_PROVIDER_OLD) ||
            tags == TAGS_MOST)
            return DISSECTED_OTHER;
        type = header + 2;
        header += 4;
    }
    return DISSECTED_SHORT;
}

enum dissect_kind dissect(struct dissected *dissected, enum dissect_link link, const uint8_t *data,
                          uint32_t captured, uint32_t length)
{
    *dissected = (struct dissected){.missing = length > captured ? length - captured : 0};
    switch (link) {
    case DISSECT_ETHERNET: return dissect_typed(dissected, data, captured, 12, ETHERNET_HEADER);
    case DISSECT_COOKED: return dissect_typed(dissected, data, captured, 14, COOKED_HEADER);
    case DISSECT_COOKED2: return dissect_typed(dissected, data, captured, 0, COOKED2_HEADER);
    case DISSECT_RAW_IP: return dissect_ip(dissected, data, captured);
    case DISSECT_UNKNOWN: return DISSECTED_OTHER;
    case DISSECT_NULL:
        return captured < NULL_HEADER
                   ? DISSECTED_SHORT
                   : dissect_ip(dissected, data + NULL_HEADER, captured - NULL_HEADER);
    }
    return DISSECTED_BROKEN;
}
