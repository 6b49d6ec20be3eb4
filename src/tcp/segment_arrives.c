/* SEGMENT ARRIVES: eight checks in the specification's order. [RFC 9293 3.10.7.4]
 *
 * What an attacker off the path can do here: guess. A RST must hit RCV.NXT exactly, data must carry an acknowledgment within
 * what could be acknowledged, a SYN changes nothing at all [RFC 5961]; what is challenged is throttled per connection.
 */
#include "tcp/segment_arrives.h"

#include "base/bytes.h"
#include "base/must.h"
#include "tcp/ack_policy.h"
#include "tcp/reassembly.h"
#include "tcp/recovery.h"
#include "tcp/retransmit_queue.h"
#include "tcp/rtt.h"
#include "tcp/state.h"
#include "tcp/timestamps.h"
#include "tcp/window.h"

enum check {
    CHECK_NEXT, /* go on with the next check */
    CHECK_DONE, /* the segment is dealt with */
};

/* Before the first check: PAWS. RST is exempt. [RFC 7323 5.3 R1, 3.2]
 * [R7323-14, R7323-15, R7323-16, R7323-22, R7323-24, R7323-25] */
static enum check check_timestamp(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                                  int64_t now_us)
{
    if (!(tcb->flags & TCB_TIMESTAMPS) || (seg->flags & TCP_RST))
        return CHECK_NEXT;
    if (!(seg->options.present & TCP_OPTION_TIMESTAMPS)) {
        if (seg->flags & TCP_SYN)
            return CHECK_NEXT; /* challenged whatever it carries */
        refuse_segment(tcp, segment_no_timestamp);
        return CHECK_DONE;
    }
    if (!timestamp_is_old(tcb, seg, now_us))
        return CHECK_NEXT;
    refuse_segment(tcp, segment_paws);
    if (seg->length > 0)
        ack_duplicate(tcb);
    else
        ack_challenge(tcp, tcb, now_us);
    return CHECK_DONE;
}

/* The four cases of 3.10.7.4's first table. [RFC 9293 MUST-66 allows RST, ACK and URG at a zero window]
 *
 * An empty segment counts at the right edge too, where the RFC has it one short: who has filled the window speaks from there,
 * and if both ends have, and both lost text, neither would hear the other's ACK again.
 * [RFC 9293 X-02] */
static bool is_acceptable(const struct tcb *tcb, const struct segment *seg)
{
    uint32_t length = segment_length(seg), window = tcb_rcv_wnd(tcb);

    if (length == 0)
        return seq_eq(seg->seq, tcb->rcv_edge) || seq_in_window(seg->seq, tcb->rcv_nxt, window);
    if (window == 0)
        return seq_eq(seg->seq, tcb->rcv_nxt); /* its text is cut off below, its ACK counts */
    return seq_in_window(seg->seq, tcb->rcv_nxt, window) ||
           seq_in_window(seq_add(seg->seq, length - 1), tcb->rcv_nxt, window);
}

/* An old duplicate is reported by D-SACK. [RFC 2883 4] */
static void note_duplicate(struct tcp *tcp, struct tcb *tcb, const struct segment *seg)
{
    seq right = seq_min(seq_add(seg->seq, seg->length), tcb->rcv_nxt);

    if (seg->length == 0 || seq_geq(seg->seq, tcb->rcv_nxt))
        return;
    count_one(tcp->stats, segment_duplicate);
    tcb->dsack_left = seg->seq;
    tcb->dsack_right = right;
}

/* First, check the sequence number. [RFC 9293 3.10.7.4 first] */
static enum check check_sequence(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                                 int64_t now_us)
{
    if (seg->flags & (TCP_RST | TCP_SYN))
        return CHECK_NEXT; /* they have rules of their own [RFC 5961 3.2, 4.2] */
    if (is_acceptable(tcb, seg)) {
        tcb->heard_at_ms = time_ms(now_us);
        return CHECK_NEXT;
    }
    refuse_segment(tcp, segment_out_of_window);
    if (seg->length > 0 || (seg->flags & TCP_FIN)) {
        note_duplicate(tcp, tcb, seg);
        ack_duplicate(tcb);
    } else if (seq_eq(seg->seq, seq_sub(tcb->rcv_nxt, 1))) {
        ack_probe(tcp, tcb, now_us);
    } else { /* throttled: two ends out of step must not answer each other for ever */
        ack_challenge(tcp, tcb, now_us);
    }
    return CHECK_DONE;
}

