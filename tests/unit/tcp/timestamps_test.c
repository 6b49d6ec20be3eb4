/* Timestamps: what is old, what is remembered, and for how long. [RFC 7323 3.2, 4.3, 5.3, 5.5] */
#include "solo.h"

#define DAY_US (INT64_C(24) * 3600 * 1000000)

static struct solo *stamped(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();

    h.timestamps = true;
    h.ts_recent = 0xfffffff0; /* wraps soon */
    h.ts_offset = 77;
    return solo_open_as(&config, &h);
}

/* [R7323-24] */
static void older_is_refused(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->peer_ts = 0xffffffef;
    solo_in(solo, TCP_PSH, 1, 10, 1);
    assert_int_equal(solo->end.stats.segment_paws, 1);
    assert_int_equal(solo->end.tcb.rcv_queue.length, 0);
    assert_int_equal(solo_out(solo), 1); /* answered */
    solo->peer_ts = 5;                   /* newer, beyond the wrap */
    solo_in(solo, TCP_PSH, 1, 10, 1);
    assert_int_equal(solo->end.tcb.rcv_queue.length, 10);
    assert_int_equal(solo->end.tcb.ts_recent, 5);
    solo_free(solo);
}

/* SEG.SEQ =< Last.ACK.sent: TS.Recent is that of the segment which the ACK answers. [RFC 7323 4.3] [R7323-20] */
static void remembered_at_the_edge(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->peer_ts = 100;
    solo_in(solo, TCP_PSH, 1, 10, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 100);
    solo->peer_ts =
        200; /* the second of two that one delayed ACK answers: the first one's is echoed */
    solo_in(solo, TCP_PSH, 11, 10, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 100);
    solo_pass(solo, 50000);
    assert_int_equal(solo_last(solo)->options.ts_echo, 100);
    assert_int_equal(solo_last(solo)->options.ts_value,
                     (uint32_t)((solo->now_us - 10000) / 1000) + 77);
    solo->peer_ts = 300; /* ahead of a gap: not remembered */
    solo_in(solo, TCP_PSH, 31, 10, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 100);
    solo_out(solo);
    solo->peer_ts = 250; /* fills it */
    solo_in(solo, TCP_PSH, 21, 10, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 250);
    solo_out(solo);
    solo_free(solo);
}

/* TS.Recent older than 24 days is void: the peer's clock may have gone round. [RFC 7323 5.5] [R7323-27] */
static void void_after_24_days(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->peer_ts = 0x70000000; /* from 0xfffffff0 on: newer */
    solo_in(solo, TCP_PSH, 1, 10, 1);
    solo_pass(solo, 23 * DAY_US);
    solo->peer_ts = 0x60000000;
    solo_in(solo, TCP_PSH, 11, 10, 1);
    assert_int_equal(solo->end.stats.segment_paws, 1);
    solo_out(solo);
    solo_pass(solo, 2 * DAY_US);
    solo_in(solo, TCP_PSH, 11, 10, 1);
    assert_int_equal(solo->end.stats.segment_paws, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 0x60000000);
    solo_out(solo);
    solo_free(solo);
}

/* A segment whose ACK cannot be has not proved itself: TS.Recent stays, or one forged segment would silence the peer for days.
 * [RFC 5961 5.2] */
static void not_from_a_forger(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->peer_ts = 0x70000000;
    solo_in(solo, TCP_PSH, 1, 10, 5000);
    assert_int_equal(solo->end.stats.ack_challenged, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 0xfffffff0);
    solo->peer_ts = 10;
    solo_in(solo, TCP_PSH, 1, 10, 1);
    assert_int_equal(solo->end.tcb.rcv_queue.length, 10);
    solo_free(solo);
}

/* Where no text is taken any more TS.Recent still follows. */
static void remembered_after_fin(void **state)
{
    struct solo *solo = stamped();

    (void)state;
    solo->peer_ts = 100;
    solo_in(solo, TCP_FIN, 1, 0, 1);
    solo_out(solo);
    solo->peer_ts = 500;
    solo_in(solo, 0, 2, 0, 1);
    assert_int_equal(solo->end.tcb.ts_recent, 500);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_is_refused),     cmocka_unit_test(remembered_at_the_edge),
        cmocka_unit_test(void_after_24_days),   cmocka_unit_test(not_from_a_forger),
        cmocka_unit_test(remembered_after_fin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
