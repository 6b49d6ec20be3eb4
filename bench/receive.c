/* segment, ack: what hf_input costs for an in-order data segment of 1460 bytes, and for a pure ACK. Frames are made
 * beforehand; only hf_input is timed. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "pair.h"

#define FRAMES 32
#define SLOT 2048

static char text[FRAMES * 1460];

struct receive_bench {
    struct pair pair;
    hf_socket ends[2];
    struct hf_frame frames[FRAMES];
    uint8_t buffers[FRAMES][SLOT];
    int64_t ns;
    uint64_t count;
};

static void slots(struct receive_bench *b)
{
    for (size_t i = 0; i < FRAMES; i++)
        b->frames[i] = (struct hf_frame){.data = b->buffers[i], .capacity = SLOT};
}

/* FRAMES data segments of side 0. */
static size_t make_data(struct receive_bench *b)
{
    hf_send(b->pair.side[0].stack, b->ends[0], text, sizeof text, b->pair.now_us);
    slots(b);
    return hf_output(b->pair.side[0].stack, b->frames, FRAMES, b->pair.now_us);
}

static void timed_input(struct receive_bench *b, int side, size_t count)
{
    int64_t start_ns = bench_now_ns();

    hf_input(b->pair.side[side].stack, b->frames, count, b->pair.now_us);
    b->ns += bench_now_ns() - start_ns;
    b->count += count;
}

static void take_all(struct receive_bench *b)
{
    struct hf_stack *stack = b->pair.side[1].stack;
    struct hf_ready ready[8];
    char buffer[65536];

    while (hf_receive(stack, b->ends[1], buffer, sizeof buffer, b->pair.now_us) > 0)
        ;
    hf_take_ready(stack, ready, 8);
    hf_take_ready(b->pair.side[0].stack, ready, 8);
}

static void round_segment(struct receive_bench *b)
{
    size_t count = make_data(b);

    timed_input(b, 1, count);
    take_all(b);
    pair_settle(&b->pair);
    b->pair.now_us += 10;
}

/* One ACK for each segment, as the receiver is asked after each. */
static void round_ack(struct receive_bench *b)
{
    size_t count = make_data(b), acks = 0;

    for (size_t i = 0; i < count; i++) {
        struct hf_frame slot = {.data = malloc(SLOT), .capacity = SLOT};

        hf_input(b->pair.side[1].stack, &b->frames[i], 1, b->pair.now_us);
        if (hf_output(b->pair.side[1].stack, &slot, 1, b->pair.now_us) == 1) {
            memcpy(b->buffers[acks], slot.data, slot.length);
            b->frames[acks] = slot;
            b->frames[acks].data = b->buffers[acks];
            acks++;
        }
        free(slot.data);
    }
    timed_input(b, 0, acks);
    take_all(b);
    pair_settle(&b->pair);
    b->pair.now_us += 10;
}

static void measure(const char *name, void (*one_round)(struct receive_bench *),
                    const struct bench_options *options)
{
    struct receive_bench *b = calloc(1, sizeof *b);
    struct hf_config config = pair_config(16);
    struct bench_samples ns = {.count = 0};
    int rounds = options->quick ? 2000 : 40000;

    config.receive_bytes = config.send_bytes = 256 * 1024;
    config.pool_bytes = 4 * 1024 * 1024;
    pair_open(&b->pair, &config);
    pair_connect(&b->pair, b->ends);
    hf_set_option(b->pair.side[1].stack, b->ends[1], HF_QUICK_ACK, 1, b->pair.now_us);
    for (int run = 0; run < (options->quick ? 3 : 9); run++) {
        b->ns = 0;
        b->count = 0;
        for (int i = 0; i < rounds; i++)
            one_round(b);
        if (b->count < (uint64_t)rounds * FRAMES / 2)
            bench_fail("fewer segments than expected");
        bench_add(&ns, (double)b->ns / (double)b->count);
    }
    bench_print(name, &ns, "ns", "\"target\":150");
    pair_close(&b->pair);
    free(b);
}

static void run_segment(const struct bench_options *options)
{
    measure("segment", round_segment, options);
}

static void run_ack(const struct bench_options *options)
{
    measure("ack", round_ack, options);
}

const struct bench bench_segment = {"segment", "an in-order segment of 1460 bytes received",
                                    run_segment};
const struct bench bench_ack = {"ack", "a pure ACK received", run_ack};
