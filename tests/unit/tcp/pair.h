/* Two TCBs and the segments between them, in virtual time: no frames, no stack. A listener is played by hand. */
#ifndef TESTS_UNIT_TCP_PAIR_H
#define TESTS_UNIT_TCP_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "tcp/open.h"
#include "tcp/state.h"
#include "tcp/tcp.h"

#define PAIR_CHUNKS 4096u
#define PAIR_DELAY_US 10000
#define PAIR_FLIGHT_MAX 4096

struct end {
    struct tcp tcp;
    struct tcb tcb;
    struct hf_stats stats;
    void *memory;
    bool open, released;
};

struct in_flight {
    struct segment segment;
    uint8_t *text;
    int64_t at_us;
    int to;
};

struct pair {
    struct end end[2]; /* 0 opens actively */
    struct in_flight flight[PAIR_FLIGHT_MAX];
    size_t flying;
    int64_t now_us;
    uint64_t random;
    unsigned loss_percent, reorder_percent, duplicate_percent;
    size_t sent[2];                                                       /* segments, by sender */
    bool (*drop)(struct pair *pair, int from, const struct segment *seg); /* may be NULL */
    bool listening; /* end 1 answers a SYN as gate would */
    seq server_iss;
    struct segment syn_ack;
};

static inline uint32_t pair_random(struct pair *pair)
{
    pair->random = pair->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(pair->random >> 33);
}

static inline void end_init(struct end *end, const struct hf_config *config, uint32_t chunks)
{
    struct arena measure = {NULL, 0}, arena;
    struct chunk_pool ignored;

    memset(end, 0, sizeof *end);
    chunk_pool_init(&ignored, &measure, chunks, 2);
    end->memory = aligned_alloc(64, (measure.used + 63) / 64 * 64);
    arena = (struct arena){end->memory, 0};
    chunk_pool_init(&end->tcp.chunks, &arena, chunks, 2);
    tcp_init(&end->tcp, config, &end->stats);
}

static inline struct pair *pair_new(const struct hf_config *config, uint64_t seed)
{
    struct pair *pair = calloc(1, sizeof *pair);

    end_init(&pair->end[0], config, PAIR_CHUNKS);
    end_init(&pair->end[1], config, PAIR_CHUNKS);
    pair->random = seed;
    pair->now_us = 1000000;
    pair->server_iss = seq_of(0x7fffff00);
    pair->listening = true;
    return pair;
}

static inline void pair_free(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        if (pair->end[i].open && !pair->end[i].released)
            tcp_release(&pair->end[i].tcp, &pair->end[i].tcb);
        assert_int_equal(pair->end[i].tcp.chunks.pool.count, 0); /* nothing leaked */
        free(pair->end[i].memory);
    }
    for (size_t i = 0; i < pair->flying; i++)
        free(pair->flight[i].text);
    free(pair);
}

static inline void pair_check(const struct pair *pair)
{
    for (int i = 0; i < 2; i++)
        if (pair->end[i].open) {
            const char *wrong = tcb_check(&pair->end[i].tcb);

            if (wrong)
                fail_msg("end %d at %lld us: %s", i, (long long)pair->now_us, wrong);
        }
}

static inline void pair_fly(struct pair *pair, int from, const struct segment *seg)
{
    struct in_flight *f;

    pair->sent[from]++;
    if (pair->drop && pair->drop(pair, from, seg))
        return;
    if (pair_random(pair) % 100 < pair->loss_percent)
        return;
    for (unsigned copies = 1 + (pair_random(pair) % 100 < pair->duplicate_percent); copies > 0;
         copies--) {
        assert_true(pair->flying < PAIR_FLIGHT_MAX);
        f = &pair->flight[pair->flying++];
        f->segment = *seg;
        f->to = 1 - from;
        f->at_us = pair->now_us + PAIR_DELAY_US;
        if (pair_random(pair) % 100 < pair->reorder_percent)
            f->at_us += pair_random(pair) % 30000;
        f->text = malloc(seg->length + 1);
        if (seg->length)
            memcpy(f->text, seg->text, seg->length);
    }
}

/* Everything an end wants to send, now. */
static inline void pair_pump(struct pair *pair, int from)
{
    struct end *end = &pair->end[from];
    struct tcp_outgoing out;
    uint8_t text[65536];

    if (end->tcp.reset.wanted) {
        struct segment rst = {
            .seq = end->tcp.reset.seq, .ack = end->tcp.reset.ack, .flags = end->tcp.reset.flags};

        end->tcp.reset.wanted = false;
        pair_fly(pair, from, &rst);
    }
    for (int i = 0; end->open && i < 2000; i++) {
        bool wanted = tcp_wants_output(&end->tcp, &end->tcb);

        out.text_max = 65535;
        if (!tcp_output(&end->tcp, &end->tcb, &out, pair->now_us))
            return;
        assert_true(wanted); /* tcp_wants_output never says no to what tcp_output gives */
        for (uint32_t done = 0; done < out.segment.length;) {
            struct byte_run run = byte_queue_at(&end->tcb.snd_queue, &end->tcp.chunks,
                                                out.text_offset + done, out.segment.length - done);

            memcpy(text + done, run.data, run.length);
            done += run.length;
        }
        out.segment.text = text;
        pair_fly(pair, from, &out.segment);
        pair_check(pair);
    }
}

