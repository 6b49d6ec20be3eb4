/* What ICMP and ICMPv6 share: one shape of message, and the packet that an error quotes. [RFC 792; RFC 4443] */
#ifndef WIRE_ICMP_H
#define WIRE_ICMP_H

#include "wire/flow.h"
#include "base/seq.h"

enum icmp_kind {
    ICMP_OTHER = 0, /* not ours to answer: redirects, source quench, router messages, groups ... */
    ICMP_ECHO_REQUEST,
    ICMP_ECHO_REPLY,
    ICMP_UNREACHABLE,
    ICMP_TIME_EXCEEDED,
    ICMP_PARAMETER_PROBLEM,
    ICMP_TOO_BIG,  /* IPv4: unreachable, code 4 */
    ICMP_NEIGHBOR, /* IPv6: solicitation or advertisement, see nd.h */
};

#define ICMP_HEADER 8

struct icmp_message {
    enum icmp_kind kind; /* by parse only; build reads type and code */
    uint8_t type, code;
    uint32_t word; /* the header's second word: echo id and sequence, pointer, MTU ... */
    uint32_t mtu;  /* by parse, of ICMP_TOO_BIG; 0: the router named none [RFC 1191 3] */
    const uint8_t *body;
    uint32_t body_length;
};

static inline uint16_t icmp_echo_id(const struct icmp_message *message)
{
    return (uint16_t)(message->word >> 16);
}

static inline uint16_t icmp_echo_sequence(const struct icmp_message *message)
{
    return (uint16_t)message->word;
}

static inline bool icmp_is_error(const struct icmp_message *message)
{
    return message->kind == ICMP_UNREACHABLE || message->kind == ICMP_TIME_EXCEEDED ||
           message->kind == ICMP_PARAMETER_PROBLEM || message->kind == ICMP_TOO_BIG;
}

/* The packet that an error quotes: one that we sent, if the error is honest. [RFC 5927 4] */
struct icmp_quote {
    struct flow flow; /* seen from us: local is the quoted source. Ports are 0 unless has_ports */
    uint8_t protocol;
    bool has_ports;
    bool has_seq; /* a TCP segment, quoted at least up to its sequence number */
    seq seq;
    uint32_t total_length; /* of the quoted packet when it was whole: header and payload */
};

/* Reads ports and sequence number from the quoted payload, of which `length` bytes are there. */
void icmp_quote_transport(struct icmp_quote *quote, const uint8_t *payload, uint32_t length);

/* Parses what an error of IP version 4 or 6 quotes; false if no flow can be read from it. */
bool icmp_quote_parse(struct icmp_quote *quote, uint8_t version, const struct icmp_message *error);

#endif
