/* Floods. [RFC 4987 2.1, 3; RFC 4953 2] */
#include "sim/attack_flood.h"

#include <string.h>

#include "base/bytes.h"
#include "base/time.h"

#define BURSTS_PER_S 20000u

static struct hf_address forge(struct flood *flood, uint16_t *port)
{
    struct hf_address address = flood->base;

    *port = (uint16_t)random_between(&flood->random, 1024, 65535);
    switch (flood->source) {
    case FLOOD_FROM_ANYWHERE: return attack_address(&flood->random, flood->v6);
    case FLOOD_FROM_PREFIX:
        address.bytes[15] = (uint8_t)random_between(&flood->random, 1, 254);
        break;
    case FLOOD_FROM_ONE:
    case FLOOD_FROM_CLIENT: break;
    }
    return address;
}

/* What Linux and others send. */
static void add_syn_options(struct flood *flood, struct segment *seg)
{
    seg->options.present =
        TCP_OPTION_MSS | TCP_OPTION_SCALE | TCP_OPTION_SACK_PERMITTED | TCP_OPTION_TIMESTAMPS;
    seg->options.mss = flood->v6 ? 1440 : 1460;
    seg->options.scale = 7;
    seg->options.ts_value = (uint32_t)random_next(&flood->random);
}

static void describe(struct flood *flood, struct segment *seg)
{
    static const uint8_t text[64];

    switch (flood->kind) {
    case FLOOD_SYN:
    case FLOOD_CLOSED: add_syn_options(flood, seg); /* fall through */
    case FLOOD_SYN_BARE: seg->flags = TCP_SYN; break;
    case FLOOD_PUSH: seg->text = text; seg->length = sizeof text; /* fall through */
    case FLOOD_ACK:
        seg->flags = TCP_ACK | (flood->kind == FLOOD_PUSH ? TCP_PSH : 0);
        seg->ack = seq_of((uint32_t)random_next(&flood->random));
        break;
    case FLOOD_RST: seg->flags = TCP_RST; break;
    case FLOOD_FIN: seg->flags = TCP_FIN; break;
    case FLOOD_ECHO: break;
    }
}

static uint32_t make(struct attacker *attacker, uint8_t *frame)
{
    struct flood *flood = (struct flood *)attacker;
    struct flow flow = {.local = flood->victim, .local_port = flood->port};
    struct segment seg = {.window = 64240};

    flow.remote = forge(flood, &flow.remote_port);
    if (flood->kind == FLOOD_ECHO)
        return attack_frame_echo(frame, &flow.remote, &flow.local, 56);
    if (flood->kind == FLOOD_CLOSED)
        flow.local_port = (uint16_t)random_between(&flood->random, 1000, 60000);
    seg.seq = seq_of((uint32_t)random_next(&flood->random));
    describe(flood, &seg);
    return attack_frame_segment(frame, &flow, &seg);
}

/* The owner of a forged address gets an answer: he asked for nothing. */
static void see(struct attacker *attacker, struct field *field, const struct packet *packet)
{
    struct flood *flood = (struct flood *)attacker;
    const struct segment *seg = &packet->segment;
    struct flow flow = {packet->destination, packet->source, seg->destination_port,
                        seg->source_port};
    uint8_t frame[ATTACK_FRAME_MAX];
    struct hf_frame in = {.data = frame, .capacity = sizeof frame, .link = HF_RAW_IP};

    if (flood->source == FLOOD_FROM_ONE && !address_equal(&flood->base, &packet->destination))
        return;
    flood->answers++;
    flood->answer_bytes += packet->ip_length;
    if (!flood->owners_reset || packet->kind != PACKET_TCP || !(seg->flags & TCP_ACK) ||
        (seg->flags & TCP_RST))
        return;
    flood->resets++;
    in.length =
        attack_frame_segment(frame, &flow, &(struct segment){.seq = seg->ack, .flags = TCP_RST});
    field->attack.frames++;
    field->attack.bytes += in.length;
    hf_input(field->server.stack, &in, 1, field->now_us);
}

void flood_enter(struct flood *flood, struct field *field, const struct flood_setup *setup)
{
    uint32_t burst = max_u32(setup->per_s / BURSTS_PER_S, 1);

    *flood = (struct flood){
        .attacker = {.make = make,
                     .see = see,
                     .next_at_us = field->now_us,
                     .every_us = (int64_t)burst * US_PER_S / setup->per_s,
                     .burst = burst,
                     .left = setup->frames},
        .kind = setup->kind,
        .source = setup->source,
        .owners_reset = setup->owners_reset,
        .random = random_split(&field->random),
        .v6 = field->v6,
        .victim = field_server(field),
        .port = setup->port ? setup->port : FIELD_PORT,
    };
    flood->base = setup->source == FLOOD_FROM_CLIENT ? field_client(field, 0)
                                                     : attack_address(&flood->random, field->v6);
    field_add(field, &flood->attacker);
}