/*
 * Second, check the RST bit. [RFC 9293 3.10.7.4 second; RFC 5961 3.2]
 *
 * An off-path attacker can guess a sequence number inside the window; only a peer that has seen our segments knows
 * RCV.NXT. So the exact edge resets, the inside of the window is challenged, and the rest meets silence. The edge is
 * tested first: it counts even while RCV.WND is zero. [RFC 9293 MUST-66]
 * [RFC 9293 SHLD-2; R5961-01, R5961-02, R5961-03] [R5961-06, R5961-12] */
static enum check check_rst(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                            int64_t now_us)
{
    if (!(seg->flags & TCP_RST))
        return CHECK_NEXT;

    if (!seq_eq(seg->seq, tcb->rcv_nxt)) {
        if (!seq_in_window(seg->seq, tcb->rcv_nxt, tcb_rcv_wnd(tcb))) {
            refuse_segment(tcp, rst_outside_window);
            return CHECK_DONE;
        }
        refuse_segment(tcp, rst_challenged);
        ack_challenge(tcp, tcb, now_us);
        return CHECK_DONE;
    }
    tcb_delete(tcp, tcb, tcb->state == TCP_SYN_RECEIVED ? TCP_END_REFUSED : TCP_END_RESET);
    return CHECK_DONE;
}

/* Fourth, check the SYN bit: never believed, always challenged. [RFC 5961 4.2] [R5961-05] */
static enum check check_syn(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                            int64_t now_us)
{
    if (!(seg->flags & TCP_SYN))
        return CHECK_NEXT;
    refuse_segment(tcp, syn_challenged);
    ack_challenge(tcp, tcb, now_us);
    return CHECK_DONE;
}

/* [R5961-08, R7323-06] */
void take_send_window(struct tcp *tcp, struct tcb *tcb, const struct segment *seg, int64_t now_us)
{
    uint32_t before = tcb->snd_wnd;

    tcb->snd_wnd = (uint32_t)seg->window << (seg->flags & TCP_SYN ? 0 : tcb->snd_wind_shift);
    tcb->snd_wl1 = seg->seq;
    tcb->snd_wl2 = seg->ack;
    tcb->max_snd_wnd = max_u32(tcb->max_snd_wnd, tcb->snd_wnd);
    if (before > 0 || tcb->snd_wnd == 0 || tcb->state < TCP_ESTABLISHED)
        return;
    /* The window opens again: what the probes sent goes out as text of its own. Their intervals say nothing about the path. */
    rtt_settle(tcp, tcb);
    if (!seq_eq(tcb->snd_una, tcb->snd_nxt)) {
        tcb->rtx_nxt = tcb->snd_una;
        tcb->rtx_end = tcb->snd_nxt;
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] = now_us + tcb->rto_us;
    } else if (tcb->flags & TCB_PERSIST) {
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] = NEVER_US;
        tcb->deadline_us[TCP_TIMER_USER] = NEVER_US;
    }
    persist_ends(tcb);
}

/* The five conditions of RFC 5681 2 for a duplicate ACK. [R5681-17] */
static bool is_duplicate_ack(const struct tcb *tcb, const struct segment *seg)
{
    /* What answers a window probe says that the window is closed, not that anything was lost. */
    return tcb->snd_wnd > 0 && seq_eq(seg->ack, tcb->snd_una) &&
           !seq_eq(tcb->snd_una, tcb->snd_nxt) && seg->length == 0 && !(seg->flags & TCP_FIN) &&
           (uint32_t)seg->window << tcb->snd_wind_shift == tcb->snd_wnd;
}

