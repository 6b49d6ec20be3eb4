/* A small stack under a fuzzer, and its invariants. [RFC 9293 3.3.1] */
#include "fuzz/stand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/auth.h>
#include <handfast/os.h>

#include "base/must.h"
#include "base/time.h"
#include "fuzz/input.h"
#include "fuzz/stand_gate.h"
#include "fuzz/stand_tcp.h"
#include "stack/stack.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"

/* One step may make a stack say this much: a window full of small segments, on each of its connections. */
#define FRAMES_A_STEP 3000
#define HOUR_US (INT64_C(3600) * US_PER_S)

struct hf_address stand_address(const char *text)
{
    struct hf_address address;

    must(hf_address_parse(&address, text) == HF_OK);
    return address;
}

__attribute__((noinline)) static void wrong(const char *what)
{
    fprintf(stderr, "not true: %s\n", what);
    abort();
}

void stand_init(struct stand *stand)
{
    *stand = (struct stand){.config = HF_CONFIG_DEFAULT, .now_us = INT64_C(1000) * US_PER_S};
    stand->config.addresses[0] = (struct hf_prefix){stand_address("192.0.2.1"), 24};
    stand->config.addresses[1] = (struct hf_prefix){stand_address("2001:db8::1"), 64};
    stand->config.link = HF_RAW_IP;
    stand->config.max_connections = 4;
    stand->config.max_half_opens = 4;
    stand->config.max_time_waits = 2;
    stand->config.max_listeners = 3;
    stand->config.max_neighbors = 8;
    stand->config.max_reassemblies = 3;
    stand->config.receive_bytes = 8192;
    stand->config.send_bytes = 8192;
    stand->config.promise_bytes = 2048;
    stand->config.pool_bytes = 24576;
    stand->config.mtu = 1280;
}

void stand_open(struct stand *stand)
{
    size_t bytes = hf_memory_needed(&stand->config);
    struct hf_env env = {
        .memory_bytes = bytes, .event_sink = &stand->sink, .crypto = hf_os_crypto()};

    if (bytes == 0)
        wrong(hf_config_error(&stand->config));
    stand->memory = aligned_alloc(64, bytes);
    must(stand->memory);
    memset(stand->memory, 0xa5, bytes); /* nothing may rely on what it was */
    env.memory = stand->memory;
    memset(env.secret, 0x5e, sizeof env.secret);
    stand->sink = (struct hf_event_sink){.events = stand->events, .capacity = 16};
    must(hf_init(&stand->stack, &stand->config, &env, stand->now_us) == HF_OK);
    stand_after(stand);
}

void stand_add_key(struct stand *stand, bool old)
{
    static const char secret[] = "of a fuzzer's own";
    struct hf_key key = {.algorithm = old ? HF_KEY_MD5 : HF_KEY_HMAC_SHA_1_96,
                         .remote = {stand_address("2001:db8::9"), 128},
                         .secret = secret,
                         .secret_length = sizeof secret - 1};

    if (stand->config.max_keys > 0 && hf_os_crypto())
        must(hf_key_add(stand->stack, &key) == HF_OK);
}

/* ---- what must be true ---- */

static void check_counters(struct stand *stand)
{
    uint64_t now[HF_STAT_COUNT];

    memcpy(now, hf_stats(stand->stack), sizeof now);
    for (unsigned i = 0; i < HF_STAT_COUNT; i++)
        if (now[i] < stand->stats[i])
            wrong("a counter went back");
    memcpy(stand->stats, now, sizeof now);
}

static void check_gauges(const struct stand *stand)
{
    struct hf_gauges g;
    uint64_t sum = 0;

    hf_gauges(stand->stack, &g);
    for (unsigned i = 0; i < HF_STATES; i++)
        if (i != HF_STATE_LISTEN && i != HF_STATE_TIME_WAIT && i != HF_STATE_CLOSED)
            sum += g.connections[i];
    must(g.pool_used_bytes <= g.pool_bytes);
    must(g.connections_used <= g.max_connections);
    must(g.half_opens <= g.max_half_opens);
    must(g.half_opens <= g.connections[HF_STATE_SYN_RECEIVED]);
    must(g.time_waits <= g.max_time_waits);
    must(sum - g.half_opens <= g.connections_used);
}

/* ---- what comes out ---- */

/* A station on the same link reads every frame with its own parser: it must be whole, and its checksums right. */
static void take_frame(struct stand *stand, const struct hf_frame *out)
{
    struct packet_rules rules = {.link = stand->config.link,
                                 .vlan = stand->config.vlan,
                                 .checksum = checksum_sum,
                                 .ipv6 = packet_ipv6};
    struct hf_frame frame = *out;
    struct packet packet;

    must(frame.length > 0 && frame.length <= frame.capacity);
    must(frame.gso_size > 0 || frame.length <= stand->config.mtu + stand->stack->link_header);
    if (rules.link == HF_ETHERNET)
        memcpy(rules.mac.bytes, frame.data, sizeof rules.mac.bytes);
    frame.data = malloc(frame.length); /* what it reads must be in the frame */
    must(frame.data);
    memcpy(frame.data, out->data, frame.length);
    memset(&packet, 0, sizeof packet);
    packet_parse(&packet, &rules, &frame);
    if (packet.kind == PACKET_REFUSED || packet.kind == PACKET_FOREIGN)
        wrong(hf_stat_meaning(packet.reason));
    if (stand->on_packet)
        stand->on_packet(stand->self, &packet);
    free(frame.data);
}

