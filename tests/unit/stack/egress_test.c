/* Frames out: bytes, checksums, turns and lanes. */
#include "peer.h"

#include "wire/arp.h"

/* A connection that the peer opened, taken by hf_accept. */
static hf_socket accepted(struct peer *peer, hf_socket listener, uint16_t port)
{
    struct flow flow = peer_flow(peer);
    hf_socket connection;

    flow.remote_port = port;
    peer_connect(peer, &flow, 100);
    assert_int_equal(hf_accept(peer->stack, listener, &connection), HF_OK);
    return connection;
}

static void fill(uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
}

/* Text in pieces of every parity: the sum is right, with a summing driver or without. [RFC 1071] */
static void text_is_summed_while_copied(void **state)
{
    static uint8_t text[9000], seen[9000];

    (void)state;
    fill(text, sizeof text);
    for (int v6 = 0; v6 < 2; v6++) {
        struct hf_config config = peer_config();
        struct peer peer;
        size_t given = 0, got = 0;

        peer_open(&peer, &config);
        peer.v6 = v6;
        hf_socket connection = accepted(&peer, peer_listen(&peer, NULL), 5);
        for (size_t piece = 1; given < sizeof text; piece += 2) {
            size_t length = piece * 7 < sizeof text - given ? piece * 7 : sizeof text - given;

            assert_int_equal(hf_send(peer.stack, connection, text + given, length, peer.now_us),
                             length);
            given += length;
        }
        while (got < sizeof text) {
            assert_int_not_equal(peer_receive(&peer), -1); /* parsed, so its checksums were right */
            const struct segment *seg = &peer.packet.segment;

            memcpy(seen + got, seg->text, seg->length);
            got += seg->length;
            assert_int_equal(peer.out.gso_size, 0);
            assert_int_equal(peer.out.unproven, 0);
            assert_true(peer.packet.dont_fragment);
            assert_int_equal(peer.packet.traffic_class, 0);
            struct segment ack = {.seq = {101},
                                  .ack = seq_add(seg->seq, seg->length),
                                  .flags = TCP_ACK,
                                  .window = 8000};
            struct flow flow = peer_flow(&peer);
            flow.remote_port = 5;
            peer_send_flow(&peer, &flow, &ack);
        }
        assert_memory_equal(seen, text, sizeof text);
        peer_close(&peer);
    }
}

/* With offload the field holds the pseudo-header's sum, large segments are cut by the driver: both completed here. */
static void offload_leaves_the_rest_to_the_driver(void **state)
{
    static uint8_t text[6000];
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    fill(text, sizeof text);
    config.checksum_offload = true;
    config.segmentation_bytes = 65000;
    peer_open(&peer, &config);
    hf_socket connection = accepted(&peer, peer_listen(&peer, NULL), 5);
    assert_int_equal(hf_send(peer.stack, connection, text, sizeof text, peer.now_us), sizeof text);
    assert_true(peer_take(&peer) && (peer.packet.kind == PACKET_TCP || peer_take(&peer)));
    assert_int_equal(peer.out.checksum, HF_CHECKSUM_PARTIAL);
    assert_true(peer.packet.segment.length > 1000 && peer.packet.segment.length % 1000 == 0);
    assert_int_equal(peer.out.gso_size, 1000); /* the peer's MSS */
    assert_int_equal(peer.out.transport_offset, 34);
    assert_int_equal(peer.out.header_length, 54);
    uint8_t *tcp = peer.out_bytes + peer.out.transport_offset;
    uint32_t length = peer.out.length - peer.out.transport_offset;
    struct flow flow = peer_flow(&peer);
    assert_int_equal(get_be16(tcp + TCP_CHECKSUM_OFFSET),
                     checksum_pseudo_header(&flow.local, &flow.remote, IP_TCP, length));
    assert_memory_equal(tcp + 20, text, peer.packet.segment.length);
    peer_close(&peer);
}

/* A slot that cannot hold a full packet is not used. */
static void small_slots_are_not_used(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    peer_send(&peer, &syn);
    struct hf_frame slot = {.data = peer.out_bytes, .capacity = 14 + 1499};
    assert_int_equal(hf_output(peer.stack, &slot, 1, peer.now_us), 0);
    slot.capacity = 14 + 1500;
    assert_int_equal(hf_output(peer.stack, &slot, 1, peer.now_us), 1);
    peer_close(&peer);
}

