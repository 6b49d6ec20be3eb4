/* What was sent and is not yet acknowledged. [RFC 9293 3.8.1, 3.10.7.4 fifth; RFC 6298 5] */
#include "tcp/retransmit_queue.h"

#include "base/bytes.h"
#include "tcp/open.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/timestamps.h"

int64_t user_timeout_us(const struct tcp *tcp, const struct tcb *tcb)
{
    if (!(tcb->flags & TCB_SYN_ACKED))
        return ms_to_us(tcp->config.syn_timeout_ms);
    return ms_to_us(tcb->user_timeout_ms ? tcb->user_timeout_ms : tcp->config.user_timeout_ms);
}

/* Karn's rule: only what was sent once is timed; a timestamp tells which sending is meant. [RFC 6298 3; RFC 7323 4.1]
 * [R7323-18, R6298-06, R8961-01] */
static void take_rtt(const struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                     int64_t now_us)
{
    uint32_t rtt_us = 0;

    if ((tcb->flags & TCB_RTT_TIMING) && seq_gt(seg->ack, tcb->rtt_seq)) {
        tcb->flags &= ~(uint32_t)TCB_RTT_TIMING;
        rtt_us = (uint32_t)time_min(now_us - tcb->rtt_sent_us, INT32_MAX);
    } else if (!(tcb->flags & TCB_RTT_TIMING) && (tcb->flags & TCB_TIMESTAMPS)) {
        rtt_us = timestamp_rtt_us(tcb, seg, now_us);
    }
    if (rtt_us)
        rtt_sample(tcp, tcb, rtt_us);
}

/* Our SYN is acknowledged, in whatever state: the user may have closed in SYN-RECEIVED. */
static void syn_acked(const struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    tcb->flags |= TCB_SYN_ACKED;
    open_take_peer_mss(tcb);
    keepalive_start(tcp, tcb, now_us);
}

/* Takes acknowledged SYN, text and FIN off; returns the bytes of text. [R2018-10] */
static uint32_t take_off(struct tcp *tcp, struct tcb *tcb, seq ack, int64_t now_us)
{
    uint32_t text = seq_distance(tcb->snd_una, ack);

    if (!(tcb->flags & TCB_SYN_ACKED)) {
        syn_acked(tcp, tcb, now_us);
        text--;
    }
    if ((tcb->flags & TCB_FIN_SENT) && seq_eq(ack, tcb->snd_nxt))
        text--;
    tcb->snd_una = ack;
    if (text == 0)
        return 0;
    byte_queue_consume(&tcb->snd_queue, &tcp->chunks, text, &tcb->snd_held);
    byte_queue_rest(&tcb->snd_queue, &tcp->chunks, &tcb->snd_held);
    tcb->bytes_acked += text;
    tcp->stats->bytes_acknowledged += text;
    tcb->max_acked = (uint16_t)max_u32(tcb->max_acked, min_u32(text, tcb->mss));
    return text;
}

/* [R6298-08, R6298-09] */
static void restart_timers(const struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    if (seq_eq(tcb->snd_una, tcb->snd_nxt)) { /* [RFC 6298 5.2] */
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] = NEVER_US;
        tcb->deadline_us[TCP_TIMER_USER] = NEVER_US;
    } else { /* [RFC 6298 5.3] */
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] = now_us + tcb->rto_us;
        tcb->deadline_us[TCP_TIMER_USER] = now_us + user_timeout_us(tcp, tcb);
    }
    tcb->flags &= ~(uint32_t)TCB_R1_TOLD;
    persist_ends(tcb);
}

/* The user hears of room when he waits for it, and once half of the queue is free. */
static void announce_room(struct tcb *tcb)
{
    if ((tcb->flags & TCB_WANT_ROOM) && tcb->snd_queue.length <= tcb->snd_limit / 2) {
        tcb->flags &= ~(uint32_t)TCB_WANT_ROOM;
        tcb->ready |= HF_WRITABLE;
    }
}

void retransmit_queue_acked(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                            int64_t now_us)
{
    uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt), text;
    bool limited =
        flight + tcb->mss > tcb->congestion.cwnd ||
        (tcb->congestion.cwnd < tcb->congestion.ssthresh && 2 * flight >= tcb->congestion.cwnd);

    take_rtt(tcp, tcb, seg, now_us);
    rtt_settle(tcp, tcb);
    text = take_off(tcp, tcb, seg->ack, now_us);
    recovery_acknowledged(tcp, tcb, text, limited);
    if ((tcb->flags & TCB_SND_URGENT) && seq_geq(tcb->snd_una, tcb->snd_up))
        tcb->flags &= ~(uint32_t)TCB_SND_URGENT;
    tcb->pending_mtu = 0;
    tcb->soft_error = false;
    restart_timers(tcp, tcb, now_us);
    announce_room(tcb);
}

void retransmit_queue_sent(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    if (tcb->deadline_us[TCP_TIMER_RETRANSMIT] == NEVER_US || (tcb->flags & TCB_PERSIST)) {
        persist_ends(tcb);
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] = now_us + tcb->rto_us;
    }
    if (tcb->deadline_us[TCP_TIMER_USER] == NEVER_US)
        tcb->deadline_us[TCP_TIMER_USER] = now_us + user_timeout_us(tcp, tcb);
}
