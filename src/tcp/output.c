/* What to send next: one question, asked until the answer is no. [RFC 9293 3.8, 3.10.2]
 *
 * The order is: probes, what is to be sent again, new text and FIN, and an ACK of its own if nothing of these carried it.
 */
#include "tcp/tcp.h"

#include "base/bytes.h"
#include "base/must.h"
#include "tcp/ack_policy.h"
#include "tcp/reassembly.h"
#include "tcp/recovery.h"
#include "tcp/retransmit_queue.h"
#include "tcp/state.h"
#include "tcp/timestamps.h"
#include "tcp/window.h"

static bool syn_is_due(const struct tcb *tcb)
{
    if (tcb->flags & TCB_SYN_ACKED)
        return false;
    return seq_eq(tcb->snd_nxt, tcb->iss) ||
           (seq_eq(tcb->rtx_nxt, tcb->iss) && !seq_eq(tcb->rtx_nxt, tcb->rtx_end));
}

/* Whether our FIN may be sent behind the text: the user has closed, and the handshake lets us. */
static bool fin_is_due(const struct tcb *tcb)
{
    return (tcb->flags & (TCB_FIN_WANTED | TCB_FIN_SENT)) == TCB_FIN_WANTED &&
           tcb->state >= TCP_ESTABLISHED;
}

/* Bytes beyond SND.NXT that window and congestion allow. [RFC 9293 MUST-34; R7323-10, R7323-11, R5681-01] */
static uint32_t usable(const struct tcb *tcb)
{
    uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);
    uint32_t allowed = min_u32(tcb->snd_wnd, tcb->congestion.cwnd + recovery_extra(tcb));

    return allowed > flight ? allowed - flight : 0;
}

/* Whether our FIN may go behind the next `length` bytes, which are the last. It takes a place in the peer's window, but it is
 * no text: congestion limits data [RFC 5681 1], so a FIN of its own waits for no ACK. */
static bool fin_fits(const struct tcb *tcb, uint32_t length)
{
    return fin_is_due(tcb) && seq_distance(tcb->snd_una, tcb->snd_nxt) + length < tcb->snd_wnd;
}

/* Nagle, SWS avoidance and cork: whether a segment of `length` out of `unsent` bytes should go now.
 * [RFC 9293 3.8.6.2.1, 3.7.4] [RFC 9293 MUST-38, MUST-60, SHLD-7] */
static bool worth_sending(const struct tcb *tcb, uint32_t length, uint32_t unsent)
{
    bool idle = seq_eq(tcb->snd_una, tcb->snd_nxt);

    if (length >= tcb_smss(tcb))
        return true;
    if (tcb->flags & TCB_HOLD_OVER)
        return true;
    if (length == unsent && (tcb->flags & TCB_FIN_WANTED))
        return true;
    if (tcb->flags & TCB_CORK)
        return false;
    if (length == unsent && (idle || (tcb->flags & TCB_NODELAY)))
        return true;
    if ((tcb->flags & TCB_SND_URGENT) && seq_gt(tcb->snd_up, tcb->snd_nxt) && length == unsent)
        return true; /* urgent text is not held back [RFC 9293 3.8.5] */
    return length > 0 && length >= tcb->max_snd_wnd / 2;
}

static uint32_t unsent_bytes(const struct tcb *tcb)
{
    seq end = snd_text_end(tcb);

    return seq_gt(end, tcb->snd_nxt) ? seq_distance(tcb->snd_nxt, end) : 0;
}

/* [RFC 9293 SHLD-27] */
static bool may_send_text(const struct tcb *tcb)
{
    return (tcb->flags & TCB_SYN_ACKED) && tcb->state >= TCP_ESTABLISHED &&
           tcb->state != TCP_TIME_WAIT;
}

enum idle_timer {
    IDLE_NONE = 0,
    IDLE_PERSIST, /* the window is closed                                          */
    IDLE_HOLD,    /* what there is is not worth a segment: the override must come  */
};

