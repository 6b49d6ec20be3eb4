/* A stack without parts, and with some: it serves, and what it lacks is refused or the caller's. See struct hf_parts. */
#include "peer.h"

#include "wire/icmpv4.h"

/* peer_open gives a sink. */
static struct hf_config bare(void)
{
    struct hf_config config = HF_CONFIG_SMALL;

    assert_int_equal(hf_prefix_parse(&config.addresses[0], "192.0.2.1/24"), HF_OK);
    config.parts.events = &hf_events;
    return config;
}

/* Gives a packet as a link without addresses has it. */
static enum hf_stat give(struct peer *peer, uint32_t length)
{
    peer->in = (struct hf_frame){.data = peer->in_bytes, .length = length, .link = HF_RAW_IP};
    hf_input(peer->stack, &peer->in, 1, peer->now_us);
    return (enum hf_stat)peer->in.reason;
}

static enum hf_stat send_raw(struct peer *peer, const struct segment *seg)
{
    uint8_t frame[2048];
    struct flow flow = peer_flow(peer);
    uint32_t length = frame_build(frame, &flow, seg) - ETHERNET_HEADER;

    memcpy(peer->in_bytes, frame + ETHERNET_HEADER, length);
    return give(peer, length);
}

static uint32_t put_v4(struct peer *peer, uint8_t protocol, uint32_t text, bool more)
{
    ipv4_build(peer->in_bytes, &(struct ipv4){.source = peer_address(peer),
                                              .destination = our_address(peer),
                                              .total_length = (uint16_t)(IPV4_HEADER + text),
                                              .ttl = 64,
                                              .protocol = protocol,
                                              .more_fragments = more});
    return IPV4_HEADER + text;
}

static enum hf_stat ping(struct peer *peer)
{
    static const uint8_t body[8];
    struct icmp_message request = {.type = ICMPV4_ECHO_REQUEST, .body = body, .body_length = 8};

    (void)icmpv4_build(peer->in_bytes + IPV4_HEADER, &request);
    return give(peer, put_v4(peer, IP_ICMPV4, ICMP_HEADER + 8, false));
}

static void serve_one(struct peer *peer)
{
    struct segment syn = syn_of(1000), data;
    hf_socket listener = peer_listen(peer, NULL), socket;
    char text[8];

    assert_int_equal(send_raw(peer, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(peer), TCP_SYN | TCP_ACK);
    data = (struct segment){.seq = {1001},
                            .ack = seq_add(peer->packet.segment.seq, 1),
                            .flags = TCP_ACK | TCP_PSH,
                            .window = 8000,
                            .text = (const uint8_t *)"hello",
                            .length = 5};
    assert_int_equal(send_raw(peer, &data), HF_STAT_none);
    assert_int_equal(hf_accept(peer->stack, listener, &socket), HF_OK);
    assert_int_equal(hf_receive(peer->stack, socket, text, sizeof text, peer->now_us), 5);
    assert_int_equal(hf_send(peer->stack, socket, text, 5, peer->now_us), 5);
    assert_true(peer_receive(peer) & TCP_ACK);
    assert_int_equal(peer->packet.segment.length, 5);
    hf_close(peer->stack, socket, peer->now_us);
    assert_true(peer_receive(peer) & TCP_FIN);
    peer_wait(peer, 200000); /* every timer that it has */
    assert_true(hf_next_deadline(peer->stack) > peer->now_us);
}

static void a_stack_without_parts_serves(void **state)
{
    struct hf_config config = bare();
    struct hf_gauges gauges;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    serve_one(&peer);
    hf_gauges(peer.stack, &gauges);
    assert_int_equal(gauges.neighbors + gauges.reassemblies, 0);
    peer_close(&peer);
}

static void what_has_no_part_is_refused_or_foreign(void **state)
{
    struct hf_config config = bare();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    assert_int_equal(ping(&peer), HF_STAT_frame_foreign);
    assert_int_equal(peer.in.verdict, HF_FOREIGN);
    assert_int_equal(give(&peer, put_v4(&peer, IP_TCP, 64, true)), HF_STAT_ip_fragment_refused);
    peer.v6 = true;
    assert_int_equal(send_raw(&peer, &(struct segment){.flags = TCP_SYN}), HF_STAT_frame_foreign);
    assert_int_equal(peer.in.verdict, HF_FOREIGN);
    assert_false(peer_take(&peer));
    peer_close(&peer);
}

/* Without the part that tells there is nobody to tell. */
static void a_sink_needs_events(void **state)
{
    struct hf_config config = bare();
    struct hf_event_sink sink = {0};
    struct hf_env env = {.event_sink = &sink};
    struct hf_stack *stack;

    (void)state;
    config.parts.events = NULL;
    env.memory_bytes = hf_memory_needed(&config);
    env.memory = aligned_alloc(64, env.memory_bytes);
    assert_int_equal(hf_init(&stack, &config, &env, 0), HF_INVALID);
    env.event_sink = NULL;
    assert_int_equal(hf_init(&stack, &config, &env, 0), HF_OK);
    assert_int_equal(hf_listen(stack, &(struct hf_endpoint){.port = 7}, &(hf_socket){0}), HF_OK);
    free(env.memory);
}

/* Closed ports, one after another: counted, answered within budget, and nobody looks for a scan. */
static void nobody_looks_for_scans(void **state)
{
    struct hf_config config = bare();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    for (uint16_t port = 1; port < 100; port++) {
        uint8_t frame[256];
        struct flow flow = peer_flow(&peer);
        struct segment syn = syn_of(port);

        flow.local_port = port;
        uint32_t length = frame_build(frame, &flow, &syn) - ETHERNET_HEADER;

        memcpy(peer.in_bytes, frame + ETHERNET_HEADER, length);
        (void)give(&peer, length);
        while (peer_take(&peer))
            ;
    }
    assert_stat(&peer, scans_told, 0);
    assert_true(stat_of(&peer, HF_STAT_stray_syn) >= 99);
    peer_close(&peer);
}

/* Parts that come one by one to the same stack. */
static void a_part_alone_does_its_work(void **state)
{
    struct hf_config config = bare();
    struct peer peer;

    (void)state;
    config.parts.icmp = &hf_icmp;
    config.answer_ping = true;
    peer_open(&peer, &config);
    assert_int_equal(ping(&peer), HF_STAT_none);
    assert_true(peer_take(&peer));
    assert_int_equal(peer.packet.kind, PACKET_ICMPV4);
    peer_close(&peer);

    config = bare();
    config.parts.watch = &hf_watch;
    config.parts.scan = &hf_scan;
    config.parts.reassembly = &hf_reassembly;
    config.stall_timeout_ms = 1000;
    config.scan_ports = 8;
    config.max_reassemblies = 1;
    peer_open(&peer, &config);
    assert_int_equal(give(&peer, put_v4(&peer, IP_TCP, 64, true)), HF_STAT_none);
    serve_one(&peer);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stack_without_parts_serves),
        cmocka_unit_test(what_has_no_part_is_refused_or_foreign),
        cmocka_unit_test(a_sink_needs_events),
        cmocka_unit_test(nobody_looks_for_scans),
        cmocka_unit_test(a_part_alone_does_its_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
