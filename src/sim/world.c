/* A world: stacks, the links between them and virtual time. */
#include "sim/world.h"

#include <handfast/os.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "driver/cut.h"
#include "sim/invariants.h"
#include "sim/router.h"

/* A wire has no more than so many steps at one instant, unless somebody answers himself for ever. */
#define STEPS_AT_ONE_INSTANT 10000

void world_fail(struct world *world, const char *format, ...)
{
    va_list arguments;

    if (world->failed)
        return;
    world->failed = true;
    va_start(arguments, format);
    vsnprintf(world->message, sizeof world->message, format, arguments);
    va_end(arguments);
}

void world_init(struct world *world, uint64_t seed, int64_t start_us)
{
    memset(world, 0, sizeof *world);
    world->seed = seed;
    world->start_us = world->now_us = start_us;
    random_seed(&world->random, seed ^ 0x776f726c64u);
    flight_init(&world->flight);
    world->batch = 1;
    world->invariants = invariants_make();
}

void world_deinit(struct world *world)
{
    for (unsigned i = 0; i < world->node_count; i++) {
        free(world->nodes[i].memory);
        free(world->nodes[i].slot);
    }
    flight_deinit(&world->flight);
    invariants_free(world->invariants);
    world->node_count = 0;
}

int world_add(struct world *world, const struct hf_config *config, const struct link_setup *link)
{
    struct random random = random_split(&world->random);
    struct world_node *node = &world->nodes[world->node_count];
    struct hf_env env = {.wall_minus_now_us = 1600000000000000};

    must(world->node_count < WORLD_NODES_MAX);
    node->config = *config;
    node->memory_bytes = hf_memory_needed(config);
    if (node->memory_bytes == 0) {
        const char *wrong = hf_config_error(config);

        world_fail(world, "configuration refused: %s", wrong ? wrong : "hf_memory_needed is 0");
        return -1;
    }
    node->memory = aligned_alloc(64, (node->memory_bytes + 63) & ~(size_t)63);
    node->slot = malloc(HF_FRAME_MAX);
    must(node->memory && node->slot);
    memset(node->memory, (int)random_below(&random, 256), node->memory_bytes); /* junk */
    node->events = (struct hf_event_sink){
        .events = node->event_ring, .capacity = sizeof node->event_ring / sizeof *node->event_ring};
    env.memory = node->memory;
    env.memory_bytes = node->memory_bytes;
    env.event_sink = &node->events;
    env.crypto = hf_os_crypto();
    random_fill(&random, env.secret, sizeof env.secret);
    link_init(&node->link, link, random_split(&random));

    int error = hf_init(&node->stack, config, &env, world->now_us);
    if (error) {
        world_fail(world, "hf_init: %s", hf_error_text(error));
        free(node->memory);
        free(node->slot);
        return -1;
    }
    return (int)world->node_count++;
}

void world_hook(struct world *world,
                void (*on_frame)(void *, struct world *, const struct world_frame *), void *self)
{
    must(world->hook_count < WORLD_HOOKS_MAX);
    world->hooks[world->hook_count++] = (struct world_hook){on_frame, self};
}

static void show(struct world *world, const struct world_frame *frame)
{
    for (unsigned i = 0; i < world->hook_count; i++)
        world->hooks[i].on_frame(world->hooks[i].self, world, frame);
}

/* Eight bytes at a time; equal traces, equal hashes, and the chance of the contrary is 2^-64. */
static void trace(struct world *world, const void *data, uint32_t length)
{
    const uint8_t *at = data;
    uint64_t hash = world->trace_hash ^ length;

    for (; length >= 8; at += 8, length -= 8)
        hash = (hash ^ get_le64(at)) * 0x9fb21c651e98df25u, hash ^= hash >> 32;
    for (; length > 0; length--)
        hash = (hash ^ *at++) * 0x9fb21c651e98df25u, hash ^= hash >> 32;
    world->trace_hash = hash;
}

static void trace_frame(struct world *world, unsigned from, const uint8_t *data, uint32_t length)
{
    int64_t when[2] = {world->now_us - world->start_us, from};

    trace(world, when, sizeof when);
    trace(world, data, length);
}

