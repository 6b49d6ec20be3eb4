/* A network in between with a smaller MTU. [RFC 791 3.2; RFC 1191 4; RFC 8201 3] */
#include "sim/router.h"

#include "base/bytes.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* Where the IP packet begins; 0 with *version = 0 if there is none. */
static uint32_t find_ip(const struct router *router, uint8_t *version)
{
    struct ethernet header = {.header_length = 0, .ethertype = 0};

    *version = 0;
    if (router->link == HF_ETHERNET) {
        if (!ethernet_parse(&header, router->frame, router->length))
            return 0;
        if (header.ethertype != ETHERTYPE_IPV4 && header.ethertype != ETHERTYPE_IPV6)
            return 0;
    }
    if (router->length > header.header_length)
        *version = router->frame[header.header_length] >> 4;
    return header.header_length;
}

enum router_verdict router_look(struct router *router, const uint8_t *frame, uint32_t length)
{
    uint8_t version;

    router->frame = frame;
    router->length = length;
    router->cut = 0;
    router->ip_at = find_ip(router, &version);
    router->ip_length = length - router->ip_at;
    if (version != 4 && version != 6)
        return ROUTER_FITS;
    if (version == 6)
        return router->ip_length <= router->mtu ? ROUTER_FITS : ROUTER_TOO_BIG;

    struct ipv4 header;
    if (ipv4_parse(&header, frame + router->ip_at, router->ip_length) != HF_STAT_none)
        return ROUTER_FITS; /* whoever receives it will say what is wrong with it */
    router->ip_length = header.total_length;
    router->ip_header = header.header_length;
    if (router->ip_length <= router->mtu)
        return ROUTER_FITS;
    return header.dont_fragment ? ROUTER_TOO_BIG : ROUTER_FRAGMENTS;
}

uint32_t router_cut(struct router *router, uint8_t *to)
{
    uint32_t payload = router->ip_length - router->ip_header;
    uint32_t room = (router->mtu - router->ip_header) & ~7u;
    uint32_t piece = min_u32(room, payload - router->cut);
    const uint8_t *ip = router->frame + router->ip_at;
    struct ipv4 header;

    if (router->cut == payload || ipv4_parse(&header, ip, router->ip_length) != HF_STAT_none)
        return 0;
    header.fragment_offset = (uint16_t)(header.fragment_offset + router->cut);
    header.more_fragments |= router->cut + piece < payload;
    header.total_length = (uint16_t)(router->ip_header + piece);
    header.ttl--;
    memcpy(to, router->frame, router->ip_at);
    ipv4_build(to + router->ip_at, &header);
    memcpy(to + router->ip_at + router->ip_header, ip + router->ip_header + router->cut, piece);
    router->cut += piece;
    return router->ip_at + header.total_length;
}

static uint32_t complain_v4(const struct router *router, uint8_t *to, const uint8_t *ip)
{
    struct icmp_message message = icmpv4_error(ICMPV4_UNREACHABLE, ICMPV4_FRAGMENTATION_NEEDED,
                                               router->mtu, ip, router->ip_length);
    struct ipv4 header = {
        .source = address_v4(0xc6336401), /* 198.51.100.1 */
        .destination = address_v4(get_be32(ip + 12)),
        .ttl = 60,
        .protocol = IP_ICMPV4,
    };
    uint32_t length = icmpv4_build(to + IPV4_HEADER, &message);

    header.total_length = (uint16_t)(IPV4_HEADER + length);
    return ipv4_build(to, &header) + length;
}

static uint32_t complain_v6(const struct router *router, uint8_t *to, const uint8_t *ip)
{
    struct icmp_message message =
        icmpv6_error(ICMPV6_TOO_BIG, 0, router->mtu, ip, router->ip_length);
    struct ipv6 header = {
        /* 2001:db8:ffff::1 */
        .source = {{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        .next_header = IP_ICMPV6,
        .hop_limit = 60,
    };
    uint32_t length;

    memcpy(header.destination.bytes, ip + 8, sizeof header.destination.bytes);
    length = icmpv6_build(to + IPV6_HEADER, &message, &header.source, &header.destination);
    header.payload_length = (uint16_t)length;
    return ipv6_build(to, &header) + length;
}

uint32_t router_complaint(const struct router *router, uint8_t to[ROUTER_COMPLAINT_MAX])
{
    const uint8_t *ip = router->frame + router->ip_at;

    if (router->ip_at > 0) { /* back to where it came from, tag and all */
        memcpy(to, router->frame, router->ip_at);
        memcpy(to, router->frame + 6, 6);
        memcpy(to + 6, router->frame, 6);
    }
    to += router->ip_at;
    return router->ip_at +
           (ip[0] >> 4 == 4 ? complain_v4(router, to, ip) : complain_v6(router, to, ip));
}
