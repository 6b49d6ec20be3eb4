/* Frames to meaning, once: packet_parse reads every layer of a frame into one struct, checks what can be checked without
 * knowing anyone, and names what it refuses. [RFC 791, RFC 8200, RFC 9293 3.1] */
#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

#include <handfast/stats.h>

#include "wire/flow.h"
#include "wire/segment.h"

enum packet_kind {
    PACKET_REFUSED = 0, /* `reason` says why                                                */
    PACKET_FOREIGN,     /* a protocol that is not ours (`reason` = frame_foreign)           */
    PACKET_TCP,         /* `segment` is filled                                              */
    PACKET_ICMPV4,      /* payload, payload_length: the ICMP message, checksum verified     */
    PACKET_ICMPV6,      /* ... neighbour discovery included                                 */
    PACKET_ARP,         /* payload, payload_length: the ARP packet                          */
    PACKET_FRAGMENT,    /* a fragment: see fragment_*; payload is its piece of the datagram */
};

/* Where a frame came from on the link, enough to answer it without a neighbour entry. */
struct link_info {
    struct hf_mac source, destination;
    uint16_t vlan;         /* 0: untagged           */
    uint8_t header_length; /* 0 on raw IP, 14 or 18 */
};

struct packet {
    _Alignas(16) struct hf_address source, destination;
    enum packet_kind kind;
    enum hf_stat reason;
    struct link_info link;
    uint8_t version;  /* 4 or 6 */
    uint8_t protocol; /* of the payload: 6, 1, 58, or another */
    uint8_t ttl;      /* or hop limit */
    uint8_t traffic_class;
    bool dont_fragment;
    bool to_link_group; /* the link destination was broadcast or multicast */
    bool
        fragmented; /* came in fragments, or with a fragment header: no neighbour discovery [RFC 6980 5] */
    bool problem;            /* IPv6, refused or foreign: a Parameter Problem message is due ... */
    uint8_t problem_code;    /* ... with this code ... */
    uint16_t problem_offset; /* ... and this pointer */
    const uint8_t *ip;       /* the IP header */
    uint32_t
        ip_length; /* of the IP packet, without padding of the link: for ICMP errors that quote it */
    uint16_t ip_header_length; /* with IPv4 options, or IPv6 extension headers up to the payload */
    uint8_t *payload;          /* TCP header, ICMP message, ARP packet, or the fragment's piece */
    uint32_t payload_length;
    uint32_t fragment_id;
    uint32_t fragment_offset; /* bytes */
    bool fragment_more;
    struct segment segment;
};

struct packet_rules;

/* A parser of IP packets of one version: fills all but the link part of *packet. */
typedef void packet_parser(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                           uint32_t length, enum hf_checksum checksum);

/* What the parser must know of the station. */
struct packet_rules {
    enum hf_link link;
    uint16_t vlan;     /* frames must carry this tag; 0: none */
    struct hf_mac mac; /* frames to other stations are refused */
    uint16_t (*checksum)(const void *data, size_t length); /* see hf_env; never NULL here */
    packet_parser *ipv6; /* packet_ipv6, or NULL: packets of IPv6 are foreign */
};

void packet_ipv6(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                 uint32_t length, enum hf_checksum checksum);

/* Parses frame->data into *packet (fields of other kinds are left as they were: it is not cleared). Checksums are verified
 * unless frame->checksum says that they were, or are partial. Never reads outside the frame. */
void packet_parse(struct packet *packet, const struct packet_rules *rules,
                  const struct hf_frame *frame);

/* As packet_parse, for a datagram that reassembly has made whole: `ip` is a whole IP packet of length bytes. The link part of
 * *packet is kept. */
void packet_parse_ip(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                     uint32_t length, enum hf_checksum checksum);

/* The flow of a packet that came in. */
static inline struct flow packet_flow(const struct packet *packet)
{
    return (struct flow){packet->source, packet->destination, packet->segment.source_port,
                         packet->segment.destination_port};
}

#endif