/* One copy goes under way to every other node. */
static void launch(struct world *world, struct flight_frame frame, const uint8_t *data)
{
    for (unsigned to = 0; to < world->node_count; to++) {
        if (to == frame.from)
            continue;
        frame.to = (uint8_t)to;
        frame.data = malloc(frame.length ? frame.length : 1);
        must(frame.data);
        memcpy(frame.data, data, frame.length);
        flight_insert(&world->flight, &frame);
    }
}

/* What must stay sound: everything that no checksum guards. The link's own would have found damage to its header. */
static uint32_t sound_bytes(const struct world_node *node, const uint8_t *data, uint32_t length)
{
    uint32_t header = node->config.link == HF_RAW_IP ? 0 : node->config.vlan ? 18 : 14;

    if (header && length >= header && get_be16(data + header - 2) == 0x0806)
        return length; /* ARP has none */
    return header;
}

/* Of all fragments and copies of one frame only the first to be damaged is: damage to two could cancel out in the sum. */
static unsigned damage_once(struct world *world, uint64_t id, unsigned marks)
{
    if (!(marks & LINK_CORRUPTED))
        return marks;
    if (world->damaged_id == id + 1)
        return marks & ~(unsigned)LINK_CORRUPTED;
    world->damaged_id = id + 1;
    return marks;
}

/* One frame goes on the wire: whole, or a fragment that a router made. */
static void carry(struct world *world, struct world_frame *frame, uint8_t *data, uint32_t length)
{
    struct link *link = &world->nodes[frame->from].link;
    struct link_delivery deliveries[LINK_COPIES_MAX];
    uint8_t *copy = NULL;
    unsigned count;

    frame->data = data;
    frame->length = length;
    frame->at_us = NEVER_US;
    frame->marks = 0;
    frame->fate = link_send(link, length, world->now_us, deliveries, &count);
    if (frame->fate == LINK_CARRIED && world->lose && world->lose(world->lose_self, frame)) {
        frame->fate = LINK_LOST;
        link->count.lost++;
        count = 0;
    }
    for (unsigned i = 0; i < count; i++)
        deliveries[i].marks = damage_once(world, frame->id, deliveries[i].marks);
    if (count > 0) {
        frame->at_us = deliveries[0].at_us;
        frame->marks = deliveries[0].marks;
    }
    show(world, frame);
    for (unsigned i = 0; i < count; i++) {
        struct flight_frame flying = {
            .sent_us = world->now_us,
            .at_us = deliveries[i].at_us,
            .id = frame->id,
            .length = length,
            .from = (uint8_t)frame->from,
            .marks = (uint8_t)deliveries[i].marks,
        };
        const uint8_t *bytes = data;

        if (deliveries[i].marks & (LINK_CORRUPTED | LINK_TRUNCATED)) {
            copy = copy ? copy : malloc(length);
            must(copy);
            memcpy(copy, data, length);
            link_damage(link, deliveries[i].marks,
                        sound_bytes(&world->nodes[frame->from], data, length), copy,
                        &flying.length);
            bytes = copy;
        }
        launch(world, flying, bytes);
    }
    free(copy);
}

/* The network's own answer to one who sent too much at once: it comes back after the link's delay. */
static void complain(struct world *world, const struct router *router, unsigned to)
{
    uint8_t data[ROUTER_COMPLAINT_MAX];
    uint32_t length = router_complaint(router, data);
    struct flight_frame flying = {
        .sent_us = world->now_us,
        .at_us = world->now_us + world->nodes[to].link.setup.delay_us,
        .id = world->frames++,
        .length = length,
        .from = WORLD_NODES_MAX,
        .to = (uint8_t)to,
        .data = malloc(length),
    };

    must(flying.data);
    memcpy(flying.data, data, length);
    flight_insert(&world->flight, &flying);
    trace_frame(world, WORLD_NODES_MAX, data, length);
    show(world, &(struct world_frame){
                    .moment = WORLD_SENT,
                    .id = flying.id,
                    .from = WORLD_NODES_MAX,
                    .to = to,
                    .sent_us = world->now_us,
                    .at_us = flying.at_us,
                    .data = data,
                    .length = length,
                    .link = world->nodes[to].config.link,
                    .by_router = true,
                });
}

