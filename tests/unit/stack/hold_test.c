/* A crowd that closes its windows on what it asked for: memory is bounded, those who hold most go first, and clients between
 * them notice nothing. handfast_bench hold_1m is the same with a million. [RFC 6429 3, 4] [RFC 9293 3.8.6.1] */
#include "peer.h"

#define HOLDERS 100000u
#define PER_S 5000u
#define POOL_CHUNKS 65536u
#define LITTLE 3000u /* bytes that nine of ten holders do not take: two chunks */
#define MUCH 12000u  /* the tenth: six                                         */
#define RESPONSE 20000u

struct holder {
    int64_t entered_us, left_us; /* left_us 0: still there */
};

struct crowd {
    struct peer peer;
    hf_socket listener;
    struct holder holders[HOLDERS];
    uint64_t gone;
};

static const uint8_t text[RESPONSE];

static void hush(struct peer *peer)
{
    while (peer_take(peer))
        ;
}

static struct hf_config crowd_config(void)
{
    struct hf_config config = peer_config();

    config.max_connections = HOLDERS * 2; /* bytes are what runs short */
    config.max_half_opens = 64;
    config.max_time_waits = 64;
    config.promise_bytes = 0;
    config.pool_bytes = (uint64_t)POOL_CHUNKS * 2048;
    return config;
}

static hf_socket enter(struct crowd *crowd, const struct flow *flow, uint16_t window, seq *sent)
{
    struct peer *peer = &crowd->peer;
    hf_socket socket;
    struct segment ack;

    *sent = peer_connect(peer, flow, 5000);
    ack = (struct segment){.seq = {5001}, .ack = *sent, .flags = TCP_ACK, .window = window};
    assert_int_equal(peer_send_flow(peer, flow, &ack), HF_STAT_none);
    assert_int_equal(hf_accept(peer->stack, crowd->listener, &socket), HF_OK);
    return socket;
}

static bool holds_much(uint32_t number)
{
    return number % 10 == 0;
}

static void hold(struct crowd *crowd, uint32_t number)
{
    struct flow flow = peer_flow(&crowd->peer);
    size_t bytes = holds_much(number) ? MUCH : LITTLE;
    hf_socket socket;
    seq sent;

    flow.remote = address_v4(0xc6120000 + number % 5000);
    flow.remote_port = (uint16_t)(1000 + number / 5000);
    socket = enter(crowd, &flow, 0, &sent);
    hf_set_user(crowd->peer.stack, socket, number);
    assert_int_equal(hf_send(crowd->peer.stack, socket, text, bytes, crowd->peer.now_us), bytes);
    crowd->holders[number].entered_us = crowd->peer.now_us;
    hush(&crowd->peer);
}

/* An honest client: all that it asked for comes, at once. */
static void serve(struct crowd *crowd, uint32_t number)
{
    struct peer *peer = &crowd->peer;
    struct flow flow = peer_flow(peer);
    hf_socket socket;
    uint32_t got = 0;
    seq sent;

    flow.remote_port = (uint16_t)(1000 + number % 60000);
    socket = enter(crowd, &flow, 60000, &sent);
    assert_int_equal(hf_send(peer->stack, socket, text, RESPONSE, peer->now_us), RESPONSE);
    while (got < RESPONSE) {
        struct segment ack = {.seq = {5001}, .flags = TCP_ACK, .window = 60000};

        assert_true(peer_receive(peer) >= 0);
        if (peer->packet.segment.destination_port != flow.remote_port)
            continue; /* a probe for a holder */
        got += peer->packet.segment.length;
        ack.ack = seq_add(sent, got);
        peer_send_flow(peer, &flow, &ack);
    }
    assert_int_equal(hf_abort(peer->stack, socket, peer->now_us), HF_OK);
    hush(peer);
}

/* The server notices who was let go. */
static void look_after(struct crowd *crowd)
{
    struct hf_ready ready;

    while (hf_take_ready(crowd->peer.stack, &ready, 1)) {
        if (!(ready.what & HF_ENDED))
            continue;
        crowd->holders[ready.user].left_us = crowd->peer.now_us;
        crowd->gone++;
        hf_close(crowd->peer.stack, ready.socket, crowd->peer.now_us);
    }
}

/* At every instant: whoever holds little went only once nobody held much and had stood still as long. */
static void check_order(const struct crowd *crowd)
{
    int64_t newest_much = 0; /* who held much and went */
    uint32_t much = 0, little = 0;

    for (uint32_t i = 0; i < HOLDERS; i++) {
        const struct holder *holder = &crowd->holders[i];

        if (holder->left_us == 0)
            continue;
        assert_true(holder->left_us - holder->entered_us > 3 * INT64_C(1000000));
        if (holds_much(i)) {
            much++;
            newest_much = holder->entered_us > newest_much ? holder->entered_us : newest_much;
        } else {
            little++;
        }
    }
    print_message("released: %u of %u that held much, %u of %u that held little\n", much,
                  HOLDERS / 10, little, HOLDERS - HOLDERS / 10);
    assert_true(much > 0);
    for (uint32_t i = 0; i < HOLDERS; i += 10) /* nobody who holds much was passed over */
        if (crowd->holders[i].entered_us < newest_much - INT64_C(1000000))
            assert_true(crowd->holders[i].left_us != 0);
    assert_true((uint64_t)much * (HOLDERS - HOLDERS / 10) > (uint64_t)little * (HOLDERS / 10));
}

static void a_crowd_of_closed_windows(void **state)
{
    static struct crowd crowd;
    struct hf_config config = crowd_config();
    struct hf_gauges gauges;
    struct peer *peer = &crowd.peer;

    (void)state;
    peer_open_in(peer, &config, true);
    crowd.listener = peer_listen(peer, NULL);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        hold(&crowd, i);
        if (i % (PER_S / 100) != 0)
            continue;
        peer_wait(peer, 10);
        serve(&crowd, i);
        look_after(&crowd);
    }
    hf_gauges(peer->stack, &gauges);
    print_message("%u held, %llu released, %u KB of %u KB\n", gauges.connections_used,
                  (unsigned long long)crowd.gone, (unsigned)(gauges.pool_used_bytes / 1024),
                  (unsigned)(gauges.pool_bytes / 1024));
    assert_int_equal(crowd.gone, stat_of(peer, HF_STAT_watch_zero_window));
    assert_true(gauges.pool_used_bytes <= gauges.pool_bytes);
    assert_stat(peer, receive_no_memory, 0);
    check_order(&crowd);
    peer_close(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_of_closed_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
