/* What single sentences ask for that no larger subject covers: each test names them. [RFC 9293 3.9; RFC 7323 4.1] */
#include "peer.h"

#include "wire/icmpv4.h"

#define TEXT 1000

static uint8_t text[4 * TEXT];

static struct segment ack_of(uint32_t number, seq ack, uint32_t length)
{
    return (struct segment){.seq = {number},
                            .ack = ack,
                            .flags = TCP_ACK,
                            .window = 8000,
                            .text = text,
                            .length = length};
}

static hf_socket accepted(struct peer *peer, hf_socket listener)
{
    hf_socket connection;

    assert_int_equal(hf_accept(peer->stack, listener, &connection), HF_OK);
    return connection;
}

/* All that has arrived is looked at before one ACK speaks of all of it. [RFC 9293 MUST-58, MUST-59] */
static void one_ack_for_all_that_arrived(void **state)
{
    static uint8_t bytes[4][1500];
    struct hf_config config = peer_config();
    struct hf_frame frames[4];
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    seq ack = peer_connect(&peer, &flow, 0);

    for (uint32_t i = 0; i < 4; i++) {
        struct segment seg = ack_of(1 + i * TEXT, ack, TEXT);

        frames[i] =
            (struct hf_frame){.data = bytes[i], .length = frame_build(bytes[i], &flow, &seg)};
    }
    hf_input(peer.stack, frames, 4, peer.now_us);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    assert_int_equal(peer.packet.segment.ack.value, 1 + 4 * TEXT);
    assert_int_equal(peer_receive(&peer), -1);
    peer_close(&peer);
}

/* The hop limit of everything is the configured one. [RFC 9293 MUST-49] [R1122-15] */
static void the_hop_limit_is_configured(void **state)
{
    struct hf_config config = peer_config();

    (void)state;
    config.ttl = 17;
    for (int v6 = 0; v6 < 2; v6++) {
        struct peer peer;
        struct segment syn = syn_of(0), stray = ack_of(1, seq_of(99), 0);

        peer_open(&peer, &config);
        peer.v6 = v6;
        peer_listen(&peer, NULL);
        struct flow flow = peer_flow(&peer);

        assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
        assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
        assert_int_equal(peer.packet.ttl, 17);
        flow.local_port = OUR_PORT + 1;
        peer_send_flow(&peer, &flow, &stray);
        assert_int_equal(peer_receive(&peer), TCP_RST);
        assert_int_equal(peer.packet.ttl, 17);
        peer_close(&peer);
    }
}

/* The user's DSCP is handed to IP unchanged, may change under way, and a listener hands it on.
 * [RFC 9293 MUST-48, SHLD-21, SHLD-22] [R1122-14] */
static void the_user_sets_the_dscp(void **state)
{
    struct hf_config config = peer_config();

    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct peer peer;

        peer_open(&peer, &config);
        peer.v6 = v6;
        hf_socket listener = peer_listen(&peer, NULL);
        struct flow flow = peer_flow(&peer);

        assert_int_equal(hf_set_option(peer.stack, listener, HF_DSCP, 64, peer.now_us), HF_INVALID);
        assert_int_equal(hf_set_option(peer.stack, listener, HF_DSCP, 46, peer.now_us), HF_OK);
        peer_connect(&peer, &flow, 0);
        hf_socket connection = accepted(&peer, listener);

        assert_int_equal(hf_send(peer.stack, connection, "a", 1, peer.now_us), 1);
        assert_int_equal(peer_receive(&peer), TCP_PSH | TCP_ACK);
        assert_int_equal(peer.packet.traffic_class, 46 << 2);
        assert_int_equal(hf_set_option(peer.stack, connection, HF_DSCP, 64, peer.now_us),
                         HF_INVALID);
        assert_int_equal(hf_set_option(peer.stack, connection, HF_DSCP, 8, peer.now_us), HF_OK);
        assert_int_equal(hf_set_option(peer.stack, connection, HF_NODELAY, 1, peer.now_us), HF_OK);
        assert_int_equal(hf_send(peer.stack, connection, "b", 1, peer.now_us), 1);
        assert_int_equal(peer_receive(&peer), TCP_PSH | TCP_ACK);
        assert_int_equal(peer.packet.traffic_class, 8 << 2);
        peer_close(&peer);
    }
}

