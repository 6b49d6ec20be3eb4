/* SEGMENT ARRIVES as rules. [RFC 9293 3.10.7; RFC 5961 3.2, 4.2, 5.2; RFC 1337; RFC 6191] */
#include "oracle.h"

/* One judgement under way. */
struct judge {
    const struct situation *was;
    const struct arrival *seg;
    struct verdict verdict;
};

static bool has(const struct judge *judge, uint8_t flags)
{
    return (judge->seg->flags & flags) == flags;
}

/* a < b on the circle */
static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* SEG.LEN: SYN and FIN count. [RFC 9293 3.4] */
static uint32_t seg_len(const struct judge *judge)
{
    return judge->seg->length + has(judge, TCP_SYN) + has(judge, TCP_FIN);
}

static void raise_counter(struct judge *judge, enum hf_stat stat)
{
    assert_true(judge->verdict.raised_count < RAISED_MAX);
    judge->verdict.raised[judge->verdict.raised_count++] = stat;
}

static void reset_by_ack(struct judge *judge)
{
    judge->verdict.reply = REPLY_RST;
    judge->verdict.seq = judge->seg->ack;
    raise_counter(judge, HF_STAT_resets_sent);
}

static void acknowledge(struct judge *judge)
{
    judge->verdict.reply = REPLY_ACK;
}

/* ---- no connection ---- */

/* What no stack sends by itself is counted under its own name too (stats.h), whatever is answered. */
static void note_oddity(struct judge *judge)
{
    if (has(judge, TCP_ACK) && !has(judge, TCP_RST) && judge->seg->length > 0)
        raise_counter(judge, HF_STAT_odd_push);
    if (has(judge, TCP_SYN | TCP_RST))
        raise_counter(judge, HF_STAT_odd_syn_rst);
    else if (has(judge, TCP_SYN | TCP_FIN))
        raise_counter(judge, HF_STAT_odd_syn_fin);
    else if (has(judge, TCP_SYN) && !has(judge, TCP_ACK) && judge->seg->length > 0)
        raise_counter(judge, HF_STAT_odd_syn_text);
    else if (has(judge, TCP_SYN) || has(judge, TCP_RST) || has(judge, TCP_ACK))
        return;
    else if ((judge->seg->flags & (TCP_FIN | TCP_PSH | TCP_URG)) == 0)
        raise_counter(judge, HF_STAT_odd_null);
    else if (has(judge, TCP_FIN | TCP_PSH | TCP_URG))
        raise_counter(judge, HF_STAT_odd_xmas);
    else if (has(judge, TCP_FIN) && !has(judge, TCP_PSH) && !has(judge, TCP_URG))
        raise_counter(judge, HF_STAT_odd_fin);
    else
        raise_counter(judge, HF_STAT_odd_flags);
}

/* CLOSED: a RST is dropped, anything else is answered by one. [RFC 9293 3.10.7.1] */
static void at_closed(struct judge *judge)
{
    note_oddity(judge);
    if (has(judge, TCP_RST)) {
        raise_counter(judge, has(judge, TCP_SYN) ? HF_STAT_syn_odd_flags : HF_STAT_stray_rst);
    } else if (has(judge, TCP_ACK)) {
        raise_counter(judge, HF_STAT_stray_ack);
        reset_by_ack(judge);
    } else {
        raise_counter(judge, has(judge, TCP_SYN) ? HF_STAT_stray_syn : HF_STAT_stray_other);
        raise_counter(judge, HF_STAT_resets_sent);
        judge->verdict.reply = REPLY_RST_ACK;
        judge->verdict.seq = 0;
        judge->verdict.ack = judge->seg->seq + seg_len(judge);
    }
}

/* A SYN that is answered; text and FIN beside it come again ("Text and FIN beside a SYN are not queued"). */
static void answer_syn(struct judge *judge)
{
    raise_counter(judge, HF_STAT_syn_received);
    raise_counter(judge, HF_STAT_syn_cached);
    raise_counter(judge, HF_STAT_syn_ack_sent);
    if (has(judge, TCP_FIN) || has(judge, TCP_URG))
        raise_counter(judge, HF_STAT_syn_odd_flags);
    judge->verdict.reply = REPLY_SYN_ACK;
    judge->verdict.new_iss = true;
    judge->verdict.rcv = judge->verdict.ack = judge->seg->seq + 1;
    judge->verdict.state = HALF_OPEN;
}

/* LISTEN. [RFC 9293 3.10.7.2] */
static void at_listen(struct judge *judge)
{
    note_oddity(judge);
    if (has(judge, TCP_RST)) { /* first */
        raise_counter(judge, has(judge, TCP_SYN) ? HF_STAT_syn_odd_flags : HF_STAT_stray_rst);
    } else if (has(judge, TCP_ACK)) { /* second */
        raise_counter(judge, HF_STAT_stray_ack);
        reset_by_ack(judge);
    } else if (has(judge, TCP_SYN)) { /* third */
        answer_syn(judge);
    } else { /* fourth */
        raise_counter(judge, HF_STAT_stray_other);
    }
}

