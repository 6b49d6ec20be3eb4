/* syn_cookie, ack_bad_cookie, ack_good_cookie, syn_cache: what a stranger's segment costs at the door, frame in to frame out,
 * checksums verified and computed. */
#include "door.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "stack/connection.h"
#include "stack/demux.h"
#include "wire/ethernet.h"
#include "wire/tcp_header.h"

#define RUNS 9
#define HELD 10000000u

static const struct hf_listen_options always = {.cookies = HF_COOKIES_ALWAYS, .backlog = 4096};

static void write_syns(struct door *door)
{
    for (size_t i = 0; i < DOOR_BATCH; i++) {
        struct segment syn = door_syn(door);

        door_write(door, i, &syn);
    }
}

/* Nothing may be held that was not held before. */
static void check_nothing_kept(const struct door *door, const struct hf_gauges *before)
{
    struct hf_gauges now;

    hf_gauges(door->stack, &now);
    if (now.half_opens != before->half_opens || now.time_waits != before->time_waits ||
        now.connections_used != before->connections_used || now.neighbors != before->neighbors ||
        now.pool_used_bytes != before->pool_used_bytes || now.reassemblies != before->reassemblies)
        bench_fail("a SYN that was answered by a cookie left something behind");
}

static void measure_syn_cookie(struct door *door, const char *name, const char *extra, int rounds,
                               int runs)
{
    struct bench_samples ns = {.count = 0};
    struct hf_gauges before;

    hf_gauges(door->stack, &before);
    for (int run = 0; run < runs; run++) {
        door->ns = 0;
        door->frames = 0;
        for (int i = 0; i < rounds; i++) {
            write_syns(door);
            if (door_time(door, DOOR_BATCH) != DOOR_BATCH)
                bench_fail("a SYN was not answered");
        }
        bench_add(&ns, (double)door->ns / (double)door->frames);
    }
    check_nothing_kept(door, &before);
    bench_print(name, &ns, "ns", extra);
}

static void run_syn_cookie(const struct bench_options *options)
{
    struct hf_config config = door_config();
    struct door door = {0};

    door_open(&door, &config, &always);
    measure_syn_cookie(&door, "syn_cookie", "\"target\":70,\"kept\":0",
                       options->quick ? 500 : 20000, options->quick ? 3 : RUNS);
    door_close(&door);
}

/* Connections that are only there: in the table, open, their first lines touched. */
static void hold(struct hf_stack *stack, uint32_t count)
{
    struct connections *connections = &stack->connections;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = pool_take(&connections->pool, NULL);
        struct connection *connection = connection_at(connections, slot);

        connection->flow = (struct flow){.remote = address_v4(0x0c000000 + i / 50000),
                                         .local = address_v4(0xc0000201),
                                         .remote_port = (uint16_t)(1024 + i % 50000),
                                         .local_port = DOOR_PORT};
        connection->flags = CONNECTION_OPEN;
        connection->tcb.state = TCP_ESTABLISHED;
        connection->hash = demux_hash(&stack->keys.tuple, &connection->flow);
        table_insert(&connections->table, connection->hash, slot);
    }
}

static void run_syn_cookie_10m(const struct bench_options *options)
{
    struct hf_config config = door_config();
    uint32_t held = options->quick ? HELD / 10 : HELD;
    struct door door = {0};
    char extra[96];

    config.max_connections = held + 1024;
    config.max_time_waits = 1024;
    config.promise_bytes = 0;
    config.pool_bytes = 1 << 20;
    door_open(&door, &config, &always);
    hold(door.stack, held);
    snprintf(extra, sizeof extra, "\"target\":160,\"kept\":0,\"held\":%u", held);
    measure_syn_cookie(&door, "syn_cookie_10m", extra, options->quick ? 500 : 20000,
                       options->quick ? 3 : RUNS);
    door_close(&door);
}

/* ACKs that return nothing: they are met with silence. */
static void measure_bad(const char *name, const char *extra, uint16_t present,
                        const struct bench_options *options)
{
    struct hf_config config = door_config();
    struct bench_samples ns = {.count = 0};
    struct door door = {0};

    door_open(&door, &config, &always);
    write_syns(&door);
    door_pass(&door, DOOR_BATCH);
    for (int run = 0; run < (options->quick ? 3 : RUNS); run++) {
        door.ns = 0;
        door.frames = 0;
        for (int i = 0; i < (options->quick ? 500 : 20000); i++) {
            for (size_t frame = 0; frame < DOOR_BATCH; frame++) {
                struct segment ack = {.seq = {door_chance(&door)},
                                      .ack = {door_chance(&door)},
                                      .flags = TCP_ACK,
                                      .window = 500,
                                      .options = {.present = present,
                                                  .ts_value = door_chance(&door),
                                                  .ts_echo = door_chance(&door)}};

                door_write(&door, frame, &ack);
            }
            if (door_time(&door, DOOR_BATCH) != 0)
                bench_fail("a bad cookie was answered");
        }
        bench_add(&ns, (double)door.ns / (double)door.frames);
    }
    bench_print(name, &ns, "ns", extra);
    door_close(&door);
}

static void run_ack_bad_cookie(const struct bench_options *options)
{
    measure_bad("ack_bad_cookie", "\"target\":60", TCP_OPTION_TIMESTAMPS, options);
    measure_bad("ack_bad_cookie_plain", "\"target\":100", 0, options);
}

