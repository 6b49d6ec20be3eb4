/* The states of both ends, by what they say. [RFC 9293 3.3.2, 3.5, 3.6, 3.10.7; RFC 5961 3.2] */
#include "explain/conversation.h"

#include <string.h>

#define TTL_STRANGE 3 /* hops that a path does not change by itself */
#define SCALE_MOST 14
#define DUPLICATES 3      /* ACKs that have a sender send again */
#define SOONEST_US 200000 /* the shortest retransmission timeout in use */

/* What says nothing about the conversation itself. */
#define NOT_OF_THIS                                                                             \
    (ANOMALY_OLD_DUPLICATE | ANOMALY_OUTSIDE | ANOMALY_ACK_OF_UNSEEN | ANOMALY_CHALLENGED_SYN | \
     ANOMALY_OTHER_SYN | ANOMALY_OTHER_ANSWER)

const char *anomaly_text(unsigned bit)
{
    switch ((enum anomaly)bit) {
    case ANOMALY_RETRANSMISSION: return "retransmission";
    case ANOMALY_OLD_DUPLICATE: return "old duplicate";
    case ANOMALY_FORGED_RST: return "forged RST";
    case ANOMALY_CHALLENGED_RST: return "RST to be challenged";
    case ANOMALY_SYN_FLOOD: return "SYN flood";
    case ANOMALY_HALF_OPEN: return "half-open left";
    case ANOMALY_ZERO_WINDOW: return "zero window";
    case ANOMALY_WINDOW_OPENS: return "window opens";
    case ANOMALY_PROBE: return "probe";
    case ANOMALY_GAP: return "gap before it";
    case ANOMALY_OUTSIDE: return "outside the window";
    case ANOMALY_ACK_OF_UNSEEN: return "ACK of what was not seen";
    case ANOMALY_REFUSED: return "refused";
    case ANOMALY_WENT_ON: return "the RST was forged: its sender goes on";
    case ANOMALY_CUT_SHORT: return "cut short by the capture";
    case ANOMALY_ODD_FLAGS: return "odd flags";
    case ANOMALY_LATE: return "late: fills a gap";
    case ANOMALY_OTHER_TTL: return "perhaps forged: another TTL";
    case ANOMALY_CHALLENGED_SYN: return "SYN to be challenged";
    case ANOMALY_OTHER_SYN: return "another SYN";
    case ANOMALY_OTHER_ANSWER: return "another answer";
    case ANOMALY_SEEN_TWICE: return "seen twice";
    }
    return "?";
}

void conversation_begin(struct conversation *conversation, const struct segment *seg, int64_t at_us)
{
    struct flow flow = conversation->flow;
    uint64_t hash = conversation->hash, number = conversation->number;
    bool syn = seg->flags & TCP_SYN;

    *conversation = (struct conversation){.flow = flow, .hash = hash, .number = number};
    conversation->first_us = conversation->last_us = at_us;
    conversation->joined = !syn;
    for (unsigned i = 0; i < 2; i++) {
        conversation->end[i].state = syn && i == 0 ? HF_STATE_CLOSED
                                     : syn         ? HF_STATE_LISTEN
                                                   : HF_STATE_ESTABLISHED;
        conversation->end[i].before_rst = conversation->end[i].state;
    }
}

static bool is_over(const struct conversation *conversation)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t state = conversation->end[i].state;

        if (state != HF_STATE_CLOSED && state != HF_STATE_TIME_WAIT && state != HF_STATE_LISTEN)
            return false;
    }
    return true;
}

/* A SYN that nobody answered, and then one with a higher number: its sender gave up, and tries anew. */
static bool is_another_try(const struct conversation *conversation, const struct segment *seg,
                           unsigned from)
{
    const struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];

    return end->syn && end->state == HF_STATE_SYN_SENT && !peer->syn && !peer->spoke &&
           !peer->has_other && seq_gt(seg->seq, end->next);
}