/* ---- the later checks, shared ---- */

static bool is_receiving(enum reached state)
{
    return state == ESTABLISHED || state == FIN_WAIT_1 || state == FIN_WAIT_2;
}

/* Sixth. [RFC 9293 3.10.7.4] */
static void check_urg(struct judge *judge)
{
    if (has(judge, TCP_URG))
        raise_counter(judge, HF_STAT_urgent_received);
}

/* Eighth, the FIN bit: RCV.NXT stands at it. [RFC 9293 3.10.7.4] */
static void take_fin(struct judge *judge)
{
    static const enum reached next[] = {
        [ESTABLISHED] = CLOSE_WAIT, [FIN_WAIT_1] = CLOSING, [FIN_WAIT_2] = TIME_WAIT};

    judge->verdict.rcv++;
    judge->verdict.state = next[judge->verdict.state];
    judge->verdict.reply = REPLY_ACK;
}

/* Text for a connection that nobody reads is answered by a RST. [RFC 9293 MAY-1, SHLD-3] */
static void refuse_text(struct judge *judge)
{
    judge->verdict.reply = REPLY_RST_ACK;
    judge->verdict.seq = judge->was->nxt;
    judge->verdict.ack = judge->verdict.rcv;
    judge->verdict.state = CLOSED;
    raise_counter(judge, HF_STAT_segment_after_close);
    raise_counter(judge, HF_STAT_connections_aborted);
    raise_counter(judge, HF_STAT_resets_sent);
}

/* Seventh: the part in the window; behind a gap it is kept and the ACK repeated. [RFC 9293 3.10.7.4, SHLD-31] `at`: of the
 * first byte. */
static void take_text(struct judge *judge, uint32_t at)
{
    uint32_t length = judge->seg->length, edge = judge->was->edge;
    bool fin = has(judge, TCP_FIN);

    if (length == 0 && !fin)
        return;
    if (judge->was->rcv == edge &&
        judge->was->at != SYN_SENT) { /* no window: none of it is taken */
        acknowledge(judge);
        return;
    }
    if (before(at, judge->verdict.rcv)) {
        if (length > 0)
            raise_counter(judge, HF_STAT_segment_duplicate);
        length -= judge->verdict.rcv - at;
        at = judge->verdict.rcv;
    }
    if (judge->was->at != SYN_SENT) {
        fin = fin && before(at + length, edge);
        if (before(edge, at + length))
            length = edge - at;
    }
    if (judge->was->abandoned && length > 0) {
        refuse_text(judge);
        return;
    }
    if (at != judge->verdict.rcv) {
        raise_counter(judge, HF_STAT_segment_out_of_order);
        acknowledge(judge);
        return;
    }
    judge->verdict.rcv += length;
    judge->verdict.delivered += length;
    if (judge->verdict.reply == REPLY_NONE)
        judge->verdict.reply = REPLY_ACK_SOON;
    if (fin)
        take_fin(judge);
}

/* ---- SYN-SENT ---- [RFC 9293 3.10.7.3] */

static void syn_sent_syn(struct judge *judge)
{
    judge->verdict.rcv = judge->seg->seq + 1;
    if (!has(judge, TCP_ACK)) { /* both opened; "Text and FIN beside a SYN are not queued" */
        judge->verdict.state = SYN_RECEIVED;
        judge->verdict.reply = REPLY_SYN_ACK;
        judge->verdict.seq = 0;
        return;
    }
    judge->verdict.una = judge->seg->ack;
    judge->verdict.state = ESTABLISHED;
    judge->verdict.reply = REPLY_ACK;
    check_urg(judge);
    take_text(judge, judge->seg->seq + 1);
}

static void at_syn_sent(struct judge *judge)
{
    bool acceptable = before(0, judge->seg->ack) && !before(judge->was->nxt, judge->seg->ack);

    if (has(judge, TCP_ACK) && !acceptable) {
        raise_counter(judge, HF_STAT_segment_bad_ack);
        if (!has(judge, TCP_RST))
            reset_by_ack(judge);
    } else if (has(judge, TCP_RST | TCP_ACK)) {
        raise_counter(judge, HF_STAT_connections_refused);
        judge->verdict.state = CLOSED;
    } else if (has(judge, TCP_RST)) {
        raise_counter(judge, HF_STAT_rst_outside_window);
    } else if (has(judge, TCP_SYN)) {
        syn_sent_syn(judge);
    } else {
        raise_counter(judge, HF_STAT_segment_no_syn);
    }
}

