/* Cookies and pressure around a whole stack: keys that machines share, alarms that explain themselves. [RFC 4987 3.6] */
#include "peer.h"

#define SECOND INT64_C(1000000)

/* A stack of its own secret and clock. */
static void reopen(struct peer *peer, uint8_t secret, const uint8_t *shared_key, int64_t wall_us)
{
    struct hf_config config = peer_config();
    struct hf_env env = {.memory_is_zero = false};

    peer_open(peer, &config);
    memset(env.secret, secret, sizeof env.secret);
    env.memory = peer->memory;
    env.memory_bytes = peer->memory_bytes;
    env.event_sink = &peer->sink;
    env.wall_minus_now_us = wall_us - peer->now_us;
    if (shared_key) {
        memcpy(env.cookie_key, shared_key, sizeof env.cookie_key);
        env.cookie_key_shared = true;
    }
    assert_int_equal(hf_init(&peer->stack, &config, &env, peer->now_us), HF_OK);
    while (peer_take(peer))
        ;
    peer_listen(peer, &(struct hf_listen_options){.cookies = HF_COOKIES_ALWAYS});
}

/* The peer's one listener goes on with other options. */
static void must_change(struct peer *peer, const struct hf_listen_options *options)
{
    uint64_t cursor = 0;
    hf_socket listener;

    assert_int_equal(hf_next_socket(peer->stack, &cursor, &listener), HF_OK);
    assert_int_equal(hf_listen_change(peer->stack, listener, options, peer->now_us), HF_OK);
}

static struct segment stamped_syn(void)
{
    return (struct segment){
        .seq = {1000},
        .flags = TCP_SYN,
        .window = 8000,
        .options = {.present = TCP_OPTION_MSS | TCP_OPTION_TIMESTAMPS, .mss = 1200, .ts_value = 5}};
}

/* One machine answers the SYN, another gets the ACK. */
static enum hf_stat across(struct peer *one, struct peer *other)
{
    struct segment syn = stamped_syn(), ack;