bool conversation_is_over_for(const struct conversation *conversation, const struct segment *seg,
                              unsigned from)
{
    const struct observed_end *end = &conversation->end[from];

    if ((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
        return false;
    if (is_another_try(conversation, seg, from))
        return true;
    if (!is_over(conversation))
        return false;
    return !(end->syn && seq_eq(end->iss, seg->seq)) &&
           (conversation->reset || seq_gt(seg->seq, end->next)); /* RFC 6191 */
}

/* ---- RST ---- */

static bool ttl_is_strange(const struct observed_end *end, uint8_t ttl)
{
    int apart = end->ttl > ttl ? end->ttl - ttl : ttl - end->ttl;

    return end->spoke && apart >= TTL_STRANGE;
}

static unsigned close_both(struct conversation *conversation, unsigned from, unsigned odd)
{
    for (unsigned i = 0; i < 2; i++) {
        conversation->end[i].before_rst = conversation->end[i].state;
        conversation->end[i].state = HF_STATE_CLOSED;
    }
    conversation->reset = true;
    conversation->reset_by = (uint8_t)from;
    conversation->half_open = false;
    return odd;
}

/* An ACK of this end's SYN, with or without the text that it had. */
static bool acks_syn(const struct observed_end *end, seq ack)
{
    return end->syn && seq_gt(ack, end->iss) && seq_leq(ack, end->next);
}

/* Both at a SYN of another number than that which counts so far: who sent it, or who answers it. */
static bool is_of_other(const struct observed_end *end, seq at)
{
    return end->has_other && seq_eq(at, seq_add(end->other_iss, 1));
}

static unsigned see_refusal(struct conversation *conversation, unsigned from,
                            const struct segment *seg)
{
    const struct observed_end *peer = &conversation->end[!from];

    if (!(seg->flags & TCP_ACK))
        return ANOMALY_FORGED_RST;
    if (acks_syn(peer, seg->ack))
        return close_both(conversation, from, ANOMALY_REFUSED);
    return is_of_other(peer, seg->ack) ? ANOMALY_REFUSED : ANOMALY_FORGED_RST;
}

static unsigned see_rst(struct conversation *conversation, unsigned from, const struct segment *seg,
                        uint8_t ttl)
{
    struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];

    if (is_over(conversation) || conversation->reset)
        return 0; /* it changes nothing any more */
    if (peer->state == HF_STATE_SYN_SENT)
        return see_refusal(conversation, from, seg);
    if (!conversation->completed && is_of_other(end, seg->seq)) {
        end->has_other = peer->has_other = false; /* what an old duplicate opened [RFC 9293 3.5] */
        if (!peer->syn && peer->state == HF_STATE_SYN_RECEIVED)
            peer->state = HF_STATE_LISTEN;
        return 0;
    }
    seq edge = peer->has_acked ? peer->acked : end->next;
    bool exact = seq_eq(seg->seq, edge) || (end->spoke && seq_eq(seg->seq, end->next));

    if (!end->spoke && !peer->has_acked)
        exact = true; /* of one who was not heard so far: who knows */
    if (exact)
        return close_both(conversation, from, ttl_is_strange(end, ttl) ? ANOMALY_OTHER_TTL : 0);
    if (seq_in_window(seg->seq, edge, peer->window))
        return ANOMALY_CHALLENGED_RST | (ttl_is_strange(end, ttl) ? ANOMALY_OTHER_TTL : 0);
    return ANOMALY_FORGED_RST;
}

/* Somebody in whose name a RST came goes on as if nothing had been. */
static unsigned see_life_after_rst(struct conversation *conversation, unsigned from,
                                   const struct segment *seg)
{
    const struct observed_end *end = &conversation->end[from];

    if (!conversation->reset || conversation->reset_by != from || !end->spoke ||
        end->before_rst < HF_STATE_ESTABLISHED || (seg->flags & (TCP_SYN | TCP_RST)) ||
        !seq_geq(seg->seq, end->next))
        return 0;
    for (unsigned i = 0; i < 2; i++)
        conversation->end[i].state = conversation->end[i].before_rst;
    conversation->reset = false;
    return ANOMALY_WENT_ON;
}

/* ---- SYN ---- */

static void note_syn(struct observed_end *end, const struct segment *seg)
{
    end->iss = seg->seq;
    end->next = seq_add(seg->seq, segment_length(seg));
    end->syn = true;
    end->scaled = seg->options.present & TCP_OPTION_SCALE;
    end->scale = seg->options.scale < SCALE_MOST ? seg->options.scale : SCALE_MOST;
}

static void complete(struct conversation *conversation)
{
    conversation->completed = true;
    conversation->half_open = false;
}

/* Both have sent a SYN; now an end says its own again, with the ACK of the other's. [RFC 9293 3.5] */
static bool crosses(const struct observed_end *end, const struct observed_end *peer,
                    const struct segment *seg)
{
    return (seg->flags & TCP_ACK) && !end->has_acked && acks_syn(peer, seg->ack);
}

static unsigned see_crossed(struct conversation *conversation, struct observed_end *end,
                            struct observed_end *peer, seq ack)
{
    end->has_acked = true;
    end->acked = ack;
    peer->state = HF_STATE_ESTABLISHED;
    if (peer->has_acked) {
        end->state = HF_STATE_ESTABLISHED;
        complete(conversation);
    }
    return 0;
}

static unsigned note_other(struct observed_end *end, const struct segment *seg, unsigned odd)
{
    end->other_iss = seg->seq;
    end->has_other = true;
    return odd;
}

/* By its number alone: what lies behind all that its sender said cannot be old. */
static unsigned see_other_syn(const struct conversation *conversation, struct observed_end *end,
                              const struct segment *seg)
{
    bool newer = !(end->spoke || end->syn) || seq_gt(seg->seq, end->next);
    bool is_there = conversation->completed || conversation->joined;

    return note_other(end, seg,
                      !newer     ? ANOMALY_OLD_DUPLICATE
                      : is_there ? ANOMALY_CHALLENGED_SYN
                                 : ANOMALY_OTHER_SYN);
}

/* A SYN for a connection that seemed to be there is answered by one: so it was over, and its end was not captured. */
static unsigned start_anew(struct conversation *conversation, struct observed_end *end,
                           struct observed_end *peer, const struct segment *seg)
{
    seq iss = peer->other_iss;

    *end =
        (struct observed_end){.state = HF_STATE_SYN_RECEIVED, .has_acked = true, .acked = seg->ack};
    *peer = (struct observed_end){.state = HF_STATE_ESTABLISHED,
                                  .iss = iss,
                                  .next = seq_add(iss, 1),
                                  .syn = true,
                                  .vague = true,
                                  .ttl = peer->ttl,
                                  .spoke = true};
    note_syn(end, seg);
    end->vague = true;
    end->window = seg->window;
    conversation->completed = conversation->joined = false;
    conversation->half_open = true;
    return ANOMALY_OTHER_ANSWER;
}

static unsigned see_syn(struct conversation *conversation, unsigned from, const struct segment *seg)
{
    struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];
    bool answers = seg->flags & TCP_ACK;

    if (end->syn && seq_eq(end->iss, seg->seq)) {
        if (crosses(end, peer, seg))
            return see_crossed(conversation, end, peer, seg->ack);
        if (peer->state == HF_STATE_LISTEN)
            peer->state = HF_STATE_SYN_RECEIVED; /* what an old duplicate had opened was reset */
        return ANOMALY_RETRANSMISSION;
    }
    if (answers && (conversation->completed || conversation->joined) && is_of_other(peer, seg->ack))
        return start_anew(conversation, end, peer, seg);
    if (answers && !conversation->completed && (end->syn || peer->syn)) {
        bool same = acks_syn(peer, seg->ack) || (end->has_acked && seq_eq(seg->ack, end->acked));

        if (is_of_other(peer, seg->ack) || (end->syn && same))
            return note_other(end, seg, ANOMALY_OTHER_ANSWER);
        if (end->syn || !acks_syn(peer, seg->ack))
            return ANOMALY_OLD_DUPLICATE; /* it answers a SYN that was not seen */
    } else if (end->syn || end->state >= HF_STATE_ESTABLISHED) {
        return see_other_syn(conversation, end, seg);
    }
    note_syn(end, seg);
    if (!answers) {
        bool crossed = peer->state == HF_STATE_SYN_SENT; /* simultaneous open */

        end->state = crossed ? HF_STATE_SYN_RECEIVED : HF_STATE_SYN_SENT;
        if (peer->state == HF_STATE_LISTEN || crossed)
            peer->state = HF_STATE_SYN_RECEIVED;
        conversation->half_open = true;
        return 0;
    }
    end->has_acked = true;
    end->acked = seg->ack;
    end->state = end->state == HF_STATE_SYN_SENT ? HF_STATE_ESTABLISHED : HF_STATE_SYN_RECEIVED;
    if (peer->state == HF_STATE_SYN_SENT || peer->state == HF_STATE_SYN_RECEIVED)
        peer->state = HF_STATE_ESTABLISHED;
    if (conversation->joined) /* the SYN itself was missed */
        conversation->half_open = true;
    return 0;
}

