/* What ICMP is believed. [RFC 1191 6.3, 6.4; RFC 8201 4; RFC 5927 4.1, 5.2, 7.2; RFC 9293 SHLD-26, MUST-55] */
#include "solo.h"

static struct solo *sending(bool v6, uint32_t bytes)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo = solo_new(&config, 4096);
    struct tcp_open open = {.path_mss = 1440, .v6 = v6};

    h.mss = 1440;
    assert_true(tcp_open_established(&solo->end.tcp, &solo->end.tcb, &h, &open, solo->now_us));
    solo->end.open = true;
    solo_write(solo, bytes);
    solo_out(solo);
    return solo;
}

static void too_big(struct solo *solo, uint32_t quoted, uint32_t mtu)
{
    tcp_icmp_too_big(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + quoted), mtu, solo->now_us);
    solo_check(solo);
}

/* Nothing of that size was acknowledged yet: believed at once; what is outstanding is cut anew and cwnd is not blamed.
 * [RFC 9293 X-29; R7323-28, R5927-08, R8201-07] */
static void believed_at_once(void **state)
{
    struct solo *solo = sending(false, 14400);

    (void)state;
    solo->count = 0;
    too_big(solo, 1, 1000);
    assert_int_equal(solo->end.tcb.mss, 960);
    assert_int_equal(solo->end.stats.icmp_too_big, 1);
    assert_int_equal(solo_out(solo), 15);
    for (unsigned i = 0; i < solo->count; i++) {
        assert_int_equal(solo->sent[i].segment.seq.value, 1 + 960 * i);
        assert_int_equal(solo->sent[i].segment.length, 960);
    }
    solo_ack(solo, 14401);
    assert_int_equal(solo->end.tcb.rtx_nxt.value, solo->end.tcb.rtx_end.value);
    solo_free(solo);
}

/* Only if it quotes what is in flight. [RFC 5927 4.1] [R5927-01, R8201-04] */
static void not_in_flight(void **state)
{
    struct solo *solo = sending(false, 14400);

    (void)state;
    too_big(solo, 0, 1000);
    too_big(solo, 14401, 1000);
    too_big(solo, 0x80000000, 1000);
    assert_int_equal(solo->end.tcb.mss, 1440);
    assert_int_equal(solo->end.stats.icmp_ignored, 3);
    solo_ack(solo, 1441);
    too_big(solo, 1, 1479); /* acknowledged meanwhile */
    assert_int_equal(solo->end.tcb.mss, 1440);
    solo_free(solo);
}

/* The path has carried more than that: believed only once a segment was lost. [RFC 5927 7.2] [R5927-09] */
static void waits_for_loss(void **state)
{
    struct solo *solo = sending(false, 14400);

    (void)state;
    solo_ack(solo, 1441);
    too_big(solo, 1441, 1000);
    assert_int_equal(solo->end.tcb.mss, 1440);
    solo_pass(solo, 1200000);
    assert_int_equal(solo->end.tcb.mss, 960);
    solo_free(solo);
}

/* An acknowledgment shows that it was forged. [R8201-04] */
static void forged(void **state)
{
    struct solo *solo = sending(false, 14400);

    (void)state;
    solo_ack(solo, 1441);
    too_big(solo, 1441, 600);
    solo_ack(solo, 2881);
    assert_int_equal(solo->end.tcb.pending_mtu, 0);
    solo_pass(solo, 1200000);
    assert_int_equal(solo->end.tcb.mss, 1440);
    solo_free(solo);
}

/* Never below 552 for IPv4, then without DF; 1280 for IPv6. [R8201-01, R1191-05] */
static void floors(void **state)
{
    struct solo *v4 = sending(false, 14400), *v6 = sending(true, 14400);

    (void)state;
    too_big(v4, 1, 296);
    assert_int_equal(v4->end.tcb.mss, 512);
    assert_true(v4->end.tcb.flags & TCB_NO_DF);
    too_big(v6, 1, 68);
    assert_int_equal(v6->end.tcb.mss, 1220);
    assert_false(v6->end.tcb.flags & TCB_NO_DF);
    solo_free(v4);
    solo_free(v6);
}

/* A router that names no MTU is believed when a segment was lost. [RFC 1191 5] */
static void no_mtu_named(void **state)
{
    struct solo *solo = sending(false, 14400);

    (void)state;
    too_big(solo, 1, 0);
    assert_int_equal(solo->end.tcb.mss, 1440);
    solo_pass(solo, 1200000);
    assert_int_equal(solo->end.tcb.mss, 512);
    solo_free(solo);
}

/* A claim that is no smaller is none; the MSS never grows by ICMP. [R5927-07, R8201-02, R1191-05, R1191-08] */
static void never_larger(void **state)
{
    struct solo *solo = sending(false, 14400);

    (void)state;
    too_big(solo, 1, 1480);
    too_big(solo, 1, 9000);
    too_big(solo, 1, UINT32_MAX);
    assert_int_equal(solo->end.tcb.mss, 1440);
    assert_int_equal(solo->end.stats.icmp_too_big, 0);
    too_big(solo, 1, 1000);
    too_big(solo, 1, 1200);
    assert_int_equal(solo->end.tcb.mss, 960);
    solo_free(solo);
}

/* A hard error is soft once the handshake is done. [RFC 5927 5.2] [RFC 9293 SHLD-25; R5927-04] [RFC 9293 MUST-56] */
static void hard_is_soft(void **state)
{
    struct solo *solo = sending(false, 1000);

    (void)state;
    tcp_icmp_error(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + 1), TCP_END_REFUSED,
                   solo->now_us);
    assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
    assert_int_equal(solo->end.stats.icmp_soft_error, 1);
    tcp_icmp_error(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + 5000), TCP_END_REFUSED,
                   solo->now_us);
    assert_int_equal(solo->end.stats.icmp_ignored, 1);
    solo_free(solo);
}

/* Before that it answers our SYN, if it quotes it. [RFC 9293 SHLD-26] */
static void hard_ends_syn_sent(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    (void)state;
    static const enum tcp_end ends[] = {TCP_END_NONE, TCP_END_REFUSED, TCP_END_UNREACHABLE};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct solo *solo = solo_new(&config, 64);
        struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = 1460};

        assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
        solo->end.open = true;
        solo_out(solo);
        tcp_icmp_error(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS + 1), TCP_END_REFUSED,
                       solo->now_us);
        assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
        tcp_icmp_error(&solo->end.tcp, &solo->end.tcb, seq_of(SOLO_ISS), ends[i], solo->now_us);
        assert_int_equal(solo->end.tcb.end, ends[i]);
        solo_free(solo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believed_at_once),
        cmocka_unit_test(not_in_flight),
        cmocka_unit_test(waits_for_loss),
        cmocka_unit_test(forged),
        cmocka_unit_test(floors),
        cmocka_unit_test(never_larger),
        cmocka_unit_test(no_mtu_named),
        cmocka_unit_test(hard_is_soft),
        cmocka_unit_test(hard_ends_syn_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