/* From SYN-ACK number i in `out` to the ACK that finishes the handshake. */
static void write_ack(struct door *door, size_t i)
{
    const uint8_t *data = door->out[i].data + ETHERNET_HEADER + 20;
    struct segment syn_ack, ack;

    tcp_header_parse(&syn_ack, data, door->out[i].length - ETHERNET_HEADER - 20);
    ack = (struct segment){.seq = syn_ack.ack,
                           .ack = seq_add(syn_ack.seq, 1),
                           .flags = TCP_ACK,
                           .window = 502,
                           .options = {.present = TCP_OPTION_TIMESTAMPS,
                                       .ts_value = syn_ack.options.ts_echo,
                                       .ts_echo = syn_ack.options.ts_value}};
    door_write_again(door, i, &ack);
}

static void drop_accepted(struct door *door, hf_socket *sockets, size_t count)
{
    struct hf_ready ready[DOOR_BATCH];

    for (size_t i = 0; i < count; i++)
        hf_abort(door->stack, sockets[i], door->now_us);
    while (hf_output(door->stack, door->out, DOOR_BATCH, door->now_us) > 0)
        ;
    while (hf_take_ready(door->stack, ready, DOOR_BATCH) > 0)
        ;
}

/* The ACK goes in and the connection is accepted: both timed. */
static void time_good(struct door *door)
{
    hf_socket sockets[DOOR_BATCH];
    size_t count = 0;
    int64_t start_ns;

    write_syns(door);
    if (door_pass(door, DOOR_BATCH) != DOOR_BATCH)
        bench_fail("a SYN was not answered");
    for (size_t i = 0; i < DOOR_BATCH; i++)
        write_ack(door, i);
    start_ns = bench_now_ns();
    hf_input(door->stack, door->in, DOOR_BATCH, door->now_us);
    while (count < DOOR_BATCH && hf_accept(door->stack, door->listener, &sockets[count]) == HF_OK)
        count++;
    door->ns += bench_now_ns() - start_ns;
    door->frames += DOOR_BATCH;
    if (count != DOOR_BATCH)
        bench_fail("a good cookie was not accepted");
    drop_accepted(door, sockets, count);
}

static void run_ack_good_cookie(const struct bench_options *options)
{
    struct hf_config config = door_config();
    struct bench_samples ns = {.count = 0};
    struct door door = {0};

    door_open(&door, &config, &always);
    for (int run = 0; run < (options->quick ? 3 : RUNS); run++) {
        door.ns = 0;
        door.frames = 0;
        for (int i = 0; i < (options->quick ? 200 : 4000); i++)
            time_good(&door);
        bench_add(&ns, (double)door.ns / (double)door.frames);
    }
    bench_print("ack_good_cookie", &ns, "ns", NULL);
    door_close(&door);
}

/* The senders of the batch take their SYNs back. */
static void take_back(struct door *door, const uint32_t isn[DOOR_BATCH])
{
    for (size_t i = 0; i < DOOR_BATCH; i++) {
        struct segment rst = {.seq = {isn[i] + 1}, .flags = TCP_RST};

        door_write_again(door, i, &rst);
    }
    door_pass(door, DOOR_BATCH);
}

/* A batch of SYNs, each with an entry of its own. */
static void enter(struct door *door, uint32_t isn[DOOR_BATCH], bool timed)
{
    for (size_t i = 0; i < DOOR_BATCH; i++) {
        struct segment syn = door_syn(door);

        isn[i] = syn.seq.value;
        door_write(door, i, &syn);
    }
    if ((timed ? door_time(door, DOOR_BATCH) : door_pass(door, DOOR_BATCH)) != DOOR_BATCH)
        bench_fail("a SYN was not answered");
}

static double time_cache(struct door *door, int rounds)
{
    uint32_t isn[DOOR_BATCH];

    door->ns = 0;
    door->frames = 0;
    for (int i = 0; i < rounds; i++) {
        enter(door, isn, true);
        take_back(door, isn);
    }
    return (double)door->ns / (double)door->frames;
}

/* The cost of a SYN that gets an entry, beside few entries and beside 65,536. */
static void run_syn_cache(const struct bench_options *options)
{
    static const uint32_t levels[] = {64, 1024, 16384, 65536};
    struct hf_listen_options listen = {.cookies = HF_COOKIES_OFF};
    struct hf_config config = door_config();
    int rounds = options->quick ? 200 : 10000;

    config.max_half_opens = 131072;
    for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
        struct bench_samples ns = {.count = 0};
        struct door door = {0};
        uint32_t isn[DOOR_BATCH];
        char extra[64];

        door_open(&door, &config, &listen);
        for (uint32_t held = 0; held < levels[level]; held += DOOR_BATCH)
            enter(&door, isn, false);
        for (int run = 0; run < (options->quick ? 3 : RUNS); run++)
            bench_add(&ns, time_cache(&door, rounds));
        if (hf_stats(door.stack)->syn_cookie_sent || hf_stats(door.stack)->syn_cache_evicted)
            bench_fail("the cache was not calm");
        snprintf(extra, sizeof extra, "\"entries\":%u,\"flat_within_percent\":15", levels[level]);
        bench_print("syn_cache", &ns, "ns", extra);
        door_close(&door);
    }
}

const struct bench bench_syn_cookie = {
    "syn_cookie", "a SYN answered by a cookie, frame in to frame out", run_syn_cookie};
const struct bench bench_syn_cookie_10m = {
    "syn_cookie_10m", "the same beside ten million connections (5 GB)", run_syn_cookie_10m};
const struct bench bench_ack_bad_cookie = {
    "ack_bad_cookie", "an ACK that returns no cookie, with and without timestamps",
    run_ack_bad_cookie};
const struct bench bench_ack_good_cookie = {
    "ack_good_cookie", "an ACK that returns a cookie, to the accepted connection",
    run_ack_good_cookie};
const struct bench bench_syn_cache = {"syn_cache", "a SYN that gets a half-open, beside many",
                                      run_syn_cache};
