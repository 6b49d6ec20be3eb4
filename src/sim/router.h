/* A network in between with a smaller MTU: it cuts what may be cut, and says "too big" about the rest.
 * [RFC 791 3.2; RFC 1191 4; RFC 8201 3] */
#ifndef SIM_ROUTER_H
#define SIM_ROUTER_H

#include <handfast/handfast.h>

enum router_verdict {
    ROUTER_FITS = 0,
    ROUTER_FRAGMENTS, /* IPv4 without DF: router_cut gives the pieces    */
    ROUTER_TOO_BIG,   /* router_complaint gives the answer to the sender */
};

struct router {
    enum hf_link link;
    uint32_t mtu;
    const uint8_t *frame;
    uint32_t length;
    uint32_t ip_at, ip_length, ip_header; /* set by router_look                    */
    uint32_t cut;                         /* bytes of payload that are out already */
};

/* Looks at a frame; the bytes must stay until the router is asked no more. What is no IP fits. */
enum router_verdict router_look(struct router *router, const uint8_t *frame, uint32_t length);

/* The next fragment, written to `to` (room for the frame's length); its length, or 0: no more. */
uint32_t router_cut(struct router *router, uint8_t *to);

#define ROUTER_COMPLAINT_MAX (HF_LINK_HEADER_MAX + 1280)

/* The ICMP message to the sender, as a frame. Its length. */
uint32_t router_complaint(const struct router *router, uint8_t to[ROUTER_COMPLAINT_MAX]);

#endif
