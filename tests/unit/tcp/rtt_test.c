/* The retransmission timeout in RFC 6298's own numbers. [RFC 6298 2, 3, 5] */
#include "solo.h"

#include "tcp/retransmit_queue.h"
#include "tcp/rtt.h"

static struct hf_config plain(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.min_rto_ms = 1;
    return config;
}

/* Until a measurement RTO is a second. [RFC 6298 2.1] [R6298-01, R8961-01] */
static void before_any(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    assert_int_equal(solo->end.tcb.rto_us, 1000000);
    assert_int_equal(solo->end.tcb.srtt_us, 0);
    solo_free(solo);
}

/* SRTT = R, RTTVAR = R/2, RTO = SRTT + max(G, 4 RTTVAR); then the two filters. [RFC 6298 2.2, 2.3]
 * [R6298-02, R6298-03] */
static void first_and_later(void **state)
{
    struct hf_config config = plain();
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    rtt_sample(&solo->end.tcp, tcb, 100000);
    assert_int_equal(tcb->srtt_us, 100000);
    assert_int_equal(tcb->rttvar_us, 50000);
    assert_int_equal(tcb->rto_us, 300000);
    rtt_sample(&solo->end.tcp, tcb, 180000);
    assert_int_equal(tcb->rttvar_us, 57500); /* 3/4 * 50 + 1/4 * |100 - 180|, with the old SRTT */
    assert_int_equal(tcb->srtt_us, 110000);  /* 7/8 * 100 + 1/8 * 180                           */
    assert_int_equal(tcb->rto_us, 340000);
    solo_free(solo);
}

/* A limit of an hour is reached and kept: neither doubling nor measuring goes round 32 bits. */
static void an_hour(void **state)
{
    struct hf_config config = plain();
    struct solo *solo;
    struct tcb *tcb;

    (void)state;
    config.initial_rto_ms = 1049; /* doubled eleven times it is beyond 2^31 us */
    config.max_rto_ms = 3600000;
    solo = solo_open(&config);
    tcb = &solo->end.tcb;
    for (int i = 0; i < 20; i++) {
        uint32_t before = tcb->rto_us;

        rtt_back_off(&solo->end.tcp, tcb);
        assert_true(tcb->rto_us == 3600000000u || tcb->rto_us == 2 * (uint64_t)before);
    }
    assert_int_equal(tcb->rto_us, 3600000000u);
    for (int i = 0; i < 20; i++) {
        rtt_sample(&solo->end.tcp, tcb, i & 1 ? 1 : UINT32_MAX);
        assert_true(tcb->rto_us >= 500000000);
    }
    solo_free(solo);
}

/* A steady path: the variance fades, and the granularity remains. [RFC 6298 2.3, 4] [R6298-07] */
static void granularity(void **state)
{
    struct hf_config config = plain();
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    for (int i = 0; i < 200; i++)
        rtt_sample(&solo->end.tcp, tcb, 80000);
    assert_int_equal(tcb->srtt_us, 80000);
    assert_true(tcb->rto_us >= 81000 && tcb->rto_us < 81100);
    solo_free(solo);
}

/* [R6298-05] */
static void bounds(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    rtt_sample(&solo->end.tcp, tcb, 10);
    assert_int_equal(tcb->rto_us, 200000); /* the recorded deviation from [RFC 6298 2.4] */
    rtt_sample(&solo->end.tcp, tcb, 0);    /* zero would mean "none yet" */
    assert_true(tcb->srtt_us > 0);
    for (int i = 0; i < 100; i++)
        rtt_sample(&solo->end.tcp, tcb, UINT32_MAX);
    assert_int_equal(tcb->rto_us, 120000000); /* [RFC 6298 2.5] */
    assert_true(tcb->srtt_us <= 120000000);
    solo_free(solo);
}

/* Doubled up to the maximum, and back at what SRTT says once something new is acknowledged. [RFC 6298 5.5, 5.7]
 * [R6298-10, R8961-01] */
