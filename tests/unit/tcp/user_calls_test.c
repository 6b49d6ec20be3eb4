/* SEND, RECEIVE, CLOSE, ABORT, options and STATUS of one connection. [RFC 9293 3.10.2 to 3.10.6, SHLD-3] */
#include "solo.h"

static struct tcp *tcp_of(struct solo *solo)
{
    return &solo->end.tcp;
}

/* Room that is reserved is written in place, and only what is committed is sent. */
static void reserve_and_commit(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo;

    (void)state;
    config.send_bytes = 10000;
    solo = solo_open(&config);
    for (uint32_t round = 0; round < 20; round++) {
        struct hf_span spans[8];
        size_t count = 8, used = 0;
        ptrdiff_t room = tcp_reserve(tcp_of(solo), &solo->end.tcb, spans, &count);
        uint32_t take = 1 + round * 137 % 2500;

        assert_true(room >= take);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < spans[i].length && used < take; j++, used++)
                ((uint8_t *)spans[i].data)[j] = solo_pattern(solo->written + (uint32_t)used);
        assert_int_equal(tcp_commit(tcp_of(solo), &solo->end.tcb, take, solo->now_us), HF_OK);
        solo->written += take;
        solo_out(solo); /* compares the text */
        solo_ack(solo, solo->end.tcb.snd_nxt.value - SOLO_ISS);
        solo_out(solo);
        solo_ack(solo, solo->end.tcb.snd_nxt.value - SOLO_ISS);
        solo->count = 0;
    }
    assert_int_equal(solo->end.tcb.snd_queue.length, 0);
    assert_int_equal(tcp_of(solo)->chunks.pool.count, 0);
    solo_free(solo);
}

/* Nothing committed: nothing held. */
static void reserve_and_nothing(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct hf_span spans[8];
    size_t count = 8;

    (void)state;
    assert_true(tcp_reserve(tcp_of(solo), &solo->end.tcb, spans, &count) > 0);
    assert_int_equal(tcp_commit(tcp_of(solo), &solo->end.tcb, 0, solo->now_us), HF_OK);
    assert_int_equal(tcp_of(solo)->chunks.pool.count, 0);
    assert_int_equal(solo_out(solo), 0);
    tcp_shutdown(tcp_of(solo), &solo->end.tcb, solo->now_us);
    count = 8;
    assert_int_equal(tcp_reserve(tcp_of(solo), &solo->end.tcb, spans, &count), HF_CLOSING);
    assert_int_equal(count, 0);
    solo_free(solo);
}

/* Peek shows what waits, in order, and takes nothing; consume takes it. */
static void peek_and_consume(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct hf_span spans[8];
    size_t count = 8;
    uint32_t at = 0;

    (void)state;
    assert_int_equal(tcp_peek(tcp_of(solo), &solo->end.tcb, spans, &count), HF_AGAIN);
    for (uint32_t i = 0; i < 5; i++)
        solo_in(solo, 0, 1 + 1000 * i, 1000, 1);
    count = 8;
    assert_int_equal(tcp_peek(tcp_of(solo), &solo->end.tcb, spans, &count), 5000);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < spans[i].length; j++)
            assert_int_equal(((uint8_t *)spans[i].data)[j], solo_pattern(at++));
    count = 1;
    assert_true(tcp_peek(tcp_of(solo), &solo->end.tcb, spans, &count) < 5000);
    assert_int_equal(tcp_consume(tcp_of(solo), &solo->end.tcb, 5001, solo->now_us), HF_INVALID);
    assert_int_equal(tcp_consume(tcp_of(solo), &solo->end.tcb, 2000, solo->now_us), HF_OK);
    solo->read = 2000;
    assert_int_equal(solo_read(solo, 10000), 3000);
    solo_out(solo);
    solo_free(solo);
}

/* Urgent text stays in the stream; its mark moves with newer, and is gone once acknowledged. [RFC 6093 3.1] */
static void urgent(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    uint8_t text[10];

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        text[i] = solo_pattern(i);
    assert_int_equal(tcp_send_urgent(tcp_of(solo), &solo->end.tcb, text, 10, solo->now_us), 10);
    assert_int_equal(solo_out(solo), 1);
    assert_int_equal(solo_last(solo)->flags, TCP_URG | TCP_PSH | TCP_ACK);
    assert_int_equal(solo_last(solo)->urgent, 10);
    solo_ack(solo, 11);
    assert_false(solo->end.tcb.flags & TCB_SND_URGENT);
    solo->written = 10;
    solo_write(solo, 5);
    solo_out(solo);
    assert_int_equal(solo_last(solo)->flags, TCP_PSH | TCP_ACK);
    solo_free(solo);
}

