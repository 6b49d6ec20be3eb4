/* The IPv4 header. [RFC 791 3.1; RFC 1122 3.2.1] */
#include "wire/ipv4.h"

#include "base/bytes.h"
#include "base/must.h"
#include "wire/checksum.h"

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LOOSE_ROUTE = 131,
    OPTION_STRICT_ROUTE = 137,
};

/* Options that we do not know are passed over; those that route the packet are refused. [RFC 9293 MUST-50]
 * [R1122-16] */
static enum hf_stat walk_options(const uint8_t *option, uint32_t length)
{
    while (length > 0) {
        if (option[0] == OPTION_END)
            break;
        uint32_t size = 1;

        if (option[0] != OPTION_NOP) {
            if (length < 2 || option[1] < 2 || option[1] > length)
                return HF_STAT_ip_bad_option;
            size = option[1];
        }
        if (option[0] == OPTION_LOOSE_ROUTE || option[0] == OPTION_STRICT_ROUTE)
            return HF_STAT_ip_source_route;
        option += size;
        length -= size;
    }
    return HF_STAT_none;
}

static inline void read_fields(struct ipv4 *header, const uint8_t *data)
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

/* Version and header length; what both kinds of parsing refuse. [R1122-07] */
static inline enum hf_stat check_start(struct ipv4 *header, const uint8_t *data, uint32_t length)
{
    if (length < IPV4_HEADER)
        return HF_STAT_ip_truncated;
    header->header_length = (uint8_t)((data[0] & 0xf) * 4);
    if (data[0] >> 4 != 4 || header->header_length < IPV4_HEADER)
        return HF_STAT_ip_bad_header;
    return header->header_length > length ? HF_STAT_ip_truncated : HF_STAT_none;
}

/* [R1122-08] */
enum hf_stat ipv4_parse(struct ipv4 *header, const uint8_t *data, uint32_t length)
{
    enum hf_stat reason = check_start(header, data, length);

    if (reason != HF_STAT_none)
        return reason;
    read_fields(header, data);
    if (header->total_length < header->header_length)
        return HF_STAT_ip_bad_header;
    if (header->total_length > length)
        return HF_STAT_ip_truncated;
    if (ipv4_sum(data, header->header_length) != 0xffff)
        return HF_STAT_ip_bad_checksum;
    if (__builtin_expect(header->header_length == IPV4_HEADER, 1))
        return HF_STAT_none;
    return walk_options(header->options, (uint32_t)header->header_length - IPV4_HEADER);
}

enum hf_stat ipv4_parse_quoted(struct ipv4 *header, const uint8_t *data, uint32_t length)
{
    enum hf_stat reason = check_start(header, data, length);

    if (reason != HF_STAT_none)
        return reason;
    read_fields(header, data);
    return header->total_length < header->header_length ? HF_STAT_ip_bad_header : HF_STAT_none;
}
