/* bulk_1460: one flow between two stacks on one core, MSS 1460, checksums computed and verified at each end. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "pair.h"

static char text[65536];

/* The sender keeps its queue full; the receiver takes what there is. */
static size_t turn(struct pair *pair, hf_socket ends[2])
{
    struct hf_span spans[HF_SPANS_MAX];
    size_t count = HF_SPANS_MAX;
    ptrdiff_t got;

    while (hf_send(pair->side[0].stack, ends[0], text, sizeof text, pair->now_us) > 0)
        ;
    pair_carry(pair, 0);
    got = hf_peek_spans(pair->side[1].stack, ends[1], spans, &count);
    if (got > 0)
        hf_consume(pair->side[1].stack, ends[1], (size_t)got, pair->now_us);
    pair_carry(pair, 1);
    pair->now_us += 10;
    hf_tick(pair->side[0].stack, pair->now_us);
    hf_tick(pair->side[1].stack, pair->now_us);
    return got > 0 ? (size_t)got : 0;
}

static void run(const struct bench_options *options)
{
    uint64_t bytes = options->quick ? 200000000 : 2000000000;
    struct hf_config config = pair_config(16);
    struct bench_samples gbit_s = {.count = 0};
    struct pair pair;
    hf_socket ends[2];

    config.receive_bytes = config.send_bytes = 256 * 1024;
    config.pool_bytes = 4 * 1024 * 1024;
    memset(text, 'x', sizeof text);
    for (int i = 0; i < (options->quick ? 3 : 7); i++) {
        uint64_t done = 0;
        int64_t start_ns;

        pair_open(&pair, &config);
        pair_connect(&pair, ends);
        while (done < bytes / 20)
            done += turn(&pair, ends);
        start_ns = bench_now_ns();
        for (done = 0; done < bytes;)
            done += turn(&pair, ends);
        bench_add(&gbit_s, (double)done * 8 / (double)(bench_now_ns() - start_ns));
        pair_close(&pair);
    }
    bench_print("bulk_1460", &gbit_s, "Gbit/s", "\"target\":10");
}

const struct bench bench_bulk = {"bulk_1460", "two stacks on one core, one flow, MSS 1460", run};
