/* A peer made of hand-made frames: what it sends goes through hf_input, what comes back through hf_output. */
#ifndef TESTS_UNIT_STACK_PEER_H
#define TESTS_UNIT_STACK_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "stack/stack.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

#define PEER_PORT 40000
#define OUR_PORT 80
#define SCALE_ABSENT 255

struct peer {
    struct hf_stack *stack;
    struct hf_config config;
    struct hf_event_sink sink;
    struct hf_event events[256];
    uint8_t *memory;
    size_t memory_bytes;
    int64_t now_us;
    bool v6;
    struct hf_frame in; /* the last that was given: its verdict and reason */
    struct hf_frame out;
    uint8_t in_bytes[2048], out_bytes[65600];
    struct packet packet; /* the last that came out */
};

static const struct hf_mac peer_mac = {{2, 0, 0, 0, 0, 9}};
static const struct hf_mac our_mac = {{2, 0, 0, 0, 0, 1}};

static inline struct hf_address address_of(const char *text)
{
    struct hf_address address;

    assert_int_equal(hf_address_parse(&address, text), HF_OK);
    return address;
}

static inline struct hf_config peer_config(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    assert_int_equal(hf_prefix_parse(&config.addresses[0], "192.0.2.1/24"), HF_OK);
    assert_int_equal(hf_prefix_parse(&config.addresses[1], "2001:db8::1/64"), HF_OK);
    config.mac = our_mac;
    config.gratuitous_arp = false;
    return config;
}

static inline bool peer_take(struct peer *peer);

/* The stack's memory is full of rubbish at first, unless it is said to be zero. */
static inline void peer_open_in(struct peer *peer, const struct hf_config *config, bool zero)
{
    struct hf_env env = {.memory_is_zero = zero};

    memset(peer, 0, sizeof *peer);
    peer->config = *config;
    peer->now_us = 1000 * INT64_C(1000000);
    peer->memory_bytes = hf_memory_needed(config);
    assert_true(peer->memory_bytes > 0);
    peer->memory = aligned_alloc(64, peer->memory_bytes);
    memset(peer->memory, zero ? 0 : 0xa5, peer->memory_bytes);
    peer->sink = (struct hf_event_sink){.events = peer->events, .capacity = 256};
    for (unsigned i = 0; i < sizeof env.secret; i++)
        env.secret[i] = (uint8_t)(i * 7 + 1);
    env.memory = peer->memory;
    env.memory_bytes = peer->memory_bytes;
    env.event_sink = &peer->sink;
    assert_int_equal(hf_init(&peer->stack, config, &env, peer->now_us), HF_OK);
    while (peer_take(peer)) /* neighbour discovery's first words */
        ;
}

static inline void peer_open(struct peer *peer, const struct hf_config *config)
{
    peer_open_in(peer, config, false);
}

static inline void peer_close(struct peer *peer)
{
    free(peer->memory);
}

static inline struct hf_address peer_address(const struct peer *peer)
{
    return address_of(peer->v6 ? "2001:db8::9" : "192.0.2.9");
}

static inline struct hf_address our_address(const struct peer *peer)
{
    return address_of(peer->v6 ? "2001:db8::1" : "192.0.2.1");
}

static inline struct flow peer_flow(const struct peer *peer)
{
    return (struct flow){peer_address(peer), our_address(peer), PEER_PORT, OUR_PORT};
}

/* Writes a frame with a segment of a flow, checksums complete, and returns its length. */
static inline uint32_t frame_build(uint8_t *to, const struct flow *flow, const struct segment *seg)
{
    bool v4 = hf_address_is_v4(&flow->remote);
    struct ethernet link = {.destination = our_mac,
                            .source = peer_mac,
                            .ethertype = v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6};
    uint32_t ip = ethernet_build(to, &link), tcp = ip + (v4 ? IPV4_HEADER : IPV6_HEADER);
    struct segment ported = *seg;
    uint32_t length;

    ported.source_port = flow->remote_port;
    ported.destination_port = flow->local_port;
    length = tcp_header_build(to + tcp, &ported);
    if (seg->length)
        memcpy(to + tcp + length, seg->text, seg->length);
    length += seg->length;
    put_be16(
        to + tcp + TCP_CHECKSUM_OFFSET,
        (uint16_t)~checksum_add(checksum_pseudo_header(&flow->remote, &flow->local, IP_TCP, length),
                                checksum_sum(to + tcp, length)));
    if (v4)
        ipv4_build(to + ip, &(struct ipv4){.source = flow->remote,
                                           .destination = flow->local,
                                           .total_length = (uint16_t)(length + IPV4_HEADER),
                                           .ttl = 64,
                                           .protocol = IP_TCP});
    else
        ipv6_build(to + ip, &(struct ipv6){.source = flow->remote,
                                           .destination = flow->local,
                                           .payload_length = (uint16_t)length,
                                           .next_header = IP_TCP,
                                           .hop_limit = 64});
    return tcp + length;
}