/* ---- gaps ---- */

/* When there are too many, the last grows over what lies before it. */
static void gaps_add(struct observed_end *end, seq from, seq to)
{
    if (end->gap_count == CONVERSATION_GAPS)
        end->gaps[CONVERSATION_GAPS - 1].to = to;
    else
        end->gaps[end->gap_count++] = (struct gap){from, to};
}

/* True if any of it was missing so far. What is left of a gap on both sides of it is one gap still, if no place is free. */
static bool gaps_fill(struct observed_end *end, seq from, seq to)
{
    struct gap before[CONVERSATION_GAPS];
    uint8_t count = end->gap_count;
    bool filled = false;

    memcpy(before, end->gaps, sizeof before);
    end->gap_count = 0;
    for (uint8_t i = 0; i < count; i++) {
        struct gap gap = before[i];

        if (seq_leq(to, gap.from) || seq_leq(gap.to, from)) {
            gaps_add(end, gap.from, gap.to);
            continue;
        }
        filled = true;
        if (seq_lt(gap.from, from))
            gaps_add(end, gap.from, from);
        if (seq_lt(to, gap.to))
            gaps_add(end, to, gap.to);
    }
    return filled;
}

/* ---- text, ACK, FIN ---- */

/* A keepalive says the byte before its next again, or none of it; a look at a closed window, the first byte that was not
 * taken. A last byte that is not acknowledged is said again like any other. [RFC 9293 3.8.4, 3.8.6.1] */