/* What gate does with a SYN, and the first ACK: an open TCB. */
static inline void pair_listen(struct pair *pair, const struct segment *seg)
{
    struct end *end = &pair->end[1];
    const struct tcp_options *o = &seg->options;
    bool scale = (o->present & TCP_OPTION_SCALE) && end->tcp.config.scaling;
    struct handshake h = {
        .iss = pair->server_iss,
        .irs = seg->flags & TCP_SYN ? seg->seq : seq_sub(seg->seq, 1),
        .mss = o->present & TCP_OPTION_MSS ? o->mss : 536,
        .send_scale = scale ? o->scale : SCALE_NONE,
        .receive_scale = scale ? end->tcp.config.receive_scale : SCALE_NONE,
        .sack = (o->present & TCP_OPTION_SACK_PERMITTED) && end->tcp.config.sack,
        .timestamps = (o->present & TCP_OPTION_TIMESTAMPS) && end->tcp.config.timestamps,
        .ts_recent = o->ts_value,
        .ts_offset = 777,
        .first_window = seg->window,
        .announced_window =
            65535 < end->tcp.config.receive_bytes ? 65535 : (uint16_t)end->tcp.config.receive_bytes,
        .syn_ack_count = 1,
        .rtt_us = 2 * PAIR_DELAY_US,
    };
    struct segment answer = {.seq = h.iss,
                             .ack = seq_add(h.irs, 1),
                             .flags = TCP_SYN | TCP_ACK,
                             .window = h.announced_window};

    if (!(seg->flags & TCP_SYN) || end->open)
        return;
    answer.options = (struct tcp_options){
        .present = (uint16_t)(TCP_OPTION_MSS | (scale ? TCP_OPTION_SCALE : 0) |
                              (h.sack ? TCP_OPTION_SACK_PERMITTED : 0) |
                              (h.timestamps ? TCP_OPTION_TIMESTAMPS : 0)),
        .mss = 1460,
        .scale = end->tcp.config.receive_scale,
        .ts_value = (uint32_t)(pair->now_us / 1000) + h.ts_offset,
        .ts_echo = o->ts_value,
    };
    /* Opened at once: nothing in these tests depends on the instant of the ACK. */
    assert_true(tcp_open_established(&end->tcp, &end->tcb, &h, &(struct tcp_open){.path_mss = 1460},
                                     pair->now_us));
    end->open = true;
    pair->syn_ack = answer;
    pair_fly(pair, 1, &answer);
}

static inline void pair_deliver(struct pair *pair, int to, const struct segment *seg)
{
    struct end *end = &pair->end[to];

    if (to == 1 && !end->open && pair->listening) {
        pair_listen(pair, seg);
        return;
    }
    if (to == 1 && seg->flags == TCP_SYN && pair->listening) {
        pair_fly(pair, 1, &pair->syn_ack); /* a half-open answers again what it answered first */
        return;
    }
    if (end->open && end->tcb.end == TCP_END_NONE && end->tcb.state != TCP_TIME_WAIT)
        tcp_segment_arrives(&end->tcp, &end->tcb, seg, pair->now_us);
    else if (end->open && end->tcb.state == TCP_TIME_WAIT && segment_length(seg) > 0)
        end->tcb.flags |= TCB_ACK_NOW; /* as the TIME-WAIT record answers */
}

/* The next event: a segment arrives or a deadline comes. false: nothing is left to happen. */
static inline bool pair_step(struct pair *pair)
{
    int64_t next = NEVER_US;
    size_t which = 0;
    bool segment = false;

    pair_pump(pair, 0);
    pair_pump(pair, 1);
    for (size_t i = 0; i < pair->flying; i++)
        if (pair->flight[i].at_us < next) {
            next = pair->flight[i].at_us;
            which = i;
            segment = true;
        }
    for (int i = 0; i < 2; i++)
        if (pair->end[i].open && tcb_deadline(&pair->end[i].tcb) < next) {
            next = tcb_deadline(&pair->end[i].tcb);
            segment = false;
        }
    if (next == NEVER_US)
        return false;
    pair->now_us = next > pair->now_us ? next : pair->now_us;
    if (segment) {
        struct in_flight f = pair->flight[which];

        memmove(&pair->flight[which], &pair->flight[which + 1],
                (--pair->flying - which) * sizeof f);
        f.segment.text = f.text;
        pair_deliver(pair, f.to, &f.segment);
        free(f.text);
    } else {
        for (int i = 0; i < 2; i++)
            if (pair->end[i].open && tcb_deadline(&pair->end[i].tcb) <= pair->now_us)
                tcp_timeout(&pair->end[i].tcp, &pair->end[i].tcb, pair->now_us);
    }
    pair_check(pair);
    return true;
}

/* Runs until nothing is left or `until_us` has come. */
static inline void pair_run(struct pair *pair, int64_t until_us)
{
    while (pair->now_us < until_us && pair_step(pair))
        ;
}

static inline void pair_connect(struct pair *pair)
{
    struct end *end = &pair->end[0];

    assert_true(tcp_open_active(&end->tcp, &end->tcb,
                                &(struct tcp_open){.iss = seq_of(0xfffffff0), .path_mss = 1460},
                                pair->now_us));
    end->open = true;
}

/* A connection that is ESTABLISHED at both ends with nothing in flight. */
static inline struct pair *pair_established(const struct hf_config *config, uint64_t seed)
{
    struct pair *pair = pair_new(config, seed);

    pair_connect(pair);
    pair_run(pair, pair->now_us + 100000);
    assert_int_equal(pair->end[0].tcb.state, TCP_ESTABLISHED);
    assert_int_equal(pair->end[1].tcb.state, TCP_ESTABLISHED);
    return pair;
}

#endif