/* ---- SYN-RECEIVED and later ---- [RFC 9293 3.10.7.4] */

static bool in_window(const struct judge *judge, uint32_t at)
{
    return at - judge->was->rcv < judge->was->edge - judge->was->rcv;
}

/* First: the table of four cases. */
static bool is_acceptable(const struct judge *judge)
{
    uint32_t length = seg_len(judge);

    if (judge->was->rcv == judge->was->edge) /* no window: "valid ACKs, URGs and RSTs" [MUST-66] */
        return judge->seg->seq == judge->was->rcv;
    return in_window(judge, judge->seg->seq) ||
           (length > 0 && in_window(judge, judge->seg->seq + length - 1));
}

static void refuse_sequence(struct judge *judge)
{
    raise_counter(judge, HF_STAT_segment_out_of_window);
    if (judge->seg->length > 0 && before(judge->seg->seq, judge->was->rcv) &&
        judge->was->at != HALF_OPEN)
        raise_counter(judge, HF_STAT_segment_duplicate);
    acknowledge(judge);
}

/* Second. [RFC 5961 3.2] true: it was not to be believed. */
static bool is_doubtful_rst(struct judge *judge)
{
    if (judge->seg->seq == judge->was->rcv)
        return false;
    if (in_window(judge, judge->seg->seq)) {
        raise_counter(judge, HF_STAT_rst_challenged);
        acknowledge(judge);
    } else {
        raise_counter(judge, HF_STAT_rst_outside_window);
    }
    return true;
}

/* The ACK of an ESTABLISHED connection. true: go on. [RFC 5961 5.2; RFC 9293 3.10.7.4 fifth] */
static bool take_ack(struct judge *judge)
{
    const struct situation *was = judge->was;
    uint32_t ack = judge->seg->ack, oldest = was->una - was->max_wnd;

    if (ack - oldest > was->nxt - oldest) {
        raise_counter(judge, HF_STAT_ack_challenged);
        acknowledge(judge);
        return false;
    }
    if (before(was->una, ack))
        judge->verdict.una = ack;
    else if (ack == was->una && was->una != was->nxt && seg_len(judge) == 0)
        raise_counter(judge, HF_STAT_duplicate_acks); /* [RFC 5681 2] */
    if (!was->fin_sent || judge->verdict.una != was->nxt)
        return true;
    if (was->at == FIN_WAIT_1) {
        judge->verdict.state = FIN_WAIT_2;
    } else if (was->at == CLOSING) {
        judge->verdict.state = TIME_WAIT;
    } else if (was->at == LAST_ACK) {
        judge->verdict.state = CLOSED;
        raise_counter(judge, HF_STAT_connections_closed);
    }
    return true;
}

static void from_sixth(struct judge *judge)
{
    if (!is_receiving(judge->verdict.state))
        return;
    check_urg(judge);
    take_text(judge, judge->seg->seq);
}

/* Before the first check: PAWS, from which a RST is exempt. A SYN has no stamp that was agreed. [RFC 7323 5.3 R1, 3.2] */
static bool is_refused_by_stamp(struct judge *judge)
{
    if (!judge->was->stamped || has(judge, TCP_RST) || judge->seg->stamp == STAMP_NEW)
        return false;
    if (judge->seg->stamp == STAMP_NONE) {
        if (has(judge, TCP_SYN))
            return false;
        raise_counter(judge, HF_STAT_segment_no_timestamp);
        return true;
    }
    raise_counter(judge, HF_STAT_segment_paws);
    acknowledge(judge);
    return true;
}

static void at_connection(struct judge *judge)
{
    /* "An empty segment just behind a full window" */
    bool at_edge = seg_len(judge) == 0 && judge->seg->seq == judge->was->edge;

    if (is_refused_by_stamp(judge))
        return;
    if (has(judge, TCP_RST)) {
        if (is_doubtful_rst(judge))
            return;
        raise_counter(judge, judge->was->at == SYN_RECEIVED ? HF_STAT_connections_refused
                                                            : HF_STAT_connections_reset);
        judge->verdict.state = CLOSED;
        return;
    }
    if (has(judge, TCP_SYN)) { /* whatever its number [RFC 5961 4.2] */
        raise_counter(judge, HF_STAT_syn_challenged);
        acknowledge(judge);
        return;
    }
    if (!is_acceptable(judge) && !at_edge) {
        refuse_sequence(judge);
        return;
    }
    if (!has(judge, TCP_ACK)) {
        raise_counter(judge, HF_STAT_segment_no_ack);
        return;
    }
    if (judge->was->at == SYN_RECEIVED) {
        if (judge->seg->ack != judge->was->nxt) { /* "An unacceptable ACK at a half-open" */
            raise_counter(judge, HF_STAT_segment_bad_ack);
            reset_by_ack(judge);
            return;
        }
        judge->verdict.state = ESTABLISHED;
    }
    if (take_ack(judge))
        from_sixth(judge);
}