static bool is_probe(const struct observed_end *end, const struct observed_end *peer,
                     const struct segment *seg)
{
    uint32_t length = segment_length(seg);
    bool acknowledged = peer->has_acked && seq_geq(peer->acked, end->next);

    if (!(seg->flags & TCP_FIN) && seq_eq(seg->seq, seq_sub(end->next, 1)) &&
        (length == 0 || (length == 1 && acknowledged)))
        return true;
    return length > 0 && peer->has_acked && peer->window == 0 && seq_eq(seg->seq, peer->acked);
}

static bool lies_outside(const struct observed_end *end, const struct observed_end *peer, seq last)
{
    return peer->has_right && !peer->vague && end->syn && peer->syn &&
           seq_gt(last, seq_add(peer->right, 1));
}

/* What fills a gap was sent later than what is behind it, or only came later. Timestamps tell; where there are none, that
 * the sender had reason to send it again. [RFC 5681 3.2; RFC 6298 2] */
static unsigned judge_filler(const struct observed_end *end, const struct segment *seg,
                             int64_t at_us)
{
    int32_t newer = 0;

    if (end->ts && (seg->options.present & TCP_OPTION_TIMESTAMPS))
        newer = (int32_t)(seg->options.ts_value - end->ts_value);
    if (newer == 0 && (end->duplicate_acks >= DUPLICATES || at_us - end->gap_us >= SOONEST_US))
        newer = 1;
    return newer > 0 ? ANOMALY_RETRANSMISSION : ANOMALY_LATE;
}

