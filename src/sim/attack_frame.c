/* Frames that nobody's stack would send. [RFC 9293 3.1; RFC 791; RFC 8200; RFC 792; RFC 4443] */
#include "sim/attack_frame.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

#define HOPS 55

static uint32_t ip_header(const struct flow *flow)
{
    return hf_address_is_v4(&flow->remote) ? IPV4_HEADER : IPV6_HEADER;
}

static uint32_t put_ip(uint8_t *to, const struct flow *flow, uint8_t protocol, uint32_t payload)
{
    if (hf_address_is_v4(&flow->remote))
        return ipv4_build(to, &(struct ipv4){
                                  .source = flow->remote,
                                  .destination = flow->local,
                                  .total_length = (uint16_t)(payload + IPV4_HEADER),
                                  .ttl = HOPS,
                                  .protocol = protocol,
                                  .dont_fragment = true,
                              });
    return ipv6_build(to, &(struct ipv6){
                              .source = flow->remote,
                              .destination = flow->local,
                              .payload_length = (uint16_t)payload,
                              .next_header = protocol,
                              .hop_limit = HOPS,
                          });
}

/* Text and checksum behind a header that lies at `tcp` already. */
static uint32_t finish(uint8_t *to, uint8_t *tcp, uint32_t header, const struct flow *flow,
                       const struct segment *seg)
{
    uint32_t length = header + seg->length;
    uint16_t sum;

    if (seg->length)
        memcpy(tcp + header, seg->text, seg->length);
    sum = checksum_add(checksum_pseudo_header(&flow->remote, &flow->local, IP_TCP, length),
                       checksum_sum(tcp, length));
    put_be16(tcp + TCP_CHECKSUM_OFFSET, (uint16_t)~sum);
    return put_ip(to, flow, IP_TCP, length) + length;
}

uint32_t attack_frame_segment(uint8_t *to, const struct flow *flow, const struct segment *seg)
{
    uint8_t *tcp = to + ip_header(flow);
    struct segment ported = *seg;

    ported.source_port = flow->remote_port;
    ported.destination_port = flow->local_port;
    return finish(to, tcp, tcp_header_build(tcp, &ported), flow, seg);
}

uint32_t attack_frame_raw(uint8_t *to, const struct flow *flow, const struct segment *seg,
                          const uint8_t *options, uint32_t option_bytes)
{
    uint8_t *tcp = to + ip_header(flow);
    struct segment bare = *seg;

    bare.source_port = flow->remote_port;
    bare.destination_port = flow->local_port;
    bare.options.present = 0;
    tcp_header_build(tcp, &bare);
    memcpy(tcp + TCP_HEADER, options, option_bytes);
    tcp[12] = (uint8_t)((TCP_HEADER + option_bytes) / 4 << 4);
    return finish(to, tcp, TCP_HEADER + option_bytes, flow, seg);
}

/* The packet that the victim is said to have sent: from him to whom the flow calls remote. */
static uint32_t put_quote(uint8_t *to, const struct flow *flow, const struct attack_icmp *error,
                          seq quoted)
{
    struct flow back = {flow->local, flow->remote, flow->local_port, flow->remote_port};
    uint32_t header = ip_header(flow);
    uint8_t *tcp = to + header;

    put_ip(to, &back, IP_TCP, error->total_length - header);
    memset(tcp, 0, TCP_HEADER);
    put_be16(tcp, flow->local_port);
    put_be16(tcp + 2, flow->remote_port);
    put_be32(tcp + 4, quoted.value);
    tcp[12] = 0x50;
    tcp[13] = TCP_ACK;
    return header + TCP_HEADER;
}

uint32_t attack_frame_icmp_error(uint8_t *to, const struct flow *flow,
                                 const struct attack_icmp *error, seq quoted)
{
    struct flow way = {.remote = error->router, .local = flow->local};
    bool v4 = hf_address_is_v4(&flow->remote);
    uint8_t quote[IPV6_HEADER + TCP_HEADER];
    struct icmp_message message = {
        .type = error->type,
        .code = error->code,
        .word = error->word,
        .body = quote,
        .body_length = put_quote(quote, flow, error, quoted),
    };
    uint8_t *icmp = to + ip_header(flow);
    uint32_t length =
        v4 ? icmpv4_build(icmp, &message) : icmpv6_build(icmp, &message, &way.remote, &way.local);

    return put_ip(to, &way, v4 ? IP_ICMPV4 : IP_ICMPV6, length) + length;
}

uint32_t attack_frame_echo(uint8_t *to, const struct hf_address *from,
                           const struct hf_address *victim, uint32_t text)
{
    static const uint8_t filler[ATTACK_FRAME_MAX];
    struct flow way = {.remote = *from, .local = *victim};
    bool v4 = hf_address_is_v4(from);
    struct icmp_message message = {
        .type = v4 ? (uint8_t)ICMPV4_ECHO_REQUEST : (uint8_t)ICMPV6_ECHO_REQUEST,
        .word = 0x00010001,
        .body = filler,
        .body_length = text,
    };
    uint8_t *icmp = to + ip_header(&way);
    uint32_t length =
        v4 ? icmpv4_build(icmp, &message) : icmpv6_build(icmp, &message, from, victim);

    return put_ip(to, &way, v4 ? IP_ICMPV4 : IP_ICMPV6, length) + length;
}

uint32_t attack_frame_fragment(uint8_t *to, const struct flow *flow,
                               const struct attack_fragment *fragment, const uint8_t *data,
                               uint32_t length)
{
    uint32_t header = ip_header(flow);

    if (hf_address_is_v4(&flow->remote)) {
        ipv4_build(to, &(struct ipv4){
                           .source = flow->remote,
                           .destination = flow->local,
                           .total_length = (uint16_t)(length + IPV4_HEADER),
                           .id = (uint16_t)fragment->id,
                           .fragment_offset = (uint16_t)fragment->offset,
                           .more_fragments = fragment->more,
                           .ttl = HOPS,
                           .protocol = fragment->protocol,
                       });
    } else {
        put_ip(to, flow, 44, length + IPV6_FRAGMENT_HEADER);
        to[header] = fragment->protocol;
        to[header + 1] = 0;
        put_be16(to + header + 2, (uint16_t)(fragment->offset | fragment->more));
        put_be32(to + header + 4, fragment->id);
        header += IPV6_FRAGMENT_HEADER;
    }
    memcpy(to + header, data, length);
    return header + length;
}

struct hf_address attack_address(struct random *random, bool v6)
{
    struct hf_address address;
    uint32_t v4;

    if (v6) {
        random_fill(random, address.bytes, sizeof address.bytes);
        memcpy(address.bytes, (const uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
        address.bytes[4] |= 0x80;
        return address;
    }
    do
        v4 = (uint32_t)random_between(random, 0x01000000, 0xdfffffff);
    while (v4 >> 24 == 127 || v4 >> 8 == 0xc00002 || (v4 & 0xff) == 0 || (v4 & 0xff) == 0xff);
    return address_v4(v4);
}