/* SYN-RECEIVED of a passive open: it goes back to LISTEN, never to CLOSED. */
static void at_half_open(struct judge *judge)
{
    if (has(judge, TCP_RST)) {
        if (is_doubtful_rst(judge))
            return;
        raise_counter(judge, HF_STAT_syn_cache_reset);
        judge->verdict.state = LISTEN;
    } else if (has(judge, TCP_SYN) && !has(judge, TCP_ACK) &&
               judge->seg->seq + 1 == judge->was->rcv) {
        raise_counter(judge, HF_STAT_syn_duplicate); /* "A SYN again meets the SYN-ACK again" */
        raise_counter(judge, HF_STAT_syn_ack_resent);
        judge->verdict.reply = REPLY_SYN_ACK;
        judge->verdict.seq = 0;
    } else if (is_refused_by_stamp(judge)) {
        return;
    } else if (!is_acceptable(judge)) {
        if (has(judge, TCP_SYN)) {
            raise_counter(judge, HF_STAT_syn_challenged);
            acknowledge(judge);
        } else {
            refuse_sequence(judge);
        }
    } else if (has(judge, TCP_SYN)) {
        raise_counter(judge, HF_STAT_syn_cache_reset);
        judge->verdict.state = LISTEN;
    } else if (!has(judge, TCP_ACK)) {
        raise_counter(judge, HF_STAT_segment_no_ack);
    } else if (judge->seg->ack != judge->was->nxt) {
        raise_counter(judge, HF_STAT_handshake_bad_ack);
        reset_by_ack(judge);
    } else {
        raise_counter(judge, HF_STAT_handshake_done);
        judge->verdict.state = ESTABLISHED;
        judge->verdict.una = judge->seg->ack;
        from_sixth(judge);
    }
}

/* Whether a SYN may begin the next incarnation: by its timestamp if both had some, else by its number. [RFC 6191 2] */
static bool is_newer(const struct judge *judge)
{
    if (judge->was->stamped && judge->seg->stamp != STAMP_NONE)
        return judge->seg->stamp == STAMP_NEW;
    return !before(judge->seg->seq, judge->was->rcv);
}

/* TIME-WAIT. [RFC 9293 3.10.7.4, MAY-2; RFC 1337; RFC 6191] */
static void at_time_wait(struct judge *judge)
{
    bool fin_again = has(judge, TCP_FIN) && judge->seg->seq + seg_len(judge) == judge->was->rcv;

    raise_counter(judge, HF_STAT_time_wait_segments);
    if (has(judge, TCP_RST)) { /* "RST in TIME-WAIT" */
        raise_counter(judge, HF_STAT_time_wait_rst_ignored);
    } else if (has(judge, TCP_SYN)) {
        if (!has(judge, TCP_ACK) && is_newer(judge)) {
            answer_syn(judge);
            return;
        }
        raise_counter(judge, HF_STAT_syn_challenged);
        acknowledge(judge);
    } else if (!has(judge, TCP_ACK)) {
        return;
    } else if (fin_again || judge->seg->seq != judge->was->rcv || seg_len(judge) > 0 ||
               before(judge->was->nxt, judge->seg->ack)) {
        acknowledge(judge);
    }
}

struct verdict oracle_judge(const struct situation *was, const struct arrival *seg)
{
    struct judge judge = {was, seg, {.state = was->at, .una = was->una, .rcv = was->rcv}};
    struct verdict *verdict = &judge.verdict;

    switch (was->at) {
    case CLOSED: at_closed(&judge); break;
    case LISTEN: at_listen(&judge); break;
    case SYN_SENT: at_syn_sent(&judge); break;
    case HALF_OPEN: at_half_open(&judge); break;
    case TIME_WAIT: at_time_wait(&judge); break;
    case SYN_RECEIVED:
    case ESTABLISHED:
    case FIN_WAIT_1:
    case FIN_WAIT_2:
    case CLOSE_WAIT:
    case CLOSING:
    case LAST_ACK: at_connection(&judge); break;
    }
    if (verdict->reply == REPLY_ACK || verdict->reply == REPLY_ACK_SOON)
        verdict->seq = was->nxt;
    if (verdict->reply == REPLY_ACK || verdict->reply == REPLY_ACK_SOON ||
        verdict->reply == REPLY_SYN_ACK)
        verdict->ack = verdict->rcv;
    /* Into TIME-WAIT a record is made and the connection is over, in order. */
    if (verdict->state == TIME_WAIT && was->at != TIME_WAIT) {
        raise_counter(&judge, HF_STAT_time_waits);
        raise_counter(&judge, HF_STAT_connections_closed);
    }
    return judge.verdict;
}