/* Connections take turns of a few segments; a newcomer's SYN-ACK does not wait for all of them. */
static void connections_take_turns(void **state)
{
    static uint8_t text[8000];
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct peer peer;
    int runs = 0, syn_ack_after = -1, segments = 0;
    uint16_t last = 0;

    (void)state;
    peer_open(&peer, &config);
    hf_socket listener = peer_listen(&peer, NULL);
    hf_socket ends[3];
    for (uint16_t i = 0; i < 3; i++)
        ends[i] = accepted(&peer, listener, (uint16_t)(5 + i));
    while (peer_receive(&peer) >= 0)
        ;
    for (int i = 0; i < 3; i++)
        hf_send(peer.stack, ends[i], text, sizeof text, peer.now_us);
    peer_send(&peer, &syn);
    for (int flags; (flags = peer_receive(&peer)) >= 0;) {
        if (flags == (TCP_SYN | TCP_ACK)) {
            syn_ack_after = segments;
            continue;
        }
        runs += peer.packet.segment.destination_port != last;
        last = peer.packet.segment.destination_port;
        segments++;
    }
    assert_in_range(segments, 20, 30);
    assert_true(runs >= 6); /* 8 segments each, at most 4 in a row */
    assert_in_range(syn_ack_after, 0, 4);
    peer_close(&peer);
}

/* When the outbox is full the unproven lose, and it is counted; connections do not. */
static void full_outbox_drops_the_unproven(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct peer peer;
    int answers = 0;

    (void)state;
    config.max_half_opens = 64;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    for (uint16_t i = 1; i <= 100; i++) {
        flow.remote_port = i;
        peer_send_flow(&peer, &flow, &syn);
    }
    while (peer_receive(&peer) >= 0)
        answers++;
    assert_int_equal(answers, 64);
    assert_stat(&peer, outbox_dropped, 36);
    peer_close(&peer);
}

static void answer_arp(struct peer *peer, const struct hf_address *who)
{
    struct arp_message reply = {.operation = ARP_REPLY,
                                .sender_mac = peer_mac,
                                .target_mac = our_mac,
                                .sender = *who,
                                .target = our_address(peer)};
    struct ethernet link = {.destination = our_mac, .source = peer_mac, .ethertype = ETHERTYPE_ARP};
    uint32_t length = ethernet_build(peer->in_bytes, &link);

    length += arp_build(peer->in_bytes + length, &reply);
    peer->in = (struct hf_frame){.data = peer->in_bytes, .length = length};
    hf_input(peer->stack, &peer->in, 1, peer->now_us);
}

/* A connection whose next hop is unknown asks, waits, and goes on when it is answered.
 * [R1122-03, R4861-09, R826-05] */
static void unknown_next_hop_is_asked(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    hf_socket socket;

    (void)state;
    peer_open(&peer, &config);
    struct hf_endpoint remote = {peer_address(&peer), 7};
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_OK);
    assert_true(peer_take(&peer));
    assert_int_equal(peer.packet.kind, PACKET_ARP);
    assert_int_equal(peer_receive(&peer), -1);
    answer_arp(&peer, &remote.address);
    assert_int_equal(peer_receive(&peer), TCP_SYN);
    assert_memory_equal(peer.out_bytes, &peer_mac, 6);
    peer_close(&peer);
}