/* The timer that must run, and does not, while text or FIN waits and nothing in flight will bring an ACK. */
static enum idle_timer idle_timer_missing(const struct tcb *tcb)
{
    if ((unsent_bytes(tcb) == 0 && !fin_is_due(tcb)) || !may_send_text(tcb))
        return IDLE_NONE;
    if (tcb->snd_wnd == 0)
        return tcb->deadline_us[TCP_TIMER_RETRANSMIT] == NEVER_US ? IDLE_PERSIST : IDLE_NONE;
    return tcb->deadline_us[TCP_TIMER_HOLD] == NEVER_US && seq_eq(tcb->snd_una, tcb->snd_nxt)
               ? IDLE_HOLD
               : IDLE_NONE;
}

bool tcp_wants_output(const struct tcp *tcp, const struct tcb *tcb)
{
    uint32_t unsent, room;

    (void)tcp;
    if (tcb->end != TCP_END_NONE)
        return false;
    if (tcb->flags & (TCB_ACK_NOW | TCB_PROBE_NOW | TCB_KEEP_NOW))
        return true;
    if (tcb->acks_owed || syn_is_due(tcb) || !seq_eq(tcb->rtx_nxt, tcb->rtx_end))
        return true;
    if (!may_send_text(tcb))
        return false;
    unsent = unsent_bytes(tcb);
    room = usable(tcb);
    if (room > 0 && unsent > 0 && worth_sending(tcb, min_u32(unsent, room), unsent))
        return true;
    if (unsent == 0 && fin_fits(tcb, 0))
        return true;
    return idle_timer_missing(tcb) != IDLE_NONE; /* tcp_output starts it */
}

/* How many SACK blocks fit beside timestamps and what is reserved: 4, 3 with timestamps, 1 or none with a signature too.
 * [R2018-02] */
static unsigned sack_room(const struct tcb *tcb)
{
    uint32_t used =
        tcb_option_bytes(tcb) + (tcb->flags & TCB_TIMESTAMPS ? TCP_TIMESTAMPS_BYTES : 0u);

    return used + 12 > TCP_OPTIONS_MAX ? 0 : min_u32((TCP_OPTIONS_MAX - used - 4) / 8, 4);
}

/* Timestamps, and SACK while anything is out of order. [RFC 7323 3.2, RFC 2018 4, RFC 2883 4]
 * [RFC 9293 MUST-65; R7323-13, R2018-01] */
static void add_options(const struct tcp *tcp, struct tcb *tcb, struct segment *out, int64_t now_us)
{
    struct tcp_options *options = &out->options;
    unsigned most = sack_room(tcb), count = 0;

    options->present = 0;
    options->sack_count = 0;
    if (tcb->flags & TCB_TIMESTAMPS) {
        options->present |= TCP_OPTION_TIMESTAMPS;
        options->ts_value = timestamp_now(tcb, now_us);
        options->ts_echo = tcb->ts_recent;
    }
    if (!(tcb->flags & TCB_SACK) || out->length > 0 || most == 0)
        return; /* a segment with text has no room that the MSS did not count */
    if (!seq_eq(tcb->dsack_left, tcb->dsack_right)) {
        options->sack[count++] = (struct sack_block){tcb->dsack_left, tcb->dsack_right};
        tcb->dsack_left = tcb->dsack_right;
    }
    count += reassembly_sack(tcp, tcb, options->sack + count, most - count);
    if (count > 0) {
        options->present |= TCP_OPTION_SACK;
        options->sack_count = (uint8_t)count;
    }
}

/* Window, acknowledgment and what follows from sending them. */
static void finish(const struct tcp *tcp, struct tcb *tcb, struct segment *out, int64_t now_us)
{
    window_open(tcp, tcb);
    out->window = window_field(tcb);
    out->flags |= TCP_ACK;
    out->ack = tcb->rcv_nxt;
    out->urgent = 0;
    out->ecn = 0;
    add_options(tcp, tcb, out, now_us);
    tcb->last_ack_sent = tcb->rcv_nxt;
    if (tcb->acks_owed && out->length == 0)
        tcb->acks_owed--; /* an ACK with text is no duplicate ACK to its receiver */
    ack_sent(tcb);
}

