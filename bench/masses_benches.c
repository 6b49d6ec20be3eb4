/* idle_10m: ten million idle connections in one process, and whether they still answer. hold_1m: a million whose peers keep their
 * windows closed on what waits for them, and clients that come and go between them. [RFC 6429] */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "masses.h"

#define REQUEST 100u
#define RESPONSE 20000u

/* Everybody who became readable gets back what he said. */
static void echo(struct masses *masses)
{
    struct hf_ready ready[DOOR_BATCH];
    struct door *door = &masses->door;
    char buffer[2 * REQUEST];
    size_t count;

    while ((count = hf_take_ready(door->stack, ready, DOOR_BATCH)) > 0)
        for (size_t i = 0; i < count; i++) {
            ptrdiff_t length =
                hf_receive(door->stack, ready[i].socket, buffer, sizeof buffer, door->now_us);

            if (length > 0 && hf_send(door->stack, ready[i].socket, buffer, (size_t)length,
                                      door->now_us) != length)
                bench_fail("an echo found no room");
        }
}

/* A batch of clients says something; how many get it back. */
static uint32_t probe(struct masses *masses, const uint32_t *clients, uint32_t count)
{
    struct door *door = &masses->door;
    uint32_t answered = 0, acks = 0;
    struct packet packet;
    size_t out;

    for (uint32_t i = 0; i < count; i++)
        masses_write(masses, i, clients[i], REQUEST);
    hf_input(door->stack, door->in, count, door->now_us);
    echo(masses);
    masses->said = REQUEST;
    while ((out = hf_output(door->stack, door->out, DOOR_BATCH, door->now_us)) > 0)
        for (size_t i = 0; i < out; i++) {
            uint32_t client = masses_read(masses, &door->out[i], &packet);

            if (client == UINT32_MAX || packet.segment.length != REQUEST ||
                packet.segment.seq.value != masses->next[client] ||
                packet.segment.ack.value != MASSES_ISN + 1 + REQUEST)
                continue;
            answered++;
            masses->next[client] += REQUEST;
            if (acks < DOOR_BATCH)
                masses_write(masses, acks++, client, 0);
        }
    hf_input(door->stack, door->in, acks, door->now_us);
    masses->said = 0;
    return answered;
}

static void run_idle(const struct bench_options *options)
{
    uint32_t clients = options->quick ? 1000000 : 10000000,
             probes = options->quick ? 10000 : 100000;
    struct hf_config config = masses_config(clients);
    struct bench_samples bytes = {.count = 0};
    uint32_t chosen[DOOR_BATCH], answered = 0, asked = 0;
    struct masses masses;
    int64_t start_ns, open_ns, probe_ns;
    char extra[256];
    size_t before;
    double cpu_s;

    config.pool_bytes = 64 << 20;
    masses_open(&masses, &config, clients);
    masses_enter(&masses, DOOR_BATCH);
    before = bench_resident(&masses.door.env);
    start_ns = bench_now_ns();
    while (masses.clients < clients)
        masses_enter(&masses, DOOR_BATCH);
    open_ns = bench_now_ns() - start_ns;
    cpu_s = (double)clock() / CLOCKS_PER_SEC;
    bench_add(&bytes, (double)(bench_resident(&masses.door.env) - before) / (clients - DOOR_BATCH));
    start_ns = bench_now_ns();
    while (asked < probes) { /* each once: a client says only one thing */
        uint32_t stride = clients / probes, count = 0;

        for (; count < DOOR_BATCH && asked + count < probes; count++)
            chosen[count] = (asked + count) * stride + door_chance(&masses.door) % stride;
        answered += probe(&masses, chosen, count);
        asked += count;
    }
    probe_ns = bench_now_ns() - start_ns;
    if (answered != asked)
        bench_fail("an idle connection did not answer");
    snprintf(extra, sizeof extra,
             "\"connections\":%u,\"open_s\":%.2f,\"open_cpu_s\":%.2f,\"probed\":%u,\"answered\":%u,"
             "\"probe_ns\":%.0f,\"target\":512",
             masses.clients, (double)open_ns / 1e9, cpu_s, asked, answered,
             (double)probe_ns / asked);
    bench_print("idle_10m", &bytes, "bytes", extra);
    masses_close(&masses);
}

