/* TIMEOUTS: retransmission, persist, delayed ACK, user timeout, keep-alive. [RFC 9293 3.10.8, 3.8; RFC 6298 5] */
#include "tcp/tcp.h"

#include "base/bytes.h"
#include "tcp/path_mtu.h"
#include "tcp/recovery.h"
#include "tcp/retransmit_queue.h"
#include "tcp/rtt.h"
#include "tcp/state.h"

#define R1_RETRANSMISSIONS 3 /* [RFC 9293 MUST-20] */
#define SYN_BARE_AFTER 3     /* some middleboxes drop options: the fourth SYN has none but MSS */

/* R2, or the user's patience, is over. [RFC 9293 MUST-20, 3.9.1.7; RFC 5482] [RFC 9293 MUST-22, X-16] */
static void give_up(struct tcp *tcp, struct tcb *tcb)
{
    if (tcb->state == TCP_SYN_SENT)
        tcb_delete(tcp, tcb, TCP_END_TIMED_OUT);
    else
        tcb_abort(tcp, tcb, TCP_END_TIMED_OUT);
}

/* R1: the way there is in doubt, the next hop should be asked again. [RFC 9293 SHLD-10] */
static void notice_r1(struct tcp *tcp, struct tcb *tcb)
{
    if (tcb->backoff < R1_RETRANSMISSIONS || (tcb->flags & TCB_R1_TOLD))
        return;
    tcb->flags |= TCB_R1_TOLD;
    tcp->path_in_doubt = true;
}

/* A closed window is probed for ever, at growing intervals, as long as the peer answers. [RFC 9293 MUST-35, SHLD-30]
 * [R6429-01, R6429-03] */
static void persist(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    tcb->flags |= TCB_PROBE_NOW | TCB_PERSIST;
    rtt_back_off(tcp, tcb);
    /* Often enough for a peer that answers to be heard before patience ends. */
    tcb->deadline_us[TCP_TIMER_RETRANSMIT] =
        now_us + time_min(tcb->rto_us, user_timeout_us(tcp, tcb) / 2);
}

/* [RFC 9293 X-17; R6298-10] */
static void retransmit(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    count_one(tcp->stats, retransmit_timeouts);
    rtt_back_off(tcp, tcb);
    notice_r1(tcp, tcb);
    path_mtu_on_timeout(tcb);
    if (tcb->flags & TCB_SYN_ACKED) {
        recovery_timed_out(tcp, tcb);
    } else {
        if (tcb->backoff >= SYN_BARE_AFTER && tcb->state == TCP_SYN_SENT)
            tcb->flags |= TCB_SYN_NO_OPTIONS;
        tcb->rtx_nxt = tcb->iss;
        tcb->rtx_end = seq_add(tcb->iss, 1);
    }
    if (tcb->backoff >= R1_RETRANSMISSIONS && tcb->srtt_us) {
        tcb->srtt_us = 0; /* it says nothing any more; RTO stays as it is [RFC 6298 5] */
        tcb->rttvar_us = 0;
    }
    tcb->deadline_us[TCP_TIMER_RETRANSMIT] = now_us + tcb->rto_us;
}

static void retransmit_timer(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    bool outstanding = !seq_eq(tcb->snd_una, tcb->snd_nxt);

    tcb->deadline_us[TCP_TIMER_RETRANSMIT] = NEVER_US;
    if (tcb->snd_wnd == 0 && (tcb->flags & TCB_SYN_ACKED) &&
        (outstanding || (tcb->flags & TCB_PERSIST)))
        persist(tcp, tcb, now_us);
    else if (outstanding)
        retransmit(tcp, tcb, now_us);
}

/* Keep-alive, or the end of a FIN-WAIT-2 that nobody waits for. [RFC 9293 3.8.4]
 * [RFC 9293 MUST-26, MUST-29, MAY-5] */
static void keep_timer(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    uint32_t idle_ms = time_ms(now_us) - tcb->heard_at_ms;

    tcb->deadline_us[TCP_TIMER_KEEP] = NEVER_US;
    if (tcb->state == TCP_FIN_WAIT_2 && (tcb->flags & TCB_NO_USER)) {
        tcb_delete(tcp, tcb, TCP_END_TIMED_OUT);
        return;
    }
    if (!tcb->keep_idle_ms || tcb->state < TCP_ESTABLISHED)
        return;
    if (idle_ms < tcb->keep_idle_ms) {
        tcb->deadline_us[TCP_TIMER_KEEP] = now_us + ms_to_us(tcb->keep_idle_ms - idle_ms);
        return;
    }
    if (tcb->keep_probes >= tcp->config.keep_count) {
        tcb_abort(tcp, tcb, TCP_END_TIMED_OUT);
        return;
    }
    if (seq_eq(tcb->snd_una, tcb->snd_nxt)) { /* only when nothing else asks [RFC 9293 MUST-27] */
        tcb->keep_probes++;
        tcb->flags |= TCB_KEEP_NOW;
    }
    tcb->deadline_us[TCP_TIMER_KEEP] = now_us + ms_to_us(tcp->config.keep_interval_ms);
}

static void ack_timer(struct tcp *tcp, struct tcb *tcb)
{
    tcb->deadline_us[TCP_TIMER_ACK] = NEVER_US;
    tcb->flags |= TCB_ACK_NOW;
    count_one(tcp->stats, delayed_acks);
}

static void hold_timer(struct tcb *tcb)
{
    tcb->deadline_us[TCP_TIMER_HOLD] = NEVER_US;
    tcb->flags |= TCB_HOLD_OVER;
}

static bool is_due(const struct tcb *tcb, enum tcp_timer timer, int64_t now_us)
{
    return tcb->deadline_us[timer] <= now_us;
}

void tcp_timeout(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    if (is_due(tcb, TCP_TIMER_USER, now_us)) {
        give_up(tcp, tcb);
        return;
    }
    if (is_due(tcb, TCP_TIMER_KEEP, now_us))
        keep_timer(tcp, tcb, now_us);
    if (tcb->end != TCP_END_NONE)
        return;
    if (is_due(tcb, TCP_TIMER_RETRANSMIT, now_us))
        retransmit_timer(tcp, tcb, now_us);
    if (is_due(tcb, TCP_TIMER_ACK, now_us))
        ack_timer(tcp, tcb);
    if (is_due(tcb, TCP_TIMER_HOLD, now_us))
        hold_timer(tcb);
}
