/* Frames in: who may speak, who is meant, and the one reason that each refused frame gets. */
#include "peer.h"

static void give(struct peer *peer, uint32_t length)
{
    peer->in = (struct hf_frame){.data = peer->in_bytes, .length = length};
    hf_input(peer->stack, &peer->in, 1, peer->now_us);
}

/* Broadcast, multicast and impossible addresses meet silence. [RFC 9293 MUST-57, MUST-63; RFC 1122 3.2.1.3]
 * [R3704-04, R1122-09, R1122-10, R1122-39] */
static void addresses_are_checked(void **state)
{
    static const struct {
        const char *name, *remote, *local;
        enum hf_stat reason;
        enum hf_verdict verdict;
    } rows[] = {
        {"to us", "192.0.2.9", "192.0.2.1", HF_STAT_none, HF_DELIVERED},
        {"to us, IPv6", "2001:db8::9", "2001:db8::1", HF_STAT_none, HF_DELIVERED},
        {"to another", "192.0.2.9", "192.0.2.2", HF_STAT_frame_foreign, HF_FOREIGN},
        {"to another, IPv6", "2001:db8::9", "2001:db8::2", HF_STAT_frame_foreign, HF_FOREIGN},
        {"to the network's broadcast", "192.0.2.9", "192.0.2.255", HF_STAT_ip_broadcast,
         HF_DROPPED},
        {"to everybody", "192.0.2.9", "255.255.255.255", HF_STAT_ip_broadcast, HF_DROPPED},
        {"to a group", "192.0.2.9", "224.0.0.1", HF_STAT_ip_broadcast, HF_DROPPED},
        {"to an IPv6 group", "2001:db8::9", "ff02::1", HF_STAT_ip_broadcast, HF_DROPPED},
        {"from us", "192.0.2.1", "192.0.2.1", HF_STAT_ip_own_source, HF_DROPPED},
        {"from us, IPv6", "2001:db8::1", "2001:db8::1", HF_STAT_ip_own_source, HF_DROPPED},
        {"from a group", "224.0.0.9", "192.0.2.1", HF_STAT_ip_source_multicast, HF_DROPPED},
        {"from everybody", "255.255.255.255", "192.0.2.1", HF_STAT_ip_source_broadcast, HF_DROPPED},
        {"from the network's broadcast", "192.0.2.255", "192.0.2.1", HF_STAT_ip_source_broadcast,
         HF_DROPPED},
        {"from nobody", "0.0.0.0", "192.0.2.1", HF_STAT_ip_source_unspecified, HF_DROPPED},
        {"from loopback", "127.0.0.1", "192.0.2.1", HF_STAT_ip_bad_source, HF_DROPPED},
        {"from nobody, IPv6", "::", "2001:db8::1", HF_STAT_ip_source_unspecified, HF_DROPPED},
        {"from loopback, IPv6", "::1", "2001:db8::1", HF_STAT_ip_bad_source, HF_DROPPED},
    };
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flow flow = {address_of(rows[i].remote), address_of(rows[i].local),
                            (uint16_t)(1000 + i), OUR_PORT};
        struct segment syn = syn_of(1);
        uint64_t before = stat_of(&peer, rows[i].reason);

        print_message("%s\n", rows[i].name);
        assert_int_equal(peer_send_flow(&peer, &flow, &syn), rows[i].reason);
        assert_int_equal(peer.in.verdict, rows[i].verdict);
        assert_int_equal(peer_receive(&peer),
                         rows[i].reason == HF_STAT_none ? TCP_SYN | TCP_ACK : -1);
        if (rows[i].reason != HF_STAT_none)
            assert_int_equal(stat_of(&peer, rows[i].reason), before + 1);
    }
    peer_close(&peer);
}

/* A unicast packet in a broadcast frame, to a listener and to a connection. [RFC 1122 3.3.6] [R1122-05] */
static void broadcast_frames_carry_no_tcp(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1), ack;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    uint32_t length = frame_build(peer.in_bytes, &flow, &syn);
    memset(peer.in_bytes, 0xff, 6);
    give(&peer, length);
    assert_int_equal(peer.in.reason, HF_STAT_ip_broadcast);
    seq snd = peer_connect(&peer, &flow, 1);
    ack = (struct segment){.seq = {2}, .ack = snd, .flags = TCP_ACK | TCP_FIN};
    length = frame_build(peer.in_bytes, &flow, &ack);
    memset(peer.in_bytes, 0xff, 6);
    give(&peer, length);
    assert_int_equal(peer.in.reason, HF_STAT_ip_broadcast);
    peer_close(&peer);
}

/* What others may use comes back foreign; what is broken is dropped with its counter. [R1122-06] */
static void each_frame_gets_its_reason(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    struct flow flow = peer_flow(&peer);
    uint32_t length = frame_build(peer.in_bytes, &flow, &syn);

    give(&peer, 13);
    assert_int_equal(peer.in.reason, HF_STAT_frame_truncated);
    assert_int_equal(peer.in.verdict, HF_DROPPED);
    peer.in_bytes[length - 5] ^= 1;
    give(&peer, length);
    assert_int_equal(peer.in.reason, HF_STAT_tcp_bad_checksum);
    peer.in_bytes[5] ^= 2;
    give(&peer, length);
    assert_int_equal(peer.in.reason, HF_STAT_frame_other_station);
    assert_int_equal(peer.in.verdict, HF_FOREIGN);
    frame_build(peer.in_bytes, &flow, &syn);
    peer.in_bytes[14 + 9] = IP_UDP;
    ipv4_build(peer.in_bytes + 14, &(struct ipv4){.source = flow.remote,
                                                  .destination = flow.local,
                                                  .total_length = (uint16_t)(length - 14),
                                                  .ttl = 9,
                                                  .protocol = IP_UDP});
    give(&peer, length);
    assert_int_equal(peer.in.reason, HF_STAT_frame_foreign);
    assert_int_equal(peer.in.verdict, HF_FOREIGN);
    assert_stat(&peer, frames_in, 4);
    assert_int_equal(peer_receive(&peer), -1);
    peer_close(&peer);
}

