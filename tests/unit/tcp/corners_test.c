/* Rules that act in a corner only: a byte, a microsecond, the second time. What the mutation check showed untested.
 * [RFC 9293 3.8, 3.10; RFC 6298; RFC 5681] */
#include "solo.h"

#include "tcp/retransmit_queue.h"
#include "tcp/rtt.h"

#define MSS 1460u

/* A measurement of nothing is one of a microsecond, and the filters go down as well as up. [RFC 6298 2] */
static void smallest_rtt(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    rtt_sample(&solo->end.tcp, tcb, 0);
    assert_int_equal(tcb->srtt_us, 1);
    rtt_sample(&solo->end.tcp, tcb, 1);
    assert_int_equal(tcb->srtt_us, 1);
    tcb->srtt_us = 100000;
    tcb->rttvar_us = 40000;
    rtt_sample(&solo->end.tcp, tcb, 60000);
    assert_int_equal(tcb->rttvar_us, 40000); /* 3/4 * 40 + 1/4 * |100 - 60| */
    assert_int_equal(tcb->srtt_us, 95000);
    solo_free(solo);
}

/* Who was not backed off keeps his RTO, though it be not what SRTT says: after a lost SYN it is three seconds. [RFC 6298 5.7] */
static void nothing_to_settle(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.syn_ack_count = 2;
    solo = solo_open_as(&config, &h);
    assert_int_equal(solo->end.tcb.rto_us, 3000000);
    rtt_settle(&solo->end.tcp, &solo->end.tcb);
    assert_int_equal(solo->end.tcb.rto_us, 3000000);
    solo_free(solo);
}

/* Whoever offers no span to fill is told to come again, and is not taken for one who waits. */
static void no_spans(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct hf_span span;
    size_t count = 0;

    (void)state;
    assert_int_equal(tcp_reserve(&solo->end.tcp, &solo->end.tcb, &span, &count), HF_AGAIN);
    assert_false(solo->end.tcb.flags & TCB_WANT_ROOM);
    solo_free(solo);
}

/* What is sent again goes one segment at a time as far as cwnd reaches: one byte on its way counts. [RFC 5681 3.1] */
static void one_byte_is_in_flight(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    solo_write(solo, 4 * MSS);
    solo_out(solo);
    tcb->rtx_nxt = seq_add(tcb->snd_una, 1);
    tcb->rtx_end = tcb->snd_nxt;
    tcb->congestion.cwnd = MSS;
    assert_int_equal(solo_out(solo), 0);
    tcb->congestion.cwnd = MSS + 1;
    assert_int_equal(solo_out(solo), 1);
    solo_free(solo);
}

/* While a segment is being timed the echo of an older one is no second measurement. [RFC 6298 3; RFC 7323 4.1] */
static void one_measurement_at_a_time(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    config.nagle = false;
    h.timestamps = true;
    h.ts_recent = 100;
    solo = solo_open_as(&config, &h);
    solo_write(solo, 100);
    solo_out(solo);
    solo_pass(solo, 1100000);
    assert_int_equal(solo->count, 2);
    solo->echo = solo_last(solo)->options.ts_value;
    solo_write(solo, 100);
    assert_int_equal(solo_out(solo), 1); /* timed */
    solo->now_us += 50000;
    solo_ack(solo, 101);
    assert_int_equal(solo->end.tcb.srtt_us, 0);
    solo_ack(solo, 201);
    assert_int_equal(solo->end.tcb.srtt_us, 50000);
    solo_free(solo);
}

static struct solo *sending_as(bool v6, uint32_t segments)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo = solo_new(&config, 4096);
    struct tcp_open open = {.path_mss = MSS, .v6 = v6};

    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h, &open, solo->now_us));
    solo->end.open = true;
    solo_write(solo, segments * MSS);
    solo_out(solo);
    return solo;
}

/* Claims of a smaller path at their edges: what is believed at once, what waits for a loss, what costs DF.
 * [RFC 1191; RFC 8201 4; RFC 5927 7.2] */
