/* Frames to meaning, once. [RFC 791 3.1; RFC 8200 3; RFC 9293 3.1]
 *
 * Layers in the order they lie on the wire, and in each the cheap checks before the dear: whoever floods us with nonsense
 * pays more for sending it than we pay for refusing it. Only what a layer alone can know is judged here.
 */
#include "wire/packet.h"

#include "base/bytes.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

static void refuse(struct packet *packet, enum hf_stat reason)
{
    packet->kind = PACKET_REFUSED;
    packet->reason = reason;
}

static void foreign(struct packet *packet)
{
    packet->kind = PACKET_FOREIGN;
    packet->reason = HF_STAT_frame_foreign;
}

/* Whether payload and pseudo-header add up; the addresses are summed where they lie. [RFC 9293 MUST-3; RFC 4443 2.3]
 * [R8200-18] */
static inline bool transport_checksum_ok(const struct packet *packet,
                                         const struct packet_rules *rules)
{
    uint32_t length = packet->payload_length, rest = packet->protocol + length;
    uint64_t sum;

    if (packet->version == 4)
        sum = checksum_short(0, packet->ip + 12, 8);
    else
        sum = checksum_short(0, packet->ip + 8, 32);
    if (length <= CHECKSUM_SHORT)
        sum = checksum_short(sum, packet->payload, length);
    else
        rest += rules->checksum(packet->payload, length);
    return checksum_fold(checksum_carry(sum, checksum_word(rest))) == 0xffff;
}

static inline void parse_tcp(struct packet *packet, const struct packet_rules *rules,
                             enum hf_checksum checksum)
{
    enum hf_stat reason = tcp_header_check(packet->payload, packet->payload_length);

    if (reason != HF_STAT_none) {
        refuse(packet, reason);
        return;
    }
    if (checksum == HF_CHECKSUM_NONE && !transport_checksum_ok(packet, rules)) {
        refuse(packet, HF_STAT_tcp_bad_checksum);
        return;
    }
    tcp_header_parse(&packet->segment, packet->payload, packet->payload_length);
    packet->segment.ecn = packet->traffic_class & 3;
    packet->kind = PACKET_TCP;
    packet->reason = HF_STAT_none;
}

/* [R4443-03] */
static void parse_icmp(struct packet *packet, const struct packet_rules *rules,
                       enum hf_checksum checksum)
{
    bool ok = packet->payload_length >= ICMP_HEADER;

    if (ok && checksum == HF_CHECKSUM_NONE) {
        if (packet->version == 4)
            ok = rules->checksum(packet->payload, packet->payload_length) == 0xffff;
        else
            ok = transport_checksum_ok(packet, rules);
    }
    if (!ok) {
        refuse(packet, HF_STAT_icmp_malformed);
        return;
    }
    packet->kind = packet->version == 4 ? PACKET_ICMPV4 : PACKET_ICMPV6;
    packet->reason = HF_STAT_none;
}

/* A piece of a datagram that would be ours: to the reassembly. */
static void fragment(struct packet *packet)
{
    packet->kind = PACKET_FRAGMENT;
    packet->reason = HF_STAT_none;
}

static inline void parse_v4(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                            uint32_t length, enum hf_checksum checksum)
{
    struct ipv4 header;
    enum hf_stat reason = ipv4_parse(&header, ip, length);

    if (__builtin_expect(reason != HF_STAT_none, 0)) {
        refuse(packet, reason);
        return;
    }
    packet->version = 4;
    packet->protocol = header.protocol;
    packet->ttl = header.ttl;
    packet->traffic_class = header.traffic_class;
    packet->dont_fragment = header.dont_fragment;
    packet->source = header.source;
    packet->destination = header.destination;
    packet->ip = ip;
    packet->ip_length = header.total_length;
    packet->ip_header_length = header.header_length;
    packet->payload = ip + header.header_length;
    packet->payload_length = (uint32_t)header.total_length - header.header_length;

    if (header.protocol != IP_TCP && header.protocol != IP_ICMPV4) {
        foreign(packet);
    } else if (header.more_fragments || header.fragment_offset) {
        packet->fragment_id = header.id;
        packet->fragment_offset = header.fragment_offset;
        packet->fragment_more = header.more_fragments;
        fragment(packet);
    } else if (header.protocol == IP_TCP) {
        parse_tcp(packet, rules, checksum);
    } else {
        parse_icmp(packet, rules, checksum);
    }
}

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
    foreign(packet);
}