/* Besides what RFC 9293 says, a segment that acknowledges more is newer whatever its SEG.SEQ: SND.UNA moves with it, and an
 * old SND.WND from there would reach beyond what the peer ever offered. [RFC 9293 X-09] */
static void update_send_window(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                               int64_t now_us)
{
    if (seq_gt(tcb->snd_una, seg->ack))
        return;
    if (seq_lt(tcb->snd_wl2, seg->ack) || seq_lt(tcb->snd_wl1, seg->seq) ||
        (seq_eq(tcb->snd_wl1, seg->seq) && seq_leq(tcb->snd_wl2, seg->ack)))
        take_send_window(tcp, tcb, seg, now_us);
    /* A peer that keeps its window closed but answers is alive: the user timeout starts anew. [RFC 6429 3] */
    if (tcb->flags & TCB_PERSIST)
        tcb->deadline_us[TCP_TIMER_USER] = now_us + user_timeout_us(tcp, tcb);
}

/* Simultaneous open: the peer acknowledges our SYN. [RFC 9293 3.10.7.4 fifth, SYN-RECEIVED] */
static enum check check_ack_of_syn(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                                   int64_t now_us)
{
    if (!seq_lt(tcb->snd_una, seg->ack) || seq_gt(seg->ack, tcb->snd_nxt)) {
        refuse_segment(tcp, segment_bad_ack);
        tcp->reset = (struct tcp_reset){.wanted = true, .flags = TCP_RST, .seq = seg->ack};
        return CHECK_DONE;
    }
    tcb_enter(tcp, tcb, TCP_ESTABLISHED);
    tcb->ready |= HF_CONNECTED | HF_WRITABLE;
    take_send_window(tcp, tcb, seg, now_us);
    return CHECK_NEXT;
}

/* What an acknowledged FIN means in each state. */
static void after_fin_acked(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    if (tcb->state == TCP_FIN_WAIT_1) {
        tcb_enter(tcp, tcb, TCP_FIN_WAIT_2);
        if (tcb->flags & TCB_NO_USER)
            tcb->deadline_us[TCP_TIMER_KEEP] = now_us + ms_to_us(tcp->config.fin_wait_2_ms);
    } else if (tcb->state == TCP_CLOSING) {
        tcb_enter(tcp, tcb, TCP_TIME_WAIT);
    } else if (tcb->state == TCP_LAST_ACK) {
        tcb_delete(tcp, tcb, TCP_END_CLOSED);
    }
}

/* Text, URG and FIN mean something only until the peer has closed. */
static bool may_receive(const struct tcb *tcb)
{
    return tcb->state == TCP_ESTABLISHED || tcb->state == TCP_FIN_WAIT_1 ||
           tcb->state == TCP_FIN_WAIT_2;
}

/* Fifth, check the ACK field. [RFC 9293 3.10.7.4 fifth; RFC 5961 5.2] [RFC 9293; R5961-07, R5961-09] */
static enum check check_ack(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                            int64_t now_us)
{
    if (!(seg->flags & TCP_ACK)) {
        refuse_segment(tcp, segment_no_ack);
        return CHECK_DONE;
    }
    if (tcb->state == TCP_SYN_RECEIVED && check_ack_of_syn(tcp, tcb, seg, now_us) == CHECK_DONE)
        return CHECK_DONE;
    if (seq_distance(seq_sub(tcb->snd_una, tcb->max_snd_wnd), seg->ack) >
        seq_distance(seq_sub(tcb->snd_una, tcb->max_snd_wnd), tcb->snd_nxt)) {
        refuse_segment(tcp, ack_challenged);
        ack_challenge(tcp, tcb, now_us);
        return CHECK_DONE;
    }
    if (tcb->flags &
        TCB_TIMESTAMPS) /* not before: a forged one would make the peer's own seem old */
        timestamp_remember(tcb, seg, now_us);
    if (seq_gt(seg->ack, tcb->snd_una)) {
        retransmit_queue_acked(tcp, tcb, seg, now_us);
    } else if (is_duplicate_ack(tcb, seg)) {
        count_one(tcp->stats, duplicate_acks);
        recovery_duplicate_ack(tcp, tcb);
    }
    update_send_window(tcp, tcb, seg, now_us);
    if (fin_is_acked(tcb))
        after_fin_acked(tcp, tcb, now_us);
    return may_receive(tcb) ? CHECK_NEXT : CHECK_DONE;
}

