/* The receive window: what is offered, and when it is worth telling. [RFC 9293 3.8.6] */
#ifndef TCP_WINDOW_H
#define TCP_WINDOW_H

#include "tcp/tcp.h"

/* Moves RCV.NXT + RCV.WND to the right as far as the queue has room, if that is far enough to be worth it. The edge never
 * moves left. [RFC 9293 3.8.6.2.2, SHLD-14] */
void window_open(const struct tcp *tcp, struct tcb *tcb);

/* Whether the user has taken so much that the peer should hear of it at once. */
bool window_update_due(const struct tcp *tcp, const struct tcb *tcb);

/* The field for the next segment. It is rounded up to the scale's grain, and the edge with it: a window that is announced
 * twice must not seem to shrink. Beyond the limit it is rounded down, and what was announced before is still taken.
 * [RFC 7323 2.4] */
uint16_t window_field(struct tcb *tcb);

/* The first window, in a SYN: never scaled. [RFC 7323 2.2] */
static inline uint16_t window_first(const struct tcp *tcp)
{
    return (uint16_t)(tcp->config.receive_bytes < UINT16_MAX ? tcp->config.receive_bytes
                                                             : UINT16_MAX);
}

#endif
