/* Receivers that lie. [RFC 5681 3; RFC 3465 2; RFC 2018 8; RFC 9293 3.8.6] */
#include "sim/attack_liar.h"

#include <stdlib.h>

#include "base/must.h"
#include "base/time.h"

static void say_later(struct liar *liar, const struct segment *seg, int64_t at_us)
{
    if (liar->queue_to - liar->queue_from == LIAR_QUEUE)
        return;
    liar->queue[liar->queue_to++ % LIAR_QUEUE] = (struct liar_ack){at_us, *seg};
    liar->attacker.next_at_us = liar->queue[liar->queue_from % LIAR_QUEUE].at_us;
}

static uint32_t make(struct attacker *attacker, uint8_t *frame)
{
    struct liar *liar = (struct liar *)attacker;
    const struct liar_ack *next = &liar->queue[liar->queue_from % LIAR_QUEUE];

    attacker->next_at_us = liar->queue_from == liar->queue_to ? NEVER_US : next->at_us;
    if (attacker->next_at_us > liar->field->now_us)
        return 0;
    liar->queue_from++;
    liar->acks++;
    return attack_frame_segment(frame, &liar->peer.flow, &next->seg);
}

static struct segment ack_of(const struct liar *liar, seq ack)
{
    struct segment seg = attack_peer_segment(&liar->peer, TCP_ACK);

    seg.ack = ack;
    return seg;
}

/* The pieces of an ACK from `before` to `after`. */
static void divide(struct liar *liar, seq before, seq after, int64_t at_us)
{
    uint32_t bytes = seq_distance(before, after), pieces = liar->pieces;

    for (uint32_t i = 1; i <= pieces; i++) {
        struct segment seg = ack_of(liar, seq_add(before, bytes * i / pieces));

        say_later(liar, &seg, at_us);
    }
}

/* Blocks of one byte with gaps of one, behind what is acknowledged. */
static void add_sack(const struct liar *liar, struct segment *seg)
{
    unsigned most = liar->peer.timestamps ? 3 : 4;

    if (!liar->peer.sack || (liar->lie != LIE_SACKED && liar->peer.ahead_count == 0))
        return;
    seg->options.present |= TCP_OPTION_SACK;
    for (unsigned i = 0; i < most; i++) {
        struct sack_block block = {seq_add(seg->ack, 2 * i + 1 + (uint32_t)liar->acks % 97),
                                   seq_add(seg->ack, 2 * i + 2 + (uint32_t)liar->acks % 97)};

        if (liar->lie != LIE_SACKED) {
            if (i >= liar->peer.ahead_count)
                break;
            block = liar->peer.ahead[i];
        }
        seg->options.sack[seg->options.sack_count++] = block;
    }
}

/* What an ACK becomes by the lie. */
static void lie(struct liar *liar, seq before, int64_t at_us)
{
    struct segment seg = ack_of(liar, liar->peer.rcv_nxt);
    uint32_t segment = liar->peer.mss;

    add_sack(liar, &seg);
    switch (liar->lie) {
    case LIE_DIVIDED:
        if (seq_geq(before, liar->peer.rcv_nxt))
            break;
        divide(liar, before, liar->peer.rcv_nxt, at_us);
        return;
    case LIE_DUPLICATED:
        for (unsigned i = 0; i < liar->pieces; i++)
            say_later(liar, &seg, at_us);
        break;
    case LIE_ONLY_DUPLICATES:
        seg.ack = seq_add(liar->peer.irs, 1);
        for (unsigned i = 0; i < liar->pieces; i++)
            say_later(liar, &seg, at_us);
        return;
    case LIE_UNSENT: seg.ack = seq_add(liar->peer.rcv_high, liar->pieces * segment); break;
    case LIE_EARLY:
        seg.ack = liar->peer.rcv_high;
        at_us -= liar->rtt_us / 2;
        break;
    case LIE_RENEGED: liar->peer.ahead_count = 0; break;
    case LIE_SHRUNK: seg.window = liar->acks % 2 ? 8 : liar->peer.window; break;
    case LIE_ZERO: seg.ack = seq_add(liar->peer.irs, 1); break;
    case LIE_NONE:
    case LIE_SACKED:
    case LIE_TINY:
    case LIE_SIPPED:
    case LIES: break;
    }
    say_later(liar, &seg, at_us);
}

static void react(struct attack_peer *peer, struct field *field, const struct segment *seg)
{
    struct liar *liar = peer->self;
    bool in_order = seq_eq(peer->rcv_nxt, seq_add(seg->seq, segment_length(seg)));
    seq before = seg->seq;

    if (segment_length(seg) == 0 || (seg->flags & (TCP_RST | TCP_SYN)))
        return;
    if (liar->lie == LIE_NONE && liar->pieces != 1 && in_order && peer->ahead_count == 0 &&
        ++liar->unacked % 2)
        return; /* every second one */
    lie(liar, before, field->now_us + liar->rtt_us);
}

void liar_enter(struct liar *liar, struct field *field, const struct liar_setup *setup)
{
    struct hf_address from = attack_address(&field->random, field->v6);

    *liar = (struct liar){
        .attacker = {.make = make,
                     .next_at_us = NEVER_US,
                     .burst = 1, /* as they would come: one by one */
                     .left = UINT64_MAX},
        .field = field,
        .lie = setup->lie,
        .rtt_us = setup->rtt_us,
        .pieces = setup->pieces,
    };
    liar->queue = malloc(LIAR_QUEUE * sizeof *liar->queue);
    must(liar->queue);
    attack_peer_init(&liar->peer, field, from, setup->port, FIELD_PORT);
    if (setup->lie == LIE_TINY || setup->lie == LIE_ZERO || setup->lie == LIE_SIPPED) {
        liar->peer.window = setup->lie == LIE_TINY;
        liar->peer.own_scale = 0;
    }
    must(attack_peer_open(&liar->peer, field));
    liar->peer.react = react;
    liar->peer.self = liar;
    liar->peer.lose_every = setup->lose_every;
    field_add(field, &liar->attacker);
    liar->attacker.next_at_us = NEVER_US;
    attack_peer_say(&liar->peer, field, TCP_ACK | TCP_PSH, "?", 1);
}

void liar_leave(struct liar *liar)
{
    attack_peer_forget(&liar->peer, liar->field);
    free(liar->queue);
}
