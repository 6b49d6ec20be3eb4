/* Fast retransmit and fast recovery without SACK's help. [RFC 5681 3.2; RFC 6582; RFC 3042]
 *
 * The careful variant: three duplicate ACKs start a recovery only above `recover`, so the echo of our own retransmissions
 * after a timeout does not start another. A receiver that spoofs duplicate ACKs can inflate cwnd at most by what was in
 * flight when they began: more duplicates than that change nothing. [RFC 5681 3.2 (3)] One that divides its ACKs during a
 * recovery is sent nothing twice for it: what was sent again is not sent once more before it is acknowledged.
 */
#include "tcp/recovery.h"

#include "base/bytes.h"
#include "tcp/congestion.h"

#define DUP_ACKS 3

/* `recover` follows SND.UNA at this distance, or after 2 GB without a loss it would seem to lie ahead. */
#define RECOVER_BEHIND_MAX (1 << 30)

static uint32_t flight_of(const struct tcb *tcb)
{
    return seq_distance(tcb->snd_una, tcb->snd_nxt);
}

/* Sends the first unacknowledged segment again. */
static void resend_first(struct tcb *tcb)
{
    tcb->rtx_nxt = tcb->snd_una;
    tcb->rtx_end = seq_min(seq_add(tcb->snd_una, tcb_smss(tcb)), tcb->snd_nxt);
}

/* [R5681-10, R5681-12, R5681-13, R5681-16, R6582-02] [R2018-09] */
void recovery_duplicate_ack(struct tcp *tcp, struct tcb *tcb)
{
    struct congestion *c = &tcb->congestion;
    uint32_t flight = flight_of(tcb);

    if (tcb->dup_acks < UINT8_MAX)
        tcb->dup_acks++;
    if (tcb->flags & TCB_RECOVERY) { /* not what was sent since, or inflation would feed itself */
        if (c->cwnd < c->ssthresh + seq_distance(tcb->snd_una, tcb->recover))
            c->cwnd += tcb->mss;
        return;
    }
    if (tcb->dup_acks != DUP_ACKS || seq_leq(tcb->snd_una, tcb->recover))
        return;
    count_one(tcp->stats, fast_retransmits);
    tcp->congestion->lost(c, flight, tcb->mss);
    tcb->flags |= TCB_RECOVERY;
    tcb->recover = seq_sub(tcb->snd_nxt, 1);
    c->cwnd = c->ssthresh + DUP_ACKS * tcb->mss;
    resend_first(tcb);
}

/* [R6582-04] */
static void partial_ack(struct tcb *tcb, uint32_t acked)
{
    struct congestion *c = &tcb->congestion;

    c->cwnd -= min_u32(acked, c->cwnd - min_u32(c->cwnd, tcb->mss));
    if (acked >= tcb_smss(tcb))
        c->cwnd += tcb->mss;
    if (seq_eq(tcb->rtx_nxt, tcb->snd_una)) /* else its answer is still to come */
        resend_first(tcb);
}

/* [R6582-03] */
void recovery_acknowledged(struct tcp *tcp, struct tcb *tcb, uint32_t acked, bool limited)
{
    struct congestion *c = &tcb->congestion;

    tcb->dup_acks = 0;
    if (seq_lt(tcb->rtx_nxt, tcb->snd_una))
        tcb->rtx_nxt = tcb->snd_una;
    if (seq_lt(tcb->rtx_end, tcb->rtx_nxt))
        tcb->rtx_end = tcb->rtx_nxt;
    if (!(tcb->flags & TCB_RECOVERY)) {
        if (limited)
            tcp->congestion->acknowledged(c, acked, tcb->mss);
        if (seq_diff(tcb->snd_una, tcb->recover) > RECOVER_BEHIND_MAX)
            tcb->recover = seq_sub(tcb->snd_una, 1);
        return;
    }
    if (seq_leq(tcb->snd_una, tcb->recover)) {
        partial_ack(tcb, acked);
        return;
    }
    tcb->flags &= ~(uint32_t)TCB_RECOVERY;
    c->cwnd = min_u32(c->ssthresh, max_u32(flight_of(tcb), tcb->mss) + tcb->mss);
}

/* [R6582-05] [R2018-07] */
void recovery_timed_out(struct tcp *tcp, struct tcb *tcb)
{
    tcp->congestion->timed_out(&tcb->congestion, flight_of(tcb), tcb->mss, tcb->backoff <= 1);
    tcb->flags &= ~(uint32_t)TCB_RECOVERY;
    tcb->recover = seq_sub(tcb->snd_nxt, 1); /* [RFC 6582 4.2] */
    tcb->dup_acks = 0;
    tcb->rtx_nxt = tcb->snd_una;
    tcb->rtx_end = tcb->snd_nxt;
}

/* [R5681-11, R3042-01] */
uint32_t recovery_extra(const struct tcb *tcb)
{
    if ((tcb->flags & TCB_RECOVERY) || tcb->dup_acks == 0 || tcb->dup_acks >= DUP_ACKS)
        return 0;
    return (uint32_t)tcb->dup_acks * tcb->mss;
}
