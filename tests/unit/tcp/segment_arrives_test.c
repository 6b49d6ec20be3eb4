/* SEGMENT ARRIVES against whatever may come: nothing forged gets further than RFC 5961 lets it, and the TCB stays what it must be.
 * [RFC 9293 3.10.7.4; RFC 5961] */
#include "solo.h"

/* A RST at exactly RCV.NXT is one in 2^32; everywhere else nothing ends. [RFC 5961 3.2] */
static void rst_by_place(void **state)
{
    static const struct {
        uint32_t offset;
        enum tcp_end end;
        unsigned challenged, outside;
    } rows[] = {
        {0, TCP_END_RESET, 0, 0},         {1, TCP_END_NONE, 1, 0},
        {32767, TCP_END_NONE, 1, 0},      {32768, TCP_END_NONE, 0, 1},
        {0xffffffff, TCP_END_NONE, 0, 1}, {0x80000000, TCP_END_NONE, 0, 1},
        {0x7fffffff, TCP_END_NONE, 0, 1},
    };
    struct hf_config config = HF_CONFIG_DEFAULT;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = solo_open(&config);
        struct segment rst = {.seq = seq_of(SOLO_IRS + 1 + rows[i].offset), .flags = TCP_RST};

        solo_segment(solo, &rst);
        assert_int_equal(solo->end.tcb.end, rows[i].end);
        assert_int_equal(solo->end.stats.rst_challenged, rows[i].challenged);
        assert_int_equal(solo->end.stats.rst_outside_window, rows[i].outside);
        assert_int_equal(solo_out(solo), rows[i].challenged);
        solo_free(solo);
    }
}

/* With RCV.WND = 0 there is no inside: the edge resets, all else is silence. */
static void rst_zero_window(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    config.receive_bytes = 1024;
    h.announced_window = 1024;
    solo = solo_open_as(&config, &h);
    solo_in(solo, TCP_PSH, 1, 1024, 1);
    solo_pass(solo, 50000);
    for (uint32_t i = 1; i < 2000; i += 100) {
        struct segment rst = {.seq = seq_of(SOLO_IRS + 1025 + i), .flags = TCP_RST};

        solo_segment(solo, &rst);
    }
    assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
    assert_int_equal(solo->end.stats.rst_challenged, 0);
    solo_segment(solo, &(struct segment){.seq = seq_of(SOLO_IRS + 1025), .flags = TCP_RST});
    assert_int_equal(solo->end.tcb.end, TCP_END_RESET);
    solo_free(solo);
}

/* [SND.UNA - MAX.SND.WND, SND.NXT], also when the window was once larger. [RFC 5961 5.2] [R5961-07, R5961-08] */
static void ack_range(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo->window = 100;
    solo_ack(solo, 1);
    assert_int_equal(solo->end.tcb.max_snd_wnd, 65535);
    solo_in(solo, TCP_PSH, 1, 10, 1u - 65535u);
    assert_int_equal(solo->end.tcb.rcv_queue.length, 10);
    solo_in(solo, TCP_PSH, 11, 10, 1u - 65536u);
    assert_int_equal(solo->end.tcb.rcv_queue.length, 10);
    solo_in(solo, TCP_PSH, 11, 10, 2);
    assert_int_equal(solo->end.tcb.rcv_queue.length, 10);
    assert_int_equal(solo->end.stats.ack_challenged, 2);
    solo_free(solo);
}

/* Two connections, each with its own throttle: what one answers tells nothing of the other. [RFC 5961 7] */
static void throttle_is_per_connection(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct handshake h = solo_handshake();
    struct segment rst = {.seq = seq_of(SOLO_IRS + 2), .flags = TCP_RST};
    struct tcb other;

    (void)state;
    assert_true(tcp_open_established(&solo->end.tcp, &other, &h,
                                     &(struct tcp_open){.path_mss = 1460}, solo->now_us));
    for (int i = 0; i < 100; i++) {
        solo_segment(solo, &rst);
        assert_int_equal(solo_out(solo), i < 10);
    }
    tcp_segment_arrives(&solo->end.tcp, &other, &rst, solo->now_us);
    assert_true(other.flags & TCB_ACK_NOW);
    solo->now_us += 1000000;
    solo_segment(solo, &rst);
    assert_int_equal(solo_out(solo), 1);
    tcp_release(&solo->end.tcp, &other);
    solo_free(solo);
}