/* A host with several addresses: chosen before the first SYN, by the network that leads there, and kept.
 * [RFC 9293 MUST-44, MUST-45] */
static void the_local_address_is_chosen_once(void **state)
{
    struct hf_config config = peer_config();
    struct hf_endpoint remote = {.port = 99};
    struct hf_status status;
    struct peer peer;
    hf_socket connection;

    (void)state;
    assert_int_equal(hf_prefix_parse(&config.addresses[2], "198.51.100.1/24"), HF_OK);
    config.link = HF_RAW_IP;
    peer_open(&peer, &config);
    remote.address = address_of("198.51.100.9");
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &connection, peer.now_us), HF_OK);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    struct hf_address ours = address_of("198.51.100.1");

    assert_true(address_equal(&status.local.address, &ours));
    for (int again = 0; again < 3; again++) {
        assert_int_equal(peer_receive(&peer), TCP_SYN);
        assert_true(address_equal(&peer.packet.source, &ours));
        assert_int_equal(peer.packet.segment.source_port, status.local.port);
        peer_wait(&peer, 1100 << again);
    }
    peer_close(&peer);
}

/* The scale of a segment without SYN means nothing. [R7323-02] */
static void a_scale_counts_on_a_syn_only(void **state)
{
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    hf_socket listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    seq ack = peer_connect(&peer, &flow, 0);
    hf_socket connection = accepted(&peer, listener);
    struct segment seg = ack_of(1, ack, 1);

    seg.options = (struct tcp_options){.present = TCP_OPTION_SCALE, .scale = 9};
    seg.window = 77;
    assert_int_equal(peer_send_flow(&peer, &flow, &seg), HF_STAT_none);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_int_equal(status.bytes_received, 1);
    assert_int_equal(status.send_window, 77);
    assert_int_equal(status.send_scale, 0);
    assert_false(status.window_scaling);
    peer_close(&peer);
}

static seq connect_stamped(struct peer *peer, const struct flow *flow, uint32_t stamp)
{
    struct segment syn = syn_of(0), ack;

    syn.options.present |= TCP_OPTION_TIMESTAMPS;
    syn.options.ts_value = stamp;
    assert_int_equal(peer_send_flow(peer, flow, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(peer), TCP_SYN | TCP_ACK);
    ack = ack_of(1, seq_add(peer->packet.segment.seq, 1), 0);
    ack.options = (struct tcp_options){.present = TCP_OPTION_TIMESTAMPS,
                                       .ts_value = stamp,
                                       .ts_echo = peer->packet.segment.options.ts_value};
    assert_int_equal(peer_send_flow(peer, flow, &ack), HF_STAT_none);
    return ack.ack;
}

/* A tick a millisecond: in proportion to time, more than one for 2^31 bytes, and long until it comes round.
 * [R7323-17, R7323-26] */
static void timestamps_tick_by_the_millisecond(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    uint32_t first;

    (void)state;
    peer_open(&peer, &config);
    hf_socket listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);

    connect_stamped(&peer, &flow, 5);
    hf_socket connection = accepted(&peer, listener);

    hf_set_option(peer.stack, connection, HF_NODELAY, 1, peer.now_us);
    assert_int_equal(hf_send(peer.stack, connection, "a", 1, peer.now_us), 1);
    assert_int_equal(peer_receive(&peer), TCP_PSH | TCP_ACK);
    first = peer.packet.segment.options.ts_value;
    peer.now_us += 150000; /* before anything is sent again */
    assert_int_equal(hf_send(peer.stack, connection, "b", 1, peer.now_us), 1);
    assert_int_equal(peer_receive(&peer), TCP_PSH | TCP_ACK);
    assert_int_equal(peer.packet.segment.options.ts_value - first, 150);
    peer_close(&peer);
}

