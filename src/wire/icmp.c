/* The packet that an ICMP error quotes. [RFC 792; RFC 4443 2.4; RFC 5927 4] */
#include "wire/icmp.h"

#include "base/bytes.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* The first bytes of the quoted payload: ports, and the sequence number of TCP. [R5927-11] */
static void quote_transport(struct icmp_quote *quote, const uint8_t *payload, uint32_t length)
{
    if (quote->protocol != IP_TCP && quote->protocol != IP_UDP)
        return;
    if (length < 4)
        return;
    quote->flow.local_port = get_be16(payload);
    quote->flow.remote_port = get_be16(payload + 2);
    quote->has_ports = true;
    if (quote->protocol == IP_TCP && length >= 8) {
        quote->seq = seq_of(get_be32(payload + 4));
        quote->has_seq = true;
    }
}

static bool quote_v4(struct icmp_quote *quote, const uint8_t *data, uint32_t length)
{
    struct ipv4 header;

    if (ipv4_parse_quoted(&header, data, length) != HF_STAT_none)
        return false;
    quote->flow.local = header.source;
    quote->flow.remote = header.destination;
    quote->protocol = header.protocol;
    quote->total_length = header.total_length;
    if (header.fragment_offset == 0)
        quote_transport(quote, data + header.header_length, length - header.header_length);
    return true;
}

/* [R4443-06] */
static bool quote_v6(struct icmp_quote *quote, const uint8_t *data, uint32_t length)
{
    struct ipv6 header;
    struct ipv6_chain chain;

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
        quote_transport(quote, data + chain.length, length - chain.length);
    return true;
}

bool icmp_quote_parse(struct icmp_quote *quote, uint8_t version, const struct icmp_message *error)
{
    *quote = (struct icmp_quote){0};
    return version == 4 ? quote_v4(quote, error->body, error->body_length)
                        : quote_v6(quote, error->body, error->body_length);
}
