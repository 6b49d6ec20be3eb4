/* Rules of the door that act in a corner only: what the mutation check showed untested. [RFC 9293 3.10.7.1, 3.10.7.2] */
#include "peer.h"

/* Of a half-open that timed out the event says who, where and since when; its number says nothing, and is none. */
static void a_timeout_has_no_value(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct hf_event event;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer,
                &(struct hf_listen_options){.half_open_timeout_ms = 1000, .syn_ack_retries = -1});
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_none);
    peer_wait(&peer, 1500);
    assert_true(hf_event_take(&peer.sink, &event));
    assert_int_equal(event.kind, HF_EVENT_HALF_OPEN_TIMED_OUT);
    assert_int_equal(event.value, 0);
    assert_int_equal(event.count, 1);
    assert_int_equal(event.remote.port, PEER_PORT);
    peer_close(&peer);
}

/* What is forgotten goes back to LISTEN, what is reset to CLOSED, and only the RST is counted as one. [RFC 9293 3.3.2] */
static void forgotten_or_reset(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct hf_config config = peer_config();
        struct segment syn = syn_of(1);
        struct peer peer;
        uint16_t left;

        peer_open(&peer, &config);
        peer_listen(&peer, &(struct hf_listen_options){.half_open_timeout_ms = 1000,
                                                       .syn_ack_retries = -1,
                                                       .on_timeout = (int8_t)(reset ? 1 : -1)});
        assert_int_equal(peer_send(&peer, &syn), HF_STAT_none);
        assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
        peer_wait(&peer, 1500);
        assert_int_equal(peer_receive(&peer), reset ? TCP_RST | TCP_ACK : -1);
        assert_stat(&peer, resets_sent, reset);
        left = peer.stack->tcp.transitions[TCP_SYN_RECEIVED];
        assert_int_equal(left, 1u << (reset ? TCP_CLOSED : TCP_LISTEN));
        peer_close(&peer);
    }
}

/* The next event of a kind; the others are passed over. */
static struct hf_event next_of(struct peer *peer, enum hf_event_kind kind)
{
    struct hf_event event = {0};

    while (hf_event_take(&peer->sink, &event))
        if (event.kind == kind)
            return event;
    fail_msg("no event: %s", hf_event_text(kind));
    return event;
}

/* Nor has a full accept queue a number, whether a SYN meets it or the ACK of a handshake. */
static void a_full_queue_has_no_value(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(100), ack;
    struct flow first, second;
    struct hf_event event;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, &(struct hf_listen_options){.backlog = 1});
    first = second = peer_flow(&peer);
    second.remote_port++;
    assert_int_equal(peer_send_flow(&peer, &second, &syn), HF_STAT_none);
    peer_receive(&peer);
    ack = (struct segment){
        .seq = {101}, .ack = seq_add(peer.packet.segment.seq, 1), .flags = TCP_ACK, .window = 500};
    peer_connect(&peer, &first, 5000);
    assert_int_equal(peer_send_flow(&peer, &second, &ack), HF_STAT_handshake_accept_queue_full);
    event = next_of(&peer, HF_EVENT_ACCEPT_QUEUE_FULL);
    assert_int_equal(event.value, 0);
    assert_int_equal(event.remote.port, second.remote_port);
    peer_wait(&peer, 2000); /* or it would be one of several */
    second.remote_port++;
    assert_int_equal(peer_send_flow(&peer, &second, &syn), HF_STAT_syn_accept_queue_full);
    event = next_of(&peer, HF_EVENT_ACCEPT_QUEUE_FULL);
    assert_int_equal(event.value, 0);
    assert_int_equal(event.remote.port, second.remote_port);
    peer_close(&peer);
}

/* The loudest prefix of an alarm has 64 bits where addresses have 128. */
static void the_loudest_of_ipv6(void **state)
{
    struct hf_config config = peer_config();
    struct hf_event event;
    struct peer peer;
    struct flow flow;

    (void)state;
    peer_open(&peer, &config);
    peer.v6 = true;
    peer_listen(&peer, &(struct hf_listen_options){.source_limit = 100000, .half_open_limit = 64});
    flow = peer_flow(&peer);
    for (uint32_t i = 0; i < 64; i++) {
        struct segment syn = syn_of(i);

        flow.remote_port++;
        peer_send_flow(&peer, &flow, &syn);
        peer_receive(&peer);
    }
    event = next_of(&peer, HF_EVENT_PRESSURE);
    assert_int_equal(event.value, HF_STRAINED);
    assert_int_equal(event.prefix_length, 64);
    for (unsigned i = 8; i < 16; i++) /* a prefix, not whoever was the first of it */
        assert_int_equal(event.remote.address.bytes[i], 0);
    peer_close(&peer);
}

