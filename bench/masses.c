/* Masses of clients that are nothing but numbers. */
#include "masses.h"

#include <stdlib.h>

#include "bench.h"
#include "wire/checksum.h"

#define PORTS 50000u
#define FIRST_PORT 1024u
#define FIRST_ADDRESS 0x0a000001u
#define STAMP 1000u

static const uint8_t text[DOOR_SLOT];

struct hf_config masses_config(uint32_t clients)
{
    struct hf_config config = door_config();

    hf_prefix_parse(&config.routes[0].to, "0.0.0.0/0");
    hf_address_parse(&config.routes[0].gateway, "192.0.2.9");
    config.max_connections = clients + clients / 4 + 1024; /* no limit is near */
    config.max_half_opens = 65536;
    config.max_time_waits = 1024;
    config.promise_bytes = 0;
    return config;
}

void masses_open(struct masses *masses, const struct hf_config *config, uint32_t clients)
{
    *masses = (struct masses){.window = 60000};
    door_open(&masses->door, config,
              &(struct hf_listen_options){.backlog = 4096, .source_limit = 65536});
    masses->sockets = malloc(clients * sizeof *masses->sockets);
    masses->next = malloc(clients * sizeof *masses->next);
    if (!masses->sockets || !masses->next)
        bench_fail("no memory");
}

void masses_close(struct masses *masses)
{
    door_close(&masses->door);
    free(masses->sockets);
    free(masses->next);
}

struct flow masses_flow(uint32_t client)
{
    return (struct flow){
        .remote = address_v4(FIRST_ADDRESS + client / PORTS),
        .local = address_v4(0xc0000201),
        .remote_port = (uint16_t)(FIRST_PORT + client % PORTS),
        .local_port = DOOR_PORT,
    };
}

uint32_t masses_read(const struct masses *masses, struct hf_frame *frame, struct packet *packet)
{
    static const struct packet_rules rules = {.link = HF_ETHERNET,
                                              .mac = {{2, 0, 0, 0, 0, 9}},
                                              .checksum = checksum_sum,
                                              .ipv6 = packet_ipv6};
    uint32_t client;

    packet_parse(packet, &rules, frame);
    if (packet->kind != PACKET_TCP)
        return UINT32_MAX;
    client = (get_be32(packet->destination.bytes + 12) - FIRST_ADDRESS) * PORTS +
             packet->segment.destination_port - FIRST_PORT;
    return client < masses->clients ? client : UINT32_MAX;
}

static struct segment segment_of(const struct masses *masses, uint32_t client, uint8_t flags)
{
    return (struct segment){
        .seq = {flags & TCP_SYN ? MASSES_ISN : MASSES_ISN + 1 + masses->said},
        .ack = {flags & TCP_ACK ? masses->next[client] : 0},
        .flags = flags,
        .window = masses->window,
        .options = {.present = TCP_OPTION_TIMESTAMPS, .ts_value = STAMP},
    };
}

void masses_enter(struct masses *masses, uint32_t count)
{
    struct door *door = &masses->door;
    uint32_t first = masses->clients, answered = 0;
    struct packet packet;
    size_t out;

    for (uint32_t i = 0; i < count; i++) {
        struct segment syn = segment_of(masses, first + i, TCP_SYN);
        struct flow flow = masses_flow(first + i);

        syn.options.present |= TCP_OPTION_MSS | TCP_OPTION_SACK_PERMITTED;
        syn.options.mss = 1460;
        door_write_flow(door, i, &flow, &syn);
    }
    masses->clients += count;
    for (out = door_pass(door, count); out; out = door_pass(door, 0))
        for (size_t i = 0; i < out; i++) {
            uint32_t client = masses_read(masses, &door->out[i], &packet);

            if (client < first || packet.segment.flags != (TCP_SYN | TCP_ACK))
                continue;
            masses->next[client] = packet.segment.seq.value + 1;
            answered++;
        }
    if (answered != count)
        bench_fail("a SYN was not answered");
    for (uint32_t i = 0; i < count; i++)
        masses_write(masses, i, first + i, 0);
    door_pass(door, count);
    for (uint32_t i = 0; i < count; i++)
        if (hf_accept(door->stack, door->listener, &masses->sockets[first + i]) != HF_OK)
            bench_fail("a client was not accepted");
}

void masses_write(struct masses *masses, size_t i, uint32_t client, uint32_t length)
{
    struct segment seg = segment_of(masses, client, length ? TCP_ACK | TCP_PSH : TCP_ACK);
    struct flow flow = masses_flow(client);

    seg.text = text;
    seg.length = length;
    door_write_flow(&masses->door, i, &flow, &seg);
}
