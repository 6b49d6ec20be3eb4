/* How connections begin: what is agreed, simultaneous opens, SYNs lost and bare. [RFC 9293 3.5, 3.7.1, MUST-10, MUST-14, MUST-15; RFC 7323 2] */
#include "solo.h"

static struct solo *calling(const struct hf_config *config, bool v6)
{
    struct solo *solo = solo_new(config, 64);
    struct tcp_open open = {
        .iss = seq_of(SOLO_ISS), .path_mss = v6 ? 1440 : 1460, .ts_offset = 9, .v6 = v6};

    assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
    solo->end.open = true;
    assert_int_equal(solo_out(solo), 1);
    return solo;
}

static void answer(struct solo *solo, const struct tcp_options *options)
{
    struct segment seg = {.seq = seq_of(SOLO_IRS),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = TCP_SYN | TCP_ACK,
                          .window = 5000,
                          .options = *options};

    solo_segment(solo, &seg);
}

/* What the SYN offers by configuration. [R7323-04, R2018-01] */
static void offered(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct solo *solo;

        config.timestamps = bits & 1;
        config.window_scaling = bits & 2;
        config.sack = bits & 4;
        config.receive_bytes = 1 << 20;
        solo = calling(&config, false);
        uint16_t present = solo_last(solo)->options.present;

        assert_int_equal(present, TCP_OPTION_MSS | (bits & 1 ? TCP_OPTION_TIMESTAMPS : 0) |
                                      (bits & 2 ? TCP_OPTION_SCALE : 0) |
                                      (bits & 4 ? TCP_OPTION_SACK_PERMITTED : 0));
        assert_int_equal(solo_last(solo)->options.mss, 1460);
        assert_int_equal(solo_last(solo)->window, 65535);
        if (bits & 2)
            assert_int_equal(solo_last(solo)->options.scale, 5);
        solo_free(solo);
    }
}

/* Agreed is what both offered. [RFC 7323 2.2, 3.2; RFC 2018 2] [R7323-01, R7323-05] */
static void agreed(void **state)
{
    (void)state;
    for (unsigned ours = 0; ours < 8; ours++)
        for (unsigned theirs = 0; theirs < 8; theirs++) {
            struct hf_config config = HF_CONFIG_DEFAULT;
            struct tcp_options options = {
                .present = (uint16_t)(TCP_OPTION_MSS | (theirs & 1 ? TCP_OPTION_TIMESTAMPS : 0) |
                                      (theirs & 2 ? TCP_OPTION_SCALE : 0) |
                                      (theirs & 4 ? TCP_OPTION_SACK_PERMITTED : 0)),
                .mss = 1000,
                .scale = 3,
                .ts_value = 50};
            struct solo *solo;
            uint32_t flags;

            config.timestamps = ours & 1;
            config.window_scaling = ours & 2;
            config.sack = ours & 4;
            solo = calling(&config, false);
            answer(solo, &options);
            flags = solo->end.tcb.flags;
            assert_int_equal(!!(flags & TCB_TIMESTAMPS), !!(ours & theirs & 1));
            assert_int_equal(!!(flags & TCB_SCALING), !!(ours & theirs & 2));
            assert_int_equal(!!(flags & TCB_SACK), !!(ours & theirs & 4));
            assert_int_equal(solo->end.tcb.snd_wind_shift, ours & theirs & 2 ? 3 : 0);
            assert_int_equal(solo->end.tcb.mss, 1000);
            assert_int_equal(solo->end.tcb.snd_wnd, 5000); /* in a SYN-ACK: not scaled */
            assert_int_equal(solo_out(solo), 1);
            assert_int_equal(!!(solo_last(solo)->options.present & TCP_OPTION_TIMESTAMPS),
                             !!(ours & theirs & 1));
            solo_free(solo);
        }
}

/* No MSS option: 536 or 1220. A tiny one is lifted to a floor, a large one is bounded by the path. [RFC 9293 MUST-15, MUST-16] */
static void mss(void **state)
{
    static const struct {
        bool v6, given;
        uint16_t offer, expected;
    } rows[] = {{false, false, 0, 536},  {true, false, 0, 1220},     {false, true, 0, 64},
                {false, true, 100, 100}, {false, true, 65535, 1460}, {true, true, 65535, 1440},
                {true, true, 500, 500}};
    struct hf_config config = HF_CONFIG_DEFAULT;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = calling(&config, rows[i].v6);

        answer(solo, &(struct tcp_options){.present = rows[i].given ? TCP_OPTION_MSS : 0,
                                           .mss = rows[i].offer});
        assert_int_equal(solo->end.tcb.mss, rows[i].expected);
        assert_int_equal(solo->end.tcb.congestion.cwnd, 10 * rows[i].expected);
        solo_free(solo);
    }
}

/* A shift above 14 is used as 14. [RFC 7323 2.3] [R7323-07] */
static void scale_bound(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = calling(&config, false);

    (void)state;
    answer(solo, &(struct tcp_options){.present = TCP_OPTION_SCALE, .scale = 255});
    assert_int_equal(solo->end.tcb.snd_wind_shift, 14);
    solo_free(solo);
}

