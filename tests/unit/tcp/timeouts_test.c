/* Deadlines of one connection. [RFC 9293 3.8.1, 3.8.3, 3.8.4, 3.8.6.1, MUST-20; RFC 5482; RFC 6429] */
#include "solo.h"

/* R1, three retransmissions: the next hop is asked again, once for each trouble. [RFC 9293 MUST-20, SHLD-10, 3.8.3] */
static void r1(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 100);
    solo_out(solo);
    solo_pass(solo, 3500000); /* 1, 3 s */
    assert_false(solo->end.tcp.path_in_doubt);
    solo_pass(solo, 4000000); /* 7 s */
    assert_true(solo->end.tcp.path_in_doubt);
    solo->end.tcp.path_in_doubt = false;
    solo_pass(solo, 100000000);
    assert_false(solo->end.tcp.path_in_doubt);
    solo_ack(solo, 101);
    solo_write(solo, 100);
    solo_out(solo);
    solo_pass(solo, 20000000);
    assert_true(solo->end.tcp.path_in_doubt);
    solo_free(solo);
}

/* R2 is a time of at least 100 s: by default five minutes. [RFC 9293 MUST-20, SHLD-11] */
static void r2(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 100);
    solo_out(solo);
    solo_pass(solo, 299999999);
    assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
    assert_true(solo->count >= 8);
    solo_pass(solo, 1);
    assert_int_equal(solo->end.tcb.end, TCP_END_TIMED_OUT);
    assert_true(solo->end.tcp.reset.wanted);
    assert_int_equal(solo->end.tcp.reset.seq.value, SOLO_ISS + 101);
    solo_free(solo);
}

/* The user's own, changed while text waits. [RFC 9293 MUST-21; RFC 5482 3] */
static void by_option(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 100);
    solo_out(solo);
    solo_pass(solo, 50000000);
    tcp_set_option(&solo->end.tcp, &solo->end.tcb, HF_USER_TIMEOUT_MS, 5000, solo->now_us);
    solo_pass(solo, 4999999);
    assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
    solo_pass(solo, 1);
    assert_int_equal(solo->end.tcb.end, TCP_END_TIMED_OUT);
    solo_free(solo);
}

/* Nothing outstanding: no user timeout runs. */
static void idle(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    assert_true(tcb_deadline(&solo->end.tcb) == NEVER_US);
    solo_write(solo, 100);
    solo_out(solo);
    solo_ack(solo, 101);
    assert_true(tcb_deadline(&solo->end.tcb) == NEVER_US);
    solo_free(solo);
}

/* The window closes on text that waits: probes after RTO, then twice as long and so on, each the next byte.
 * [RFC 9293 MUST-35 to MUST-37, SHLD-29, SHLD-30] [R6429-01] */
static void probes(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    int64_t begin_us = solo->now_us;

    (void)state;
    solo->window = 0;
    solo_ack(solo, 1);
    solo_write(solo, 1000);
    for (int i = 0; i < 10; i++) {
        unsigned before = solo->count;

        while (solo->count == before)
            solo_pass(solo, 1000);
        assert_int_equal(solo_last(solo)->seq.value, 1);
        assert_int_equal(solo_last(solo)->length, 1);
        solo_ack(solo, 1);
        if (i > 0 && i < 7)
            assert_int_equal((solo->sent[i].at_us - begin_us) / 1000000, (2 << i) - 1);
    }
    assert_int_equal(solo->end.stats.window_probes, 10);
    assert_int_equal(solo->end.stats.fast_retransmits, 0);
    assert_int_equal(solo->end.stats.duplicate_acks, 0);
    assert_true(solo->sent[9].at_us - solo->sent[8].at_us <= 120002000);
    solo_free(solo);
}

/* The probe's byte may be taken although the window stays closed. */
static void probe_taken(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo->window = 0;
    solo_ack(solo, 1);
    solo_write(solo, 1000);
    solo_pass(solo, 1100000);
    assert_int_equal(solo->count, 1);
    solo_ack(solo, 2);
    solo_pass(solo, 1100000);
    assert_int_equal(solo->count, 2);
    assert_int_equal(solo_last(solo)->seq.value, 2);
    solo->window = 5000;
    solo_ack(solo, 3);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->seq.value, 3);
    assert_int_equal(solo_last(solo)->length, 998);
    solo_free(solo);
}

/* A window that closes on text in flight: that text is not thrown at it again and again, a byte is. */
static void closes_on_flight(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 5840);
    assert_int_equal(solo_out(solo), 4);
    solo->window = 0;
    solo_ack(solo, 1);
    solo->count = 0;
    solo_pass(solo, 10000000);
    assert_true(solo->count >= 2);
    for (unsigned i = 0; i < solo->count; i++)
        assert_int_equal(solo->sent[i].segment.length, 1);
    solo->window = 65535;
    solo->count = 0;
    solo_ack(solo, 1);
    solo_out(solo);
    assert_int_equal(solo->sent[0].segment.seq.value, 1);
    assert_int_equal(solo->sent[0].segment.length, 1460);
    solo_pass(solo, 1000);
    solo_ack(solo, 5841);
    solo_pass(solo, 1000);
    assert_true(seq_eq(solo->end.tcb.snd_una, solo->end.tcb.snd_nxt));
    solo_free(solo);
}

/* The window closes while a retransmission waits for cwnd: the probe goes first, or nothing that could be answered would be
 * sent any more. When everything is acknowledged before it is sent, it is not sent at all: a byte beyond SND.NXT without a
 * timer would never be sent again. (Found by the fuzzer of conversations.) */
