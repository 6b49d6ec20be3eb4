/* cwnd, recovery and the queue of what was sent, at their edges. [RFC 5681 2, 3; RFC 6582 3.2; RFC 3042; RFC 3465; RFC 6928] */
#include "solo.h"

#include "tcp/congestion.h"
#include "tcp/recovery.h"

#define MSS 1460u

static struct solo *sending(uint32_t segments)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    config.send_bytes = 1 << 20;
    config.nagle = false;
    solo = solo_open(&config);
    solo_write(solo, segments * MSS);
    solo_out(solo);
    return solo;
}

/* Bytes counted towards the next segment of cwnd are forgotten with a loss, and with a timeout. */
static void counted_anew(void **state)
{
    struct congestion c;

    (void)state;
    congestion_newreno.open(&c, MSS, 10);
    c.acked = 77;
    congestion_newreno.lost(&c, 10 * MSS, MSS);
    assert_int_equal(c.acked, 0);
    c.acked = 77;
    congestion_newreno.timed_out(&c, 10 * MSS, MSS, false);
    assert_int_equal(c.acked, 0);
    assert_int_equal(c.ssthresh, 5 * MSS);
}

/* cwnd grows only if it was what held us back: in slow start half of it in flight is enough, later all but a segment.
 * [RFC 5681 3.1; RFC 3465 2] */
static void held_back(void **state)
{
    static const struct {
        const char *name;
        uint32_t cwnd, ssthresh, flight; /* segments */
        bool grows;
    } rows[] = {
        {"slow start, less than half", 10, 1000, 4, false}, {"slow start, half", 10, 1000, 5, true},
        {"avoidance, a segment free", 3, 2, 2, false},      {"avoidance, full", 3, 2, 3, true},
        {"avoidance begins, half", 4, 4, 2, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct solo *solo = sending(rows[i].flight);
        struct congestion *c = &solo->end.tcb.congestion;

        print_message("%s\n", rows[i].name);
        c->cwnd = rows[i].cwnd * MSS;
        c->ssthresh = rows[i].ssthresh * MSS;
        c->acked = 0;
        solo_ack(solo, 1 + MSS);
        assert_int_equal(c->cwnd > rows[i].cwnd * MSS || c->acked > 0, rows[i].grows);
        solo_free(solo);
    }
}

/* In a recovery each duplicate is worth a segment, up to what was in flight when it began. [RFC 5681 3.2 (4)] */
static void inflated_to_the_byte(void **state)
{
    struct solo *solo = sending(10);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    tcb->congestion.cwnd = 11 * MSS;
    solo_write(solo, 1); /* so that the bound is a whole number of segments */
    assert_int_equal(solo_out(solo), 1);
    for (int i = 0; i < 3; i++)
        solo_ack(solo, 1);
    assert_int_equal(tcb->congestion.ssthresh, 5 * MSS);
    assert_int_equal(tcb->congestion.cwnd, 8 * MSS);
    for (int i = 0; i < 20; i++)
        solo_ack(solo, 1);
    assert_int_equal(tcb->congestion.cwnd, 15 * MSS);
    solo_free(solo);
}

/* More duplicates than a byte counts are as many as it counts. */
static void duplicates_beyond_counting(void **state)
{
    struct solo *solo = sending(10);

    (void)state;
    for (int i = 0; i < 300; i++)
        solo_ack(solo, 1);
    assert_int_equal(solo->end.tcb.dup_acks, 255);
    assert_int_equal(solo->end.stats.duplicate_acks, 300);
    solo_free(solo);
}

/* A partial ACK of nearly all leaves cwnd a segment, and the one that it gives back. [RFC 6582 3.2 (3)] */
static void deflated_to_a_segment(void **state)
{
    struct solo *solo = sending(10);

    (void)state;
    for (int i = 0; i < 3; i++)
        solo_ack(solo, 1);
    solo_ack(solo, 1 + 9 * MSS);
    assert_true(solo->end.tcb.flags & TCB_RECOVERY);
    assert_int_equal(solo->end.tcb.congestion.cwnd, 2 * MSS);
    solo_free(solo);
}

/* A second timeout in a row says nothing new about the path: ssthresh is held. [RFC 5681 3.1] */
static void held_at_the_second_timeout(void **state)
{
    struct solo *solo = sending(10);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    solo_pass(solo, 1100000);
    assert_int_equal(tcb->backoff, 1);
    assert_int_equal(tcb->congestion.ssthresh, 5 * MSS);
    tcb->congestion.ssthresh = 12345;
    solo_pass(solo, 2000000);
    assert_int_equal(tcb->backoff, 2);
    assert_int_equal(tcb->congestion.ssthresh, 12345);
    solo_free(solo);
}

/* Limited transmit: a segment each for the first and the second duplicate, outside of a recovery. [RFC 3042 2] */
static void one_each_for_two(void **state)
{
    static const struct {
        bool recovery;
        uint8_t duplicates;
        uint32_t segments;
    } rows[] = {{false, 0, 0}, {false, 1, 1}, {false, 2, 2}, {false, 3, 0},
                {false, 4, 0}, {true, 0, 0},  {true, 1, 0},  {true, 2, 0}};
    struct solo *solo = sending(1);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        tcb->flags &= ~(uint32_t)TCB_RECOVERY;
        tcb->flags |= rows[i].recovery ? TCB_RECOVERY : 0;
        tcb->dup_acks = rows[i].duplicates;
        assert_int_equal(recovery_extra(tcb), rows[i].segments * MSS);
    }
    tcb->flags &= ~(uint32_t)TCB_RECOVERY;
    solo_free(solo);
}

