/* cycle: connect, 80-byte request, 200-byte reply, close; what one end costs. cycle_10k_idle: with 10,000 idle connections. */
#include <stdio.h>

#include "bench.h"
#include "pair.h"

#define REQUEST 80
#define REPLY 200
#define IDLE 10000

static void must_be(ptrdiff_t found, ptrdiff_t wanted, const char *what)
{
    if (found != wanted)
        bench_fail(what);
}

/* The readiness list is drained, as a server would. */
static void drain_ready(struct hf_stack *stack)
{
    struct hf_ready ready[8];

    while (hf_take_ready(stack, ready, 8) == 8)
        ;
}

/* One turn of an event loop: a frame comes from the other side, and what became ready is asked for. */
static void turn(struct pair *pair, int from)
{
    pair->now_us +=
        20; /* slower than life: ports are used again only when their clocks have moved on */
    if (pair_carry(pair, from) ==
        0) /* one; now and then a question for the link address beside it */
        bench_fail("a turn without a frame");
    drain_ready(pair->side[1 - from].stack);
}

/* Six frames: each side acts on what came before it sends, as an event loop does, so every ACK but the last rides. */
static void cycle(struct pair *pair, const struct hf_endpoint *server)
{
    static const char request[REQUEST], reply[REPLY];
    struct hf_stack *client = pair->side[0].stack, *serving = pair->side[1].stack;
    hf_socket near, far;
    char buffer[512];

    must_be(hf_connect(client, NULL, server, &near, pair->now_us), HF_OK, "connect");
    turn(pair, 0); /* SYN */
    turn(pair, 1); /* SYN, ACK */
    must_be(hf_send(client, near, request, REQUEST, pair->now_us), REQUEST, "send request");
    turn(pair, 0); /* the request with the handshake's ACK */
    must_be(hf_accept(serving, pair->side[1].listener, &far), HF_OK, "accept");
    must_be(hf_receive(serving, far, buffer, sizeof buffer, pair->now_us), REQUEST, "request");
    must_be(hf_send(serving, far, reply, REPLY, pair->now_us), REPLY, "send reply");
    hf_shutdown(serving, far, pair->now_us);
    turn(pair, 1); /* the reply with FIN */
    must_be(hf_receive(client, near, buffer, sizeof buffer, pair->now_us), REPLY, "reply");
    must_be(hf_receive(client, near, buffer, sizeof buffer, pair->now_us), 0, "FIN");
    must_be(hf_close(client, near, pair->now_us), HF_OK, "close");
    turn(pair, 0); /* FIN, ACK */
    must_be(hf_receive(serving, far, buffer, sizeof buffer, pair->now_us), 0, "FIN at the server");
    must_be(hf_close(serving, far, pair->now_us), HF_OK, "close at the server");
    turn(pair, 1); /* the last ACK */
    hf_tick(client, pair->now_us);
    hf_tick(serving, pair->now_us);
}

static void measure(const char *name, uint32_t idle, const struct bench_options *options)
{
    struct hf_config config = pair_config(idle + idle / 4 + 256); /* no limit is near */
    struct hf_endpoint server = pair_server();
    struct bench_samples ns = {.count = 0};
    int cycles = options->quick ? 20000 : 200000;
    struct pair pair;
    hf_socket ends[2];
    char extra[128];

    config.promise_bytes = 0;
    config.pool_bytes = 4 << 20;
    pair_open(&pair, &config);
    for (uint32_t i = 0; i < idle + 1; i++) /* one at least: it finds the link addresses */
        pair_connect(&pair, ends);
    for (int i = 0; i < cycles / 10; i++)
        cycle(&pair, &server);
    for (int run = 0; run < (options->quick ? 3 : 9); run++) {
        int64_t start_ns = bench_now_ns();

        for (int i = 0; i < cycles; i++)
            cycle(&pair, &server);
        bench_add(&ns, (double)(bench_now_ns() - start_ns) / cycles / 2);
    }
    snprintf(extra, sizeof extra, "\"idle\":%u%s", idle, idle ? "" : ",\"target\":800");
    bench_print(name, &ns, "ns", extra);
    pair_close(&pair);
}

static void run_alone(const struct bench_options *options)
{
    measure("cycle", 0, options);
}

static void run_idle(const struct bench_options *options)
{
    measure("cycle_10k_idle", IDLE, options);
}

const struct bench bench_cycle = {"cycle", "connect, 80 bytes, 200 bytes, close: one end",
                                  run_alone};
const struct bench bench_cycle_10k_idle = {"cycle_10k_idle",
                                           "the same beside 10,000 idle connections", run_idle};
