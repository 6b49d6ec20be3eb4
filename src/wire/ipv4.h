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

/* Whether the options may pass: HF_STAT_none, ip_bad_option or ip_source_route. */
enum hf_stat ipv4_walk_options(const uint8_t *option, uint32_t length);

#ifdef __OPTIMIZE_SIZE__
void ipv4_read_fields(struct ipv4 *header, const uint8_t *data);
#endif
#ifndef SHARED_ELSEWHERE
SHARED void ipv4_read_fields(struct ipv4 *header, const uint8_t *data)
{
    uint16_t fragment = get_be16(data + 6);

    header->traffic_class = data[1];
    header->total_length = get_be16(data + 2);
    header->id = get_be16(data + 4);
    header->dont_fragment = fragment & IPV4_DONT_FRAGMENT;
    header->more_fragments = fragment & IPV4_MORE_FRAGMENTS;
    header->fragment_offset = (uint16_t)((fragment & IPV4_OFFSET_MASK) * 8);
    header->ttl = data[8];
    header->protocol = data[9];
    header->source = address_v4_from(data + 12);
    header->destination = address_v4_from(data + 16);
    header->options = data + IPV4_HEADER;
}
#endif

/* Version and header length; what both kinds of parsing refuse. [R1122-07] */
static inline enum hf_stat ipv4_check_start(struct ipv4 *header, const uint8_t *data,
                                            uint32_t length)
{
    if (length < IPV4_HEADER)
        return HF_STAT_ip_truncated;
    header->header_length = (uint8_t)((data[0] & 0xf) * 4);
    if (data[0] >> 4 != 4 || header->header_length < IPV4_HEADER)
        return HF_STAT_ip_bad_header;
    return header->header_length > length ? HF_STAT_ip_truncated : HF_STAT_none;
}

/* Parses and checks the header of a packet of at most `length` bytes (padding of the link may follow it).
 * HF_STAT_none, or the reason it is refused: ip_truncated, ip_bad_header, ip_bad_checksum, ip_source_route, ip_bad_option.
 * The fields are filled even for the last two. [R1122-08] */
static inline enum hf_stat ipv4_parse(struct ipv4 *header, const uint8_t *data, uint32_t length)
{
    enum hf_stat reason = ipv4_check_start(header, data, length);

    if (reason != HF_STAT_none)
        return reason;
    ipv4_read_fields(header, data);
    if (header->total_length < header->header_length)
        return HF_STAT_ip_bad_header;
    if (header->total_length > length)
        return HF_STAT_ip_truncated;
    if (ipv4_sum(data, header->header_length) != 0xffff)
        return HF_STAT_ip_bad_checksum;
    if (__builtin_expect(header->header_length == IPV4_HEADER, 1))
        return HF_STAT_none;
    return ipv4_walk_options(header->options, (uint32_t)header->header_length - IPV4_HEADER);
}

#ifdef __OPTIMIZE_SIZE__
uint32_t ipv4_build(uint8_t *to, const struct ipv4 *header);
#endif
#ifndef SHARED_ELSEWHERE
/* Writes the header with its checksum and returns its length. Inline: of most fields the caller knows the value. */
SHARED uint32_t ipv4_build(uint8_t *to, const struct ipv4 *header)
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

#endif
