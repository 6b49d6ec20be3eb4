/* A gate of its own, with a hash of flows that tests can predict. */
#ifndef TESTS_UNIT_GATE_DOOR_H
#define TESTS_UNIT_GATE_DOOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "gate/gate.h"
#include "gate/half_open.h"
#include "gate/reaper.h"
#include "gate/syn_ack.h"

#define LISTENERS 3
#define S (INT64_C(1000000))

struct door {
    struct gate gate;
    struct hf_stats stats;
    struct hf_address addresses[2];
    void *memory;
    size_t memory_bytes;
    int64_t now_us;
};

static inline uint64_t flow_hash(const struct flow *flow)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (unsigned i = 0; i < sizeof *flow; i++)
        hash = (hash ^ ((const uint8_t *)flow)[i]) * 0x100000001b3;
    return hash ^ hash >> 29;
}

static inline uint64_t half_open_hash(const void *context, uint32_t slot)
{
    struct flow flow = gate_flow(context, slot);

    return flow_hash(&flow);
}

/* Each listener has these options, and a port of its own. */
static inline void door_open_with(struct door *door, uint32_t half_opens,
                                  const struct hf_listen_options *options)
{
    struct hf_listen_options own = *options;
    struct gate_config config = {
        .cache = {half_opens, half_open_hash, &door->gate},
        .max_listeners = LISTENERS,
        .max_connections = 64,
        .half_open_timeout_ms = 10000,
        .syn_ack_retries = 2,
        .mtu = 1500,
        .announced_window = 32768,
        .receive_scale = 3,
        .options = HALF_OPEN_OPTIONS,
        .addresses = door->addresses,
        .iss_key = {1, 2},
        .source_key = {3, 4},
        .cookie_key = {5, 6},
        .wall_minus_now_us = 1700000000 * S,
        .stats = &door->stats,
    };
    struct arena arena = {NULL, 0};

    memset(door, 0, sizeof *door);
    door->now_us = 100 * S;
    assert_int_equal(hf_address_parse(&door->addresses[0], "192.0.2.1"), HF_OK);
    assert_int_equal(hf_address_parse(&door->addresses[1], "2001:db8::1"), HF_OK);
    gate_init(&door->gate, &arena, &config, door->now_us);
    door->memory = arena.base = aligned_alloc(CACHE_LINE, arena.used);
    door->memory_bytes = arena.used;
    memset(arena.base, 0xa5, arena.used);
    arena.used = 0;
    gate_init(&door->gate, &arena, &config, door->now_us);
    for (uint32_t i = 0; i < LISTENERS; i++) {
        own.local.port = (uint16_t)(80 + i);
        gate_listener_open(&door->gate, i, &own, door->now_us);
    }
}

/* With the cache alone. */
static inline void door_open(struct door *door, uint32_t half_opens)
{
    door_open_with(door, half_opens, &(struct hf_listen_options){.cookies = HF_COOKIES_OFF});
}

static inline void door_close(struct door *door)
{
    free(door->memory);
}

static inline struct flow door_flow(const struct door *door, uint32_t listener, uint16_t port)
{
    struct flow flow = {
        .local = door->addresses[0], .remote_port = port, .local_port = (uint16_t)(80 + listener)};

    assert_int_equal(hf_address_parse(&flow.remote, "192.0.2.9"), HF_OK);
    return flow;
}

static inline struct gate_segment door_segment(const struct flow *flow, const struct segment *seg)
{
    return (struct gate_segment){.flow = flow,
                                 .seg = seg,
                                 .hash = flow_hash(flow),
                                 .listener = (uint16_t)(flow->local_port - 80)};
}

/* A SYN from a port to a listener; its answer in *answer. */
static inline enum gate_verdict door_syn(struct door *door, uint32_t listener, uint16_t port,
                                         struct segment *answer)
{
    struct segment syn = {.seq = {1000}, .flags = TCP_SYN, .window = 5000};
    struct flow flow = door_flow(door, listener, port);
    struct gate_segment arrived = door_segment(&flow, &syn);

    return gate_on_syn(&door->gate, &arrived, answer, door->now_us);
}

static inline uint32_t door_find(const struct door *door, uint32_t listener, uint16_t port)
{
    struct flow flow = door_flow(door, listener, port);

    return gate_find(&door->gate, flow_hash(&flow), &flow);
}

#endif