static void closes_on_retransmission(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 5840);
    assert_int_equal(solo_out(solo), 4);
    solo->count = 0;
    solo_pass(solo, 1100000); /* RTO: one segment again, the others wait for cwnd */
    assert_int_equal(solo->count, 1);
    solo->window = 0;
    solo_ack(solo, 1);
    solo->count = 0;
    solo_pass(solo, 2000000);
    assert_int_equal(solo->count, 1);
    assert_int_equal(solo->sent[0].segment.seq.value, 1);
    assert_int_equal(solo->sent[0].segment.length, 1);
    assert_int_equal(solo->end.stats.window_probes, 1);

    tcp_timeout(&solo->end.tcp, &solo->end.tcb, tcb_deadline(&solo->end.tcb));
    solo->window = 65535;
    solo_ack(solo, 5841);
    solo->count = 0;
    solo_write(solo, 100);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->length, 100);
    assert_null(tcb_check(&solo->end.tcb));
    assert_int_equal(solo->end.stats.window_probes, 1);
    solo_free(solo);
}

/* Keep-alive: off by default, probes one byte back, stopped by any sign of life. [RFC 9293 MUST-24 to MUST-29]
 * [RFC 9293 MAY-5] */
static void keep_alive(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.keepalive_idle_ms = 10000;
    config.keepalive_interval_ms = 1000;
    config.keepalive_count = 4;
    solo = solo_open(&config);
    solo_pass(solo, 9999000);
    assert_int_equal(solo->count, 0);
    solo_in(solo, TCP_PSH, 1, 10, 1);
    solo_pass(solo, 9999000);
    assert_int_equal(solo->end.stats.keepalive_probes, 0);
    solo_pass(solo, 3000);
    assert_int_equal(solo->end.stats.keepalive_probes, 1);
    assert_int_equal(solo_last(solo)->seq.value, 0);
    assert_int_equal(solo_last(solo)->length, 0);
    solo_pass(solo, 2500000);
    assert_int_equal(solo->end.stats.keepalive_probes, 3);
    solo_in(solo, 0, 11, 0, 1);
    solo_pass(solo, 9000000);
    assert_int_equal(solo->end.stats.keepalive_probes, 3);
    solo_pass(solo, 20000000);
    assert_int_equal(solo->end.stats.keepalive_probes, 7);
    assert_int_equal(solo->end.tcb.end, TCP_END_TIMED_OUT);
    solo_free(solo);
}

/* While text of ours waits for an ACK the retransmission asks. [RFC 9293 MUST-27] */
static void keep_alive_not_with_text(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.keepalive_idle_ms = 2000;
    config.keepalive_interval_ms = 1000;
    config.keepalive_count = 3;
    solo = solo_open(&config);
    solo_write(solo, 10);
    solo_pass(solo, 100000000);
    assert_int_equal(solo->end.stats.keepalive_probes, 0);
    assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
    solo_free(solo);
}

/* Delayed ACKs: bytes, not segments. [RFC 9293 SHLD-18, SHLD-19; RFC 5681 4.2] [R5681-15] */
static void delayed_ack(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    for (uint32_t i = 0; i < 29; i++) {
        solo_in(solo, TCP_PSH, 1 + 100 * i, 100, 1);
        assert_int_equal(solo_out(solo), 0);
    }
    solo_in(solo, TCP_PSH, 2901, 100, 1);
    assert_int_equal(solo_out(solo), 1);
    solo_in(solo, 0, 3001, 4380, 1); /* three that a driver has joined */
    assert_int_equal(solo_out(solo), 1);
    solo_in(solo, 0, 7381, 1, 1);
    solo_pass(solo, 39999);
    assert_int_equal(solo->count, 2);
    solo_pass(solo, 1);
    assert_int_equal(solo->count, 3);
    assert_int_equal(solo->end.stats.delayed_acks, 1);
    solo_free(solo);
}

static void quick_ack(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *by_option = solo_open(&config), *by_config;

    (void)state;
    config.delayed_ack_ms = 0;
    by_config = solo_open(&config);
    tcp_set_option(&by_option->end.tcp, &by_option->end.tcb, HF_QUICK_ACK, 1, by_option->now_us);
    for (uint32_t i = 0; i < 10; i++) {
        solo_in(by_option, TCP_PSH, 1 + i, 1, 1);
        solo_in(by_config, TCP_PSH, 1 + i, 1, 1);
        assert_int_equal(solo_out(by_option), 1);
        assert_int_equal(solo_out(by_config), 1);
    }
    solo_free(by_option);
    solo_free(by_config);
}

/* A filled gap is told at once. [RFC 5681 4.2] [R5681-09, R6582-07] */
static void gap_closed(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_in(solo, 0, 201, 100, 1);
    assert_int_equal(solo_out(solo), 1);
    solo_in(solo, 0, 1, 100, 1); /* a part of the gap */
    assert_int_equal(solo_out(solo), 1);
    solo_in(solo, 0, 101, 100, 1);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->ack.value, 301);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r1),
        cmocka_unit_test(r2),
        cmocka_unit_test(by_option),
        cmocka_unit_test(idle),
        cmocka_unit_test(probes),
        cmocka_unit_test(probe_taken),
        cmocka_unit_test(closes_on_flight),
        cmocka_unit_test(closes_on_retransmission),
        cmocka_unit_test(keep_alive),
        cmocka_unit_test(keep_alive_not_with_text),
        cmocka_unit_test(delayed_ack),
        cmocka_unit_test(quick_ack),
        cmocka_unit_test(gap_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
