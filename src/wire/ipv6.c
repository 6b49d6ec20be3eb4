/* The IPv6 header and the chain of extension headers. [RFC 8200 3, 4]
 *
 * The chain is the sender's: he may make it long to cost us time, or odd to hide what follows. So headers and options are
 * counted, each must lie whole inside the packet, and hop-by-hop options come first or not at all.
 */
#include "wire/ipv6.h"

#include "base/bytes.h"

enum {
    OPTION_PAD1 = 0,
    OPTION_PADN = 1,
    OPTION_ROUTER_ALERT = 5,
    NEXT_HEADER_AT = 6, /* in the fixed header */
    ROUTING_TYPE_AT = 2,
    SEGMENTS_LEFT_AT = 3,
};

/* Codes of Parameter Problem. [RFC 4443 3.4] */
enum {
    PROBLEM_FIELD = 0,
    PROBLEM_OPTION = 2,
};

/* [R8200-01] */
enum hf_stat ipv6_parse(struct ipv6 *header, const uint8_t *data, uint32_t length)
{
    if (length < IPV6_HEADER)
        return HF_STAT_ip_truncated;
    uint32_t first = get_be32(data);

    if (first >> 28 != 6)
        return HF_STAT_ip_bad_header;
    header->traffic_class = (uint8_t)(first >> 20);
    header->flow_label = first & 0xfffff;
    header->payload_length = get_be16(data + 4);
    header->next_header = data[NEXT_HEADER_AT];
    header->hop_limit = data[7];
    memcpy(&header->source, data + 8, 16);
    memcpy(&header->destination, data + 24, 16);
    return header->payload_length > length - IPV6_HEADER ? HF_STAT_ip_truncated : HF_STAT_none;
}

uint32_t ipv6_build(uint8_t *to, const struct ipv6 *header)
{
    put_be32(to, 6u << 28 | (uint32_t)header->traffic_class << 20 | (header->flow_label & 0xfffff));
    put_be16(to + 4, header->payload_length);
    to[NEXT_HEADER_AT] = header->next_header;
    to[7] = header->hop_limit;
    memcpy(to + 8, &header->source, 16);
    memcpy(to + 24, &header->destination, 16);
    return IPV6_HEADER;
}

static enum hf_stat refuse_with_problem(struct ipv6_chain *chain, uint8_t code, uint32_t offset)
{
    chain->problem = true;
    chain->problem_code = code;
    chain->problem_offset = (uint16_t)offset;
    return HF_STAT_ip_bad_extension;
}

/* The two highest bits of an option that we do not know say what to do about it. [RFC 8200 4.2] [R8200-06] */
static enum hf_stat unknown_option(struct ipv6_chain *chain, const uint8_t *ip, uint32_t at)
{
    bool to_group = ip[24] == 0xff;

    switch (ip[at] >> 6) {
    case 0: return HF_STAT_none;
    case 2: return refuse_with_problem(chain, PROBLEM_OPTION, at);
    case 3:
        if (!to_group)
            return refuse_with_problem(chain, PROBLEM_OPTION, at);
        return HF_STAT_ip_bad_extension;
    default: return HF_STAT_ip_bad_extension;
    }
}

/* Hop-by-hop or destination options in ip[at .. end). [R8200-07, R8504-02] */
static enum hf_stat walk_options(struct ipv6_chain *chain, const uint8_t *ip, uint32_t at,
                                 uint32_t end)
{
    for (uint32_t count = 0; at < end; count++) {
        if (count == IPV6_OPTIONS_MAX)
            return HF_STAT_ip_bad_extension;
        if (ip[at] == OPTION_PAD1) {
            at++;
            continue;
        }
        if (end - at < 2 || ip[at + 1] > end - at - 2)
            return HF_STAT_ip_bad_extension;
        if (ip[at] != OPTION_PADN && ip[at] != OPTION_ROUTER_ALERT) {
            enum hf_stat reason = unknown_option(chain, ip, at);

            if (reason != HF_STAT_none)
                return reason;
        }
        at += 2u + ip[at + 1];
    }
    return HF_STAT_none;
}

/* Type 0 is dead (RFC 5095), and we forward nothing: only a route that has come to its end is passed over.
 * [R8200-08] */
static enum hf_stat check_route(struct ipv6_chain *chain, const uint8_t *ip, uint32_t at)
{
    if (ip[at + SEGMENTS_LEFT_AT] != 0) {
        refuse_with_problem(chain, PROBLEM_FIELD, at + ROUTING_TYPE_AT);
        return HF_STAT_ip_source_route;
    }
    return ip[at + ROUTING_TYPE_AT] == 0 ? HF_STAT_ip_source_route : HF_STAT_none;
}

/* [R8200-14, R6946-01] */
static void read_fragment(struct ipv6_chain *chain, const uint8_t *header)
{
    uint16_t word = get_be16(header + 2);

    chain->fragmented = true;
    chain->fragment_offset = word & 0xfff8;
    chain->fragment_more = word & 1;
    chain->fragment_id = get_be32(header + 4);
    /* An atomic fragment is a whole packet, whatever else is under reassembly. [RFC 6946 4] */
    chain->fragment = chain->fragment_more || chain->fragment_offset != 0;
}

static inline bool is_extension(uint8_t protocol)
{
    return protocol == IP_HOP_BY_HOP || protocol == IP_ROUTING || protocol == IP_FRAGMENT ||
           protocol == IP_DESTINATION_OPTIONS;
}

/* One header of `size` bytes at `at`. */
static enum hf_stat walk_header(struct ipv6_chain *chain, const uint8_t *ip, uint32_t at,
                                uint32_t size)
{
    switch (chain->protocol) {
    case IP_HOP_BY_HOP:
        if (at != IPV6_HEADER) /* [RFC 8200 4.1] */
            return HF_STAT_ip_bad_extension;
        return walk_options(chain, ip, at + 2, at + size);
    case IP_DESTINATION_OPTIONS: return walk_options(chain, ip, at + 2, at + size);
    case IP_ROUTING: return check_route(chain, ip, at);
    default:
        if (chain->fragmented)
            return HF_STAT_ip_bad_extension;
        read_fragment(chain, ip + at);
        return HF_STAT_none;
    }
}

/* [R8200-03, R8200-05] */
enum hf_stat ipv6_walk(struct ipv6_chain *chain, const uint8_t *ip, uint32_t length)
{
    *chain = (struct ipv6_chain){
        .protocol = ip[NEXT_HEADER_AT], .next_header_at = NEXT_HEADER_AT, .length = IPV6_HEADER};

    for (uint32_t count = 0; is_extension(chain->protocol) && !chain->fragment; count++) {
        uint32_t at = chain->length;

        if (count == IPV6_CHAIN_HEADERS_MAX || length - at < 8)
            return HF_STAT_ip_bad_extension;
        uint32_t size = chain->protocol == IP_FRAGMENT ? 8 : 8u + 8u * ip[at + 1];

        if (size > length - at)
            return HF_STAT_ip_bad_extension;
        enum hf_stat reason = walk_header(chain, ip, at, size);

        if (reason != HF_STAT_none)
            return reason;
        chain->protocol = ip[at];
        chain->next_header_at = (uint16_t)at;
        chain->length = at + size;
    }
    return HF_STAT_none;
}

struct hf_address ipv6_solicited_node(const struct hf_address *address)
{
    const uint8_t *b = address->bytes;

    return (struct hf_address){{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, b[13], b[14], b[15]}};
}
