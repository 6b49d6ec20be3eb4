/* One TCB whose peer is written out by hand: segments with relative numbers, virtual time, and a list of what was sent. */
#ifndef TESTS_UNIT_TCP_SOLO_H
#define TESTS_UNIT_TCP_SOLO_H

#include "pair.h"

#define SOLO_ISS 0xfffffe00u
#define SOLO_IRS 0xffffff00u
#define SOLO_SENT_MAX 2048

struct sent {
    struct segment segment; /* its numbers relative: seq from our ISS, ack and SACK from IRS */
    int64_t at_us;
};

struct solo {
    struct end end;
    struct hf_config config;
    int64_t now_us;
    struct sent sent[SOLO_SENT_MAX];
    unsigned count;
    uint32_t written; /* bytes of pattern given to tcp_send */
    uint32_t read;    /* ... and got from tcp_receive       */
    bool timestamps;
    uint32_t peer_ts, echo;
    uint16_t window;
};

static inline uint8_t solo_pattern(uint32_t at)
{
    return (uint8_t)(at * 2654435761u >> 9 ^ at);
}

static inline void solo_check(const struct solo *solo)
{
    const char *wrong = tcb_check(&solo->end.tcb);

    if (wrong)
        fail_msg("at %lld us: %s", (long long)solo->now_us, wrong);
}

/* Takes all that is to be sent now; returns how many segments that are. */
static inline unsigned solo_out(struct solo *solo)
{
    struct end *end = &solo->end;
    struct tcp_outgoing out;
    unsigned before = solo->count;

    while (end->tcb.end == TCP_END_NONE) {
        bool wanted = tcp_wants_output(&end->tcp, &end->tcb);

        out.text_max = 65535;
        if (!tcp_output(&end->tcp, &end->tcb, &out, solo->now_us))
            break;
        assert_true(wanted);
        assert_true(solo->count < SOLO_SENT_MAX);
        for (uint32_t done = 0; done < out.segment.length;) {
            struct byte_run run = byte_queue_at(&end->tcb.snd_queue, &end->tcp.chunks,
                                                out.text_offset + done, out.segment.length - done);
            uint32_t at = out.segment.seq.value - SOLO_ISS - 1 + done;

            for (uint32_t i = 0; i < run.length; i++)
                assert_int_equal(run.data[i], solo_pattern(at + i));
            done += run.length;
        }
        out.segment.seq.value -= SOLO_ISS;
        out.segment.ack.value -= SOLO_IRS;
        for (uint32_t i = 0; i < out.segment.options.sack_count; i++) {
            out.segment.options.sack[i].left.value -= SOLO_IRS;
            out.segment.options.sack[i].right.value -= SOLO_IRS;
        }
        solo->sent[solo->count++] = (struct sent){out.segment, solo->now_us};
        solo_check(solo);
    }
    return solo->count - before;
}

static inline void solo_segment(struct solo *solo, struct segment *seg)
{
    uint8_t *text = malloc(seg->length + 1);

    for (uint32_t i = 0; i < seg->length; i++)
        text[i] = solo_pattern(seg->seq.value - SOLO_IRS - 1 + i);
    seg->text = text;
    tcp_segment_arrives(&solo->end.tcp, &solo->end.tcb, seg, solo->now_us);
    solo_check(solo);
    free(text);
}

/* A segment from the peer: ACK always, PSH if you like, numbers relative. */
static inline void solo_in(struct solo *solo, uint8_t flags, uint32_t at, uint32_t length,
                           uint32_t ack)
{
    struct segment seg = {
        .seq = seq_of(SOLO_IRS + at),
        .ack = seq_of(SOLO_ISS + ack),
        .flags = (uint8_t)(flags | TCP_ACK),
        .window = solo->window,
        .length = length,
    };

    if (solo->timestamps) {
        seg.options.present = TCP_OPTION_TIMESTAMPS;
        seg.options.ts_value = solo->peer_ts;
        seg.options.ts_echo = solo->echo;
    }
    solo_segment(solo, &seg);
}

static inline void solo_ack(struct solo *solo, uint32_t ack)
{
    solo_in(solo, 0, solo->end.tcb.rcv_nxt.value - SOLO_IRS, 0, ack);
}

static inline void solo_write(struct solo *solo, uint32_t length)
{
    uint8_t *text = malloc(length + 1);

    for (uint32_t i = 0; i < length; i++)
        text[i] = solo_pattern(solo->written + i);
    assert_int_equal(tcp_send(&solo->end.tcp, &solo->end.tcb, text, length, solo->now_us), length);
    solo->written += length;
    free(text);
}

/* Reads up to `most` bytes and compares them. */
static inline uint32_t solo_read(struct solo *solo, uint32_t most)
{
    uint8_t *text = malloc(most + 1);
    ptrdiff_t got = tcp_receive(&solo->end.tcp, &solo->end.tcb, text, most, solo->now_us);

    for (ptrdiff_t i = 0; i < got; i++)
        assert_int_equal(text[i], solo_pattern(solo->read + (uint32_t)i));
    free(text);
    if (got > 0)
        solo->read += (uint32_t)got;
    return got > 0 ? (uint32_t)got : 0;
}

/* Lets time pass, deadline by deadline; what is sent meanwhile is taken. */
static inline void solo_pass(struct solo *solo, int64_t us)
{
    int64_t end_us = solo->now_us + us;

    solo_out(solo);
    while (solo->end.tcb.end == TCP_END_NONE && tcb_deadline(&solo->end.tcb) <= end_us) {
        solo->now_us = time_max(solo->now_us, tcb_deadline(&solo->end.tcb));
        tcp_timeout(&solo->end.tcp, &solo->end.tcb, solo->now_us);
        solo_check(solo);
        solo_out(solo);
    }
    solo->now_us = end_us;
}

static inline struct solo *solo_new(const struct hf_config *config, uint32_t chunks)
{
    struct solo *solo = calloc(1, sizeof *solo);

    solo->config = *config;
    solo->now_us = 1000 * INT64_C(1000000);
    solo->window = 65535;
    end_init(&solo->end, config, chunks);
    return solo;
}

/* A passive connection as gate hands it up: MSS 1460, window 65535; `h` changes what differs. */
static inline struct handshake solo_handshake(void)
{
    return (struct handshake){
        .iss = seq_of(SOLO_ISS),
        .irs = seq_of(SOLO_IRS),
        .mss = 1460,
        .send_scale = SCALE_NONE,
        .receive_scale = SCALE_NONE,
        .syn_ack_count = 1,
        .first_window = 65535,
        .announced_window = 32768,
    };
}

static inline struct solo *solo_open_as(const struct hf_config *config, const struct handshake *h)
{
    struct solo *solo = solo_new(config, 4096);

    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, h,
                                     &(struct tcp_open){.path_mss = 1460}, solo->now_us));
    solo->end.open = true;
    solo->timestamps = h->timestamps;
    solo->peer_ts = h->ts_recent;
    return solo;
}

static inline struct solo *solo_open(const struct hf_config *config)
{
    struct handshake h = solo_handshake();

    return solo_open_as(config, &h);
}

static inline void solo_free(struct solo *solo)
{
    if (solo->end.open)
        tcp_release(&solo->end.tcp, &solo->end.tcb);
    assert_int_equal(solo->end.tcp.chunks.pool.count, 0);
    assert_int_equal(solo->end.tcp.chunks.members, 0);
    free(solo->end.memory);
    free(solo);
}

static inline const struct segment *solo_last(const struct solo *solo)
{
    assert_true(solo->count > 0);
    return &solo->sent[solo->count - 1].segment;
}

#endif