/* What waited behind a gap is not asked for its age again when the gap is filled by something younger. [R7323-25] */
static void age_is_asked_at_arrival_only(void **state)
{
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    hf_socket listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    seq ack = connect_stamped(&peer, &flow, 5);
    hf_socket connection = accepted(&peer, listener);
    struct segment seg = ack_of(1 + TEXT, ack, TEXT);

    seg.options = (struct tcp_options){.present = TCP_OPTION_TIMESTAMPS, .ts_value = 6};
    assert_int_equal(peer_send_flow(&peer, &flow, &seg), HF_STAT_none);
    seg.seq = seq_of(1);
    seg.options.ts_value = 900;
    assert_int_equal(peer_send_flow(&peer, &flow, &seg), HF_STAT_none);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_int_equal(status.bytes_received, 2 * TEXT);
    peer_close(&peer);
}

/* A peer that has forgotten the connection answers our challenge with a RST at the exact edge, and its next SYN is welcome.
 * [R5961-06, R5961-12] */
static void a_challenge_frees_who_began_anew(void **state)
{
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    hf_socket listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);

    peer_connect(&peer, &flow, 0);
    hf_socket connection = accepted(&peer, listener);
    struct segment syn = syn_of(77777);

    peer_send_flow(&peer, &flow, &syn);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    struct segment reset = {.seq = peer.packet.segment.ack, .flags = TCP_RST};

    assert_int_equal(peer_send_flow(&peer, &flow, &reset), HF_STAT_none);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_int_equal(status.error, HF_RESET);
    assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(peer.packet.segment.ack.value, 77778);
    peer_close(&peer);
}

/* A network that is said to be unreachable ends nothing, and who asks is told. [RFC 9293 MUST-47, SHLD-25] */
static void soft_errors_can_be_asked_for(void **state)
{
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;
    uint8_t quoted[28] = {0};

    (void)state;
    peer_open(&peer, &config);
    hf_socket listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    seq next = peer_connect(&peer, &flow, 0);
    hf_socket connection = accepted(&peer, listener);

    assert_int_equal(hf_send(peer.stack, connection, "a", 1, peer.now_us), 1);
    assert_int_equal(peer_receive(&peer), TCP_PSH | TCP_ACK);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_int_equal(status.soft_error, HF_OK);

    ipv4_build(quoted, &(struct ipv4){.source = flow.local,
                                      .destination = flow.remote,
                                      .total_length = 41,
                                      .ttl = 60,
                                      .protocol = IP_TCP});
    put_be16(quoted + 20, flow.local_port);
    put_be16(quoted + 22, flow.remote_port);
    put_be32(quoted + 24, next.value);
    struct icmp_message message = {.type = 3, .body = quoted, .body_length = sizeof quoted};
    struct ethernet link = {
        .destination = our_mac, .source = peer_mac, .ethertype = ETHERTYPE_IPV4};
    uint32_t ip = ethernet_build(peer.in_bytes, &link);
    uint32_t length = icmpv4_build(peer.in_bytes + ip + IPV4_HEADER, &message);

    ipv4_build(peer.in_bytes + ip, &(struct ipv4){.source = address_of("198.51.100.1"),
                                                  .destination = flow.local,
                                                  .total_length = (uint16_t)(IPV4_HEADER + length),
                                                  .ttl = 60,
                                                  .protocol = IP_ICMPV4});
    peer.in = (struct hf_frame){.data = peer.in_bytes, .length = ip + IPV4_HEADER + length};
    hf_input(peer.stack, &peer.in, 1, peer.now_us);
    assert_stat(&peer, icmp_soft_error, 1);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_int_equal(status.state, HF_STATE_ESTABLISHED);
    assert_int_equal(status.soft_error, HF_UNREACHABLE);
    peer_close(&peer);
}

