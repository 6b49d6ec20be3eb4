/* A field for attacks: time, frames and what becomes of them. */
#include "sim/attack_field.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/time.h"
#include "sim/attack_crowd.h"
#include "sim/attack_peer.h"
#include "wire/checksum.h"

#define STEPS_AT_ONE_INSTANT 1000000
#define OUT_SLOTS 32
#define OUT_BYTES 2048u

struct field_setup field_setup_default(uint64_t seed)
{
    struct field_setup setup = {
        .seed = seed,
        .server = HF_CONFIG_DEFAULT,
        .delay_us = 2 * US_PER_MS,
    };

    setup.server.max_connections = 1024;
    setup.server.max_half_opens = 1024;
    setup.server.msl_ms = 500;
    setup.server.link = HF_RAW_IP;
    setup.listen.backlog = 1024;
    return setup;
}

static struct hf_address on_link(bool v6, unsigned host)
{
    struct hf_address address = address_v4(0xc0000200 + host);

    if (v6)
        address = (struct hf_address){
            {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)host}};
    return address;
}

struct hf_address field_server(const struct field *field)
{
    return on_link(field->v6, 1);
}

struct hf_address field_client(const struct field *field, unsigned number)
{
    must(number < FIELD_CLIENTS);
    return on_link(field->v6, 16 + number);
}

static void open_station(struct field *field, struct field_station *station)
{
    struct hf_env env = {.wall_minus_now_us = 1600000000000000};

    station->memory_bytes = hf_memory_needed(&station->config);
    must(station->memory_bytes > 0);
    station->block = calloc(1, station->memory_bytes + 64);
    must(station->block);
    station->memory = (void *)(((uintptr_t)station->block + 63) & ~(uintptr_t)63);
    if (station == &field->server)
        memset(station->memory, 0xa5, station->memory_bytes);
    env.memory_is_zero = station != &field->server; /* untouched memory costs nothing */
    station->sink = (struct hf_event_sink){.events = station->events, .capacity = FIELD_EVENTS};
    env.memory = station->memory;
    env.memory_bytes = station->memory_bytes;
    env.event_sink = &station->sink;
    random_fill(&field->random, env.secret, sizeof env.secret);
    if (field->cookie_key && station == &field->server) {
        memcpy(env.cookie_key, field->cookie_key, sizeof env.cookie_key);
        env.cookie_key_shared = true;
    }
    must(hf_init(&station->stack, &station->config, &env, field->now_us) == HF_OK);
}

static void open_clients(struct field *field)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.link = HF_RAW_IP;
    config.max_connections = 1024;
    config.max_time_waits = 8192;
    config.max_listeners = 1;
    config.max_half_opens = 1;
    config.msl_ms = 500;
    for (unsigned i = 0; i < FIELD_CLIENTS; i++)
        config.addresses[i] =
            (struct hf_prefix){field_client(field, i), (uint8_t)(field->v6 ? 64 : 24)};
    field->clients.config = config;
    open_station(field, &field->clients);
}

void field_open(struct field *field, const struct field_setup *setup)
{
    struct hf_listen_options listen = setup->listen;

    memset(field, 0, sizeof *field);
    random_seed(&field->random, setup->seed ^ 0x61747461636bu);
    field->v6 = setup->v6;
    field->delay_us = setup->delay_us;
    field->cookie_key = setup->cookie_key;
    field->start_us = field->now_us = INT64_C(1000000) * US_PER_S;
    field->batch = malloc((size_t)FIELD_BURST_MAX * ATTACK_FRAME_MAX);
    field->peers = calloc(65536, sizeof *field->peers);
    field->out = malloc((size_t)OUT_SLOTS * OUT_BYTES);
    must(field->batch && field->out && field->peers);
    flight_init(&field->flight);
    field->server.config = setup->server;
    field->server.config.addresses[0] = (struct hf_prefix){on_link(false, 1), 24};
    field->server.config.addresses[1] = (struct hf_prefix){on_link(true, 1), 64};
    for (unsigned i = 0; i < 2; i++) {
        struct hf_prefix all = {i ? (struct hf_address){{0}} : address_v4(0), 0};

        field->server.config.routes[i] = (struct hf_route){all, on_link(i, 254)};
    }
    open_station(field, &field->server);
    open_clients(field);
    if (listen.local.port == 0)
        listen.local.port = FIELD_PORT;
    must(hf_listen_with(field->server.stack, &listen, &field->listener) == HF_OK);
}

