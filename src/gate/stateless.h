/* Handshakes without memory: a SYN answered by a cookie, and the ACK that brings it back. [RFC 4987 3.6]
 *
 * What a connection knows that a cookie opened is what the cache would have known, or less, never more: a smaller MSS, a
 * smaller scale, no round-trip time. And its peer is told no more than we shall know: the SYN-ACK carries only option kinds
 * that its SYN carried, and of those only what the cookie can remember.
 */
#ifndef GATE_STATELESS_H
#define GATE_STATELESS_H

#include "gate/gate.h"

/* GATE_ANSWER: one SYN-ACK, and nothing is kept. GATE_SILENT if the listener refuses SYNs without timestamps. */
enum gate_verdict stateless_on_syn(struct gate *gate, const struct gate_segment *arrived,
                                   struct segment *answer, int64_t now_us);

/* Whether a cookie of this listener may still be under way. */
bool stateless_is_outstanding(const struct gate *gate, const struct gate_listener *listener,
                              int64_t now_us);

/* Whether an ACK returns a cookie; then *handshake is what its SYN had agreed on. Otherwise gate->reason says why not. */
bool stateless_on_ack(struct gate *gate, const struct gate_segment *arrived,
                      struct handshake *handshake, int64_t now_us);

#endif
