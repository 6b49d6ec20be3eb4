/* IPv6 packets to meaning. [RFC 8200 3, 4] */
#include "wire/icmpv6.h"
#include "wire/ipv6.h"
#include "wire/packet_parse.h"

static bool may_be_ours(uint8_t protocol)
{
    return protocol == IP_TCP || protocol == IP_ICMPV6 || protocol == IP_ROUTING ||
           protocol == IP_FRAGMENT || protocol == IP_DESTINATION_OPTIONS;
}

/* Protocols that are nobody's get a Parameter Problem; UDP may be the caller's, and 59 asks for nothing. [RFC 8200 4]
 * [R8200-04, R8200-16] */
static void foreign_v6(struct packet *packet, const struct ipv6_chain *chain)
{
    packet->problem =
        !chain->fragment && chain->protocol != IP_UDP && chain->protocol != IP_NO_NEXT_HEADER;
    packet->problem_code = ICMPV6_UNKNOWN_NEXT_HEADER;
    packet->problem_offset = chain->next_header_at;
    packet_foreign(packet);
}

/* The extension headers of *packet; false if it is refused. [R4443-11] */
static bool parse_chain(struct packet *packet, struct ipv6_chain *chain)
{
    enum hf_stat reason = ipv6_walk(chain, packet->ip, packet->ip_length);

    if (reason != HF_STAT_none) {
        packet->problem = chain->problem;
        packet->problem_code = chain->problem_code;
        packet->problem_offset = chain->problem_offset;
        packet_refuse(packet, reason);
        return false;
    }
    packet->fragmented |= chain->fragmented;
    packet->fragment_id = chain->fragment_id;
    packet->fragment_offset = chain->fragment_offset;
    packet->fragment_more = chain->fragment_more;
    packet->protocol = chain->protocol;
    packet->ip_header_length = (uint16_t)chain->length;
    return true;
}

void packet_ipv6(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                 uint32_t length, enum hf_checksum checksum)
{
    struct ipv6 header;
    struct ipv6_chain chain;
    enum hf_stat reason = ipv6_parse(&header, ip, length);

    if (__builtin_expect(reason != HF_STAT_none, 0)) {
        packet_refuse(packet, reason);
        return;
    }
    /* Our form of an IPv4 address: on the wire it would speak for a host of the other family, and be answered in a packet of
     * both. [RFC 4291 2.5.5.2; RFC 6890 2.2.3] */
    if (hf_address_is_v4(&header.source) || hf_address_is_v4(&header.destination)) {
        packet_refuse(packet, HF_STAT_ip_bad_source);
        return;
    }
    packet->version = 6;
    packet->protocol = header.next_header;
    packet->ttl = header.hop_limit;
    packet->traffic_class = header.traffic_class;
    packet->dont_fragment = true;
    packet->source = header.source;
    packet->destination = header.destination;
    packet->ip = ip;
    packet->ip_length = (uint32_t)header.payload_length + IPV6_HEADER;
    packet->ip_header_length = IPV6_HEADER;
    packet->payload = ip + IPV6_HEADER;
    packet->payload_length = header.payload_length;
    if (__builtin_expect(header.next_header == IP_TCP, 1)) {
        packet_parse_tcp(packet, rules, checksum);
        return;
    }

    if (!parse_chain(packet, &chain))
        return;
    packet->payload = ip + packet->ip_header_length;
    packet->payload_length = packet->ip_length - packet->ip_header_length;
    if (chain.fragment && may_be_ours(chain.protocol))
        packet_fragment(packet);
    else if (chain.protocol == IP_TCP)
        packet_parse_tcp(packet, rules, checksum);
    else if (chain.protocol == IP_ICMPV6)
        packet_parse_icmp(packet, rules, checksum);
    else
        foreign_v6(packet, &chain);
}
