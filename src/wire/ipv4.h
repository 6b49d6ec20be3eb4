/* The IPv4 header. [RFC 791 3.1] */
#ifndef WIRE_IPV4_H
#define WIRE_IPV4_H

#include <handfast/stats.h>

#include "base/must.h"
#include "wire/checksum.h"
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

enum {
    IPV4_DONT_FRAGMENT = 0x4000,
    IPV4_MORE_FRAGMENTS = 0x2000,
    IPV4_OFFSET_MASK = 0x1fff,
};

/* 0xffff if a header is whole: its checksum field is part of the sum. */
static inline uint16_t ipv4_sum(const uint8_t *data, uint32_t header_length)
{
    if (__builtin_expect(header_length == IPV4_HEADER, 1)) /* unrolled */
        return checksum_finish(checksum_short(0, data, IPV4_HEADER));
    return checksum_finish(checksum_short(0, data, header_length));
}

/* Writes the header with its checksum and returns its length. Inline: of most fields the caller knows the value. */
static inline uint32_t ipv4_build(uint8_t *to, const struct ipv4 *header)
{
    uint32_t length = header->header_length ? header->header_length : IPV4_HEADER;
    uint16_t fragment = (uint16_t)(header->fragment_offset / 8);

    must(length >= IPV4_HEADER && length <= 60 && length % 4 == 0);
    if (header->dont_fragment)
        fragment |= IPV4_DONT_FRAGMENT;
    if (header->more_fragments)
        fragment |= IPV4_MORE_FRAGMENTS;
    uint32_t first =
        (0x40 | length / 4) << 24 | (uint32_t)header->traffic_class << 16 | header->total_length;
    uint32_t second = (uint32_t)header->id << 16 | fragment;
    uint32_t third = (uint32_t)header->ttl << 24 | (uint32_t)header->protocol << 16;
    uint32_t source = get_be32(address_v4_bytes(&header->source));
    uint32_t destination = get_be32(address_v4_bytes(&header->destination));
    uint64_t sum = (uint64_t)first + second + third + source + destination;

    if (length > IPV4_HEADER) {
        memcpy(to + IPV4_HEADER, header->options, length - IPV4_HEADER);
        sum += ipv4_sum(header->options, length - IPV4_HEADER);
    }
    put_be32(to, first);
    put_be32(to + 4, second);
    put_be32(to + 8, third | (uint16_t)~checksum_fold(sum));
    put_be32(to + 12, source);
    put_be32(to + 16, destination);
    return length;
}

#endif