/* A wire frame leaves a node. */
static void send_frame(struct world *world, unsigned from, uint8_t *data, uint32_t length)
{
    struct world_node *node = &world->nodes[from];
    struct router router = {.link = node->config.link, .mtu = node->link.setup.mtu};
    struct world_frame frame = {
        .moment = WORLD_SENT,
        .id = world->frames++,
        .from = from,
        .to = from == 0 ? 1 : 0,
        .sent_us = world->now_us,
        .link = node->config.link,
    };
    enum router_verdict verdict = router.mtu ? router_look(&router, data, length) : ROUTER_FITS;

    trace_frame(world, from, data, length);
    switch (verdict) {
    case ROUTER_FITS: carry(world, &frame, data, length); break;
    case ROUTER_FRAGMENTS: {
        uint8_t *piece = malloc(length);
        uint32_t cut;

        must(piece);
        node->link.count.fragmented++;
        while ((cut = router_cut(&router, piece)) > 0)
            carry(world, &frame, piece, cut);
        free(piece);
        break;
    }
    case ROUTER_TOO_BIG:
        node->link.count.too_big++;
        frame.data = data;
        frame.length = length;
        frame.fate = LINK_TOO_BIG;
        frame.at_us = NEVER_US;
        show(world, &frame);
        complain(world, &router, from);
        break;
    }
}

void world_inject(struct world *world, unsigned to, const uint8_t *data, uint32_t length)
{
    struct flight_frame flying = {
        .sent_us = world->now_us,
        .at_us = world->now_us,
        .id = world->frames++,
        .length = length,
        .from = WORLD_NODES_MAX,
        .to = (uint8_t)to,
        .data = malloc(length ? length : 1),
    };

    must(flying.data);
    memcpy(flying.data, data, length);
    flight_insert(&world->flight, &flying);
    trace_frame(world, WORLD_NODES_MAX + 1, data, length);
}

/* What a device with offloads would make of the stack's frame, on the wire. */
static void transmit(struct world *world, unsigned from, const struct hf_frame *frame)
{
    if (frame->gso_size == 0 && frame->checksum == HF_CHECKSUM_NONE) {
        send_frame(world, from, frame->data, frame->length);
        return;
    }
    struct cut cut;
    uint8_t *wire = malloc(frame->length);
    uint32_t length;

    must(wire);
    cut_begin(&cut, frame);
    while ((length = cut_next(&cut, wire)) > 0)
        send_frame(world, from, wire, length);
    free(wire);
}

/* Takes what a stack wants to send until it wants no more. */
static void drain(struct world *world, unsigned from)
{
    struct world_node *node = &world->nodes[from];
    struct hf_frame slot = {.data = node->slot, .capacity = HF_FRAME_MAX};
    unsigned count = 0;

    while (hf_output(node->stack, &slot, 1, world->now_us) == 1) {
        if (slot.length == 0 || slot.length > slot.capacity) {
            world_fail(world, "node %u: hf_output gave a frame of %u bytes", from, slot.length);
            return;
        }
        transmit(world, from, &slot);
        slot = (struct hf_frame){.data = node->slot, .capacity = HF_FRAME_MAX};
        if (++count > STEPS_AT_ONE_INSTANT) {
            world_fail(world, "node %u: hf_output never ends", from);
            return;
        }
    }
}

/* The frames that arrive now at one node, up to a batch, in their order. */
static unsigned gather(struct world *world, struct flight_frame arrivals[WORLD_BATCH_MAX])
{
    unsigned count = 0;

    while (count < world->batch && flight_next_us(&world->flight) <= world->now_us &&
           (count == 0 || world->flight.frames[0].to == arrivals[0].to))
        arrivals[count++] = flight_take(&world->flight);
    return count;
}