/* While it waits it may also be closed. */
static void waiting_connection_may_leave(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;
    hf_socket sockets[2];

    (void)state;
    peer_open(&peer, &config);
    struct hf_endpoint remote = {peer_address(&peer), 7};
    for (int i = 0; i < 2; i++)
        assert_int_equal(hf_connect(peer.stack, NULL, &remote, &sockets[i], peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(hf_abort(peer.stack, sockets[0], peer.now_us), HF_OK);
    answer_arp(&peer, &remote.address);
    assert_int_equal(peer_receive(&peer), TCP_SYN);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(peer.stack->connections.pool.count, 1);
    peer_close(&peer);
}

/* While its own SYN waits for the next hop's address the peer's may come: both ends open at once, and what then goes out is the
 * first, not a repetition. [RFC 9293 MUST-10] */
static void waiting_syn_meets_another(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(500);
    struct hf_status status;
    struct peer peer;
    hf_socket socket;

    (void)state;
    peer_open(&peer, &config);
    struct hf_endpoint remote = {peer_address(&peer), 7};
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(hf_status(peer.stack, socket, &status), HF_OK);
    struct flow flow = {remote.address, status.local.address, remote.port, status.local.port};
    assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
    assert_int_equal(hf_status(peer.stack, socket, &status), HF_OK);
    assert_int_equal(status.state, HF_STATE_SYN_RECEIVED);
    assert_null(tcb_check(&connection_at(&peer.stack->connections, 0)->tcb));
    answer_arp(&peer, &remote.address);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(peer_receive(&peer), -1);
    assert_stat(&peer, segments_resent, 0);
    peer_close(&peer);
}

/* A next hop that never answers costs what a dead link costs: the SYN is tried again and given up in the end. */
static void dead_next_hop_times_out(void **state)
{
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;
    hf_socket socket;

    (void)state;
    config.syn_timeout_ms = 20000;
    peer_open(&peer, &config);
    struct hf_endpoint remote = {peer_address(&peer), 7};
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_OK);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(peer_receive(&peer), -1);
        peer_wait(&peer, 100);
    }
    assert_int_equal(hf_status(peer.stack, socket, &status), HF_OK);
    assert_int_equal(status.error, HF_TIMED_OUT);
    peer_close(&peer);
}

/* Another gateway from now on, for a connection that is there as well, though the one before still answers. */
static void another_gateway_is_taken_at_once(void **state)
{
    struct hf_route route = {.to = {address_of("0.0.0.0"), 0},
                             .gateway = address_of("192.0.2.254")};
    const struct hf_endpoint remote = {address_of("203.0.113.5"), 7};
    struct hf_config config = peer_config();
    struct hf_status status;
    struct peer peer;
    hf_socket socket;

    (void)state;
    config.routes[0] = route;
    peer_open(&peer, &config);
    assert_int_equal(hf_connect(peer.stack, NULL, &remote, &socket, peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), -1);
    answer_arp(&peer, &route.gateway);
    assert_int_equal(peer_receive(&peer), TCP_SYN);
    assert_int_equal(hf_status(peer.stack, socket, &status), HF_OK);
    struct flow flow = {remote.address, status.local.address, remote.port, status.local.port};
    struct segment syn_ack = {.seq = {900},
                              .ack = seq_add(peer.packet.segment.seq, 1),
                              .flags = TCP_SYN | TCP_ACK,
                              .window = 8000};
    assert_int_equal(peer_send_flow(&peer, &flow, &syn_ack), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_ACK);

    route.gateway = address_of("192.0.2.253");
    assert_int_equal(hf_set_routes(peer.stack, &route, 1), HF_OK);
    assert_int_equal(hf_send(peer.stack, socket, "x", 1, peer.now_us), 1);
    assert_int_equal(peer_receive(&peer), -1);
    answer_arp(&peer, &route.gateway);
    assert_int_equal(peer_receive(&peer), TCP_PSH | TCP_ACK);
    peer_close(&peer);
}

static void tagged_frames_are_tagged_back(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct peer peer;

    (void)state;
    config.vlan = 7;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    uint32_t length = frame_build(peer.in_bytes + 4, &flow, &syn) + 4;
    struct ethernet link = {
        .destination = our_mac, .source = peer_mac, .vlan = 7, .ethertype = ETHERTYPE_IPV4};
    ethernet_build(peer.in_bytes, &link);
    peer.in = (struct hf_frame){.data = peer.in_bytes, .length = length};
    hf_input(peer.stack, &peer.in, 1, peer.now_us);
    assert_int_equal(peer.in.reason, HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_int_equal(peer.packet.link.vlan, 7);
    assert_int_equal(peer.out.transport_offset, 38);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_summed_while_copied),
        cmocka_unit_test(offload_leaves_the_rest_to_the_driver),
        cmocka_unit_test(small_slots_are_not_used),
        cmocka_unit_test(connections_take_turns),
        cmocka_unit_test(full_outbox_drops_the_unproven),
        cmocka_unit_test(unknown_next_hop_is_asked),
        cmocka_unit_test(waiting_connection_may_leave),
        cmocka_unit_test(waiting_syn_meets_another),
        cmocka_unit_test(dead_next_hop_times_out),
        cmocka_unit_test(another_gateway_is_taken_at_once),
        cmocka_unit_test(tagged_frames_are_tagged_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
