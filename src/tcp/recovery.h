/* Loss: noticed by duplicate ACKs or by the timer, and repaired. [RFC 5681 3.2, RFC 6582] */
#ifndef TCP_RECOVERY_H
#define TCP_RECOVERY_H

#include "tcp/tcp.h"

/* A duplicate ACK as RFC 5681 defines it. */
void recovery_duplicate_ack(struct tcp *tcp, struct tcb *tcb);

/* SND.UNA has moved by `acked` bytes; `limited`: cwnd was what held us back before. */
void recovery_acknowledged(struct tcp *tcp, struct tcb *tcb, uint32_t acked, bool limited);

/* The retransmission timer fired: everything outstanding is sent again as cwnd allows. [RFC 5681 3.1, RFC 6298 5.4] */
void recovery_timed_out(struct tcp *tcp, struct tcb *tcb);

/* Bytes that may be outstanding beyond cwnd: limited transmit on the first two duplicate ACKs. [RFC 3042] */
uint32_t recovery_extra(const struct tcb *tcb);

#endif