/* URG while urgent text lies ahead of this segment's first byte, and its pointer reaches. [RFC 9293 3.8.5, RFC 6093]
 * [RFC 9293 MUST-62] */
static void add_urgent(const struct tcb *tcb, struct segment *out)
{
    uint32_t distance = seq_distance(out->seq, tcb->snd_up);

    if (!(tcb->flags & TCB_SND_URGENT) || seq_leq(tcb->snd_up, out->seq))
        return;
    out->flags |= TCP_URG;
    out->urgent = (uint16_t)min_u32(distance, UINT16_MAX);
}

static void time_segment(struct tcb *tcb, seq at, int64_t now_us)
{
    if (tcb->flags & TCB_RTT_TIMING)
        return;
    tcb->flags |= TCB_RTT_TIMING;
    tcb->rtt_seq = at;
    tcb->rtt_sent_us = now_us;
}

/* Our SYN, first or again, alone or with an ACK. [RFC 9293 3.5] [RFC 9293 MUST-14; R7323-03] */
static void send_syn(struct tcp *tcp, struct tcb *tcb, struct segment *out, int64_t now_us)
{
    bool first = seq_eq(tcb->snd_nxt, tcb->iss), answer = tcb->state != TCP_SYN_SENT;
    struct tcp_options *options = &out->options;

    *out = (struct segment){.seq = tcb->iss, .flags = TCP_SYN, .window = window_first(tcp)};
    options->present = TCP_OPTION_MSS;
    options->mss = tcb->mss;
    if (!(tcb->flags & TCB_SYN_NO_OPTIONS)) {
        bool scale = answer ? !!(tcb->flags & TCB_SCALING) : tcp->config.scaling;
        bool sack = answer ? !!(tcb->flags & TCB_SACK) : tcp->config.sack;
        bool stamp = answer ? !!(tcb->flags & TCB_TIMESTAMPS) : tcp->config.timestamps;

        options->present |=
            (uint16_t)((scale ? TCP_OPTION_SCALE : 0) | (sack ? TCP_OPTION_SACK_PERMITTED : 0) |
                       (stamp ? TCP_OPTION_TIMESTAMPS : 0));
        options->scale = tcp->config.receive_scale;
        options->ts_value = timestamp_now(tcb, now_us);
        options->ts_echo = answer ? tcb->ts_recent : 0;
    }
    if (answer) {
        out->flags |= TCP_ACK;
        out->ack = tcb->rcv_nxt;
        tcb->last_ack_sent = tcb->rcv_nxt;
        ack_sent(tcb);
    }
    if (first) {
        tcb->snd_nxt = seq_add(tcb->iss, 1);
        time_segment(tcb, tcb->iss, now_us);
    }
    tcb->rtx_nxt = tcb->rtx_end = seq_max(tcb->rtx_end, tcb->snd_una);
    retransmit_queue_sent(tcp, tcb, now_us);
}

static void count_resent(struct tcp *tcp, struct tcb *tcb)
{
    count_one(tcp->stats, segments_resent);
    tcb->retransmits++;
    tcb->flags &= ~(uint32_t)TCB_RTT_TIMING; /* Karn: nothing older is timed any more */
}

/* One segment of what is to be sent again. false: cwnd has no room for it now. [RFC 9293 X-24] */
static bool resend(struct tcp *tcp, struct tcb *tcb, struct tcp_outgoing *outgoing, int64_t now_us)
{
    struct segment *out = &outgoing->segment;
    seq end = snd_text_end(tcb), from = tcb->rtx_nxt;
    uint32_t before = seq_distance(tcb->snd_una, from);
    uint32_t length = min_u32(seq_distance(from, tcb->rtx_end), tcb_smss(tcb));
    bool fin;

    if (before > 0 && before + length > tcb->congestion.cwnd)
        return false;
    if (seq_lt(end, seq_add(from, length)))
        length = seq_distance(from, end);
    fin = (tcb->flags & TCB_FIN_SENT) && seq_eq(seq_add(from, length), end) &&
          seq_gt(tcb->rtx_end, end);
    outgoing->text_offset = seq_distance(snd_queue_seq(tcb), from);
    *out = (struct segment){.seq = from, .length = length, .flags = fin ? TCP_FIN : 0};
    if (length > 0 && seq_eq(seq_add(from, length), end))
        out->flags |= TCP_PSH;
    finish(tcp, tcb, out, now_us);
    add_urgent(tcb, out);
    tcb->rtx_nxt = seq_add(from, length + fin);
    count_resent(tcp, tcb);
    retransmit_queue_sent(tcp, tcb, now_us);
    return true;
}