/* The extension headers of *packet; false if it is refused. [R4443-11] */
static bool parse_chain(struct packet *packet, struct ipv6_chain *chain)
{
    enum hf_stat reason = ipv6_walk(chain, packet->ip, packet->ip_length);

    if (reason != HF_STAT_none) {
        packet->problem = chain->problem;
        packet->problem_code = chain->problem_code;
        packet->problem_offset = chain->problem_offset;
        refuse(packet, reason);
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

static inline void parse_v6(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                            uint32_t length, enum hf_checksum checksum)
{
    struct ipv6 header;
    struct ipv6_chain chain;
    enum hf_stat reason = ipv6_parse(&header, ip, length);

    if (__builtin_expect(reason != HF_STAT_none, 0)) {
        refuse(packet, reason);
        return;
    }
    /* Our form of an IPv4 address: on the wire it would speak for a host of the other family, and be answered in a packet of
     * both. [RFC 4291 2.5.5.2; RFC 6890 2.2.3] */
    if (hf_address_is_v4(&header.source) || hf_address_is_v4(&header.destination)) {
        refuse(packet, HF_STAT_ip_bad_source);
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
        parse_tcp(packet, rules, checksum);
        return;
    }

    if (!parse_chain(packet, &chain))
        return;
    packet->payload = ip + packet->ip_header_length;
    packet->payload_length = packet->ip_length - packet->ip_header_length;
    if (chain.fragment && may_be_ours(chain.protocol))
        fragment(packet);
    else if (chain.protocol == IP_TCP)
        parse_tcp(packet, rules, checksum);
    else if (chain.protocol == IP_ICMPV6)
        parse_icmp(packet, rules, checksum);
    else
        foreign_v6(packet, &chain);
}

static void parse_arp(struct packet *packet, uint8_t *data, uint32_t length)
{
    packet->payload = data;
    packet->payload_length = length;
    packet->kind = PACKET_ARP;
    packet->reason = HF_STAT_none;
    if (length < ARP_LENGTH)
        refuse(packet, HF_STAT_arp_malformed);
}

/* Who may talk to us on this link: our tag, our address or a group, and no group as the sender. [R1122-05] */
static inline bool parse_link(struct packet *packet, const struct packet_rules *rules,
                              const struct hf_frame *frame, uint16_t *ethertype)
{
    struct ethernet header;

    if (!ethernet_parse(&header, frame->data, frame->length)) {
        refuse(packet, HF_STAT_frame_truncated);
        return false;
    }
    packet->link.source = header.source;
    packet->link.destination = header.destination;
    packet->link.vlan = header.vlan;
    packet->link.header_length = header.header_length;
    packet->to_link_group = mac_is_group(&header.destination);
    *ethertype = header.ethertype;
    if (header.vlan != rules->vlan) {
        refuse(packet, HF_STAT_frame_other_vlan);
        return false;
    }
    if ((!packet->to_link_group && !mac_equal(&header.destination, &rules->mac)) ||
        mac_is_group(&header.source)) {
        refuse(packet, HF_STAT_frame_other_station);
        return false;
    }
    return true;
}

void packet_parse(struct packet *packet, const struct packet_rules *rules,
                  const struct hf_frame *frame)
{
    enum hf_checksum checksum = (enum hf_checksum)frame->checksum;
    uint16_t ethertype;

    packet->problem = false;
    packet->fragmented = false;
    if (rules->link == HF_RAW_IP) {
        packet->link.header_length = 0;
        packet->link.vlan = 0;
        packet->to_link_group = false;
        if (frame->length == 0) {
            refuse(packet, HF_STAT_frame_truncated);
            return;
        }
        ethertype = frame->data[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    } else if (!parse_link(packet, rules, frame, &ethertype)) {
        return;
    }

    uint8_t *data = frame->data + packet->link.header_length;
    uint32_t length = frame->length - packet->link.header_length;

    switch ((enum ethertype)ethertype) {
    case ETHERTYPE_IPV4: parse_v4(packet, rules, data, length, checksum); break;
    case ETHERTYPE_IPV6: parse_v6(packet, rules, data, length, checksum); break;
    case ETHERTYPE_ARP: parse_arp(packet, data, length); break;
    case ETHERTYPE_VLAN:
    default: foreign(packet); break;
    }
}

void packet_parse_ip(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                     uint32_t length, enum hf_checksum checksum)
{
    packet->problem = false;
    packet->fragmented = true;
    if (length && ip[0] >> 4 == 6)
        parse_v6(packet, rules, ip, length, checksum);
    else
        parse_v4(packet, rules, ip, length, checksum);
}