static void edges_of_a_path(void **state)
{
    static const struct {
        const char *name;
        bool v6;
        uint32_t acked, quoted, mtu;
        uint16_t mss, pending;
        bool no_df;
    } rows[] = {
        {"one byte smaller", false, 0, 1, 1499, 1459, 0, false},
        {"no smaller", false, 0, 1, 1500, 1460, 0, false},
        {"no smaller, IPv6", true, 0, 1, 1520, 1460, 0, false},
        {"one byte smaller, IPv6", true, 0, 1, 1519, 1459, 0, false},
        {"the floor", false, 0, 1, 552, 512, 0, false},
        {"below it", false, 0, 1, 551, 512, 0, true},
        {"the floor, IPv6", true, 0, 1, 1280, 1220, 0, false},
        {"what was carried", false, 1000, 1001, 1040, 1000, 0, false},
        {"less than that", false, 1000, 1001, 1039, 1460, 1039, false},
        {"the last byte in flight", false, 0, 3 * MSS, 1000, 960, 0, false},
        {"the next one", false, 0, 3 * MSS + 1, 1000, 1460, 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = sending_as(rows[i].v6, 3);
        struct tcb *tcb = &solo->end.tcb;

        print_message("%s\n", rows[i].name);
        if (rows[i].acked)
            solo_ack(solo, 1 + rows[i].acked);
        tcp_icmp_too_big(&solo->end.tcp, tcb, seq_of(SOLO_ISS + rows[i].quoted), rows[i].mtu,
                         solo->now_us);
        assert_int_equal(tcb->mss, rows[i].mss);
        assert_int_equal(tcb->pending_mtu, rows[i].pending);
        assert_int_equal(!!(tcb->flags & TCB_NO_DF), rows[i].no_df);
        solo_free(solo);
    }
}

/* A hard error ends what is not yet synchronized, and what quotes nothing in flight ends nothing. [RFC 9293 SHLD-26] */
static void hard_errors_quote(void **state)
{
    struct solo *solo = sending_as(false, 1);

    (void)state;
    tcp_icmp_error(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + MSS), TCP_END_NONE,
                   solo->now_us);
    assert_int_equal(solo->end.stats.icmp_soft_error, 1);
    assert_true(solo->end.tcb.soft_error);
    tcp_icmp_error(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + MSS + 1), TCP_END_NONE,
                   solo->now_us);
    assert_int_equal(solo->end.stats.icmp_ignored, 1);
    solo_ack(solo, 1 + MSS);
    assert_false(solo->end.tcb.soft_error);
    solo_free(solo);
}

/* Ten challenges a second, the second begins with the first of them. [RFC 5961 7] */
static void seconds_of_challenges(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    const int64_t begin_us = solo->now_us;

    (void)state;
    for (int i = 0; i < 12; i++) {
        solo_in(solo, TCP_SYN, 1, 0, 1);
        assert_int_equal(solo_out(solo), i < 10);
        solo->now_us += 1000;
    }
    assert_int_equal(solo->end.stats.challenge_throttled, 2);
    solo->now_us = begin_us + 999999;
    solo_in(solo, TCP_SYN, 1, 0, 1);
    assert_int_equal(solo_out(solo), 0);
    solo->now_us = begin_us + 1000000;
    for (int i = 0; i < 11; i++) {
        solo_in(solo, TCP_SYN, 1, 0, 1);
        assert_int_equal(solo_out(solo), i < 10);
    }
    solo_free(solo);
}

/* Duplicates in a burst have an ACK each, up to what a byte counts. [RFC 5681 4.2] */
static void many_acks_owed(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    for (int i = 0; i < 300; i++)
        solo_in(solo, 0, 1001, 10, 1);
    assert_int_equal(solo->end.tcb.acks_owed, 255);
    assert_int_equal(solo_out(solo), 255);
    solo_free(solo);
}

/* Acknowledged at once: with the second full segment's last byte. [RFC 9293 SHLD-19] */
static void two_full_segments(void **state)
{
    (void)state;
    for (uint32_t less = 0; less < 2; less++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct solo *solo = solo_open(&config);

        solo_in(solo, 0, 1, MSS, 1);
        assert_int_equal(solo_out(solo), 0);
        solo_in(solo, 0, 1 + MSS, MSS - less, 1);
        assert_int_equal(solo_out(solo), 1 - less);
        solo_free(solo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_rtt),
        cmocka_unit_test(nothing_to_settle),
        cmocka_unit_test(no_spans),
        cmocka_unit_test(one_byte_is_in_flight),
        cmocka_unit_test(one_measurement_at_a_time),
        cmocka_unit_test(edges_of_a_path),
        cmocka_unit_test(hard_errors_quote),
        cmocka_unit_test(seconds_of_challenges),
        cmocka_unit_test(many_acks_owed),
        cmocka_unit_test(two_full_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