/* A shift larger than the queue needs may be offered, a smaller one is not. [RFC 7323 2.3] */
static void scale_asked_for(void **state)
{
    static const struct {
        uint32_t receive_bytes;
        uint8_t asked, offered;
    } rows[] = {{65536, 6, 6}, {32768, 14, 14}, {1u << 20, 2, 5}, {65535, 0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct solo *solo;

        config.receive_bytes = rows[i].receive_bytes;
        config.window_scale = rows[i].asked;
        solo = calling(&config, false);
        assert_int_equal(solo_last(solo)->options.scale, rows[i].offered);
        assert_int_equal(solo_last(solo)->window,
                         rows[i].receive_bytes < 65535 ? rows[i].receive_bytes : 65535);
        solo_free(solo);
    }
}

/* After three SYNs without an answer the next have no options but MSS. */
static void bare_syn(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = calling(&config, false);

    (void)state;
    solo_pass(solo, 30000000);
    assert_int_equal(solo->count, 5); /* 0 1 3 7 15 s */
    for (unsigned i = 0; i < solo->count; i++) {
        assert_int_equal(solo->sent[i].segment.seq.value, 0);
        assert_int_equal(solo->sent[i].segment.flags, TCP_SYN);
        assert_int_equal(solo->sent[i].segment.options.present == TCP_OPTION_MSS, i >= 3);
    }
    solo_free(solo);
}

/* Two ends that call each other: one connection, whatever is lost. [RFC 9293 MUST-10, 3.5] */
static struct pair *both_calling(uint64_t seed, unsigned loss)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct pair *pair = pair_new(&config, seed);

    pair->listening = false;
    pair->loss_percent = loss;
    for (int i = 0; i < 2; i++) {
        struct end *end = &pair->end[i];
        struct tcp_open open = {.iss = seq_of(0xfffffff0u + (uint32_t)i * 77), .path_mss = 1460};

        assert_true(tcp_open_active(&end->tcp, &end->tcb, &open, pair->now_us));
        end->open = true;
    }
    return pair;
}

static void simultaneous(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct pair *pair = both_calling(seed, (unsigned)(seed % 4) * 5);
        uint8_t byte = 42, got = 0;

        pair_run(pair, pair->now_us + 100 * INT64_C(1000000));
        for (int i = 0; i < 2; i++) {
            struct end *end = &pair->end[i];

            if (end->tcb.state != TCP_ESTABLISHED)
                fail_msg("seed %llu: end %d is in state %d", (unsigned long long)seed, i,
                         end->tcb.state);
            assert_int_equal(end->tcp.transitions[TCP_SYN_SENT] >> TCP_SYN_RECEIVED & 1,
                             end->tcp.transitions[TCP_SYN_RECEIVED] >> TCP_ESTABLISHED & 1);
            assert_true(end->tcb.flags & TCB_TIMESTAMPS);
            tcp_send(&end->tcp, &end->tcb, &byte, 1, pair->now_us);
        }
        pair_run(pair, pair->now_us + 100 * INT64_C(1000000));
        for (int i = 0; i < 2; i++)
            if (tcp_receive(&pair->end[i].tcp, &pair->end[i].tcb, &got, 1, pair->now_us) != 1)
                fail_msg("seed %llu: end %d got nothing", (unsigned long long)seed, i);
        pair_free(pair);
    }
}

/* Both close at once: both through CLOSING to TIME-WAIT, unless a loss made one of them second. [RFC 9293 3.6] */
static void simultaneous_close(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct pair *pair = pair_established(&config, seed);

        pair->loss_percent = (unsigned)(seed % 4) * 10;
        for (int i = 0; i < 2; i++)
            assert_int_equal(tcp_shutdown(&pair->end[i].tcp, &pair->end[i].tcb, pair->now_us),
                             HF_OK);
        pair_run(pair, pair->now_us + 400 * INT64_C(1000000));
        for (int i = 0; i < 2; i++)
            if (pair->end[i].tcb.state != TCP_TIME_WAIT)
                fail_msg("seed %llu: end %d is in state %d", (unsigned long long)seed, i,
                         pair->end[i].tcb.state);
        if (seed % 4 == 0)
            assert_true(pair->end[0].tcp.transitions[TCP_FIN_WAIT_1] >> TCP_CLOSING & 1);
        pair_free(pair);
    }
}

/* Keep-alive begins with the connection, however it was opened. [RFC 9293 3.8.4] */
static void keep_alive_begins(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.keepalive_idle_ms = 10000;
    solo = calling(&config, false);
    answer(solo, &(struct tcp_options){0});
    assert_true(solo->end.tcb.deadline_us[TCP_TIMER_KEEP] == solo->now_us + 10000000);
    solo_free(solo);
    solo = solo_open(&config);
    assert_true(solo->end.tcb.deadline_us[TCP_TIMER_KEEP] == solo->now_us + 10000000);
    solo_free(solo);
    solo = calling(&config, false); /* both at once */
    solo_segment(solo, &(struct segment){.seq = seq_of(SOLO_IRS), .flags = TCP_SYN, .window = 9});
    solo_out(solo);
    solo_ack(solo, 1);
    assert_int_equal(solo->end.tcb.state, TCP_ESTABLISHED);
    assert_true(solo->end.tcb.deadline_us[TCP_TIMER_KEEP] == solo->now_us + 10000000);
    solo_free(solo);
}

/* No room in the pool: nothing is opened, nothing is held. */
static void no_room(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_new(&config, 3);
    struct handshake h = solo_handshake();
    struct tcp_open open = {.path_mss = 1460};

    (void)state;
    assert_false(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h, &open, solo->now_us));
    assert_false(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offered),
        cmocka_unit_test(agreed),
        cmocka_unit_test(mss),
        cmocka_unit_test(scale_bound),
        cmocka_unit_test(scale_asked_for),
        cmocka_unit_test(bare_syn),
        cmocka_unit_test(simultaneous),
        cmocka_unit_test(simultaneous_close),
        cmocka_unit_test(keep_alive_begins),
        cmocka_unit_test(no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