/* CLOSE with text unread, or text that arrives later: the peer hears of it. [RFC 9293 SHLD-3] */
static void close_with_unread(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_in(solo, TCP_PSH, 1, 10, 1);
    assert_int_equal(tcp_close(tcp_of(solo), &solo->end.tcb, solo->now_us), HF_OK);
    assert_int_equal(solo->end.tcb.end, TCP_END_ABORTED);
    assert_true(tcp_of(solo)->reset.wanted);
    assert_int_equal(tcp_of(solo)->reset.seq.value, SOLO_ISS + 1);
    assert_int_equal(tcp_of(solo)->reset.ack.value, SOLO_IRS + 11);
    solo_free(solo);
}

/* Text that waits out of order is given up with CLOSE: nobody will read it. */
static void close_with_gap(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_in(solo, TCP_PSH, 101, 10, 1);
    solo_out(solo);
    assert_int_equal(tcp_close(tcp_of(solo), &solo->end.tcb, solo->now_us), HF_OK);
    assert_int_equal(solo->end.tcb.state, TCP_FIN_WAIT_1);
    assert_int_equal(tcp_of(solo)->chunks.pool.count, 0);
    solo_free(solo);
}

/* An old copy of text that was read already is no new text: CLOSE goes on in order. */
static void close_then_old_copy(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);

    (void)state;
    solo_in(solo, TCP_PSH, 1, 10, 1);
    solo_read(solo, 10);
    assert_int_equal(tcp_close(tcp_of(solo), &solo->end.tcb, solo->now_us), HF_OK);
    solo_out(solo);
    solo_in(solo, TCP_PSH, 1, 10, 1);
    assert_int_equal(solo->end.tcb.end, TCP_END_NONE);
    solo_in(solo, TCP_FIN | TCP_PSH, 1, 10, 2); /* with the FIN at last */
    assert_int_equal(solo->end.tcb.state, TCP_TIME_WAIT);
    solo_free(solo);
}

static void options(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    assert_int_equal(tcp_set_option(tcp_of(solo), tcb, HF_RECEIVE_BYTES, 0, 0), HF_INVALID);
    assert_int_equal(tcp_set_option(tcp_of(solo), tcb, HF_RECEIVE_BYTES, 32769, 0), HF_INVALID);
    assert_int_equal(tcp_set_option(tcp_of(solo), tcb, HF_RECEIVE_BYTES, 32768, 0), HF_OK);
    assert_int_equal(tcp_set_option(tcp_of(solo), tcb, HF_SEND_BYTES, 0, 0), HF_INVALID);
    assert_int_equal(tcp_set_option(tcp_of(solo), tcb, HF_SEND_BYTES, 10, 0), HF_OK);
    assert_int_equal(tcp_send(tcp_of(solo), tcb, "0123456789abc", 13, 0), 10);
    assert_int_equal(tcp_set_option(tcp_of(solo), tcb, (enum hf_option)99, 1, 0), HF_INVALID);
    solo_free(solo);
}

/* STATUS says what the RFC's variables say. */
static void status(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct hf_status found;

    (void)state;
    solo_write(solo, 3000);
    solo_out(solo);
    solo_in(solo, TCP_PSH, 1, 100, 1461);
    tcp_status(&solo->end.tcb, &found);
    assert_int_equal(found.state, HF_STATE_ESTABLISHED);
    assert_int_equal(found.snd_una, SOLO_ISS + 1461u);
    assert_int_equal(found.snd_nxt, SOLO_ISS + 2921u);
    assert_int_equal(found.rcv_nxt, SOLO_IRS + 101u);
    assert_int_equal(found.iss, SOLO_ISS);
    assert_int_equal(found.irs, SOLO_IRS);
    assert_int_equal(found.send_queued, 1540);
    assert_int_equal(found.unsent, 80);
    assert_int_equal(found.receive_queued, 100);
    assert_int_equal(found.bytes_sent, 1460);
    assert_int_equal(found.bytes_received, 100);
    assert_int_equal(found.send_window, 65535);
    assert_int_equal(found.mss, 1460);
    assert_false(found.peer_closed);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserve_and_commit),
        cmocka_unit_test(reserve_and_nothing),
        cmocka_unit_test(peek_and_consume),
        cmocka_unit_test(urgent),
        cmocka_unit_test(close_with_unread),
        cmocka_unit_test(close_with_gap),
        cmocka_unit_test(close_then_old_copy),
        cmocka_unit_test(options),
        cmocka_unit_test(status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