/* A SYN-ACK that is sent again is no end: nothing is told. */
static void a_repetition_is_no_end(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct hf_event event;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    peer_wait(&peer, 1100);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    while (hf_event_take(&peer.sink, &event))
        assert_int_not_equal(event.kind, HF_EVENT_HALF_OPEN_TIMED_OUT);
    assert_int_equal(gate_half_opens(&peer.stack->gate), 1);
    assert_int_equal(peer.stack->tcp.transitions[TCP_SYN_RECEIVED], 0);
    peer_close(&peer);
}

/* A connection that we closed first, and the peer after us; SND.NXT. */
static seq in_time_wait(struct peer *peer, hf_socket listener)
{
    struct flow flow = peer_flow(peer);
    seq snd = peer_connect(peer, &flow, 5000);
    hf_socket connection;
    struct segment fin = {
        .seq = {5001}, .ack = seq_add(snd, 1), .flags = TCP_FIN | TCP_ACK, .window = 500};

    assert_int_equal(hf_accept(peer->stack, listener, &connection), HF_OK);
    assert_int_equal(hf_close(peer->stack, connection, peer->now_us), HF_OK);
    assert_int_equal(peer_receive(peer), TCP_FIN | TCP_ACK);
    assert_int_equal(peer_send(peer, &fin), HF_STAT_none);
    assert_int_equal(peer_receive(peer), TCP_ACK);
    assert_int_equal(time_wait_count(&peer->stack->time_waits), 1);
    return fin.ack;
}

/* A new SYN at a TIME-WAIT whose listener is gone meets silence, and the record stays. */
static void nobody_listens_any_more(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(6000);
    hf_socket listener;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    in_time_wait(&peer, listener);
    assert_int_equal(hf_close(peer.stack, listener, peer.now_us), HF_OK);
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_stray_syn);
    assert_int_equal(peer_receive(&peer), -1);
    assert_int_equal(time_wait_count(&peer.stack->time_waits), 1);
    peer_close(&peer);
}

/* Challenges until there is no budget left for one. */
static void spend_the_budget(struct peer *peer)
{
    struct segment syn = syn_of(100), rst = {.seq = {200}, .flags = TCP_RST};
    struct flow other = peer_flow(peer);
    int answer = 0;

    other.remote_port++;
    assert_int_equal(peer_send_flow(peer, &other, &syn), HF_STAT_none);
    peer_receive(peer);
    for (int i = 0; i < 300; i++) {
        peer_send_flow(peer, &other, &rst);
        answer = peer_receive(peer);
    }
    assert_int_equal(answer, -1);
}

/* With the budget spent a TIME-WAIT answers nothing but the peer's FIN once more. */
static void the_fin_is_always_answered(void **state)
{
    (void)state;
    for (int fin = 0; fin < 2; fin++) {
        struct hf_config config = peer_config();
        struct segment seg = {.flags = TCP_ACK, .window = 500};
        hf_socket listener;
        struct peer peer;

        config.challenge_budget_per_s = 320;
        peer_open(&peer, &config);
        listener = peer_listen(&peer, NULL);
        seg.ack = in_time_wait(&peer, listener);
        spend_the_budget(&peer);
        seg.seq = seq_of(fin ? 5001 : 9000);
        seg.flags |= fin ? TCP_FIN : 0;
        seg.text = (const uint8_t *)"text";
        seg.length = fin ? 0 : 4;
        assert_int_equal(peer_send(&peer, &seg),
                         fin ? HF_STAT_none : HF_STAT_challenge_over_budget);
        assert_int_equal(peer_receive(&peer), fin ? TCP_ACK : -1);
        peer_close(&peer);
    }
}

/* Who tries closed ports scans; who comes to an open one is a guest, however often. */
static void closed_ports_are_a_scan(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++) {
        struct hf_config config = peer_config();
        struct peer peer;
        struct flow flow;

        peer_open(&peer, &config);
        peer_listen(&peer, &(struct hf_listen_options){.source_limit = 100});
        flow = peer_flow(&peer);
        for (uint16_t i = 0; i < 40; i++) {
            struct segment syn = syn_of(i);

            flow.remote_port++;
            flow.local_port = open ? OUR_PORT : (uint16_t)(1000 + i);
            peer_send_flow(&peer, &flow, &syn);
            while (peer_take(&peer))
                ;
        }
        assert_stat(&peer, scans_told, !open);
        peer_close(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_has_no_value),     cmocka_unit_test(forgotten_or_reset),
        cmocka_unit_test(a_full_queue_has_no_value),  cmocka_unit_test(the_loudest_of_ipv6),
        cmocka_unit_test(a_repetition_is_no_end),     cmocka_unit_test(nobody_listens_any_more),
        cmocka_unit_test(the_fin_is_always_answered), cmocka_unit_test(closed_ports_are_a_scan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