/* After an idle time the window of old says nothing about the path of now. [RFC 5681 4.1] [R5681-14] */
static void restart_after_idle(const struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    if (seq_eq(tcb->snd_una, tcb->snd_nxt) && now_us - tcb->last_sent_us > tcb->rto_us)
        tcb->congestion.cwnd =
            min_u32(tcb->congestion.cwnd, (uint32_t)tcp->config.initial_window * tcb->mss);
}

/* How much new text a segment may hold: what is there, what is allowed, whole segments if a driver cuts it.
 * [RFC 9293 SHLD-28] */
static uint32_t text_for(const struct tcp *tcp, const struct tcb *tcb, uint32_t text_max)
{
    uint32_t mss = tcb_smss(tcb);
    uint32_t length = min_u32(min_u32(unsent_bytes(tcb), usable(tcb)), text_max);

    if (length <= mss)
        return length;
    if (tcp->config.segmentation_bytes < 2 * mss || (tcb->flags & (TCB_NO_DF | TCB_OPTION_WORDS)))
        return mss; /* a signature is one segment's; without DF each segment must have an IP identification of its own [RFC 6864 4.1] */
    length = min_u32(length, tcp->config.segmentation_bytes);
    if (length == unsent_bytes(tcb) && (tcb->flags & (TCB_FIN_WANTED | TCB_NODELAY)))
        return length;
    return length - length % mss; /* the short rest follows by itself, under Nagle's rule */
}

static bool send_new(struct tcp *tcp, struct tcb *tcb, struct tcp_outgoing *outgoing,
                     int64_t now_us)
{
    struct segment *out = &outgoing->segment;
    uint32_t unsent = unsent_bytes(tcb), length;
    bool fin;

    restart_after_idle(tcp, tcb, now_us);
    length = text_for(tcp, tcb, outgoing->text_max);
    fin = length == unsent && fin_fits(tcb, length);
    if (!fin && (length == 0 || !worth_sending(tcb, length, unsent)))
        return false;
    *out = (struct segment){.seq = tcb->snd_nxt, .length = length, .flags = fin ? TCP_FIN : 0};
    if (length > 0 && length == unsent)
        out->flags |= TCP_PSH; /* [RFC 9293 MUST-61] */
    outgoing->text_offset = seq_distance(snd_queue_seq(tcb), tcb->snd_nxt);
    finish(tcp, tcb, out, now_us);
    add_urgent(tcb, out);
    time_segment(tcb, tcb->snd_nxt, now_us);
    tcb->last_sent_us = now_us;
    tcb->snd_nxt = seq_add(tcb->snd_nxt, length + fin);
    tcb->rtx_nxt = tcb->rtx_end = seq_max(tcb->rtx_end, tcb->snd_una);
    tcb->flags |= fin ? TCB_FIN_SENT : 0;
    tcb->flags &= ~(uint32_t)(TCB_HOLD_OVER | TCB_KEEP_NOW); /* the text asks [RFC 9293 MUST-26] */
    tcb->deadline_us[TCP_TIMER_HOLD] = NEVER_US;
    retransmit_queue_sent(tcp, tcb, now_us);
    return true;
}

/* One byte beyond a closed window, or our FIN: the answer tells whether it is still closed. [RFC 9293 MUST-36, MUST-37]
 * [RFC 9293 SHLD-12] */
