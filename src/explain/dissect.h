/* A captured packet to a TCP segment, with patience: captures cut packets short, and offload leaves checksums open.
 * [RFC 791 3.1; RFC 8200; RFC 9293 3.1] */
#ifndef EXPLAIN_DISSECT_H
#define EXPLAIN_DISSECT_H

#include "wire/flow.h"
#include "wire/segment.h"

enum dissect_link {
    DISSECT_ETHERNET,
    DISSECT_RAW_IP,
    DISSECT_NULL,    /* BSD loopback: four bytes of an address family */
    DISSECT_COOKED,  /* Linux "any": 16 bytes */
    DISSECT_COOKED2, /* ... version 2: 20 bytes */
    DISSECT_UNKNOWN, /* some other */
};

enum dissect_kind {
    DISSECTED_TCP,
    DISSECTED_OTHER,    /* no TCP                                          */
    DISSECTED_FRAGMENT, /* a piece behind the first: its ports are unknown */
    DISSECTED_SHORT,    /* too little of it was captured                   */
    DISSECTED_BROKEN,   /* headers that cannot be                          */
};

struct dissected {
    struct flow flow; /* remote: who sent it */
    struct segment segment;
    uint16_t id; /* of IPv4; 0: none */
    uint8_t ttl;
    uint32_t missing; /* bytes behind those that were captured */
    bool is_piece;    /* the first fragment: the rest of its text is in others */
    bool cut;         /* its text, or a part of it, was not captured */
};

/* `captured` bytes at `data` of a packet that had `length`. */
enum dissect_kind dissect(struct dissected *dissected, enum dissect_link link, const uint8_t *data,
                          uint32_t captured, uint32_t length);

#endif
