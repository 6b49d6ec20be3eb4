/* hf_ipv6, a part of a stack: what it does for IPv6, and one of IPv4 alone does without. [RFC 8200; RFC 4443; RFC 4861] */
#ifndef STACK_IPV6_H
#define STACK_IPV6_H

#include "stack/icmp.h"
#include "stack/neighbor.h"
#include "wire/packet.h"

struct hf_ipv6 {
    packet_parser *parse;
    /* The header of a segment of ours. */
    void (*build_header)(const struct hf_stack *stack, uint8_t *to, const struct flow *flow,
                         uint32_t payload_length, uint8_t traffic_class);

    /* ICMPv6: icmpv6.h, icmp_v6.h. */
    bool (*icmp_parse)(struct icmp_message *message, const uint8_t *data, uint32_t length);
    bool (*icmp_quote)(struct icmp_quote *quote, const struct icmp_message *error);
    void (*icmp_build)(const struct icmp *icmp, uint8_t *ip, const struct packet *packet,
                       const struct icmp_message *message);
    void (*icmp_problem)(struct hf_stack *stack, const struct packet *packet, int64_t now_us);

    /* Neighbours: neighbor_discovery.h. */
    enum hf_stat (*discovery_arrives)(struct neighbors *neighbors, const struct packet *packet,
                                      int64_t now_us);
    void (*on_group_query)(struct neighbors *neighbors, int64_t now_us);
    uint32_t (*solicit)(const struct neighbors *neighbors, const struct neighbor *entry,
                        const struct hf_address *source, uint8_t *frame);
    uint32_t (*advertise)(const struct neighbors *neighbors, const struct neighbor_reply *reply,
                          uint8_t *frame);
    uint32_t (*report)(const struct neighbors *neighbors, uint8_t *frame);
};

#endif