static unsigned judge_position(struct observed_end *end, const struct observed_end *peer,
                               const struct segment *seg, int64_t at_us)
{
    uint32_t length = segment_length(seg);
    seq last = seq_add(seg->seq, length);

    if (!end->spoke && !end->syn)
        return 0;
    if (is_probe(end, peer, seg))
        return ANOMALY_PROBE;
    if (length > 0 && seq_leq(last, end->next)) {
        bool acknowledged = peer->has_acked && seq_leq(last, peer->acked);
        bool older = end->ts && (seg->options.present & TCP_OPTION_TIMESTAMPS) &&
                     (int32_t)(seg->options.ts_value - end->ts_value) < 0;

        if (gaps_fill(end, seg->seq, last))
            return judge_filler(end, seg, at_us);
        return acknowledged && older ? ANOMALY_OLD_DUPLICATE : ANOMALY_RETRANSMISSION;
    }
    if (length > 0 && lies_outside(end, peer, last))
        return ANOMALY_OUTSIDE;
    return seq_gt(seg->seq, end->next) ? ANOMALY_GAP : 0;
}

/* The end's FIN is acknowledged: by the other end's packet. */
static void fin_is_acknowledged(struct observed_end *end)
{
    if (end->state == HF_STATE_FIN_WAIT_1)
        end->state = HF_STATE_FIN_WAIT_2;
    else if (end->state == HF_STATE_CLOSING)
        end->state = HF_STATE_TIME_WAIT;
    else if (end->state == HF_STATE_LAST_ACK)
        end->state = HF_STATE_CLOSED;
}

static unsigned see_ack(struct conversation *conversation, unsigned from, const struct segment *seg)
{
    struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];

    if ((peer->spoke || peer->syn) && seq_gt(seg->ack, peer->next)) {
        if (peer->syn && !peer->open_end)
            return ANOMALY_ACK_OF_UNSEEN;
        peer->open_end = false;
        peer->next = seg->ack;
    }
    if (end->has_acked && seq_eq(seg->ack, end->acked) && seg->length == 0 &&
        peer->duplicate_acks < DUPLICATES)
        peer->duplicate_acks++;
    if (!end->has_acked || seq_gt(seg->ack, end->acked))
        end->acked = seg->ack;
    end->has_acked = true;
    if (peer->state == HF_STATE_SYN_RECEIVED && seq_gt(seg->ack, peer->iss)) {
        peer->state = HF_STATE_ESTABLISHED;
        complete(conversation);
    }
    if (end->state == HF_STATE_SYN_RECEIVED && peer->state == HF_STATE_ESTABLISHED) {
        end->state = HF_STATE_ESTABLISHED; /* both SYNs crossed, or the peer is not heard */
        complete(conversation);
    }
    if (peer->has_fin && seq_geq(seg->ack, peer->fin))
        fin_is_acknowledged(peer);
    return 0;
}

static void see_fin(struct observed_end *end, struct observed_end *peer, seq behind)
{
    if (!end->has_fin) {
        bool knew = peer->has_fin && end->has_acked && seq_geq(end->acked, peer->fin);

        end->has_fin = true;
        end->fin = behind;
        if (end->state != HF_STATE_CLOSE_WAIT)
            end->state = HF_STATE_FIN_WAIT_1;
        else /* without an ACK of the other's FIN: the two have crossed */
            end->state = knew ? HF_STATE_LAST_ACK : HF_STATE_CLOSING;
    }
    if (peer->state == HF_STATE_ESTABLISHED || peer->state == HF_STATE_SYN_RECEIVED)
        peer->state = HF_STATE_CLOSE_WAIT;
    else if (peer->state == HF_STATE_FIN_WAIT_1)
        peer->state = HF_STATE_CLOSING;
    else if (peer->state == HF_STATE_FIN_WAIT_2)
        peer->state = HF_STATE_TIME_WAIT;
}

static unsigned see_window(struct conversation *conversation, unsigned from,
                           const struct segment *seg)
{
    struct observed_end *end = &conversation->end[from];
    bool scales = end->scaled && conversation->end[!from].scaled && !(seg->flags & TCP_SYN);
    bool was_closed = end->closed_window;

    end->window = (uint32_t)seg->window << (scales ? end->scale : 0);
    if (seg->flags & TCP_ACK) {
        seq right = seq_add(seg->ack, end->window);

        if (!end->has_right || seq_gt(right, end->right))
            end->right = right;
        end->has_right = true;
    }
    end->closed_window = end->window == 0;
    if (end->closed_window)
        return was_closed ? 0 : ANOMALY_ZERO_WINDOW;
    return was_closed ? ANOMALY_WINDOW_OPENS : 0;
}