static bool send_probe(struct tcp *tcp, struct tcb *tcb, struct tcp_outgoing *outgoing,
                       int64_t now_us)
{
    struct segment *out = &outgoing->segment;
    bool text = !seq_eq(tcb->snd_una, snd_text_end(tcb));

    tcb->flags &= ~(uint32_t)TCB_PROBE_NOW;
    if (!text && !(tcb->flags & TCB_FIN_WANTED))
        return false;
    *out = (struct segment){.seq = tcb->snd_una, .length = text, .flags = text ? TCP_PSH : TCP_FIN};
    outgoing->text_offset = 0;
    if (!text)
        tcb->flags |= TCB_FIN_SENT;
    if (seq_eq(tcb->snd_una, tcb->snd_nxt))
        tcb->snd_nxt = seq_add(tcb->snd_nxt, 1);
    finish(tcp, tcb, out, now_us);
    add_urgent(tcb, out);
    tcb->flags &= ~(uint32_t)(TCB_RTT_TIMING | TCB_KEEP_NOW);
    count_one(tcp->stats, window_probes);
    return true;
}

/* A segment with nothing in it: an ACK, or a keep-alive probe one byte back. [RFC 9293 3.8.4, 3.10.7.4] */
static void send_empty(struct tcp *tcp, struct tcb *tcb, struct segment *out, int64_t now_us)
{
    bool keep = tcb->flags & TCB_KEEP_NOW;

    *out = (struct segment){.seq = keep ? seq_sub(tcb->snd_nxt, 1) : snd_speaks_from(tcb)};
    tcb->flags &= ~(uint32_t)TCB_KEEP_NOW;
    finish(tcp, tcb, out, now_us);
    add_urgent(tcb, out);
    tcp->stats->acks_sent += !keep;
    tcp->stats->keepalive_probes += keep;
}

/* With text held back, the override timer, or the persist timer if the window is closed, must run. */
static void arm_idle_timers(const struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    switch (idle_timer_missing(tcb)) {
    case IDLE_NONE: return;
    case IDLE_PERSIST: /* and its probes, which may carry all that was held */
        tcb->flags = (tcb->flags & ~(uint32_t)TCB_HOLD_OVER) | TCB_PERSIST;
        tcb->deadline_us[TCP_TIMER_HOLD] = NEVER_US;
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] = now_us + tcb->rto_us; /* [RFC 9293 SHLD-29] */
        if (tcb->deadline_us[TCP_TIMER_USER] == NEVER_US)
            tcb->deadline_us[TCP_TIMER_USER] = now_us + user_timeout_us(tcp, tcb);
        return;
    case IDLE_HOLD: tcb->deadline_us[TCP_TIMER_HOLD] = now_us + tcp->config.min_rto_us; return;
    }
}

/* Segments that carry SYN, text, FIN or a probe; false if there is none. */
static bool send_something(struct tcp *tcp, struct tcb *tcb, struct tcp_outgoing *out,
                           int64_t now_us)
{
    if (syn_is_due(tcb)) {
        if (!seq_eq(tcb->snd_nxt, tcb->iss))
            count_resent(tcp, tcb);
        send_syn(tcp, tcb, &out->segment, now_us);
        return true;
    }
    if (!may_send_text(tcb))
        return false;
    if ((tcb->flags & TCB_PROBE_NOW) && send_probe(tcp, tcb, out, now_us))
        return true; /* before what may wait for cwnd: nothing else would bring an ACK */
    if (!seq_eq(tcb->rtx_nxt, tcb->rtx_end))
        return resend(tcp, tcb, out, now_us);
    if (unsent_bytes(tcb) > 0 || fin_is_due(tcb))
        return send_new(tcp, tcb, out, now_us);
    return false;
}

bool tcp_output(struct tcp *tcp, struct tcb *tcb, struct tcp_outgoing *out, int64_t now_us)
{
    out->text_offset = 0;
    if (tcb->end != TCP_END_NONE)
        return false;
    if (send_something(tcp, tcb, out, now_us))
        return true;
    if (tcb->state > TCP_SYN_SENT &&
        ((tcb->flags & (TCB_ACK_NOW | TCB_KEEP_NOW)) || tcb->acks_owed)) {
        send_empty(tcp, tcb, &out->segment, now_us);
        return true;
    }
    arm_idle_timers(tcp, tcb, now_us);
    return false;
}
