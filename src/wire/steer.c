/* Whose frame is it. Both ends of a connection and the errors about it must meet the same stack, so an ICMP error is
 * steered by the packet that it quotes. [RFC 5927 4.1] */
#include "wire/steer.h"

#include "base/bytes.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

static enum steer_kind steer_error(struct flow *flow, uint8_t version,
                                   const struct icmp_message *message)
{
    struct icmp_quote quote;

    if (!icmp_is_error(message) || !icmp_quote_parse(&quote, version, message))
        return STEER_ADDRESSES;
    *flow = quote.flow;
    return quote.has_ports ? STEER_FLOW : STEER_ADDRESSES;
}

/* What follows the IP header of a packet that is no fragment. */
static enum steer_kind steer_payload(struct flow *flow, uint8_t protocol, const uint8_t *data,
                                     uint32_t length)
{
    struct icmp_message message;

    if (protocol == IP_TCP || protocol == IP_UDP) {
        if (length < 4)
            return STEER_ADDRESSES;
        flow->remote_port = get_be16(data);
        flow->local_port = get_be16(data + 2);
        return STEER_FLOW;
    }
    if (protocol == IP_ICMPV4 && icmpv4_parse(&message, data, length))
        return steer_error(flow, 4, &message);
    if (protocol == IP_ICMPV6 && icmpv6_parse(&message, data, length)) {
        if (message.type >= ICMPV6_ROUTER_SOLICITATION && message.type <= ICMPV6_REDIRECT)
            return STEER_ALL;
        return steer_error(flow, 6, &message);
    }
    return STEER_ADDRESSES;
}

static enum steer_kind steer_v4(struct flow *flow, const uint8_t *ip, uint32_t length)
{
    struct ipv4 header;

    if (ipv4_parse_quoted(&header, ip, length) != HF_STAT_none)
        return STEER_NONE;
    flow->remote = header.source;
    flow->local = header.destination;
    if (header.more_fragments || header.fragment_offset)
        return STEER_ADDRESSES;
    return steer_payload(flow, header.protocol, ip + header.header_length,
                         min_u32(header.total_length, length) - header.header_length);
}

static enum steer_kind steer_v6(struct flow *flow, const uint8_t *ip, uint32_t length)
{
    struct ipv6 header;
    struct ipv6_chain chain;

    if (ipv6_parse(&header, ip, length) != HF_STAT_none)
        return STEER_NONE;
    flow->remote = header.source;
    flow->local = header.destination;
    length = (uint32_t)header.payload_length + IPV6_HEADER;
    if (ipv6_walk(&chain, ip, length) != HF_STAT_none || chain.fragment)
        return STEER_ADDRESSES;
    return steer_payload(flow, chain.protocol, ip + chain.length, length - chain.length);
}

enum steer_kind steer_frame(struct flow *flow, const struct hf_frame *frame)
{
    struct ethernet link = {.header_length = 0};

    *flow = (struct flow){0};
    if (frame->link == HF_RAW_IP) {
        if (frame->length == 0)
            return STEER_NONE;
        link.ethertype = frame->data[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    } else if (!ethernet_parse(&link, frame->data, frame->length)) {
        return STEER_NONE;
    }

    const uint8_t *data = frame->data + link.header_length;
    uint32_t length = frame->length - link.header_length;

    switch ((enum ethertype)link.ethertype) {
    case ETHERTYPE_ARP: return STEER_ALL;
    case ETHERTYPE_IPV4: return steer_v4(flow, data, length);
    case ETHERTYPE_IPV6: return steer_v6(flow, data, length);
    case ETHERTYPE_VLAN:
    default: return STEER_NONE;
    }
}
