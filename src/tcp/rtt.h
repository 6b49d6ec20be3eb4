/* Round-trip times and the retransmission timeout. [RFC 6298] */
#ifndef TCP_RTT_H
#define TCP_RTT_H

#include "tcp/tcp.h"

/* One measurement. [RFC 6298 2.2, 2.3] */
void rtt_sample(const struct tcp *tcp, struct tcb *tcb, uint32_t rtt_us);

/* Doubles the timeout after it fired. [RFC 6298 5.5] */
void rtt_back_off(const struct tcp *tcp, struct tcb *tcb);

/* Undoes the doubling: something new was acknowledged. */
void rtt_settle(const struct tcp *tcp, struct tcb *tcb);

#endif