/* Sixth, check the URG bit. The pointer names the byte after the urgent one, as everybody means it. [RFC 9293 3.10.7.4 sixth,
 * RFC 6093 2.1] [RFC 9293 MUST-30, MUST-31, MUST-32, X-20; R6093-01] */
static void check_urg(struct tcp *tcp, struct tcb *tcb, const struct segment *seg)
{
    seq up = seq_add(seg->seq, seg->urgent);

    if (!(seg->flags & TCP_URG))
        return;
    count_one(tcp->stats, urgent_received);
    if (seq_leq(up, seq_sub(tcb->rcv_nxt, tcb->rcv_queue.length)))
        return; /* read already */
    if ((tcb->flags & TCB_RCV_URGENT) && seq_leq(up, tcb->rcv_up))
        return;
    tcb->rcv_up = up;
    tcb->flags |= TCB_RCV_URGENT;
    tcb->ready |= HF_URGENT;
}

/* The part of a segment's text that lies in the window. */
struct text {
    seq at;
    struct byte_run run;
    bool fin;
};

/* [RFC 9293 X-12] */
static struct text trim(struct tcp *tcp, struct tcb *tcb, const struct segment *seg)
{
    struct text text = {
        seg->seq, {(uint8_t *)(uintptr_t)seg->text, seg->length}, seg->flags & TCP_FIN};
    uint32_t before, window = tcb_rcv_wnd(tcb);

    if (seq_lt(text.at, tcb->rcv_nxt)) {
        before = min_u32(seq_distance(text.at, tcb->rcv_nxt), text.run.length);
        note_duplicate(tcp, tcb, seg);
        text.run.data += before;
        text.run.length -= before;
        text.at = tcb->rcv_nxt;
    }
    if (seq_distance(tcb->rcv_nxt, text.at) + text.run.length + text.fin > window) {
        uint32_t ahead = seq_distance(tcb->rcv_nxt, text.at);

        if (ahead + text.run.length > window)
            text.run.length = window - min_u32(ahead, window);
        text.fin = text.fin && ahead + text.run.length < window;
    }
    return text;
}

static void took_in_order(struct tcp *tcp, struct tcb *tcb, seq before, bool closed_gap,
                          int64_t now_us)
{
    uint32_t bytes = seq_distance(before, tcb->rcv_nxt);

    tcb->bytes_received += bytes;
    tcp->stats->bytes_received += bytes;
    tcb->ready |= bytes ? HF_READABLE : 0;
    ack_in_order(tcp, tcb, bytes, closed_gap, now_us);
}

/* Eighth, check the FIN bit: RCV.NXT stands at it. [RFC 9293 3.10.7.4 eighth] [RFC 9293 X-13] */
static void take_fin(struct tcp *tcp, struct tcb *tcb)
{
    tcb->rcv_nxt = seq_add(tcb->rcv_nxt, 1);
    if (seq_lt(tcb->rcv_edge, tcb->rcv_nxt))
        tcb->rcv_edge = tcb->rcv_nxt;
    else if (!seq_eq(tcb->rcv_edge, tcb->rcv_nxt)) /* it takes no room; a single byte is none */
        tcb->rcv_edge = seq_add(tcb->rcv_edge, 1);
    tcb->flags |= TCB_FIN_RECEIVED | TCB_ACK_NOW;
    tcb->ready |= HF_READABLE | HF_PEER_CLOSED;
    if (tcb->state == TCP_ESTABLISHED)
        tcb_enter(tcp, tcb, TCP_CLOSE_WAIT);
    else if (tcb->state == TCP_FIN_WAIT_1)
        tcb_enter(tcp, tcb, TCP_CLOSING);
    else
        tcb_enter(tcp, tcb, TCP_TIME_WAIT);
}

