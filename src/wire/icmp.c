/* The packet that an ICMP error quotes. [RFC 792; RFC 4443 2.4; RFC 5927 4] */
#include "wire/icmp.h"

#include "base/bytes.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ip_protocol.h"

/* The first bytes of the quoted payload: ports, and the sequence number of TCP. [R5927-11] */
void icmp_quote_transport(struct icmp_quote *quote, const uint8_t *payload, uint32_t length)
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

bool icmp_quote_parse(struct icmp_quote *quote, uint8_t version, const struct icmp_message *error)
{
    return version == 4 ? icmpv4_quote_parse(quote, error) : icmpv6_quote_parse(quote, error);
}