/* A batch is longer than the groups in which it is walked, and its frames concern each other. */
static void batches_keep_their_order(void **state)
{
    enum { FRAMES = 20 };
    static uint8_t bytes[FRAMES][256];
    struct hf_config config = peer_config();
    struct hf_frame frames[FRAMES];
    struct peer peer;
    char text[2], buffer[64];
    hf_socket listener, connection;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    struct segment syn = syn_of(0);
    peer_send(&peer, &syn);
    peer_receive(&peer);
    seq ack = seq_add(peer.packet.segment.seq, 1);
    for (uint32_t i = 0; i < FRAMES; i++) { /* the first opens the connection, the others find it */
        text[0] = (char)('a' + i);
        struct segment seg = {.seq = {1 + i},
                              .ack = ack,
                              .flags = TCP_ACK,
                              .window = 900,
                              .text = (uint8_t *)text,
                              .length = 1};

        frames[i] =
            (struct hf_frame){.data = bytes[i], .length = frame_build(bytes[i], &flow, &seg)};
    }
    hf_input(peer.stack, frames, FRAMES, peer.now_us);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_int_equal(frames[i].verdict, HF_DELIVERED);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_receive(peer.stack, connection, buffer, sizeof buffer, peer.now_us),
                     FRAMES);
    assert_memory_equal(buffer, "abcdefghijklmnopqrst", FRAMES);
    peer_close(&peer);
}

/* A RST, then more for the slot that it freed, in one batch. */
static void connection_may_end_within_a_batch(void **state)
{
    static uint8_t bytes[3][256];
    struct hf_config config = peer_config();
    struct hf_frame frames[3];
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    seq snd = peer_connect(&peer, &flow, 0);
    struct segment segments[3] = {
        {.seq = {1}, .flags = TCP_RST},
        {.seq = {1}, .ack = snd, .flags = TCP_ACK},
        syn_of(70),
    };
    for (int i = 0; i < 3; i++)
        frames[i] = (struct hf_frame){.data = bytes[i],
                                      .length = frame_build(bytes[i], &flow, &segments[i])};
    hf_input(peer.stack, frames, 3, peer.now_us);
    assert_int_equal(frames[0].reason, HF_STAT_none);
    assert_int_equal(frames[1].reason, HF_STAT_stray_ack);
    assert_int_equal(frames[2].reason, HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_RST);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    peer_close(&peer);
}

/* An active open from a port that listens does not become a simultaneous open by a forged SYN, unless it is wanted. */
static void simultaneous_open_at_a_listener_is_refused(void **state)
{
    for (int wanted = 0; wanted < 2; wanted++) {
        struct hf_config config = peer_config();
        struct segment syn = syn_of(7);
        struct peer peer;
        hf_socket socket;
        uint32_t slot;

        (void)state;
        config.allow_simultaneous_at_listener = wanted;
        peer_open(&peer, &config);
        struct flow flow = peer_flow(&peer);
        struct hf_endpoint local = {flow.local, flow.local_port},
                           remote = {flow.remote, flow.remote_port};
        assert_int_equal(hf_connect(peer.stack, &local, &remote, &socket, peer.now_us), HF_OK);
        peer_listen(&peer, NULL);
        slot = socket_slot(socket);
        assert_int_equal(peer_send(&peer, &syn),
                         wanted ? HF_STAT_none : HF_STAT_simultaneous_refused);
        assert_int_equal(connection_at(&peer.stack->connections, slot)->tcb.state,
                         wanted ? TCP_SYN_RECEIVED : TCP_SYN_SENT);
        peer_close(&peer);
    }
}

/* Frames of any bytes: never more than one reason, never a word to the wrong place. */
static void noise_is_survived(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    uint64_t seed = 0x5eed;
    struct peer peer;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)seed);
    config.answer_ping = true;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    for (int i = 0; i < 20000; i++) {
        peer.v6 = i & 1;
        struct flow flow = peer_flow(&peer);
        uint32_t length = frame_build(peer.in_bytes, &flow, &syn), flips;

        seed = seed * 6364136223846793005 + 1442695040888963407;
        flips = (uint32_t)(seed >> 60);
        for (uint32_t f = 0; f < flips; f++) {
            seed = seed * 6364136223846793005 + 1442695040888963407;
            peer.in_bytes[(seed >> 33) % length] = (uint8_t)(seed >> 20);
        }
        peer.in = (struct hf_frame){.data = peer.in_bytes,
                                    .length = length - (uint32_t)((seed >> 50) % 8),
                                    .checksum = i & 2 ? HF_CHECKSUM_VERIFIED : HF_CHECKSUM_NONE};
        hf_input(peer.stack, &peer.in, 1, peer.now_us);
        assert_true((peer.in.verdict == HF_DELIVERED) == (peer.in.reason == HF_STAT_none));
        assert_true(peer.in.reason < HF_STAT_COUNT);
        peer_wait(&peer, 3);
        while (peer_take(&peer))
            assert_true(peer.packet.kind != PACKET_REFUSED ||
                        peer.packet.reason == HF_STAT_frame_other_station);
    }
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(broadcast_frames_carry_no_tcp),
        cmocka_unit_test(each_frame_gets_its_reason),
        cmocka_unit_test(batches_keep_their_order),
        cmocka_unit_test(connection_may_end_within_a_batch),
        cmocka_unit_test(simultaneous_open_at_a_listener_is_refused),
        cmocka_unit_test(noise_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
