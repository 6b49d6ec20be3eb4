/* ICMP for IPv4. [RFC 792; RFC 1122 3.2.2] */
#include "wire/icmpv4.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"

/* [R5927-06, R1122-18, R1122-24, R1122-25, R6633-01] */
static enum icmp_kind kind_of(uint8_t type, uint8_t code)
{
    switch (type) {
    case ICMPV4_ECHO_REPLY: return ICMP_ECHO_REPLY;
    case ICMPV4_ECHO_REQUEST: return ICMP_ECHO_REQUEST;
    case ICMPV4_UNREACHABLE:
        return code == ICMPV4_FRAGMENTATION_NEEDED ? ICMP_TOO_BIG : ICMP_UNREACHABLE;
    case ICMPV4_TIME_EXCEEDED: return ICMP_TIME_EXCEEDED;
    case ICMPV4_PARAMETER_PROBLEM: return ICMP_PARAMETER_PROBLEM;
    default: return ICMP_OTHER; /* source quench among them [RFC 9293 MUST-55] */
    }
}

bool icmpv4_parse(struct icmp_message *message, const uint8_t *data, uint32_t length)
{
    if (length < ICMP_HEADER)
        return false;
    message->type = data[0];
    message->code = data[1];
    message->kind = kind_of(message->type, message->code);
    message->word = get_be32(data + 4);
    message->mtu = message->kind == ICMP_TOO_BIG ? message->word & 0xffff : 0; /* [RFC 1191 4] */
    message->body = data + ICMP_HEADER;
    message->body_length = length - ICMP_HEADER;
    return true;
}

uint32_t icmpv4_build(uint8_t *to, const struct icmp_message *message)
{
    to[0] = message->type;
    to[1] = message->code;
    put_be16(to + 2, 0);
    put_be32(to + 4, message->word);
    uint16_t sum = checksum_sum(to, ICMP_HEADER);

    if (message->body_length)
        sum =
            checksum_add(sum, checksum_copy(to + ICMP_HEADER, message->body, message->body_length));
    put_be16(to + 2, (uint16_t)~sum);
    return ICMP_HEADER + message->body_length;
}

struct icmp_message icmpv4_error(uint8_t type, uint8_t code, uint32_t word, const uint8_t *ip,
                                 uint32_t ip_length)
{
    return (struct icmp_message){
        .kind = kind_of(type, code),
        .type = type,
        .code = code,
        .word = word,
        .body = ip,
        .body_length = min_u32(ip_length, ICMPV4_ERROR_QUOTE_MAX),
    };
}

bool icmpv4_quote_parse(struct icmp_quote *quote, const struct icmp_message *error)
{
    const uint8_t *data = error->body;
    uint32_t length = error->body_length;
    struct ipv4 header;

    *quote = (struct icmp_quote){0};
    if (ipv4_parse_quoted(&header, data, length) != HF_STAT_none)
        return false;
    quote->flow.local = header.source;
    quote->flow.remote = header.destination;
    quote->protocol = header.protocol;
    quote->total_length = header.total_length;
    if (header.fragment_offset == 0)
        icmp_quote_transport(quote, data + header.header_length, length - header.header_length);
    return true;
}
