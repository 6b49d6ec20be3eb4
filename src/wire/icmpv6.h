/* ICMPv6. [RFC 4443] */
#ifndef WIRE_ICMPV6_H
#define WIRE_ICMPV6_H

#include "wire/icmp.h"

enum icmpv6_type {
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_TOO_BIG = 2,
    ICMPV6_TIME_EXCEEDED = 3,
    ICMPV6_PARAMETER_PROBLEM = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    ICMPV6_ROUTER_SOLICITATION = 133,
    ICMPV6_ROUTER_ADVERTISEMENT = 134,
    ICMPV6_NEIGHBOR_SOLICITATION = 135,
    ICMPV6_NEIGHBOR_ADVERTISEMENT = 136,
    ICMPV6_REDIRECT = 137,
    ICMPV6_MLD2_REPORT = 143,
};

enum icmpv6_unreachable_code {
    ICMPV6_NO_ROUTE = 0,
    ICMPV6_ADMIN_PROHIBITED = 1,
    ICMPV6_BEYOND_SCOPE = 2,
    ICMPV6_ADDRESS_UNREACHABLE = 3,
    ICMPV6_PORT_UNREACHABLE = 4,
};

enum icmpv6_problem_code {
    ICMPV6_BAD_FIELD = 0,
    ICMPV6_UNKNOWN_NEXT_HEADER = 1,
    ICMPV6_UNKNOWN_OPTION = 2,
};

#define ICMPV6_ERROR_QUOTE_MAX (1280 - 40 - ICMP_HEADER) /* [RFC 4443 2.4] */

/* The message of a packet whose checksum was verified. False: truncated. */
bool icmpv6_parse(struct icmp_message *message, const uint8_t *data, uint32_t length);

/* Writes the message with its checksum (the pseudo-header has these addresses); returns its length. */
uint32_t icmpv6_build(uint8_t *to, const struct icmp_message *message,
                      const struct hf_address *source, const struct hf_address *destination);

/* An error about the packet at `ip`, to be given to icmpv6_build: it quotes as much as fits into 1280 bytes. */
struct icmp_message icmpv6_error(uint8_t type, uint8_t code, uint32_t word, const uint8_t *ip,
                                 uint32_t ip_length);

/* Fills the checksum field (offset 2) of any ICMPv6 message that lies whole at `message`. */
void icmpv6_set_checksum(uint8_t *message, uint32_t length, const struct hf_address *source,
                         const struct hf_address *destination);

/* As icmp_quote_parse, of an error of this version. */
bool icmpv6_quote_parse(struct icmp_quote *quote, const struct icmp_message *error);

#endif
