/* What must be true of every TCB between two events. [RFC 9293 3.3.1, 3.4] */
#include "tcp/tcb.h"

static const char *check_sending(const struct tcb *tcb)
{
    uint32_t in_flight = seq_distance(tcb->snd_una, tcb->snd_nxt);

    if (seq_gt(tcb->snd_una, tcb->snd_nxt))
        return "SND.UNA =< SND.NXT";
    if (in_flight > tcb->snd_queue.length + 2)
        return "what is in flight is in the send queue, but for SYN and FIN";
    if (seq_lt(tcb->rtx_nxt, tcb->snd_una) && !seq_eq(tcb->rtx_nxt, tcb->rtx_end))
        return "only what is not acknowledged is sent again";
    if (seq_gt(tcb->rtx_end, tcb->snd_nxt))
        return "only what was sent is sent again";
    if (tcb->snd_wnd > tcb->max_snd_wnd)
        return "MAX.SND.WND is the largest SND.WND";
    if ((tcb->flags & TCB_FIN_SENT) && !(tcb->flags & TCB_FIN_WANTED))
        return "FIN is sent only when the user has closed";
    return NULL;
}

/* [RFC 6582 3.2, RFC 6298 3] */
static const char *check_recovery(const struct tcb *tcb)
{
    uint32_t in_flight = seq_distance(tcb->snd_una, tcb->snd_nxt);

    if (tcb->dup_acks > 0 && in_flight == 0)
        return "duplicate ACKs are counted while something is in flight [RFC 5681 2]";
    if (seq_gt(tcb->rtx_nxt, tcb->rtx_end))
        return "what is sent again has its beginning before its end";
    if (!seq_eq(tcb->rtx_nxt, tcb->rtx_end) && in_flight == 0)
        return "nothing is sent again that is acknowledged";
    if ((tcb->flags & TCB_RECOVERY) &&
        (seq_lt(tcb->recover, tcb->snd_una) || seq_geq(tcb->recover, tcb->snd_nxt)))
        return "a recovery is about what is in flight [RFC 6582 3.2]";
    if (seq_geq(tcb->recover, tcb->snd_nxt) && !seq_eq(tcb->recover, tcb->iss))
        return "recover is not ahead of what was sent";
    if ((tcb->flags & TCB_RTT_TIMING) &&
        (seq_lt(tcb->rtt_seq, tcb->snd_una) || seq_geq(tcb->rtt_seq, tcb->snd_nxt)))
        return "what is timed is in flight [RFC 6298 3]";
    return NULL;
}

/* [RFC 9293 3.8] */
static const char *check_timers(const struct tcb *tcb)
{
    uint32_t in_flight = seq_distance(tcb->snd_una, tcb->snd_nxt);

    if (in_flight > 0 && tcb->deadline_us[TCP_TIMER_RETRANSMIT] == NEVER_US)
        return "the retransmission timer runs while anything is in flight [RFC 6298 5.1]";
    if (in_flight > 0 && tcb->deadline_us[TCP_TIMER_USER] == NEVER_US)
        return "the user timeout runs while anything is in flight [RFC 9293 3.9.1.7]";
    if ((tcb->flags & TCB_PERSIST) &&
        (tcb->snd_wnd > 0 || tcb->deadline_us[TCP_TIMER_RETRANSMIT] == NEVER_US))
        return "the persist timer runs while the window is closed [RFC 9293 MUST-36]";
    if ((tcb->flags & (TCB_PROBE_NOW | TCB_PERSIST)) == TCB_PROBE_NOW)
        return "a window probe is due only while the persist timer runs [RFC 9293 3.8.6.1]";
    if (in_flight == 0 && !(tcb->flags & TCB_PERSIST) &&
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] != NEVER_US)
        return "the retransmission timer stops when nothing is in flight [RFC 6298 5.2]";
    if (in_flight == 0 && !(tcb->flags & TCB_PERSIST) && !seq_eq(tcb->snd_nxt, tcb->iss) &&
        tcb->deadline_us[TCP_TIMER_USER] != NEVER_US)
        return "the user timeout stops when nothing waits for the peer [RFC 9293 3.9.1.7]";
    if ((tcb->flags & TCB_KEEP_NOW) && in_flight > 0)
        return "no keep-alive probe beside what is in flight [RFC 9293 MUST-26]";
    if (in_flight > 0 &&
        ((tcb->flags & TCB_HOLD_OVER) || tcb->deadline_us[TCP_TIMER_HOLD] != NEVER_US))
        return "text is held back for its ACK, or for the override timer [RFC 9293 3.8.6.2.1]";
    if (tcb->state == TCP_FIN_WAIT_2 && (tcb->flags & TCB_NO_USER) &&
        tcb->deadline_us[TCP_TIMER_KEEP] == NEVER_US)
        return "a FIN-WAIT-2 that nobody waits for has an end";
    return NULL;
}

static const char *check_receiving(const struct tcb *tcb)
{
    if (tcb_rcv_wnd(tcb) > UINT32_MAX / 2)
        return "RCV.NXT =< RCV.NXT + RCV.WND";
    if ((tcb->flags & TCB_FIN_RECEIVED) && tcb->ooo != SLOT_NONE)
        return "nothing is out of order behind the peer's FIN";
    if (tcb->state == TCP_SYN_SENT || seq_eq(tcb->snd_nxt, tcb->iss)) /* our SYN is still to go */
        return NULL;
    if (seq_gt(tcb->last_ack_sent, tcb->rcv_nxt))
        return "what is acknowledged was received";
    if (!seq_eq(tcb->last_ack_sent, tcb->rcv_nxt) && !(tcb->flags & TCB_ACK_NOW) &&
        tcb->deadline_us[TCP_TIMER_ACK] == NEVER_US)
        return "an ACK is owed for what was received, now or by the timer [RFC 9293 MUST-40]";
    if (tcb->unacked_bytes == 0 && tcb->deadline_us[TCP_TIMER_ACK] != NEVER_US &&
        !(tcb->flags & TCB_ACK_NOW))
        return "the delayed ACK is for text";
    return NULL;
}

static const char *check_state(const struct tcb *tcb)
{
    bool fin_sent = tcb->flags & TCB_FIN_WANTED, fin_received = tcb->flags & TCB_FIN_RECEIVED;

    switch ((enum tcp_state)tcb->state) {
    case TCP_LISTEN: return "no TCB is in LISTEN";
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED: return fin_received ? "no FIN was received before CLOSE-WAIT" : NULL;
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2: return !fin_sent || fin_received ? "only our side has closed" : NULL;
    case TCP_CLOSE_WAIT: return fin_sent || !fin_received ? "only the peer has closed" : NULL;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT: return !fin_sent || !fin_received ? "both sides have closed" : NULL;
    case TCP_CLOSED: return tcb->end == TCP_END_NONE ? "CLOSED has a reason" : NULL;
    case TCP_STATES: break;
    }
    return "the state is one of RFC 9293's";
}

const char *tcb_check(const struct tcb *tcb)
{
    const char *wrong = check_state(tcb);

    if (!wrong && tcb->end == TCP_END_NONE)
        wrong = check_sending(tcb);
    if (!wrong && tcb->end == TCP_END_NONE)
        wrong = check_recovery(tcb);
    if (!wrong && tcb->end == TCP_END_NONE)
        wrong = check_timers(tcb);
    if (!wrong && tcb->end == TCP_END_NONE)
        wrong = check_receiving(tcb);
    return wrong;
}