/* Windows are shifted after the SYN, both ways, and never in it. [R7323-03, R7323-06] */
static void windows_are_shifted_after_the_syn(void **state)
{
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;

    (void)state;
    config.receive_bytes = 1 << 20;
    peer_open(&peer, &config);
    hf_socket listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    struct segment syn = syn_of(0), seg;

    syn.options.present |= TCP_OPTION_SCALE;
    syn.options.scale = 3;
    assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    uint8_t ours = peer.packet.segment.options.scale;

    assert_int_equal(ours, 5); /* 2^20 >> 5 fits */
    assert_int_equal(peer.packet.segment.window, UINT16_MAX);
    seg = ack_of(1, seq_add(peer.packet.segment.seq, 1), 2 * TEXT);
    seg.window = 100;
    seg.length = TEXT;
    assert_int_equal(peer_send_flow(&peer, &flow, &seg), HF_STAT_none);
    hf_socket connection = accepted(&peer, listener);

    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_int_equal(status.send_window, 100 << 3);
    peer_wait(&peer, 100);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    assert_int_equal(hf_status(peer.stack, connection, &status), HF_OK);
    assert_int_equal(peer.packet.segment.window, status.receive_window >> ours);
    peer_close(&peer);
}

/* The MSS that is announced leaves room for the fixed headers of its family, and what is sent keeps to the peer's.
 * [RFC 9293 MUST-67] [R8200-19, R1191-06, R9293-MUST-16] */
static void nothing_is_larger_than_agreed(void **state)
{
    struct hf_config config = peer_config();

    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct peer peer;
        struct segment syn = syn_of(0), ack;
        uint32_t sent = 0;

        peer_open(&peer, &config);
        peer.v6 = v6;
        hf_socket listener = peer_listen(&peer, NULL);
        struct flow flow = peer_flow(&peer);

        assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
        assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
        assert_int_equal(peer.packet.segment.options.mss, v6 ? 1440 : 1460);
        ack = ack_of(1, seq_add(peer.packet.segment.seq, 1), 0);
        assert_int_equal(peer_send_flow(&peer, &flow, &ack), HF_STAT_none);
        hf_socket connection = accepted(&peer, listener);

        assert_int_equal(hf_send(peer.stack, connection, text, sizeof text, peer.now_us),
                         sizeof text);
        while (peer_receive(&peer) >= 0) {
            assert_true(peer.packet.ip_length <= 1000 + (v6 ? 60u : 40u));
            sent += peer.packet.segment.length;
        }
        assert_int_equal(sent, sizeof text);
        peer_close(&peer);
    }
}

/* Of a datagram that is not in pieces nobody looks at the identification, and ours is 0. [R6864-01] */
static void identification_means_nothing_without_pieces(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);

    for (uint32_t id = 0; id < 3; id++) {
        struct segment syn = syn_of(id);
        uint8_t *ip = peer.in_bytes + ETHERNET_HEADER;

        flow.remote_port++;
        peer.in = (struct hf_frame){.data = peer.in_bytes};
        peer.in.length = frame_build(peer.in_bytes, &flow, &syn);
        put_be16(ip + 4, 0x7777); /* the same each time */
        put_be16(ip + 6, id == 1 ? 0x4000 : 0);
        put_be16(ip + 10, 0);
        put_be16(ip + 10, (uint16_t)~checksum_sum(ip, IPV4_HEADER));
        hf_input(peer.stack, &peer.in, 1, peer.now_us);
        assert_int_equal(peer.in.verdict, HF_DELIVERED);
        assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
        assert_true(peer.packet.dont_fragment);
        assert_int_equal(get_be16(peer.out_bytes + ETHERNET_HEADER + 4), 0);
    }
    peer_close(&peer);
}