/* The peer sends a segment of any flow; HF_STAT_none if it was used, else why not. */
static inline enum hf_stat peer_send_flow(struct peer *peer, const struct flow *flow,
                                          const struct segment *seg)
{
    peer->in = (struct hf_frame){.data = peer->in_bytes, .capacity = sizeof peer->in_bytes};
    peer->in.length = frame_build(peer->in_bytes, flow, seg);
    hf_input(peer->stack, &peer->in, 1, peer->now_us);
    return (enum hf_stat)peer->in.reason;
}

static inline enum hf_stat peer_send(struct peer *peer, const struct segment *seg)
{
    struct flow flow = peer_flow(peer);

    return peer_send_flow(peer, &flow, seg);
}

/* The next frame that comes out, parsed and checked as the peer's own stack would; false: none. */
static inline bool peer_take(struct peer *peer)
{
    struct packet_rules rules = {.link = peer->config.link,
                                 .vlan = peer->config.vlan,
                                 .mac = peer_mac,
                                 .checksum = checksum_sum,
                                 .ipv6 = packet_ipv6};

    peer->out = (struct hf_frame){.data = peer->out_bytes, .capacity = sizeof peer->out_bytes};
    if (hf_output(peer->stack, &peer->out, 1, peer->now_us) == 0)
        return false;
    packet_parse(&peer->packet, &rules, &peer->out);
    return true;
}

/* The next segment that comes out: its flags, or -1 if none comes. Questions for neighbours are passed over. */
static inline int peer_receive(struct peer *peer)
{
    while (peer_take(peer)) {
        if (peer->packet.kind == PACKET_TCP)
            return peer->packet.segment.flags;
        assert_true(peer->packet.kind == PACKET_ARP || peer->packet.kind == PACKET_ICMPV6);
    }
    return -1;
}

static inline void peer_wait(struct peer *peer, int64_t ms)
{
    peer->now_us += ms * 1000;
    hf_tick(peer->stack, peer->now_us);
}

static inline hf_socket peer_listen(struct peer *peer, const struct hf_listen_options *options)
{
    struct hf_listen_options chosen = {0};
    hf_socket listener;

    if (options)
        chosen = *options;
    chosen.local.port = OUR_PORT;
    assert_int_equal(hf_listen_with(peer->stack, &chosen, &listener), HF_OK);
    return listener;
}

static inline struct segment syn_of(uint32_t isn)
{
    return (struct segment){.seq = {isn},
                            .flags = TCP_SYN,
                            .window = 8000,
                            .options = {.present = TCP_OPTION_MSS, .mss = 1000}};
}

/* The whole handshake from the peer's port; the sequence number that the stack uses next. */
static inline seq peer_connect(struct peer *peer, const struct flow *flow, uint32_t isn)
{
    struct segment syn = syn_of(isn), ack;

    assert_int_equal(peer_send_flow(peer, flow, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(peer), TCP_SYN | TCP_ACK);
    ack = (struct segment){.seq = {isn + 1},
                           .ack = seq_add(peer->packet.segment.seq, 1),
                           .flags = TCP_ACK,
                           .window = 8000};
    assert_int_equal(peer_send_flow(peer, flow, &ack), HF_STAT_none);
    return ack.ack;
}

static inline uint64_t stat_of(const struct peer *peer, enum hf_stat stat)
{
    return ((const uint64_t *)(const void *)hf_stats(peer->stack))[stat];
}

#define assert_stat(peer, name, expected) assert_int_equal(stat_of(peer, HF_STAT_##name), expected)

#endif
