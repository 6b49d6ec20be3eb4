/* Frames to meaning, once: the parser, inline for the stack's own path. [RFC 791 3.1; RFC 9293 3.1]
 *
 * Layers in the order they lie on the wire, and in each the cheap checks before the dear: whoever floods us with nonsense
 * pays more for sending it than we pay for refusing it. Only what a layer alone can know is judged here.
 */
#ifndef WIRE_PACKET_PARSE_H
#define WIRE_PACKET_PARSE_H

#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/packet.h"
#include "wire/tcp_header.h"

static inline void packet_refuse(struct packet *packet, enum hf_stat reason)
{
    packet->kind = PACKET_REFUSED;
    packet->reason = reason;
}

static inline void packet_foreign(struct packet *packet)
{
    packet->kind = PACKET_FOREIGN;
    packet->reason = HF_STAT_frame_foreign;
}

/* Whether payload and pseudo-header add up; the addresses are summed where they lie. [RFC 9293 MUST-3; RFC 4443 2.3]
 * [R8200-18] */
static inline bool packet_checksum_ok(const struct packet *packet, const struct packet_rules *rules)
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

static inline void packet_parse_tcp(struct packet *packet, const struct packet_rules *rules,
                                    enum hf_checksum checksum)
{
    enum hf_stat reason = tcp_header_check(packet->payload, packet->payload_length);

    if (reason != HF_STAT_none) {
        packet_refuse(packet, reason);
        return;
    }
    if (checksum == HF_CHECKSUM_NONE && !packet_checksum_ok(packet, rules)) {
        packet_refuse(packet, HF_STAT_tcp_bad_checksum);
        return;
    }
    tcp_header_parse(&packet->segment, packet->payload, packet->payload_length);
    packet->segment.ecn = packet->traffic_class & 3;
    packet->kind = PACKET_TCP;
    packet->reason = HF_STAT_none;
}

/* [R4443-03] */
static inline void packet_parse_icmp(struct packet *packet, const struct packet_rules *rules,
                                     enum hf_checksum checksum)
{
    bool ok = packet->payload_length >= ICMP_HEADER;

    if (ok && checksum == HF_CHECKSUM_NONE) {
        if (packet->version == 4)
            ok = rules->checksum(packet->payload, packet->payload_length) == 0xffff;
        else
            ok = packet_checksum_ok(packet, rules);
    }
    if (!ok) {
        packet_refuse(packet, HF_STAT_icmp_malformed);
        return;
    }
    packet->kind = packet->version == 4 ? PACKET_ICMPV4 : PACKET_ICMPV6;
    packet->reason = HF_STAT_none;
}

/* A piece of a datagram that would be ours: to the reassembly. */
static inline void packet_fragment(struct packet *packet)
{
    packet->kind = PACKET_FRAGMENT;
    packet->reason = HF_STAT_none;
}

INLINED void packet_parse_v4(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                             uint32_t length, enum hf_checksum checksum)
{
    struct ipv4 header;
    enum hf_stat reason = ipv4_parse(&header, ip, length);

    if (__builtin_expect(reason != HF_STAT_none, 0)) {
        packet_refuse(packet, reason);
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
        packet_foreign(packet);
    } else if (header.more_fragments || header.fragment_offset) {
        packet->fragment_id = header.id;
        packet->fragment_offset = header.fragment_offset;
        packet->fragment_more = header.more_fragments;
        packet_fragment(packet);
    } else if (header.protocol == IP_TCP) {
        packet_parse_tcp(packet, rules, checksum);
    } else {
        packet_parse_icmp(packet, rules, checksum);
    }
}

static inline void packet_parse_v6(struct packet *packet, const struct packet_rules *rules,
                                   uint8_t *ip, uint32_t length, enum hf_checksum checksum)
{
    if (rules->ipv6)
        rules->ipv6(packet, rules, ip, length, checksum);
    else
        packet_foreign(packet);
}

static inline void packet_parse_arp(struct packet *packet, uint8_t *data, uint32_t length)
{
    packet->payload = data;
    packet->payload_length = length;
    packet->kind = PACKET_ARP;
    packet->reason = HF_STAT_none;
    if (length < ARP_LENGTH)
        packet_refuse(packet, HF_STAT_arp_malformed);
}

/* Who may talk to us on this link: our tag, our address or a group, and no group as the sender. [R1122-05] */
INLINED bool packet_parse_link(struct packet *packet, const struct packet_rules *rules,
                               const struct hf_frame *frame, uint16_t *ethertype)
{
    struct ethernet header;

    if (!ethernet_parse(&header, frame->data, frame->length)) {
        packet_refuse(packet, HF_STAT_frame_truncated);
        return false;
    }
    packet->link.source = header.source;
    packet->link.destination = header.destination;
    packet->link.vlan = header.vlan;
    packet->link.header_length = header.header_length;
    packet->to_link_group = mac_is_group(&header.destination);
    *ethertype = header.ethertype;
    if (header.vlan != rules->vlan) {
        packet_refuse(packet, HF_STAT_frame_other_vlan);
        return false;
    }
    if ((!packet->to_link_group && !mac_equal(&header.destination, &rules->mac)) ||
        mac_is_group(&header.source)) {
        packet_refuse(packet, HF_STAT_frame_other_station);
        return false;
    }
    return true;
}

/* packet_parse, see packet.h. */
INLINED void packet_parse_frame(struct packet *packet, const struct packet_rules *rules,
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
            packet_refuse(packet, HF_STAT_frame_truncated);
            return;
        }
        ethertype = frame->data[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    } else if (!packet_parse_link(packet, rules, frame, &ethertype)) {
        return;
    }

    uint8_t *data = frame->data + packet->link.header_length;
    uint32_t length = frame->length - packet->link.header_length;

    switch ((enum ethertype)ethertype) {
    case ETHERTYPE_IPV4: packet_parse_v4(packet, rules, data, length, checksum); break;
    case ETHERTYPE_IPV6: packet_parse_v6(packet, rules, data, length, checksum); break;
    case ETHERTYPE_ARP: packet_parse_arp(packet, data, length); break;
    case ETHERTYPE_VLAN:
    default: packet_foreign(packet); break;
    }
}

#endif