/* Probes of the server are answered: the window is still closed. */
static void answer_probes(struct masses *masses)
{
    struct door *door = &masses->door;
    struct packet packet;
    size_t out;

    while ((out = hf_output(door->stack, door->out, DOOR_BATCH, door->now_us)) > 0) {
        uint32_t acks = 0;

        for (size_t i = 0; i < out; i++) {
            uint32_t client = masses_read(masses, &door->out[i], &packet);

            if (client != UINT32_MAX && !(packet.segment.flags & TCP_RST))
                masses_write(masses, acks++, client, 0);
        }
        hf_input(door->stack, door->in, acks, door->now_us);
    }
}

/* The server notices who was let go. */
static uint32_t look_after(struct masses *masses)
{
    struct hf_ready ready;
    uint32_t gone = 0;

    while (hf_take_ready(masses->door.stack, &ready, 1))
        if (ready.what & HF_ENDED) {
            hf_close(masses->door.stack, ready.socket, masses->door.now_us);
            gone++;
        }
    return gone;
}

/* A client with an open window gets RESPONSE bytes; false: he does not. */
static bool serve(struct masses *masses)
{
    static const uint8_t response[RESPONSE];
    struct door *door = &masses->door;
    uint32_t client = masses->clients, got = 0;
    struct packet packet;
    hf_socket socket;
    ptrdiff_t sent;
    size_t out;

    masses->window = 60000;
    masses_enter(masses, 1);
    socket = masses->sockets[client];
    sent = hf_send(door->stack, socket, response, RESPONSE, door->now_us);
    while ((out = hf_output(door->stack, door->out, 1, door->now_us)) > 0) {
        if (masses_read(masses, &door->out[0], &packet) != client)
            continue;
        got += packet.segment.length;
        masses->next[client] += packet.segment.length;
        masses_write(masses, 0, client, 0);
        hf_input(door->stack, door->in, 1, door->now_us);
    }
    hf_abort(door->stack, socket, door->now_us);
    answer_probes(masses);
    masses->window = 0;
    return sent == RESPONSE && got == RESPONSE;
}

/* Half a second after half a second, so many come. */
static void run_hold(const struct bench_options *options)
{
    static const uint8_t held[3000];
    uint32_t most = options->quick ? 100000 : 1000000, holders = most + most / 2, served = 0;
    uint32_t wanted = 0, gone = 0, peak = 0;
    struct hf_config config = masses_config(holders);
    struct bench_samples seconds = {.count = 0};
    const struct hf_stats *stats;
    struct hf_gauges gauges;
    struct masses masses;
    int64_t start_ns = bench_now_ns();
    char extra[320];

    config.pool_bytes = (uint64_t)most * 4096 / 7 * 8; /* a million hold seven eighths of it */
    masses_open(&masses, &config, holders + holders / DOOR_BATCH + 1);
    stats = hf_stats(masses.door.stack);
    masses.window = 0;
    while (masses.clients < holders) {
        uint32_t first = masses.clients;

        masses_enter(&masses, DOOR_BATCH);
        for (uint32_t i = first; i < masses.clients; i++)
            hf_send(masses.door.stack, masses.sockets[i], held, sizeof held, masses.door.now_us);
        answer_probes(&masses);
        masses.door.now_us += 3000;
        hf_tick(masses.door.stack, masses.door.now_us);
        answer_probes(&masses);
        served += serve(&masses);
        wanted++;
        gone += look_after(&masses);
        if (wanted % 256 == 0 || masses.clients >= holders) {
            uint32_t there = masses.clients - wanted - gone;

            peak = there > peak ? there : peak;
        }
    }
    hf_gauges(masses.door.stack, &gauges);
    bench_add(&seconds, (double)(bench_now_ns() - start_ns) / 1e9);
    if (gauges.pool_used_bytes > gauges.pool_bytes || served != wanted ||
        gone != stats->watch_zero_window)
        bench_fail("holders were felt");
    snprintf(
        extra, sizeof extra,
        "\"holders\":%u,\"peak\":%u,\"released\":%u,\"clients\":%u,\"served\":%u,\"pool_mb\":%llu,"
        "\"pool_used_mb\":%llu,\"resident_mb\":%zu,\"virtual_s\":%.0f",
        masses.clients - wanted, peak, gone, wanted, served,
        (unsigned long long)(gauges.pool_bytes >> 20),
        (unsigned long long)(gauges.pool_used_bytes >> 20), bench_resident(&masses.door.env) >> 20,
        (double)masses.door.now_us / 1e6);
    bench_print("hold_1m", &seconds, "s", extra);
    masses_close(&masses);
}

const struct bench bench_idle_10m = {
    "idle_10m", "ten million idle connections, and whether they answer (6 GB)", run_idle};
const struct bench bench_hold_1m = {
    "hold_1m", "a million closed windows, and clients between them (4 GB)", run_hold};