void field_close(struct field *field)
{
    while (field->flight.count > 0)
        free(flight_take(&field->flight).data);
    flight_deinit(&field->flight);
    free(field->server.block);
    free(field->clients.block);
    free(field->batch);
    free(field->out);
    free(field->peers);
}

void field_add(struct field *field, struct attacker *attacker)
{
    must(field->attacker_count < FIELD_ATTACKERS_MAX && attacker->burst <= FIELD_BURST_MAX);
    if (attacker->next_at_us < field->now_us)
        attacker->next_at_us = field->now_us;
    field->attackers[field->attacker_count++] = attacker;
}

/* Which client an address belongs to; FIELD_CLIENTS: none. */
static unsigned client_of(const struct field *field, const struct hf_address *address)
{
    struct hf_address first = field_client(field, 0);
    unsigned last = address->bytes[15];

    if (memcmp(address->bytes, first.bytes, 15) != 0 || last < 16 || last >= 16 + FIELD_CLIENTS)
        return FIELD_CLIENTS;
    return last - 16;
}

bool field_is_client(const struct field *field, const struct hf_address *address)
{
    return client_of(field, address) < FIELD_CLIENTS;
}

/* An honest frame goes under way: to 0 is the server. */
static void launch(struct field *field, unsigned client, uint8_t to, const struct hf_frame *frame)
{
    struct flight_frame flying = {
        .sent_us = field->now_us,
        .at_us = field->now_us + field->delay_us + (int64_t)client * US_PER_MS,
        .length = frame->length,
        .to = to,
    };

    if (random_chance(&field->random, field->loss))
        return;
    flying.data = malloc(frame->length);
    must(flying.data);
    memcpy(flying.data, frame->data, frame->length);
    flight_insert(&field->flight, &flying);
}

/* To a host that is not honest, or to nobody. */
static void to_others(struct field *field, const struct packet *packet)
{
    field->to_others.frames++;
    field->to_others.bytes += packet->ip_length;
    if (packet->kind == PACKET_TCP) {
        struct attack_peer *peer = field->peers[packet->segment.destination_port];

        if (peer && address_equal(&peer->flow.remote, &packet->destination) &&
            peer->flow.local_port == packet->segment.source_port) {
            attack_peer_see(peer, field, packet);
            return;
        }
    }
    for (unsigned i = 0; i < field->attacker_count; i++)
        if (field->attackers[i]->see)
            field->attackers[i]->see(field->attackers[i], field, packet);
}

