/* ICMPv6. [RFC 4443 2] */
#include "wire/icmpv6.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ipv6.h"

static enum icmp_kind kind_of(uint8_t type)
{
    switch (type) {
    case ICMPV6_UNREACHABLE: return ICMP_UNREACHABLE;
    case ICMPV6_TOO_BIG: return ICMP_TOO_BIG;
    case ICMPV6_TIME_EXCEEDED: return ICMP_TIME_EXCEEDED;
    case ICMPV6_PARAMETER_PROBLEM: return ICMP_PARAMETER_PROBLEM;
    case ICMPV6_ECHO_REQUEST: return ICMP_ECHO_REQUEST;
    case ICMPV6_ECHO_REPLY: return ICMP_ECHO_REPLY;
    case ICMPV6_NEIGHBOR_SOLICITATION:
    case ICMPV6_NEIGHBOR_ADVERTISEMENT: return ICMP_NEIGHBOR;
    default: return ICMP_OTHER;
    }
}

bool icmpv6_parse(struct icmp_message *message, const uint8_t *data, uint32_t length)
{
    if (length < ICMP_HEADER)
        return false;
    message->type = data[0];
    message->code = data[1];
    message->kind = kind_of(message->type);
    message->word = get_be32(data + 4);
    message->mtu = message->kind == ICMP_TOO_BIG ? message->word : 0;
    message->body = data + ICMP_HEADER;
    message->body_length = length - ICMP_HEADER;
    return true;
}

uint32_t icmpv6_build(uint8_t *to, const struct icmp_message *message,
                      const struct hf_address *source, const struct hf_address *destination)
{
    uint32_t length = ICMP_HEADER + message->body_length;

    to[0] = message->type;
    to[1] = message->code;
    put_be16(to + 2, 0);
    put_be32(to + 4, message->word);
    uint16_t sum = checksum_pseudo_header(source, destination, IP_ICMPV6, length);

    sum = checksum_add(sum, checksum_sum(to, ICMP_HEADER));
    if (message->body_length)
        sum =
            checksum_add(sum, checksum_copy(to + ICMP_HEADER, message->body, message->body_length));
    put_be16(to + 2, (uint16_t)~sum);
    return length;
}

/* [R4443-05] */
struct icmp_message icmpv6_error(uint8_t type, uint8_t code, uint32_t word, const uint8_t *ip,
                                 uint32_t ip_length)
{
    return (struct icmp_message){
        .kind = kind_of(type),
        .type = type,
        .code = code,
        .word = word,
        .body = ip,
        .body_length = min_u32(ip_length, ICMPV6_ERROR_QUOTE_MAX),
    };
}

void icmpv6_set_checksum(uint8_t *message, uint32_t length, const struct hf_address *source,
                         const struct hf_address *destination)
{
    put_be16(message + 2, 0);
    uint16_t sum = checksum_pseudo_header(source, destination, IP_ICMPV6, length);

    put_be16(message + 2, (uint16_t)~checksum_add(sum, checksum_sum(message, length)));
}

/* [R4443-06] */
bool icmpv6_quote_parse(struct icmp_quote *quote, const struct icmp_message *error)
{
    const uint8_t *data = error->body;
    uint32_t length = error->body_length;
    struct ipv6 header;
    struct ipv6_chain chain;

    *quote = (struct icmp_quote){0};
    if (length < IPV6_HEADER || ipv6_parse(&header, data, length) == HF_STAT_ip_bad_header)
        return false;
    if (hf_address_is_v4(&header.source)) /* no packet of ours had such an address */
        return false;
    if (ipv6_walk(&chain, data, length) != HF_STAT_none)
        return false;
    quote->flow.local = header.source;
    quote->flow.remote = header.destination;
    quote->protocol = chain.protocol;
    quote->total_length = (uint32_t)header.payload_length + IPV6_HEADER;
    if (chain.fragment_offset == 0)
        icmp_quote_transport(quote, data + chain.length, length - chain.length);
    return true;
}
