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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smallest_rtt),
        cmocka_unit_test(nothing_to_settle),
        cmocka_unit_test(no_spans),
        cmocka_unit_test(one_byte_is_in_flight),
        cmocka_unit_test(one_measurement_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