static void arrive(struct world *world)
{
    struct flight_frame arrivals[WORLD_BATCH_MAX];
    struct hf_frame frames[WORLD_BATCH_MAX];
    unsigned count;

    while ((count = gather(world, arrivals)) > 0) {
        struct world_node *node = &world->nodes[arrivals[0].to];
        bool shown = world->hook_count > 0;
        uint8_t *before[WORLD_BATCH_MAX] = {0};

        for (unsigned i = 0; i < count; i++) {
            frames[i] = (struct hf_frame){
                .data = arrivals[i].data,
                .length = arrivals[i].length,
                .capacity = arrivals[i].length,
                .link = (uint8_t)node->config.link,
            };
            if (shown) { /* the stack may change the bytes */
                must((before[i] = malloc(arrivals[i].length + 1)) != NULL);
                memcpy(before[i], arrivals[i].data, arrivals[i].length);
            }
        }
        hf_input(node->stack, frames, count, world->now_us);
        for (unsigned i = 0; i < count; i++) {
            invariants_frame(world, arrivals[i].to, &frames[i]);
            if (shown)
                show(world, &(struct world_frame){
                                .moment = WORLD_ARRIVED,
                                .id = arrivals[i].id,
                                .from = arrivals[i].from,
                                .to = arrivals[i].to,
                                .sent_us = arrivals[i].sent_us,
                                .at_us = world->now_us,
                                .data = before[i],
                                .length = arrivals[i].length,
                                .link = node->config.link,
                                .marks = arrivals[i].marks,
                                .by_router = arrivals[i].from >= WORLD_NODES_MAX,
                                .verdict = (enum hf_verdict)frames[i].verdict,
                                .reason = (enum hf_stat)frames[i].reason,
                            });
            free(before[i]);
            free(arrivals[i].data);
        }
    }
}

int64_t world_next_us(const struct world *world)
{
    int64_t next = flight_next_us(&world->flight);

    for (unsigned i = 0; i < world->node_count; i++)
        next = time_min(next, hf_next_deadline(world->nodes[i].stack));
    if (world->actor.next_us)
        next = time_min(next, world->actor.next_us(world->actor.self));
    return next;
}

/* Tells who is ready; false: nobody is. */
static bool tell_actor(struct world *world)
{
    struct hf_ready ready[8];
    bool any = false;

    if (!world->actor.on_ready)
        return false;
    for (unsigned node = 0; node < world->node_count; node++)
        for (size_t count; (count = hf_take_ready(world->nodes[node].stack, ready, 8)) > 0;) {
            for (size_t i = 0; i < count; i++)
                world->actor.on_ready(world->actor.self, node, &ready[i]);
            any = true;
        }
    return any;
}

/* What the actors do may make others ready: until nobody is. */
static void run_actor(struct world *world)
{
    unsigned rounds = 0;

    tell_actor(world);
    do {
        if (world->actor.act)
            world->actor.act(world->actor.self, world);
        if (++rounds > STEPS_AT_ONE_INSTANT)
            world_fail(world, "readiness never ends");
    } while (!world->failed && tell_actor(world));
}

bool world_step(struct world *world)
{
    int64_t next_us = world_next_us(world);

    if (world->failed || (next_us == NEVER_US && world->steps > 0))
        return false;
    if (next_us != NEVER_US && next_us > world->now_us) {
        world->now_us = next_us;
        world->steps_at_this_instant = 0;
    } else if (++world->steps_at_this_instant > STEPS_AT_ONE_INSTANT) {
        world_fail(world, "time stands still: %d steps at one instant", STEPS_AT_ONE_INSTANT);
        return false;
    }
    world->steps++;
    arrive(world);
    for (unsigned i = 0; i < world->node_count; i++)
        if (hf_next_deadline(world->nodes[i].stack) <= world->now_us) {
            hf_tick(world->nodes[i].stack, world->now_us);
            if (hf_next_deadline(world->nodes[i].stack) <= world->now_us)
                world_fail(world, "node %u: hf_next_deadline is in the past after hf_tick", i);
        }
    run_actor(world);
    for (unsigned i = 0; i < world->node_count; i++)
        drain(world, i);
    invariants_step(world);
    return !world->failed;
}

const char *world_state(const struct world *world, unsigned node, char text[WORLD_STATE_MAX])
{
    struct hf_gauges gauges;
    unsigned state = HF_STATE_CLOSED;

    hf_gauges(world->nodes[node].stack, &gauges);
    if (gauges.listeners > 0)
        state = HF_STATE_LISTEN;
    for (unsigned i = HF_STATE_SYN_SENT; i < HF_STATES;
         i++) /* the earliest in life is the most telling */
        if (gauges.connections[i] > 0) {
            state = i;
            break;
        }
    if (state > HF_STATE_LISTEN && gauges.connections[state] > 1)
        snprintf(text, WORLD_STATE_MAX, "%u %s", gauges.connections[state],
                 hf_state_text((enum hf_state)state));
    else
        snprintf(text, WORLD_STATE_MAX, "%s", hf_state_text((enum hf_state)state));
    return text;
}