    assert_int_equal(peer_send(one, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(one), TCP_SYN | TCP_ACK);
    ack = (struct segment){.seq = {1001},
                           .ack = seq_add(one->packet.segment.seq, 1),
                           .flags = TCP_ACK,
                           .window = 8000,
                           .options = {.present = TCP_OPTION_TIMESTAMPS,
                                       .ts_value = 6,
                                       .ts_echo = one->packet.segment.options.ts_value}};
    return peer_send(other, &ack);
}

static void machines_that_share_a_key_open_each_others_cookies(void **state)
{
    static const uint8_t key[16] = "sixteen bytes...", another[16] = "and sixteen more";
    static const struct {
        const char *name;
        const uint8_t *keys[2];
        int64_t apart_us;
        enum hf_stat answer;
    } rows[] = {
        {"the same key", {key, key}, 0, HF_STAT_none},
        {"a clock that is behind", {key, key}, -3 * SECOND, HF_STAT_none},
        {"a clock that is ahead", {key, key}, 20 * SECOND, HF_STAT_none},
        {"clocks far apart", {key, key}, 40 * SECOND, HF_STAT_cookie_bad},
        {"different keys", {key, another}, 0, HF_STAT_cookie_bad},
        {"no key is shared", {NULL, NULL}, 0, HF_STAT_stray_ack},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t wall_us = 1700000000 * SECOND;
        struct peer *peers = calloc(2, sizeof *peers);

        print_message("%s\n", rows[i].name);
        reopen(&peers[0], 1, rows[i].keys[0], wall_us);
        reopen(&peers[1], 2, rows[i].keys[1], wall_us + rows[i].apart_us);
        assert_int_equal(across(&peers[0], &peers[1]), rows[i].answer);
        assert_stat(&peers[1], cookie_opened, rows[i].answer == HF_STAT_none);
        peer_close(&peers[0]);
        peer_close(&peers[1]);
        free(peers);
    }
}

/* One port opens by cookie and resets, a thousand times in a second: each leaves a guard, and nothing else. */
static void one_port_again_and_again(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    config.max_connections = 1000;
    peer_open(&peer, &config);
    peer_listen(&peer, &(struct hf_listen_options){.cookies = HF_COOKIES_ALWAYS});
    struct flow flow = peer_flow(&peer);
    for (uint32_t i = 0; i < 1000; i++) {
        struct segment rst = {.seq = {i * 1000 + 1}, .flags = TCP_RST};

        (void)peer_connect(&peer, &flow, i * 1000);
        assert_int_equal(peer_send(&peer, &rst), HF_STAT_none);
        peer.now_us += 1000;
    }
    assert_stat(&peer, cookie_opened, 1000);
    assert_int_equal(peer.stack->connections.pool.count, 0);
    assert_int_equal(time_wait_records(&peer.stack->time_waits), 1000);
    peer_wait(&peer, 33000);
    assert_int_equal(time_wait_records(&peer.stack->time_waits), 0);
    peer_close(&peer);
}

/* HF_PLAIN_SEEN: without timestamps a cookie is good only where its SYN was seen, though the key is shared. */
static void plain_cookie_is_good_where_its_syn_was_seen(void **state)
{
    static const uint8_t key[16] = "sixteen bytes...";
    struct peer *peers = calloc(2, sizeof *peers);
    struct segment syn = syn_of(1000), ack;

    (void)state;
    for (uint8_t i = 0; i < 2; i++) {
        reopen(&peers[i], (uint8_t)(i + 1), key, 1700000000 * SECOND);
        must_change(&peers[i], &(struct hf_listen_options){.cookies = HF_COOKIES_ALWAYS,
                                                           .without_timestamps = HF_PLAIN_SEEN});
    }
    assert_int_equal(peer_send(&peers[0], &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peers[0]), TCP_SYN | TCP_ACK);
    ack = (struct segment){.seq = {1001},
                           .ack = seq_add(peers[0].packet.segment.seq, 1),
                           .flags = TCP_ACK,
                           .window = 8000};
    assert_int_equal(peer_send(&peers[1], &ack), HF_STAT_cookie_unseen);
    assert_int_equal(peer_receive(&peers[1]), -1); /* a guess is not told that it failed */
    assert_stat(&peers[1], cookie_opened, 0);
    assert_int_equal(peer_send(&peers[0], &ack), HF_STAT_none);
    assert_stat(&peers[0], cookie_opened, 1);
    for (unsigned i = 0; i < 2; i++)
        peer_close(&peers[i]);
    free(peers);
}

/* A key of one's own that is not shared, too, outlives a new secret. */
static void cookie_key_may_be_given(void **state)
{
    struct hf_config config = peer_config();
    struct siphash_key key = {0x0807060504030201, 0x100f0e0d0c0b0a09};
    struct siphash_key tuple = siphash_derive(key, "hf1 tuple", 0);
    struct hf_env env = {.memory_is_zero = false};
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    for (uint8_t i = 0; i < sizeof env.cookie_key; i++)
        env.cookie_key[i] = (uint8_t)(i + 1);
    env.memory = peer.memory;
    env.memory_bytes = peer.memory_bytes;
    assert_int_equal(hf_init(&peer.stack, &config, &env, peer.now_us), HF_OK);
    assert_memory_equal(&peer.stack->keys.tuple, &tuple, sizeof tuple);
    assert_memory_equal(&peer.stack->gate.keys.tuple, &tuple, sizeof tuple);
    peer_close(&peer);
}

static void flood(struct peer *peer, uint32_t count, uint32_t loud)
{
    for (uint32_t i = 0; i < count; i++) {
        struct flow flow = peer_flow(peer);
        struct segment syn = syn_of(i);

        flow.remote = i % 4 ? address_v4(loud) : address_v4(0x0a000000 + i);
        flow.remote_port = (uint16_t)(1024 + i);
        peer_send_flow(peer, &flow, &syn);
        peer_receive(peer);
        peer->now_us += 10;
    }
}

/* Events of pressure, in order; the others are passed over. */
/* A cache that one listener has filled: the other, calm as it is, answers with cookies. A SYN that would end a TIME-WAIT
 * needs an ISS above the last, which no cookie has: silence, and the client tries again. [RFC 6191 2; RFC 4987 3.6] */
static void a_full_cache_is_no_locked_door(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1000), fin = {.flags = TCP_FIN | TCP_ACK, .window = 8000};
    struct hf_listen_options crowded = {
        .local.port = 81, .cookies = HF_COOKIES_OFF, .half_open_limit = 8, .source_limit = 8};
    struct hf_ready ignored;
    hf_socket listener, other, connection;
    struct peer peer;
    struct flow flow;

    (void)state;
    config.max_half_opens = 8;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, NULL);
    assert_int_equal(hf_listen_with(peer.stack, &crowded, &other), HF_OK);
    flow = peer_flow(&peer);
    fin.seq = seq_of(1001);
    fin.ack = seq_add(peer_connect(&peer, &flow, 1000), 1);
    assert_int_equal(hf_accept(peer.stack, listener, &connection), HF_OK);
    assert_int_equal(hf_shutdown(peer.stack, connection, peer.now_us), HF_OK);
    assert_int_equal(peer_receive(&peer), TCP_FIN | TCP_ACK);
    assert_int_equal(peer_send(&peer, &fin), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_ACK);
    assert_stat(&peer, time_waits, 1);
    assert_int_equal(hf_close(peer.stack, connection, peer.now_us), HF_OK);
    while (hf_take_ready(peer.stack, &ignored, 1))
        ;

    for (uint16_t i = 0; i < 8; i++) {
        struct flow crowd = peer_flow(&peer);

        crowd.local_port = 81;
        crowd.remote_port = (uint16_t)(5000 + i);
        assert_int_equal(peer_send_flow(&peer, &crowd, &syn), HF_STAT_none);
        assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    }
    assert_stat(&peer, syn_cookie_sent, 0);
    syn = syn_of(5000); /* newer than the connection that has ended */
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_syn_cache_full);
    assert_int_equal(peer_receive(&peer), -1);
    flow.remote_port = 6000;
    assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
    assert_int_equal(peer_receive(&peer), TCP_SYN | TCP_ACK);
    assert_stat(&peer, syn_cookie_sent, 1);
    peer_close(&peer);
}