/* Each old copy of text is an ACK of its own: the sender counts them. [RFC 5681 3.2, 4.2]
 * [RFC 9293 MAY-13; R2018-06] */
static void each_duplicate_is_answered(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    for (int i = 0; i < 5; i++)
        solo_in(solo, 0, 101, 100, 1);
    assert_int_equal(solo_out(solo), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(solo->sent[i].segment.ack.value, 1);
    solo_free(solo);
}

/* Two ends out of step do not answer each other for ever. */
static void no_ack_war(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    unsigned answers = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        solo_in(solo, 0, 0x40000000, 0, 1);
        answers += solo_out(solo);
    }
    assert_int_equal(answers, 10);
    solo_free(solo);
}

/* A hundred thousand segments of every kind, near and far: after each the invariants hold and nothing is lost. */
static void anything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct handshake h = solo_handshake();
        uint64_t random = seed * 0x9e3779b97f4a7c15u;
        struct solo *solo;

        config.receive_bytes = seed % 3 ? 32768 : 2000;
        h.announced_window = (uint16_t)config.receive_bytes;
        h.sack = seed % 2;
        h.timestamps = seed % 5 == 0;
        h.ts_recent = 100;
        solo = solo_open_as(&config, &h);
        for (int i = 0; i < 400 && solo->end.tcb.end == TCP_END_NONE; i++) {
            static const uint8_t flags[] = {0,       TCP_PSH, TCP_PSH, TCP_FIN,
                                            TCP_URG, TCP_SYN, TCP_RST};
            struct tcb *tcb = &solo->end.tcb;
            struct segment seg = {.window = (uint16_t)(random >> 7)};
            uint32_t spread = (uint32_t)(random >> 20) % 5;

            random = random * 6364136223846793005u + 1442695040888963407u;
            seg.flags = flags[(random >> 33) % sizeof flags];
            if ((seg.flags & TCP_RST) && (random >> 40) % 16)
                seg.flags = TCP_ACK;
            if ((random >> 43) % 20)
                seg.flags |= TCP_ACK;
            seg.seq = seq_add(tcb->rcv_nxt, spread == 0   ? (uint32_t)random
                                            : spread == 1 ? (uint32_t)(random >> 50) % 4000 - 2000
                                                          : 0);
            seg.ack =
                seq_add(tcb->snd_una, (random >> 45) % 8 == 0
                                          ? (uint32_t)(random >> 12)
                                          : (uint32_t)(random >> 36) %
                                                (seq_distance(tcb->snd_una, tcb->snd_nxt) + 1));
            seg.urgent = (uint16_t)(random >> 11);
            seg.length = (random >> 37) % 3 ? (uint32_t)(random >> 53) % 1500 : 0;
            if (h.timestamps && (random >> 41) % 30) {
                seg.options.present = TCP_OPTION_TIMESTAMPS;
                seg.options.ts_value = 100 + (uint32_t)i - ((random >> 42) % 10 == 0 ? 50u : 0u);
            }
            solo_segment(solo, &seg);
            if ((random >> 44) % 4 == 0 && tcb->end == TCP_END_NONE &&
                !(tcb->flags & TCB_FIN_WANTED) && tcb->snd_queue.length < 20000)
                solo_write(solo, 1 + (uint32_t)(random >> 48) % 2000);
            if ((random >> 46) % 3 == 0)
                solo_read(solo, 1 + (uint32_t)(random >> 48) % 3000);
            if ((random >> 47) % 200 == 0)
                tcp_shutdown(&solo->end.tcp, tcb, solo->now_us);
            if (tcb->state == TCP_TIME_WAIT)
                break;
            solo_pass(solo, (int64_t)(random >> 45) % 100000);
            solo->count = 0;
            solo->end.tcp.reset.wanted = false;
        }
        solo_free(solo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rst_by_place),
        cmocka_unit_test(rst_zero_window),
        cmocka_unit_test(ack_range),
        cmocka_unit_test(throttle_is_per_connection),
        cmocka_unit_test(each_duplicate_is_answered),
        cmocka_unit_test(no_ack_war),
        cmocka_unit_test(anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
