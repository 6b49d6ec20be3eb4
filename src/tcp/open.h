/* How a connection begins, and what both ways of opening share. [RFC 9293 3.5, 3.10.1] */
#ifndef TCP_OPEN_H
#define TCP_OPEN_H

#include "tcp/tcp.h"

/* IRS, and what the SYN's options agree with what we offered. */
void open_learn_options(const struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                        int64_t now_us);

/* From now on segments are no longer than the peer takes. Not before our SYN is acknowledged: until then it tells what we
 * take ourselves. [RFC 9293 3.7.1] */
void open_take_peer_mss(struct tcb *tcb);

/* The congestion window once the MSS is known. A lost SYN leaves one segment. [RFC 5681 3.1, RFC 6928] */
void open_start_sending(const struct tcp *tcp, struct tcb *tcb);

/* Arms keep-alive if this connection has it. */
void keepalive_start(const struct tcp *tcp, struct tcb *tcb, int64_t now_us);

#endif