static void take_output(struct stand *stand)
{
    static uint8_t bytes[HF_FRAME_MAX];
    struct hf_frame slot = {.data = bytes, .capacity = sizeof bytes};
    unsigned count = 0;

    stand->holds_back = stand->frames_a_step > 0;
    while (!stand->holds_back || count < stand->frames_a_step) {
        if (hf_output(stand->stack, &slot, 1, stand->now_us) == 0) {
            stand->holds_back = false; /* that was all */
            return;
        }
        if (++count > FRAMES_A_STEP)
            wrong("a step has an end: frames without one");
        stand->frames++;
        take_frame(stand, &slot);
        slot = (struct hf_frame){.data = bytes, .capacity = sizeof bytes};
    }
}

void stand_after(struct stand *stand)
{
    struct hf_event event;

    take_output(stand);
    check_counters(stand);
    check_gauges(stand);
    stand_tcp_check(stand);
    stand_gate_check(stand);
    while (hf_event_take(&stand->sink, &event)) {
        char sentence[HF_EVENT_SENTENCE_MAX];

        must(hf_event_sentence(&event, sentence, sizeof sentence) < sizeof sentence);
    }
}

/* ---- steps ---- */

void stand_input(struct stand *stand, const uint8_t *bytes, uint32_t length,
                 enum hf_checksum checksum)
{
    struct hf_frame frame = {.length = length,
                             .capacity = length,
                             .link = (uint8_t)stand->config.link,
                             .checksum = (uint8_t)checksum};

    frame.data = malloc(length ? length : 1);
    must(frame.data);
    if (length > 0)
        memcpy(frame.data, bytes, length);
    hf_input(stand->stack, &frame, 1, stand->now_us);
    must(frame.verdict <= HF_FOREIGN && frame.reason < HF_STAT_COUNT);
    must(frame.verdict != HF_DROPPED || frame.reason != HF_STAT_none);
    free(frame.data);
    stand_after(stand);
}

void stand_wait(struct stand *stand, int64_t us)
{
    stand->now_us += us;
    hf_tick(stand->stack, stand->now_us);
    stand_after(stand);
    stand_gate_check_ticked(stand);
}

void stand_wait_deadline(struct stand *stand)
{
    int64_t wait_us = hf_next_deadline(stand->stack) - stand->now_us;

    stand_wait(stand, wait_us < 0 ? 0 : wait_us > HOUR_US ? HOUR_US : wait_us);
}

/* ---- the end ---- */

static bool is_empty(const struct stand *stand)
{
    struct hf_gauges g;

    hf_gauges(stand->stack, &g);
    return g.connections_used == 0 && g.half_opens == 0 && g.time_waits == 0 &&
           g.pool_used_bytes == 0 && g.reassemblies == 0 && g.listeners == 0;
}

static void tell_gauges(const struct stand *stand)
{
    struct hf_gauges g;

    hf_gauges(stand->stack, &g);
    fprintf(stderr,
            "%u connections, %u half-opens, %u TIME-WAITs, %llu bytes, %u reassemblies, %u "
            "listeners; next at %lld us\n",
            g.connections_used, g.half_opens, g.time_waits, (unsigned long long)g.pool_used_bytes,
            g.reassemblies, g.listeners,
            (long long)(hf_next_deadline(stand->stack) - stand->now_us));
    for (uint32_t i = 0; i < stand->stack->connections.pool.high; i++) {
        const struct connection *c = connection_at(&stand->stack->connections, i);

        if (c->flags & CONNECTION_OPEN)
            fprintf(stderr, "%s, flags %#x of the connection, %#x of the TCB\n",
                    hf_state_text((enum hf_state)c->tcb.state), c->flags, c->tcb.flags);
    }
}

static void close_sockets(struct stand *stand)
{
    hf_socket socket;

    for (uint64_t cursor = 0; hf_next_socket(stand->stack, &cursor, &socket) == HF_OK;)
        hf_close(stand->stack, socket, stand->now_us);
    stand_after(stand);
}

void stand_close(struct stand *stand)
{
    close_sockets(stand);
    for (unsigned i = 0; i < 2000 && !is_empty(stand); i++) {
        stand_wait(stand, 5 * US_PER_S); /* near a limit the watch looks every 10 ms */
        stand_wait_deadline(stand);
    }
    if (!is_empty(stand))
        tell_gauges(stand);
    if (!is_empty(stand))
        wrong("nothing is left when nobody holds a socket and all time has passed");
    free(stand->memory);
}