/* It goes on as if it had been answered: the capture lacks what the other end says. */
static void miss_the_answer(struct observed_end *end, struct observed_end *peer, seq ack)
{
    end->state = HF_STATE_ESTABLISHED;
    peer->iss = seq_sub(ack, 1);
    peer->next = ack;
}

/* Of two numbers that an end could have begun with, this is what the two go on with. */
static void adopt_other(struct observed_end *end)
{
    end->iss = end->other_iss;
    end->next = seq_add(end->iss, 1);
    end->syn = end->vague = true;
    end->has_other = false;
}

static void settle_others(struct conversation *conversation, struct observed_end *end,
                          struct observed_end *peer, const struct segment *seg)
{
    if (conversation->completed)
        return;
    if (is_of_other(end, seg->seq)) {
        adopt_other(end);
        peer->acked = end->next;
        if (end->state == HF_STATE_SYN_SENT)
            end->state = HF_STATE_ESTABLISHED;
    }
    if (is_of_other(peer, seg->ack))
        adopt_other(peer);
}

static unsigned see_rest(struct conversation *conversation, unsigned from,
                         const struct segment *seg)
{
    struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];
    seq behind = seq_add(seg->seq, segment_length(seg));
    unsigned odd;

    settle_others(conversation, end, peer, seg);
    if (end->open_end && seq_gt(seg->seq, end->next)) {
        end->open_end = false;
        end->next = seg->seq;
    }
    odd = judge_position(end, peer, seg, conversation->last_us);
    if (end->state == HF_STATE_SYN_SENT && !peer->syn && !peer->spoke)
        miss_the_answer(end, peer, seg->ack);

    if (!end->spoke && !end->syn) { /* joined in the middle */
        end->iss = seg->seq;
        end->next = behind;
    }
    if (odd & ANOMALY_OUTSIDE)
        return odd;
    if (seg->flags & TCP_ACK)
        odd |= see_ack(conversation, from, seg);
    if (odd & ANOMALY_ACK_OF_UNSEEN)
        return odd;
    if (odd & ANOMALY_GAP) {
        gaps_add(end, end->next, seg->seq);
        end->gap_us = conversation->last_us;
        end->duplicate_acks = 0;
    }
    if (seq_gt(behind, end->next))
        end->next = behind;
    if (seg->flags & TCP_FIN)
        see_fin(end, peer, behind);
    return odd;
}

/* SYN with FIN or RST; or neither SYN, ACK nor RST, which nobody heeds. [RFC 9293 3.10.7.4] */
static bool has_odd_flags(uint8_t flags)
{
    return (flags & TCP_SYN) ? flags & (TCP_FIN | TCP_RST) : !(flags & (TCP_ACK | TCP_RST));
}

unsigned conversation_see(struct conversation *conversation, unsigned from,
                          const struct segment *seg, uint8_t ttl, int64_t at_us)
{
    struct observed_end *end = &conversation->end[from];
    unsigned odd = has_odd_flags(seg->flags) ? ANOMALY_ODD_FLAGS : 0;

    conversation->packets++;
    conversation->bytes[from] += seg->length;
    conversation->last_us = at_us;
    if (seg->flags & TCP_RST)
        return odd | see_rst(conversation, from, seg, ttl);
    if (!(seg->flags & (TCP_SYN | TCP_ACK)))
        return odd;
    odd |= see_life_after_rst(conversation, from, seg);
    if (conversation->reset)
        return odd; /* on its way before the RST came */
    odd |=
        seg->flags & TCP_SYN ? see_syn(conversation, from, seg) : see_rest(conversation, from, seg);
    if (odd & NOT_OF_THIS)
        return odd;
    odd |= see_window(conversation, from, seg);
    end->spoke = true;
    end->ttl = ttl;
    if ((seg->options.present & TCP_OPTION_TIMESTAMPS) &&
        (!end->ts || (int32_t)(seg->options.ts_value - end->ts_value) > 0)) {
        end->ts_value = seg->options.ts_value;
        end->ts = true;
    }
    return odd;
}
