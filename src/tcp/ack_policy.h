/* When to acknowledge: at once, or a little later. [RFC 9293 3.8.6.3, RFC 5681 4.2] */
#ifndef TCP_ACK_POLICY_H
#define TCP_ACK_POLICY_H

#include "tcp/tcp.h"

/* Text or a FIN came in order. closed_gap: part of a gap was filled, so the sender waits to hear of it. */
void ack_in_order(const struct tcp *tcp, struct tcb *tcb, uint32_t bytes, bool closed_gap,
                  int64_t now_us);

/* Text came out of order or twice: a duplicate ACK of its own, at once. [RFC 5681 4.2] */
void ack_duplicate(struct tcb *tcb);

/* An ACK goes out now with whatever is sent: nothing is owed any more. */
void ack_sent(struct tcb *tcb);

/* A challenge ACK, or the ACK that answers what is outside the window, within the connection's own throttle: nobody can
 * learn from it about another connection. [RFC 5961 7] */
void ack_challenge(struct tcp *tcp, struct tcb *tcb, int64_t now_us);

/* The ACK that answers a peer's question from one byte back: keep-alive, or a probe of our window. Who wears out the throttle by
 * forged segments does not silence it, or we would seem dead. [RFC 9293 3.8.4] */
void ack_probe(struct tcp *tcp, struct tcb *tcb, int64_t now_us);

#endif
