/* Two lanes: what is said to strangers is dropped first, and never in the way of connections. [RFC 9293 3.10.7.1] */
#include "peer.h"

#define STRANGERS 5000
#define SEGMENT 1000

/* So many SYNs of others that their lane is full, and nothing is fetched. */
static void crowd(struct peer *peer)
{
    struct segment syn = syn_of(1);
    struct flow flow = peer_flow(peer);

    for (uint32_t i = 0; i < STRANGERS; i++) {
        flow.remote = address_v4(0xc6336400 + i / 50);
        flow.remote_port = (uint16_t)(1000 + i);
        peer_send_flow(peer, &flow, &syn);
    }
}

static hf_socket guest(struct peer *peer, hf_socket listener, uint16_t port)
{
    struct flow flow = peer_flow(peer);
    hf_socket connection;

    flow.remote_port = port;
    peer_connect(peer, &flow, 5000);
    assert_int_equal(hf_accept(peer->stack, listener, &connection), HF_OK);
    return connection;
}

static void strangers_are_dropped_first(void **state)
{
    struct hf_config config = peer_config();
    hf_socket listener, connection;
    unsigned answers = 0;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    connection = guest(&peer, listener, 7);
    crowd(&peer);
    assert_true(stat_of(&peer, HF_STAT_outbox_dropped) > STRANGERS / 2);
    assert_int_equal(hf_abort(peer.stack, connection, peer.now_us), HF_OK);
    assert_true(peer_take(&peer)); /* the RST waited behind nobody */
    assert_int_equal(peer.packet.segment.flags, TCP_RST | TCP_ACK);
    assert_int_equal(peer.packet.segment.destination_port, 7);
    assert_int_equal(peer.out.unproven, 0);
    while (peer_receive(&peer) != -1) {
        assert_int_equal(peer.out.unproven, 1);
        answers++;
    }
    assert_int_equal(answers + stat_of(&peer, HF_STAT_outbox_dropped), STRANGERS);
    peer_close(&peer);
}

/* What connections send has four places of five, and strangers the fifth, so both go on. */
static void strangers_take_a_fifth(void **state)
{
    static const uint8_t text[30 * SEGMENT];
    struct hf_config config = peer_config();
    unsigned unproven = 0, in_a_row = 0;
    hf_socket listener, connections[8];
    struct peer peer;

    (void)state;
    config.initial_window = 30;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    for (uint16_t i = 0; i < 8; i++)
        connections[i] = guest(&peer, listener, (uint16_t)(7 + i));
    crowd(&peer);
    for (unsigned i = 0; i < 8; i++)
        assert_true(hf_send(peer.stack, connections[i], text, sizeof text, peer.now_us) > 0);
    for (unsigned i = 0; i < 50; i++) { /* 64 segments are allowed by the peers' windows */
        assert_true(peer_take(&peer));
        unproven += peer.out.unproven;
        in_a_row = peer.out.unproven ? in_a_row + 1 : 0;
        assert_true(in_a_row <= 1);
    }
    assert_in_range(unproven, 8, 10);
    peer_close(&peer);
}

/* And the other way: connections that all have something to say do not make a stranger's answer vanish. */
static void connections_drop_no_answers(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    hf_socket listener, connections[600];
    unsigned resets = 0, answers = 0;
    struct peer peer;
    struct flow flow;

    (void)state;
    config.max_connections = 600;
    config.stall_timeout_ms = 0;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    for (uint16_t i = 0; i < 600; i++)
        connections[i] = guest(&peer, listener, (uint16_t)(7 + i));
    for (unsigned i = 0; i < 600; i++)
        assert_int_equal(hf_abort(peer.stack, connections[i], peer.now_us), HF_OK);
    flow = peer_flow(&peer);
    assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
    while (peer_receive(&peer) != -1)
        peer.packet.segment.flags &TCP_RST ? resets++ : answers++;
    assert_int_equal(answers, 1);
    assert_int_equal(resets + stat_of(&peer, HF_STAT_outbox_dropped), 600);
    assert_true(resets >= 256);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_are_dropped_first),
        cmocka_unit_test(strangers_take_a_fifth),
        cmocka_unit_test(connections_drop_no_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
