/* The states of both ends, by what they say. [RFC 9293 3.3.2, 3.5, 3.6, 3.10.7; RFC 5961 3.2] */
#include "explain/conversation.h"

#include <string.h>

#define TTL_STRANGE 3 /* hops that a path does not change by itself */
#define SCALE_MOST 14

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
    case ANOMALY_ACK_OF_UNSENT: return "ACK of what was not sent";
    case ANOMALY_REFUSED: return "refused";
    case ANOMALY_WENT_ON: return "the RST was forged: its sender goes on";
    case ANOMALY_CUT_SHORT: return "cut short by the capture";
    case ANOMALY_ODD_FLAGS: return "odd flags";
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

bool conversation_is_over_for(const struct conversation *conversation, const struct segment *seg,
                              unsigned from)
{
    const struct observed_end *end = &conversation->end[from];

    if ((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN || !is_over(conversation))
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

static unsigned see_rst(struct conversation *conversation, unsigned from, const struct segment *seg,
                        uint8_t ttl)
{
    const struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];

    if (is_over(conversation) || conversation->reset)
        return 0; /* it changes nothing any more */
    if (peer->state == HF_STATE_SYN_SENT) {
        bool fits = (seg->flags & TCP_ACK) && seq_eq(seg->ack, peer->next);

        return fits ? close_both(conversation, from, ANOMALY_REFUSED) : ANOMALY_FORGED_RST;
    }
    seq edge = peer->has_acked ? peer->acked : end->next;
    bool exact = seq_eq(seg->seq, edge) || (end->spoke && seq_eq(seg->seq, end->next));

    if (!end->spoke && !peer->has_acked)
        exact = true; /* of one who was not heard so far: who knows */
    if (exact)
        return close_both(conversation, from, ttl_is_strange(end, ttl) ? ANOMALY_FORGED_RST : 0);
    if (seq_in_window(seg->seq, edge, peer->window))
        return ANOMALY_CHALLENGED_RST | (ttl_is_strange(end, ttl) ? ANOMALY_FORGED_RST : 0);
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
    return (seg->flags & TCP_ACK) && !end->has_acked && peer->syn && seq_eq(seg->ack, peer->next);
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

static unsigned see_syn(struct conversation *conversation, unsigned from, const struct segment *seg)
{
    struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];
    bool answers = seg->flags & TCP_ACK;

    if (end->syn && seq_eq(end->iss, seg->seq))
        return crosses(end, peer, seg) ? see_crossed(conversation, end, peer, seg->ack)
                                       : (unsigned)ANOMALY_RETRANSMISSION;
    if (end->syn || end->state >= HF_STATE_ESTABLISHED)
        return ANOMALY_OLD_DUPLICATE;
    if (answers && peer->syn && !seq_eq(seg->ack, peer->next))
        return ANOMALY_OLD_DUPLICATE; /* it answers another SYN than the one we saw */
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

/* ---- text, ACK, FIN ---- */

static unsigned judge_position(const struct observed_end *end, const struct observed_end *peer,
                               const struct segment *seg)
{
    uint32_t length = segment_length(seg);
    seq last = seq_add(seg->seq, length);

    if (!end->spoke && !end->syn)
        return 0;
    if (length <= 1 && !(seg->flags & TCP_FIN) && seq_eq(seg->seq, seq_sub(end->next, 1)))
        return ANOMALY_PROBE;
    if (length > 0 && peer->has_acked && peer->window == 0 && seq_eq(seg->seq, peer->acked))
        return ANOMALY_PROBE;
    if (length > 0 && seq_leq(last, end->next)) {
        bool acknowledged = peer->has_acked && seq_leq(last, peer->acked);
        bool older = end->ts && (seg->options.present & TCP_OPTION_TIMESTAMPS) &&
                     (int32_t)(seg->options.ts_value - end->ts_value) < 0;

        return acknowledged && older ? ANOMALY_OLD_DUPLICATE : ANOMALY_RETRANSMISSION;
    }
    if (peer->has_acked && peer->spoke && length > 0 &&
        seq_gt(last, seq_add(peer->acked, peer->window + 1)))
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
        if (peer->syn) /* the whole conversation was seen: nobody sent that */
            return ANOMALY_ACK_OF_UNSENT;
        peer->next = seg->ack;
    }
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

static unsigned see_rest(struct conversation *conversation, unsigned from,
                         const struct segment *seg)
{
    struct observed_end *end = &conversation->end[from], *peer = &conversation->end[!from];
    seq behind = seq_add(seg->seq, segment_length(seg));
    unsigned odd = judge_position(end, peer, seg);

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
    if (odd & ANOMALY_ACK_OF_UNSENT)
        return odd;
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
    if (odd & (ANOMALY_OLD_DUPLICATE | ANOMALY_OUTSIDE | ANOMALY_ACK_OF_UNSENT))
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