/* An ACK of a FIN is one of no text: cwnd does not grow by it. */
static void a_fin_is_no_text(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    tcb->congestion.cwnd = MSS;
    assert_int_equal(tcp_shutdown(&solo->end.tcp, tcb, solo->now_us), HF_OK);
    assert_int_equal(solo_out(solo), 1);
    solo_ack(solo, 2);
    assert_int_equal(tcb->state, TCP_FIN_WAIT_2);
    assert_int_equal(tcb->congestion.cwnd, MSS);
    assert_int_equal(tcb->bytes_acked, 0);
    solo_free(solo);
}

static struct solo *calling(struct hf_config *config)
{
    struct solo *solo = solo_new(config, 64);
    struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = MSS};

    assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
    solo->end.open = true;
    assert_int_equal(solo_out(solo), 1);
    return solo;
}

static void answer(struct solo *solo)
{
    struct segment seg = {.seq = seq_of(SOLO_IRS),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = TCP_SYN | TCP_ACK,
                          .window = 5000,
                          .options = {.present = TCP_OPTION_MSS, .mss = MSS}};

    solo_segment(solo, &seg);
}

/* What was reserved while the SYN was on its way can be filled and committed when it is answered. */
static void reserved_before_the_answer(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = calling(&config);
    struct hf_span spans[1];
    size_t count = 1;

    (void)state;
    assert_true(tcp_reserve(&solo->end.tcp, &solo->end.tcb, spans, &count) >= 100);
    answer(solo);
    solo_out(solo);
    assert_true(solo->end.tcp.chunks.pool.count > 0);
    for (uint32_t i = 0; i < 100; i++)
        ((uint8_t *)spans[0].data)[i] = solo_pattern(i);
    assert_int_equal(tcp_commit(&solo->end.tcp, &solo->end.tcb, 100, solo->now_us), HF_OK);
    solo->written = 100;
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->length, 100);
    solo_free(solo);
}

/* The shift is the smallest that reaches, and never above 14; without scaling there is none. [RFC 7323 2.3] */
static void shifts(void **state)
{
    static const struct {
        uint32_t bytes;
        bool scaling;
        uint8_t shift;
    } rows[] = {{65535, true, 0},  {65536, true, 1},       {131071, true, 1},
                {131072, true, 2}, {UINT32_MAX, true, 14}, {UINT32_MAX, false, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct hf_stats stats;
        struct tcp tcp;

        config.receive_bytes = rows[i].bytes;
        config.window_scaling = rows[i].scaling;
        tcp_init(&tcp, &config, &stats);
        assert_int_equal(tcp.config.receive_scale, rows[i].shift);
    }
}

/* A SYN-ACK that was sent twice times nothing, and is counted once among what was sent again. [RFC 6298 3, 5.7] */
static void a_second_syn_ack(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.rtt_us = 50000;
    for (uint8_t count = 1; count <= 2; count++) {
        h.syn_ack_count = count;
        solo = solo_open_as(&config, &h);
        assert_int_equal(solo->end.tcb.srtt_us, count == 1 ? 50000 : 0);
        assert_int_equal(solo->end.tcb.retransmits, count - 1);
        assert_int_equal(solo->end.tcb.congestion.cwnd, count == 1 ? 10 * MSS : MSS);
        assert_int_equal(solo->end.tcb.rtt_sent_us, 0);
        solo_free(solo);
    }
}

/* A path below the floor leaves alone what is smaller anyhow: no larger MSS, and nothing is sent again for it. */
static void smaller_than_the_floor(void **state)
{
    static const uint16_t offers[] = {500, 512};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct handshake h = solo_handshake();
        struct solo *solo;

        h.mss = offers[i];
        solo = solo_open_as(&config, &h);
        solo_write(solo, 1000);
        solo_out(solo);
        tcp_icmp_too_big(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + 1), 300, solo->now_us);
        assert_int_equal(solo->end.tcb.mss, offers[i]);
        assert_int_equal(solo->end.tcb.rtx_nxt.value, solo->end.tcb.rtx_end.value);
        assert_int_equal(solo_out(solo), 0);
        solo_free(solo);
    }
}

/* Below IPv6's floor no flag is touched. [RFC 8201 4] */
static void the_floor_of_ipv6(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo = solo_new(&config, 64);
    uint32_t flags;

    (void)state;
    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h,
                                     &(struct tcp_open){.path_mss = 1440, .v6 = true},
                                     solo->now_us));
    solo->end.open = true;
    solo_write(solo, 1000);
    solo_out(solo);
    flags = solo->end.tcb.flags;
    tcp_icmp_too_big(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + 1), 68, solo->now_us);
    assert_int_equal(solo->end.tcb.mss, 1220);
    assert_int_equal(solo->end.tcb.flags, flags);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted_anew),
        cmocka_unit_test(held_back),
        cmocka_unit_test(inflated_to_the_byte),
        cmocka_unit_test(duplicates_beyond_counting),
        cmocka_unit_test(deflated_to_a_segment),
        cmocka_unit_test(held_at_the_second_timeout),
        cmocka_unit_test(one_each_for_two),
        cmocka_unit_test(a_fin_is_no_text),
        cmocka_unit_test(reserved_before_the_answer),
        cmocka_unit_test(shifts),
        cmocka_unit_test(a_second_syn_ack),
        cmocka_unit_test(smaller_than_the_floor),
        cmocka_unit_test(the_floor_of_ipv6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
