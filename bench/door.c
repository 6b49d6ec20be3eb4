/* A server and the frames of strangers at its door. */
#include "door.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bench.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/tcp_header.h"

#define TCP_AT (ETHERNET_HEADER + IPV4_HEADER)

static const struct hf_mac our_mac = {{2, 0, 0, 0, 0, 1}};
static const struct hf_mac router_mac = {{2, 0, 0, 0, 0, 9}};

struct hf_config door_config(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    hf_prefix_parse(&config.addresses[0], "192.0.2.1/24");
    config.mac = our_mac;
    config.gratuitous_arp = false;
    config.max_connections = 1024;
    config.max_half_opens = 1024;
    return config;
}

uint32_t door_chance(struct door *door)
{
    uint64_t z = door->chance += 0x9e3779b97f4a7c15; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (uint32_t)(z >> 32);
}

void door_open(struct door *door, const struct hf_config *config,
               const struct hf_listen_options *options)
{
    struct hf_listen_options own = *options;
    int error = hf_os_env(&door->env, hf_memory_needed(config));

    door->now_us = 1000000;
    door->chance = 1;
    own.local.port = DOOR_PORT;
    if (error == HF_OK)
        error = hf_init(&door->stack, config, &door->env, door->now_us);
    if (error == HF_OK)
        error = hf_listen_with(door->stack, &own, &door->listener);
    if (error != HF_OK)
        bench_fail(hf_error_text(error));
    door->buffers = calloc(2 * DOOR_BATCH, 2048);
    if (!door->buffers)
        bench_fail("no memory");
    for (size_t i = 0; i < DOOR_BATCH; i++) {
        door->in[i] = (struct hf_frame){.data = door->buffers + i * DOOR_SLOT};
        door->out[i] =
            (struct hf_frame){.data = door->buffers + (DOOR_BATCH + i) * 2048, .capacity = 2048};
    }
}

void door_close(struct door *door)
{
    hf_os_env_free(&door->env);
    free(door->buffers);
}

struct segment door_syn(struct door *door)
{
    return (struct segment){
        .seq = {door_chance(door)},
        .flags = TCP_SYN,
        .window = 64240,
        .options = {.present = TCP_OPTION_MSS | TCP_OPTION_SCALE | TCP_OPTION_SACK_PERMITTED |
                               TCP_OPTION_TIMESTAMPS,
                    .mss = 1460,
                    .scale = 7,
                    .ts_value = door_chance(door)},
    };
}

void door_write_flow(struct door *door, size_t i, const struct flow *flow,
                     const struct segment *seg)
{
    uint8_t *data = door->in[i].data;
    struct ethernet link = {
        .destination = our_mac, .source = router_mac, .ethertype = ETHERTYPE_IPV4};
    struct segment ported = *seg;
    uint32_t length;

    ported.source_port = flow->remote_port;
    ported.destination_port = flow->local_port;
    length = tcp_header_build(data + TCP_AT, &ported);
    if (seg->length)
        memcpy(data + TCP_AT + length, seg->text, seg->length);
    length += seg->length;
    put_be16(
        data + TCP_AT + TCP_CHECKSUM_OFFSET,
        (uint16_t)~checksum_add(checksum_pseudo_header(&flow->remote, &flow->local, IP_TCP, length),
                                checksum_sum(data + TCP_AT, length)));
    ethernet_build(data, &link);
    ipv4_build(data + ETHERNET_HEADER, &(struct ipv4){
                                           .source = flow->remote,
                                           .destination = flow->local,
                                           .total_length = (uint16_t)(length + IPV4_HEADER),
                                           .ttl = 64,
                                           .protocol = IP_TCP,
                                       });
    door->in[i].length = TCP_AT + length;
    door->in[i].checksum = HF_CHECKSUM_NONE;
}

void door_write(struct door *door, size_t i, const struct segment *seg)
{
    struct flow flow = {
        .remote = address_v4(0x0b000000 | (door_chance(door) & 0x00ffffff)),
        .local = address_v4(0xc0000201),
        .remote_port = (uint16_t)(1024 + door_chance(door) % 60000),
        .local_port = DOOR_PORT,
    };

    door_write_flow(door, i, &flow, seg);
}

void door_write_again(struct door *door, size_t i, const struct segment *seg)
{
    const uint8_t *data = door->in[i].data;
    struct flow flow = {
        .remote = address_v4_from(data + ETHERNET_HEADER + 12),
        .local = address_v4(0xc0000201),
        .remote_port = get_be16(data + TCP_AT),
        .local_port = DOOR_PORT,
    };

    door_write_flow(door, i, &flow, seg);
}

size_t door_pass(struct door *door, size_t count)
{
    hf_input(door->stack, door->in, count, door->now_us);
    return hf_output(door->stack, door->out, DOOR_BATCH, door->now_us);
}

size_t door_time(struct door *door, size_t count)
{
    int64_t start_ns = bench_now_ns();
    size_t out = door_pass(door, count);

    door->ns += bench_now_ns() - start_ns;
    door->frames += count;
    return out;
}
