/* ao_segment: what a signature adds to a full segment, made and verified; ao_syn: to a SYN and its answer at the server. */
#include <stdio.h>

#include <handfast/auth.h>
#include <handfast/stats.h>

#include "bench.h"
#include "pair.h"

#define TEXT (1u << 20) /* short enough for one turn of a busy machine */
#define CHUNK 16000
#define SYNS 64

/* HF_KEY_NONE: as it is without keys. */
static void open_pair(struct pair *pair, enum hf_key_algorithm algorithm)
{
    struct hf_config config = pair_config(1024);
    const struct hf_key key = {.algorithm = algorithm,
                               .send_id = 1,
                               .receive_id = 1,
                               .secret = "a secret for the bench",
                               .secret_length = 22};

    config.max_keys = algorithm == HF_KEY_NONE ? 0 : 4;
    pair_open(pair, &config);
    for (int i = 0; i < 2 && algorithm != HF_KEY_NONE; i++)
        if (hf_key_add(pair->side[i].stack, &key) != HF_OK)
            bench_fail("hf_key_add");
}

static void read_all(struct pair *pair, hf_socket socket, size_t *got)
{
    static char buffer[65536];
    ptrdiff_t came;

    while ((came = hf_receive(pair->side[1].stack, socket, buffer, sizeof buffer, pair->now_us)) >
           0)
        *got += (size_t)came;
}

/* Nanoseconds for one segment of text: described, copied, signed, parsed, verified and taken, with its share of the ACKs. */
static double segment_ns(enum hf_key_algorithm algorithm, const struct bench_options *options)
{
    static const char text[CHUNK];
    size_t wanted = options->quick ? TEXT / 8 : TEXT, got = 0;
    struct pair pair;
    hf_socket ends[2];
    uint64_t before;
    double ns;

    open_pair(&pair, algorithm);
    pair_connect(&pair, ends);
    before = hf_stats(pair.side[0].stack)->segments_out;
    int64_t start = bench_now_ns();

    while (got < wanted) {
        (void)hf_send(pair.side[0].stack, ends[0], text, sizeof text, pair.now_us);
        pair.now_us += 20;
        pair_carry(&pair, 0);
        read_all(&pair, ends[1], &got);
        pair_carry(&pair, 1);
    }
    ns = (double)(bench_now_ns() - start) /
         (double)(hf_stats(pair.side[0].stack)->segments_out - before);
    pair_close(&pair);
    return ns;
}

/* Nanoseconds at the server for one SYN that it has not seen, to the frame of its SYN-ACK. */
static double syn_ns(enum hf_key_algorithm algorithm, const struct bench_options *options)
{
    struct hf_endpoint server = pair_server();
    unsigned rounds = options->quick ? 2 : 12;
    int64_t spent = 0;
    struct pair pair;
    hf_socket socket;

    open_pair(&pair, algorithm);
    for (unsigned round = 0; round < rounds; round++) {
        struct pair_side *client = &pair.side[0], *serving = &pair.side[1];
        size_t count;

        for (unsigned i = 0; i < SYNS; i++)
            if (hf_connect(client->stack, NULL, &server, &socket, pair.now_us) != HF_OK)
                bench_fail("hf_connect");
        if (round == 0)
            pair_settle(&pair); /* link addresses, and whatever is made once */
        else {
            count = hf_output(client->stack, client->out, PAIR_BATCH, pair.now_us);
            if (count != SYNS)
                bench_fail("not every SYN came out");
            int64_t start = bench_now_ns();

            hf_input(serving->stack, client->out, count, pair.now_us);
            count = hf_output(serving->stack, serving->out, PAIR_BATCH, pair.now_us);
            spent += bench_now_ns() - start;
            if (count != SYNS)
                bench_fail("not every SYN was answered");
        }
        pair.now_us += 1000;
    }
    pair_close(&pair);
    return (double)spent / ((rounds - 1) * SYNS);
}

static void measure(const struct bench_options *options, const char *name,
                    double (*one)(enum hf_key_algorithm, const struct bench_options *))
{
    double plain = 0;

    for (int a = HF_KEY_NONE; a < HF_KEY_ALGORITHMS; a++) {
        struct bench_samples samples = {.count = 0};
        char extra[128];

        for (int run = 0; run < (options->quick ? 1 : 15); run++)
            bench_add(&samples, one((enum hf_key_algorithm)a, options));
        if (a == HF_KEY_NONE)
            plain = bench_median(&samples);
        snprintf(extra, sizeof extra, "\"algorithm\":\"%s\",\"added\":%.0f",
                 hf_key_algorithm_text((enum hf_key_algorithm)a), bench_median(&samples) - plain);
        bench_print(name, &samples, "ns", extra);
    }
}

static void run_segment(const struct bench_options *options)
{
    if (hf_os_crypto())
        measure(options, "ao_segment", segment_ns);
    else
        bench_skip("ao_segment", "built without libcrypto");
}

static void run_syn(const struct bench_options *options)
{
    if (hf_os_crypto())
        measure(options, "ao_syn", syn_ns);
    else
        bench_skip("ao_syn", "built without libcrypto");
}

const struct bench bench_ao_segment = {
    "ao_segment", "a full segment signed and verified, beside unsigned", run_segment};
const struct bench bench_ao_syn = {"ao_syn", "a signed SYN at the server, beside unsigned",
                                   run_syn};
