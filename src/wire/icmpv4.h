/* ICMP for IPv4. [RFC 792; RFC 1122 3.2.2] */
#ifndef WIRE_ICMPV4_H
#define WIRE_ICMPV4_H

#include "wire/icmp.h"

enum icmpv4_type {
    ICMPV4_ECHO_REPLY = 0,
    ICMPV4_UNREACHABLE = 3,
    ICMPV4_SOURCE_QUENCH = 4,
    ICMPV4_REDIRECT = 5,
    ICMPV4_ECHO_REQUEST = 8,
    ICMPV4_TIME_EXCEEDED = 11,
    ICMPV4_PARAMETER_PROBLEM = 12,
};

enum icmpv4_unreachable_code {
    ICMPV4_NET_UNREACHABLE = 0,
    ICMPV4_HOST_UNREACHABLE = 1,
    ICMPV4_PROTOCOL_UNREACHABLE = 2,
    ICMPV4_PORT_UNREACHABLE = 3,
    ICMPV4_FRAGMENTATION_NEEDED = 4,
    ICMPV4_SOURCE_ROUTE_FAILED = 5,
    ICMPV4_NET_PROHIBITED = 9, /* [RFC 1122 3.2.2.1] */
    ICMPV4_HOST_PROHIBITED = 10,
    ICMPV4_ADMIN_PROHIBITED = 13,
};

#define ICMPV4_ERROR_QUOTE_MAX \
    (576 - 20 - ICMP_HEADER) /* [RFC 1122 3.2.2] keeps errors small: 576 in all */

/* The message of a packet whose ICMP checksum was verified. False: truncated. */
bool icmpv4_parse(struct icmp_message *message, const uint8_t *data, uint32_t length);

/* Writes the message with its checksum; returns its length, ICMP_HEADER + body_length. */
uint32_t icmpv4_build(uint8_t *to, const struct icmp_message *message);

/* An error about the packet at `ip`, to be given to icmpv4_build: it quotes as much as fits into 576 bytes. */
struct icmp_message icmpv4_error(uint8_t type, uint8_t code, uint32_t word, const uint8_t *ip,
                                 uint32_t ip_length);

/* As icmp_quote_parse, of an error of this version. */
bool icmpv4_quote_parse(struct icmp_quote *quote, const struct icmp_message *error);

#endif
