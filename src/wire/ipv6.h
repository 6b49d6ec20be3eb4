/* The IPv6 header and the chain of extension headers. [RFC 8200] */
#ifndef WIRE_IPV6_H
#define WIRE_IPV6_H

#include <handfast/stats.h>

#include "wire/flow.h"
#include "wire/ip_protocol.h"

#define IPV6_HEADER 40
#define IPV6_FRAGMENT_HEADER 8
#define IPV6_CHAIN_HEADERS_MAX 8 /* more extension headers than that are refused [RFC 8504 5.3] */
#define IPV6_OPTIONS_MAX 16 /* options in one of them, padding included        [RFC 8504 5.3] */

struct ipv6 {
    struct hf_address source, destination;
    uint32_t flow_label;     /* 20 bits */
    uint16_t payload_length; /* what follows the 40 bytes */
    uint8_t next_header;
    uint8_t hop_limit;
    uint8_t traffic_class;
};

/* HF_STAT_none, ip_truncated or ip_bad_header. */
enum hf_stat ipv6_parse(struct ipv6 *header, const uint8_t *data, uint32_t length);

/* Writes 40 bytes and returns that. */
uint32_t ipv6_build(uint8_t *to, const struct ipv6 *header);

/* What the walk found behind the fixed header. */
struct ipv6_chain {
    uint8_t protocol;        /* of what follows the chain                                     */
    bool fragmented;         /* there was a fragment header, atomic ones included             */
    bool fragment;           /* a piece of a datagram: the walk ends behind its header        */
    bool fragment_more;      /* the M bit                                                     */
    bool problem;            /* a Parameter Problem message is due for the refusal            */
    uint8_t problem_code;    /* ... its code                                                  */
    uint16_t problem_offset; /* ... and its pointer                                           */
    uint16_t next_header_at; /* offset of the byte that names `protocol`                      */
    uint32_t length;         /* all headers together: where the payload begins                */
    uint32_t fragment_id;
    uint32_t fragment_offset; /* bytes */
};

/* Walks the chain of the packet at `ip` (fixed header included), of `length` bytes. HF_STAT_none, ip_bad_extension or
 * ip_source_route. Protocols that are no extension header to us (AH, ESP, none) end the walk like any payload. */
enum hf_stat ipv6_walk(struct ipv6_chain *chain, const uint8_t *ip, uint32_t length);

/* ff02::1:ffXX:XXXX. [RFC 4291 2.7.1] */
struct hf_address ipv6_solicited_node(const struct hf_address *address);

#endif