static bool next_alarm(struct peer *peer, struct hf_event *event)
{
    while (hf_event_take(&peer->sink, event))
        if (event->kind == HF_EVENT_PRESSURE || event->kind == HF_EVENT_FLOOD_OVER)
            return true;
    return false;
}

static void check_alarm(struct peer *peer, enum hf_event_kind kind, uint32_t value)
{
    struct hf_event event;

    assert_true(next_alarm(peer, &event));
    print_message("%s: %u, %llu SYNs since %lld us, prefix length %u\n", hf_event_text(event.kind),
                  event.value, (unsigned long long)event.count, (long long)event.since_us,
                  event.prefix_length);
    assert_int_equal(event.kind, kind);
    assert_int_equal(event.value, value);
    assert_int_equal(event.local.port, OUR_PORT);
    assert_true(event.since_us <= event.at_us);
}

/* From calm to flooded and back, with nothing but SYNs and the deadlines that the stack names; each change is told once. */
static void alarms_explain_themselves(void **state)
{
    struct hf_config config = peer_config();
    struct hf_address loud = address_v4(0xc6336401);
    struct hf_event event;
    struct hf_status status;
    struct peer peer;
    hf_socket listener;

    (void)state;
    peer_open(&peer, &config);
    listener = peer_listen(&peer, &(struct hf_listen_options){.source_limit = 100000});
    flood(&peer, 2000, 0xc6336401);
    check_alarm(&peer, HF_EVENT_PRESSURE, HF_STRAINED);
    assert_int_equal(hf_status(peer.stack, listener, &status), HF_OK);
    assert_int_equal(status.pressure, HF_FLOODED);
    assert_true(status.cookies_sent > 1700);
    assert_true(status.pressure_since_us > 0);
    assert_true(next_alarm(&peer, &event));
    assert_int_equal(event.value, HF_FLOODED);
    assert_int_equal(event.prefix_length, 32);
    assert_memory_equal(&event.remote.address, &loud, sizeof loud);
    assert_false(next_alarm(&peer, &event));

    while (status.pressure != HF_CALM) {
        assert_true(hf_next_deadline(peer.stack) < peer.now_us + 60 * SECOND);
        peer.now_us = hf_next_deadline(peer.stack);
        hf_tick(peer.stack, peer.now_us);
        while (peer_receive(&peer) >= 0)
            ;
        hf_status(peer.stack, listener, &status);
    }
    check_alarm(&peer, HF_EVENT_PRESSURE, HF_STRAINED);
    check_alarm(&peer, HF_EVENT_PRESSURE, HF_CALM);
    assert_true(next_alarm(&peer, &event));
    assert_int_equal(event.kind, HF_EVENT_FLOOD_OVER);
    assert_in_range(event.count, 1800, 1900); /* all but those before the alarm */
    assert_false(next_alarm(&peer, &event));
    assert_stat(&peer, pressure_strained, 2);
    assert_stat(&peer, pressure_flooded, 1);
    assert_stat(&peer, pressure_calmed, 1);
    peer_close(&peer);
}

/* A cookie needs neither a slot nor a neighbour's entry: 50,000 SYNs, and every gauge is as before. */
static void a_flood_holds_nothing(void **state)
{
    struct hf_config config = peer_config();
    struct hf_gauges before, after;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, &(struct hf_listen_options){.cookies = HF_COOKIES_ALWAYS});
    hf_gauges(peer.stack, &before);
    flood(&peer, 50000, 0xc6336401);
    hf_gauges(peer.stack, &after);
    before.connections[HF_STATE_LISTEN] = after.connections[HF_STATE_LISTEN];
    assert_memory_equal(&before, &after, sizeof after);
    assert_stat(&peer, syn_cookie_sent, 50000);
    assert_stat(&peer, outbox_dropped, 0);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_that_share_a_key_open_each_others_cookies),
        cmocka_unit_test(one_port_again_and_again),
        cmocka_unit_test(plain_cookie_is_good_where_its_syn_was_seen),
        cmocka_unit_test(cookie_key_may_be_given),
        cmocka_unit_test(a_full_cache_is_no_locked_door),
        cmocka_unit_test(alarms_explain_themselves),
        cmocka_unit_test(a_flood_holds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