static void leave_server(struct field *field, const struct hf_frame *frame)
{
    static const struct packet_rules rules = {
        .link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct packet packet;
    unsigned client;

    packet_parse(&packet, &rules, frame);
    if (packet.kind == PACKET_REFUSED) {
        field->unsound++;
        return;
    }
    if (field->on_packet)
        field->on_packet(field->on_packet_self, field, &packet);
    client = client_of(field, &packet.destination);
    if (client == FIELD_CLIENTS) {
        to_others(field, &packet);
        return;
    }
    field->to_clients.frames++;
    field->to_clients.bytes += frame->length;
    launch(field, client, 1, frame);
}

static size_t take(struct field *field, struct field_station *station,
                   struct hf_frame slots[OUT_SLOTS])
{
    for (unsigned i = 0; i < OUT_SLOTS; i++)
        slots[i] =
            (struct hf_frame){.data = field->out + (size_t)i * OUT_BYTES, .capacity = OUT_BYTES};
    return hf_output(station->stack, slots, OUT_SLOTS, field->now_us);
}

void field_drain(struct field *field)
{
    struct hf_frame slots[OUT_SLOTS];
    size_t count;

    if (field->draining) /* who sees a frame may answer it: that waits for the next turn below */
        return;
    field->draining = true;
    while ((count = take(field, &field->server, slots)) > 0)
        for (size_t i = 0; i < count; i++)
            leave_server(field, &slots[i]);
    field->draining = false;
}

static void drain_clients(struct field *field)
{
    struct hf_frame slots[OUT_SLOTS];
    size_t count;

    while ((count = take(field, &field->clients, slots)) > 0)
        for (size_t i = 0; i < count; i++) {
            unsigned client = slots[i].data[0] >> 4 == 4 ? slots[i].data[15] : slots[i].data[23];

            if (client >= 16 && client < 16 + FIELD_CLIENTS)
                launch(field, client - 16, 0, &slots[i]);
        }
}

enum hf_stat field_give(struct field *field, const uint8_t *frame, uint32_t length)
{
    uint8_t copy[ATTACK_FRAME_MAX]; /* the stack may change it */
    struct hf_frame in = {.data = copy, .length = length, .capacity = length, .link = HF_RAW_IP};

    must(length <= sizeof copy);
    memcpy(copy, frame, length);
    field->attack.frames++;
    field->attack.bytes += length;
    hf_input(field->server.stack, &in, 1, field->now_us);
    field_drain(field);
    return (enum hf_stat)in.reason;
}

enum hf_stat field_give_segment(struct field *field, const struct flow *flow,
                                const struct segment *seg)
{
    uint8_t frame[ATTACK_FRAME_MAX];

    return field_give(field, frame, attack_frame_segment(frame, flow, seg));
}

/* Honest frames that are there. */
static void arrive(struct field *field)
{
    while (flight_next_us(&field->flight) <= field->now_us) {
        struct flight_frame flying = flight_take(&field->flight);
        struct hf_frame in = {.data = flying.data,
                              .length = flying.length,
                              .capacity = flying.length,
                              .link = HF_RAW_IP};

        if (flying.to == 0) {
            field->honest.frames++;
            field->honest.bytes += flying.length;
        }
        hf_input((flying.to == 0 ? &field->server : &field->clients)->stack, &in, 1, field->now_us);
        free(flying.data);
    }
}

static void attack(struct field *field, struct attacker *attacker)
{
    struct hf_frame frames[FIELD_BURST_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < attacker->burst && attacker->left > 0; i++) {
        uint8_t *to = field->batch + (size_t)count * ATTACK_FRAME_MAX;
        uint32_t length = attacker->make(attacker, to);

        if (length == 0)
            break;
        frames[count++] = (struct hf_frame){
            .data = to, .length = length, .capacity = ATTACK_FRAME_MAX, .link = HF_RAW_IP};
        attacker->left--;
        attacker->frames++;
        attacker->bytes += length;
        field->attack.frames++;
        field->attack.bytes += length;
    }
    if (attacker->left == 0)
        attacker->next_at_us = NEVER_US;
    else if (attacker->every_us > 0)
        attacker->next_at_us += attacker->every_us;
    hf_input(field->server.stack, frames, count, field->now_us);
}

static int64_t next_us(const struct field *field)
{
    int64_t next = flight_next_us(&field->flight);

    next = time_min(next, hf_next_deadline(field->server.stack));
    next = time_min(next, hf_next_deadline(field->clients.stack));
    for (unsigned i = 0; i < field->attacker_count; i++)
        next = time_min(next, field->attackers[i]->next_at_us);
    return field->crowd ? time_min(next, crowd_next_us(field->crowd)) : next;
}

static void step(struct field *field)
{
    arrive(field);
    for (unsigned i = 0; i < field->attacker_count; i++)
        if (field->attackers[i]->next_at_us <= field->now_us)
            attack(field, field->attackers[i]);
    if (hf_next_deadline(field->server.stack) <= field->now_us)
        hf_tick(field->server.stack, field->now_us);
    if (hf_next_deadline(field->clients.stack) <= field->now_us)
        hf_tick(field->clients.stack, field->now_us);
    if (field->crowd)
        crowd_act(field->crowd, field);
    field_drain(field);
    drain_clients(field);
}

void field_run(struct field *field, int64_t until_us)
{
    step(field); /* what users did meanwhile */
    for (;;) {
        int64_t next = time_max(next_us(field), field->now_us);

        if (next > until_us)
            break;
        if (next > field->now_us)
            field->steps_at_this_instant = 0;
        must(++field->steps_at_this_instant < STEPS_AT_ONE_INSTANT);
        field->now_us = next;
        step(field);
    }
    field->now_us = time_max(field->now_us, until_us);
    step(field);
}

void field_pass(struct field *field, int64_t us)
{
    field_run(field, field->now_us + us);
}

struct field_held field_held(const struct field *field)
{
    struct hf_gauges g;

    hf_gauges(field->server.stack, &g);
    return (struct field_held){
        .half_opens = g.half_opens,
        .connections = g.connections_used,
        .time_waits = g.time_waits,
        .neighbors = g.neighbors,
        .reassemblies = g.reassemblies,
        .pool_bytes = g.pool_used_bytes,
        .memory_bytes = g.memory_bytes,
    };
}

bool field_event(struct field *field, enum hf_event_kind kind, struct hf_event *event)
{
    while (hf_event_take(&field->server.sink, event))
        if (event->kind == kind)
            return true;
    return false;
}
