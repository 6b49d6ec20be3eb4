/* Frames that nobody's stack would send: segments, ICMP messages and fragments from any source, built by hand. Raw IP; bytes
 * in memory, for a simulated attacker. [RFC 9293 3.1; RFC 791; RFC 8200; RFC 792; RFC 4443] */
#ifndef SIM_ATTACK_FRAME_H
#define SIM_ATTACK_FRAME_H

#include "sim/random.h"
#include "wire/flow.h"
#include "wire/icmp.h"
#include "wire/segment.h"

#define ATTACK_FRAME_MAX 2048

/* Flows are written as the victim sees them: remote is whom the frame claims to come from. */

/* A segment with its text and whole checksums; ports are the flow's. Its length. */
uint32_t attack_frame_segment(uint8_t *to, const struct flow *flow, const struct segment *seg);

/* The same, with the header's flags as they are and the options as raw bytes (a multiple of four). */
uint32_t attack_frame_raw(uint8_t *to, const struct flow *flow, const struct segment *seg,
                          const uint8_t *options, uint32_t option_bytes);

/* An ICMP error from `router` about a segment that the victim is said to have sent: seq with this number. */
struct attack_icmp {
    struct hf_address router;
    uint8_t type, code;
    uint32_t word;         /* the MTU, for "too big" */
    uint16_t total_length; /* that the quoted packet claims to have had */
};
uint32_t attack_frame_icmp_error(uint8_t *to, const struct flow *flow,
                                 const struct attack_icmp *error, seq quoted);

/* An echo request with `text` bytes behind its header. */
uint32_t attack_frame_echo(uint8_t *to, const struct hf_address *from,
                           const struct hf_address *victim, uint32_t text);

/* A fragment: `length` bytes of `data` that claim to lie at `offset` (a multiple of 8). */
struct attack_fragment {
    uint32_t id;
    uint32_t offset;
    bool more;
    uint8_t protocol;
};
uint32_t attack_frame_fragment(uint8_t *to, const struct flow *flow,
                               const struct attack_fragment *fragment, const uint8_t *data,
                               uint32_t length);

/* A host address out of thin air: unicast, neither reserved nor loopback; v6: in 2001:db8:8000::/33. */

struct hf_address attack_address(struct random *random, bool v6);

#endif