static void back_off(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    rtt_sample(&solo->end.tcp, tcb, 100000);
    for (uint32_t expected = 300000; expected < 120000000; expected *= 2) {
        assert_int_equal(tcb->rto_us, expected);
        rtt_back_off(&solo->end.tcp, tcb);
    }
    assert_int_equal(tcb->rto_us, 120000000);
    for (int i = 0; i < 300; i++)
        rtt_back_off(&solo->end.tcp, tcb);
    assert_int_equal(tcb->rto_us, 120000000);
    assert_int_equal(tcb->backoff, 255);
    rtt_settle(&solo->end.tcp, tcb);
    assert_int_equal(tcb->rto_us, 300000);
    assert_int_equal(tcb->backoff, 0);
    solo_free(solo);
}

/* One segment at a time is timed, from its first sending to the ACK that covers it. */
static void measured(void **state)
{
    struct hf_config config = plain();
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 3000);
    solo_out(solo);
    solo->now_us += 70000;
    solo_ack(solo, 1461);
    assert_int_equal(solo->end.tcb.srtt_us, 70000);
    solo->now_us += 500000; /* the others were not timed */
    solo_ack(solo, 3001);
    assert_int_equal(solo->end.tcb.srtt_us, 70000);
    solo_free(solo);
}

/* Karn: what was sent twice says nothing. [RFC 6298 3; RFC 9293 MUST-18] [R6298-06, R8961-01] */
static void karn(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_write(solo, 100);
    solo_out(solo);
    solo_pass(solo, 1500000);
    assert_int_equal(solo->count, 2);
    solo_ack(solo, 101);
    assert_int_equal(solo->end.tcb.srtt_us, 0);
    solo_free(solo);
}

/* But a timestamp tells which sending is meant. [RFC 7323 4.1] [R7323-18, R6298-06] */
static void karn_with_timestamps(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.timestamps = true;
    h.ts_recent = 100;
    h.ts_offset = 5000;
    solo = solo_open_as(&config, &h);
    solo_write(solo, 100);
    solo_out(solo);
    solo_pass(solo, 1500000);
    assert_int_equal(solo->count, 2);
    solo->echo = solo_last(solo)->options.ts_value; /* the second: sent half a second ago */
    solo_ack(solo, 101);
    assert_int_equal(solo->end.tcb.srtt_us, 500000);
    solo_free(solo);
}

/* An echo from the future or of long ago is no measurement. [R6298-13] */
static void absurd_echo(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    (void)state;
    h.timestamps = true;
    h.ts_recent = 100;
    for (uint32_t wrong = 0; wrong < 3; wrong++) {
        struct solo *solo = solo_open_as(&config, &h);

        solo_write(solo, 100);
        solo_out(solo);
        solo_pass(solo, 1500000);
        solo->echo = solo_last(solo)->options.ts_value + (uint32_t[]){600001, 0x80000000, 0}[wrong];
        if (wrong == 2)
            solo->echo -= 700000;
        solo_ack(solo, 101);
        assert_int_equal(solo->end.tcb.srtt_us, 0);
        solo_free(solo);
    }
}

/* The timer runs while anything is outstanding, begins anew with each new ACK, and stops with the last. [RFC 6298 5.1 to 5.3]
 * [R6298-08, R6298-09] */
static void timer(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    const int64_t *deadline = &solo->end.tcb.deadline_us[TCP_TIMER_RETRANSMIT];
    int64_t sent_at = solo->now_us;

    (void)state;
    assert_true(*deadline == NEVER_US);
    solo_write(solo, 2920);
    solo_out(solo);
    assert_true(*deadline == sent_at + 1000000);
    solo->now_us += 100000;
    solo_write(solo, 1460); /* more does not move it */
    solo_out(solo);
    assert_true(*deadline == sent_at + 1000000);
    solo_ack(solo, 1461);
    assert_true(*deadline == solo->now_us + solo->end.tcb.rto_us);
    solo->now_us += 50000;
    solo_ack(solo, 1461); /* nothing new */
    assert_true(*deadline == solo->now_us - 50000 + solo->end.tcb.rto_us);
    solo_ack(solo, 4381);
    assert_true(*deadline == NEVER_US);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_any),
        cmocka_unit_test(first_and_later),
        cmocka_unit_test(an_hour),
        cmocka_unit_test(granularity),
        cmocka_unit_test(bounds),
        cmocka_unit_test(back_off),
        cmocka_unit_test(measured),
        cmocka_unit_test(karn),
        cmocka_unit_test(karn_with_timestamps),
        cmocka_unit_test(absurd_echo),
        cmocka_unit_test(timer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
