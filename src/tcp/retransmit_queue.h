/* What was sent and is not yet acknowledged: SYN, the front of the send queue, FIN. [RFC 9293 3.8.1, RFC 6298 5] */
#ifndef TCP_RETRANSMIT_QUEUE_H
#define TCP_RETRANSMIT_QUEUE_H

#include "tcp/tcp.h"

/* The sequence number of the first byte in the send queue. */
static inline seq snd_queue_seq(const struct tcb *tcb)
{
    return tcb->flags & TCB_SYN_ACKED ? tcb->snd_una : seq_add(tcb->iss, 1);
}

/* The sequence number behind the last byte of text: where our FIN is, or will be. */
static inline seq snd_text_end(const struct tcb *tcb)
{
    return seq_add(snd_queue_seq(tcb), tcb->snd_queue.length);
}

/* Where what has no text speaks from: SND.NXT. But the byte of a window probe lies beyond a window that is closed, and from
 * there the peer would believe neither ACK nor RST: its own text would wait for our next probe. More than a byte in flight is
 * none of a probe: the window was open for it and has shrunk, and the peer may have it. [RFC 9293 3.10.7.4 first] */
static inline seq snd_speaks_from(const struct tcb *tcb)
{
    return tcb->snd_wnd == 0 && (tcb->flags & TCB_SYN_ACKED) &&
                   seq_distance(tcb->snd_una, tcb->snd_nxt) == 1
               ? tcb->snd_una
               : tcb->snd_nxt;
}

/* Whether our FIN is acknowledged. */
static inline bool fin_is_acked(const struct tcb *tcb)
{
    return (tcb->flags & TCB_FIN_SENT) && seq_eq(tcb->snd_una, tcb->snd_nxt);
}

/* SND.UNA < SEG.ACK =< SND.NXT: takes off what is acknowledged, with all that follows from it for round-trip time,
 * congestion, timers and the user. */
void retransmit_queue_acked(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                            int64_t now_us);

/* Something was sent: starts the timers that must run while anything is outstanding. [RFC 6298 5.1] */
void retransmit_queue_sent(struct tcp *tcp, struct tcb *tcb, int64_t now_us);

/* The persist timer has done its work: no probe of it goes out any more. */
static inline void persist_ends(struct tcb *tcb)
{
    tcb->flags &= ~(uint32_t)(TCB_PERSIST | TCB_PROBE_NOW);
}

/* The user timeout of this connection in microseconds: for the SYN, or for anything later. */
int64_t user_timeout_us(const struct tcp *tcp, const struct tcb *tcb);

#endif