/* One source hears of a sixteenth of the budget's problems, and no more. [R4443-08] */
static void problems_have_a_budget(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    unsigned told = 0;

    (void)state;
    config.icmp_budget_per_s = 160;
    peer_open(&peer, &config);
    peer.v6 = true;
    for (unsigned i = 0; i < 2000; i++) {
        struct ethernet link = {
            .destination = our_mac, .source = peer_mac, .ethertype = ETHERTYPE_IPV6};
        uint32_t ip = ethernet_build(peer.in_bytes, &link);

        ipv6_build(peer.in_bytes + ip, &(struct ipv6){.source = peer_address(&peer),
                                                      .destination = our_address(&peer),
                                                      .payload_length = 8,
                                                      .next_header = 200,
                                                      .hop_limit = 64});
        peer.in = (struct hf_frame){.data = peer.in_bytes, .length = ip + IPV6_HEADER + 8};
        hf_input(peer.stack, &peer.in, 1, peer.now_us);
        while (peer_take(&peer))
            told += peer.packet.kind == PACKET_ICMPV6 && peer.packet.payload[0] == 4;
    }
    assert_true(told > 0 && told <= 10);
    assert_true(stat_of(&peer, HF_STAT_icmp_over_budget) >= 1900);
    peer_close(&peer);
}

/* Whoever is the end of a packet's way takes it, however few hops were left. [R1122-15, R8200-02] */
static void a_low_hop_limit_is_no_fault(void **state)
{
    struct hf_config config = peer_config();

    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct peer peer;

        peer_open(&peer, &config);
        peer.v6 = v6;
        peer_listen(&peer, NULL);
        struct flow flow = peer_flow(&peer);

        for (uint8_t left = 0; left < 2; left++) {
            struct segment syn = syn_of(7);
            uint8_t *ip = peer.in_bytes + ETHERNET_HEADER;

            flow.remote_port++;
            peer.in = (struct hf_frame){.data = peer.in_bytes};
            peer.in.length = frame_build(peer.in_bytes, &flow, &syn);
            ip[v6 ? 7 : 8] = left;
            if (!v6) {
                put_be16(ip + 10, 0);
                put_be16(ip + 10, (uint16_t)~checksum_sum(ip, IPV4_HEADER));
            }
            hf_input(peer.stack, &peer.in, 1, peer.now_us);
            assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
        }
        peer_close(&peer);
    }
}

/* Of all ICMP types only an echo is answered: no mask, no time, no information. [R1122-18, R1122-30, R6633-01] */
static void only_echoes_are_answered(void **state)
{
    static const uint8_t body[40];
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    for (unsigned type = 0; type < 256; type++) {
        struct icmp_message message = {
            .type = (uint8_t)type, .body = body, .body_length = sizeof body};
        struct ethernet link = {
            .destination = our_mac, .source = peer_mac, .ethertype = ETHERTYPE_IPV4};
        uint32_t ip = ethernet_build(peer.in_bytes, &link);
        uint32_t length = icmpv4_build(peer.in_bytes + ip + IPV4_HEADER, &message);
        unsigned answers = 0;

        ipv4_build(peer.in_bytes + ip,
                   &(struct ipv4){.source = peer_address(&peer),
                                  .destination = our_address(&peer),
                                  .total_length = (uint16_t)(IPV4_HEADER + length),
                                  .ttl = 64,
                                  .protocol = IP_ICMPV4});
        peer.in = (struct hf_frame){.data = peer.in_bytes, .length = ip + IPV4_HEADER + length};
        hf_input(peer.stack, &peer.in, 1, peer.now_us);
        while (peer_take(&peer))
            answers++;
        assert_int_equal(answers, type == 8);
    }
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_ack_for_all_that_arrived),
        cmocka_unit_test(the_hop_limit_is_configured),
        cmocka_unit_test(the_user_sets_the_dscp),
        cmocka_unit_test(the_local_address_is_chosen_once),
        cmocka_unit_test(a_scale_counts_on_a_syn_only),
        cmocka_unit_test(timestamps_tick_by_the_millisecond),
        cmocka_unit_test(age_is_asked_at_arrival_only),
        cmocka_unit_test(a_challenge_frees_who_began_anew),
        cmocka_unit_test(soft_errors_can_be_asked_for),
        cmocka_unit_test(windows_are_shifted_after_the_syn),
        cmocka_unit_test(nothing_is_larger_than_agreed),
        cmocka_unit_test(identification_means_nothing_without_pieces),
        cmocka_unit_test(problems_have_a_budget),
        cmocka_unit_test(a_low_hop_limit_is_no_fault),
        cmocka_unit_test(only_echoes_are_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
