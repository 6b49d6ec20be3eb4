/* The IPv4 header. [RFC 791 3.1] */
#ifndef WIRE_IPV4_H
#define WIRE_IPV4_H

#include <handfast/stats.h>

#include "wire/flow.h"
#include "wire/ip_protocol.h"

#define IPV4_HEADER 20

struct ipv4 {
    struct hf_address source, destination;
    uint16_t total_length; /* header and payload */
    uint16_t id;
    uint16_t fragment_offset; /* bytes */
    uint8_t header_length;    /* 20 to 60; build: 0 means 20 */
    uint8_t ttl;
    uint8_t protocol;
    uint8_t traffic_class; /* the TOS byte: DSCP and ECN */
    bool dont_fragment, more_fragments;
    const uint8_t *options; /* header_length - 20 bytes */
};

/* Parses and checks the header of a packet of at most `length` bytes (padding of the link may follow it).
 * HF_STAT_none, or the reason it is refused: ip_truncated, ip_bad_header, ip_bad_checksum, ip_source_route, ip_bad_option.
 * The fields are filled even for the last two. */
enum hf_stat ipv4_parse(struct ipv4 *header, const uint8_t *data, uint32_t length);

/* As ipv4_parse for a packet that an ICMP message quotes: cut short, and its checksum may be stale. */
enum hf_stat ipv4_parse_quoted(struct ipv4 *header, const uint8_t *data, uint32_t length);

/* Writes the header with its checksum and returns its length. */
uint32_t ipv4_build(uint8_t *to, const struct ipv4 *header);

#endif