static void keep_or_drop(struct tcp *tcp, struct tcb *tcb, const struct text *text,
                         enum reassembly_verdict verdict)
{
    ack_duplicate(tcb);
    if (verdict == REASSEMBLY_KEPT) {
        count_one(tcp->stats, segment_out_of_order);
    } else if (verdict == REASSEMBLY_DUPLICATE) {
        count_one(tcp->stats, segment_duplicate);
        tcb->dsack_left = text->at;
        tcb->dsack_right = seq_add(text->at, text->run.length);
    } else if (seq_eq(text->at, tcb->rcv_nxt)) {
        refuse_segment(tcp, receive_no_memory);
    } else {
        refuse_segment(tcp, out_of_order_dropped);
    }
}

/* Seventh, process the segment text; and the FIN behind it. [RFC 9293 3.10.7.4 seventh] */
static void take_text(struct tcp *tcp, struct tcb *tcb, const struct segment *seg, int64_t now_us)
{
    bool had_gap = tcb->ooo != SLOT_NONE;
    seq before = tcb->rcv_nxt;
    enum reassembly_verdict verdict;
    struct text text;

    if (seg->length == 0 && !(seg->flags & TCP_FIN))
        return;
    text = trim(tcp, tcb, seg);
    if ((tcb->flags & TCB_NO_USER) && text.run.length > 0) { /* new text [RFC 9293 MAY-1, SHLD-3] */
        refuse_segment(tcp, segment_after_close);
        tcb_abort(tcp, tcb, TCP_END_ABORTED);
        return;
    }
    if (text.run.length == 0 && !text.fin) { /* all of it old, or no window */
        ack_duplicate(tcb);
        return;
    }
    verdict = reassembly_insert(tcp, tcb, text.at, text.run, &text.fin);
    if (verdict == REASSEMBLY_IN_ORDER)
        took_in_order(tcp, tcb, before, had_gap, now_us);
    else
        keep_or_drop(tcp, tcb, &text, verdict);
    if (text.fin)
        take_fin(tcp, tcb);
}

/* Both windows seem closed, each end has taken the byte of the other's probe, and neither heard so: now each speaks from before
 * that byte, where the other expects nothing any more. What acknowledges our probe is heard from there, or nothing would be
 * heard again. [RFC 9293 3.8.6.1] */
static bool crossed_our_probe(const struct tcb *tcb, const struct segment *seg)
{
    return tcb->snd_wnd == 0 && seq_eq(seg->seq, seq_sub(tcb->rcv_nxt, 1)) &&
           segment_length(seg) == 0 && seq_gt(seg->ack, tcb->snd_una);
}

void tcp_segment_arrives(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                         int64_t now_us)
{
    must(tcb->end == TCP_END_NONE);
    if (tcb->state == TCP_SYN_SENT) {
        if (tcp->syn_sent(tcp, tcb, seg, now_us)) {
            struct segment behind = *seg; /* the SYN, which has a number of its own */

            check_urg(tcp, tcb, seg);
            behind.seq = seq_add(seg->seq, 1);
            take_text(tcp, tcb, &behind, now_us);
        }
        return;
    }
    if (check_timestamp(tcp, tcb, seg, now_us) == CHECK_DONE)
        return;
    if (check_sequence(tcp, tcb, seg, now_us) == CHECK_DONE && !crossed_our_probe(tcb, seg))
        return;
    if (check_rst(tcp, tcb, seg, now_us) == CHECK_DONE)
        return;
    if (check_syn(tcp, tcb, seg, now_us) == CHECK_DONE)
        return;
    tcb->keep_probes = 0;
    if (check_ack(tcp, tcb, seg, now_us) == CHECK_DONE)
        return;
    check_urg(tcp, tcb, seg);
    take_text(tcp, tcb, seg, now_us);
}
