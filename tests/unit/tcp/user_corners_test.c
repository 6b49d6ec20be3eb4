/* The user's calls where there is little left to say: at the end, at a limit, before the beginning. [RFC 9293 3.10.1 to 3.10.6] */
#include "solo.h"

static struct tcp *tcp_of(struct solo *solo)
{
    return &solo->end.tcp;
}

static struct solo *plain(void)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    return solo_open(&config);
}

static struct hf_status status_of(const struct solo *solo)
{
    struct hf_status status;

    tcp_status(&solo->end.tcb, &status);
    return status;
}

static int option(struct solo *solo, enum hf_option name, uint32_t value)
{
    return tcp_set_option(tcp_of(solo), &solo->end.tcb, name, value, solo->now_us);
}

/* After a reset every call says so, and none does anything. */
static void after_the_end(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;
    struct hf_span spans[2];
    size_t count = 2;
    uint8_t byte = 0;

    (void)state;
    solo_in(solo, TCP_PSH, 1, 10, 1);
    solo_in(solo, TCP_RST, 11, 0, 1);
    assert_int_equal(tcb->end, TCP_END_RESET);
    assert_int_equal(tcp_send(tcp_of(solo), tcb, &byte, 1, solo->now_us), HF_RESET);
    assert_int_equal(tcp_send(tcp_of(solo), tcb, &byte, 0, solo->now_us), HF_RESET);
    assert_int_equal(tcp_reserve(tcp_of(solo), tcb, spans, &count), HF_RESET);
    assert_int_equal(count, 0);
    assert_int_equal(tcp_receive(tcp_of(solo), tcb, &byte, 1, solo->now_us), HF_RESET);
    count = 2;
    assert_int_equal(tcp_peek(tcp_of(solo), tcb, spans, &count), HF_RESET);
    assert_int_equal(count, 0);
    assert_int_equal(tcp_shutdown(tcp_of(solo), tcb, solo->now_us), HF_RESET);
    assert_int_equal(tcp_close(tcp_of(solo), tcb, solo->now_us), HF_OK);
    tcp_abort(tcp_of(solo), tcb, solo->now_us);
    assert_false(tcp_of(solo)->reset.wanted);
    assert_int_equal(tcb->end, TCP_END_RESET);
    assert_int_equal(status_of(solo).error, HF_RESET);
    solo_free(solo);
}

/* Nothing to send is nothing sent, and no wish for room. */
static void nothing_to_send(void **state)
{
    struct solo *solo = plain();

    (void)state;
    assert_int_equal(option(solo, HF_SEND_BYTES, 10), HF_OK);
    solo_write(solo, 10);
    assert_int_equal(tcp_send(tcp_of(solo), &solo->end.tcb, "", 0, solo->now_us), 0);
    assert_false(solo->end.tcb.flags & TCB_WANT_ROOM);
    assert_int_equal(tcp_send(tcp_of(solo), &solo->end.tcb, "x", 1, solo->now_us), HF_AGAIN);
    assert_true(solo->end.tcb.flags & TCB_WANT_ROOM);
    solo_free(solo);
}

/* Who gets in all that he has does not wait; who gets in less does. */
static void wish_for_room(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct solo *solo = plain();

        assert_int_equal(option(solo, HF_SEND_BYTES, 10), HF_OK);
        assert_int_equal(
            tcp_send(tcp_of(solo), &solo->end.tcb, "0123456789a", 10 + more, solo->now_us), 10);
        assert_int_equal(!!(solo->end.tcb.flags & TCB_WANT_ROOM), more);
        solo_free(solo);
    }
}

/* A limit that was lowered below what waits leaves no room, not a huge one. */
static void lowered_below_the_queue(void **state)
{
    struct solo *solo = plain();

    (void)state;
    solo_write(solo, 1000);
    assert_int_equal(option(solo, HF_SEND_BYTES, 1), HF_OK);
    assert_int_equal(tcp_send(tcp_of(solo), &solo->end.tcb, "x", 1, solo->now_us), HF_AGAIN);
    solo_free(solo);
}

/* The second shutdown and the second close have nothing to do; sending is over with the first. [RFC 9293 3.10.4] */
static void closed_twice(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    tcb->flags |= TCB_WANT_ROOM | TCB_CORK;
    assert_int_equal(tcp_shutdown(tcp_of(solo), tcb, solo->now_us), HF_OK);
    assert_false(tcb->flags & (TCB_WANT_ROOM | TCB_CORK));
    assert_int_equal(tcp_shutdown(tcp_of(solo), tcb, solo->now_us), HF_CLOSING);
    assert_int_equal(tcp_send(tcp_of(solo), tcb, "x", 1, solo->now_us), HF_CLOSING);
    assert_int_equal(tcb->state, TCP_FIN_WAIT_1);
    assert_int_equal(tcp_close(tcp_of(solo), tcb, solo->now_us), HF_OK);
    assert_true(tcb->flags & TCB_NO_USER);
    assert_int_equal(tcb->state, TCP_FIN_WAIT_1);
    assert_int_equal(tcp_close(tcp_of(solo), tcb, solo->now_us), HF_OK);
    assert_int_equal(tcb->end, TCP_END_NONE);
    solo_free(solo);
}

/* In FIN-WAIT-2 a close starts the clock, whenever it comes. [RFC 9293 3.10.4] */
static void close_in_fin_wait_2(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct solo *solo = plain();
        struct tcb *tcb = &solo->end.tcb;

        assert_int_equal(tcp_shutdown(tcp_of(solo), tcb, solo->now_us), HF_OK);
        solo_out(solo);
        if (early)
            assert_int_equal(tcp_close(tcp_of(solo), tcb, solo->now_us), HF_OK);
        solo_ack(solo, 2);
        assert_int_equal(tcb->state, TCP_FIN_WAIT_2);
        assert_int_equal(tcb->deadline_us[TCP_TIMER_KEEP] == NEVER_US, !early);
        if (!early)
            assert_int_equal(tcp_close(tcp_of(solo), tcb, solo->now_us), HF_OK);
        assert_int_equal(tcb->deadline_us[TCP_TIMER_KEEP],
                         solo->now_us + solo->end.tcp.config.fin_wait_2_ms * INT64_C(1000));
        solo_pass(solo, solo->end.tcp.config.fin_wait_2_ms * INT64_C(1000));
        assert_int_equal(tcb->end, TCP_END_TIMED_OUT);
        solo_free(solo);
    }
}

/* In TIME-WAIT neither close nor abort changes anything: the peer has all, and no RST is due. [RFC 9293 3.10.5] */
static void in_time_wait(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    assert_int_equal(tcp_shutdown(tcp_of(solo), tcb, solo->now_us), HF_OK);
    solo_out(solo);
    solo_in(solo, TCP_FIN | TCP_PSH, 1, 10, 2);
    assert_int_equal(tcb->state, TCP_TIME_WAIT);
    assert_int_equal(tcp_shutdown(tcp_of(solo), tcb, solo->now_us), HF_CLOSING);
    assert_int_equal(tcp_close(tcp_of(solo), tcb, solo->now_us), HF_OK);
    tcp_abort(tcp_of(solo), tcb, solo->now_us);
    assert_false(tcp_of(solo)->reset.wanted);
    assert_int_equal(tcb->state, TCP_TIME_WAIT);
    assert_int_equal(solo_read(solo, 100), 10);
    assert_int_equal(tcp_receive(tcp_of(solo), tcb, &(uint8_t){0}, 1, solo->now_us), 0);
    solo_free(solo);
}

/* Values at their limits. */
static void limits_of_options(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    assert_int_equal(option(solo, HF_DSCP, 63), HF_OK);
    assert_int_equal(tcb->dscp, 63);
    assert_int_equal(option(solo, HF_DSCP, 64), HF_INVALID);
    assert_int_equal(option(solo, HF_SEND_BYTES, 1), HF_OK);
    assert_int_equal(option(solo, HF_RECEIVE_BYTES, 1), HF_OK);
    assert_int_equal(tcb->rcv_limit, 1);
    assert_int_equal(option(solo, HF_NODELAY, 1), HF_OK);
    assert_true(tcb->flags & TCB_NODELAY);
    assert_int_equal(option(solo, HF_NODELAY, 0), HF_OK);
    assert_false(tcb->flags & TCB_NODELAY);
    solo_free(solo);
}

/* A new user timeout counts from now if one runs, and starts none. [RFC 9293 3.9.1.7] */
static void another_patience(void **state)
{
    struct solo *solo = plain();
    struct tcb *tcb = &solo->end.tcb;

    (void)state;
    assert_int_equal(option(solo, HF_USER_TIMEOUT_MS, 5000), HF_OK);
    assert_true(tcb->deadline_us[TCP_TIMER_USER] == NEVER_US);
    solo_write(solo, 10);
    solo_out(solo);
    assert_true(tcb->deadline_us[TCP_TIMER_USER] == solo->now_us + 5000000);
    solo->now_us += 1000;
    assert_int_equal(option(solo, HF_USER_TIMEOUT_MS, 7000), HF_OK);
    assert_true(tcb->deadline_us[TCP_TIMER_USER] == solo->now_us + 7000000);
    solo_free(solo);
}

/* Keep-alive begins with the option, but not before there is a connection, and not with 0. [RFC 9293 MUST-25] */
static void keep_alive_by_option(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = plain(), *early = solo_new(&config, 64);
    struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = 1460};

    (void)state;
    assert_int_equal(option(solo, HF_KEEPALIVE_IDLE_MS, 0), HF_OK);
    assert_true(solo->end.tcb.deadline_us[TCP_TIMER_KEEP] == NEVER_US);
    assert_int_equal(option(solo, HF_KEEPALIVE_IDLE_MS, 500), HF_OK);
    assert_true(solo->end.tcb.deadline_us[TCP_TIMER_KEEP] == solo->now_us + 500000);
    solo_free(solo);

    assert_true(tcp_open_active(&early->end.tcp, &early->end.tcb, &open, early->now_us));
    early->end.open = true;
    assert_int_equal(option(early, HF_KEEPALIVE_IDLE_MS, 500), HF_OK);
    assert_true(early->end.tcb.deadline_us[TCP_TIMER_KEEP] == NEVER_US);
    assert_int_equal(tcp_shutdown(&early->end.tcp, &early->end.tcb, early->now_us), HF_OK);
    assert_int_equal(early->end.tcb.end, TCP_END_ABORTED); /* silently [RFC 9293 3.10.4] */
    assert_false(early->end.tcp.reset.wanted);
    solo_free(early);
}

/* CLOSE before there is a connection ends it, and that is all. [RFC 9293 3.10.4] */
static void closed_before_it_began(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_new(&config, 64);
    struct tcp_open open = {.iss = seq_of(SOLO_ISS), .path_mss = 1460};

    (void)state;
    assert_true(tcp_open_active(&solo->end.tcp, &solo->end.tcb, &open, solo->now_us));
    solo->end.open = true;
    assert_int_equal(tcp_close(&solo->end.tcp, &solo->end.tcb, solo->now_us), HF_OK);
    assert_int_equal(solo->end.tcb.end, TCP_END_ABORTED);
    assert_false(solo->end.tcb.flags &
                 TCB_NO_USER); /* it is no connection that outlives its user */
    solo_free(solo);
}

/* How many bytes lie before the end of urgent data, the last of which is read as any other. [RFC 9293 MUST-33] */
static void urgent_bytes(void **state)
{
    struct solo *solo = plain();
    struct segment seg = {.seq = seq_of(SOLO_IRS + 1),
                          .ack = seq_of(SOLO_ISS + 1),
                          .flags = TCP_ACK | TCP_URG,
                          .window = 65535,
                          .urgent = 5,
                          .length = 20};

    (void)state;
    assert_int_equal(status_of(solo).urgent_bytes, 0);
    solo_segment(solo, &seg);
    assert_int_equal(status_of(solo).urgent_bytes, 5);
    assert_int_equal(solo_read(solo, 4), 4);
    assert_int_equal(status_of(solo).urgent_bytes, 1);
    assert_int_equal(solo_read(solo, 1), 1);
    assert_int_equal(status_of(solo).urgent_bytes, 0);
    solo_free(solo);
}

/* What the handshake agreed on, what the network said, and how it ended. */
static void the_rest_of_status(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct solo *solo;

    (void)state;
    h.timestamps = true;
    h.send_scale = 3;
    h.receive_scale = 2;
    solo = solo_open_as(&config, &h);
    assert_true(status_of(solo).timestamps);
    assert_false(status_of(solo).sack);
    assert_true(status_of(solo).window_scaling);
    assert_int_equal(status_of(solo).send_scale, 3);
    assert_int_equal(status_of(solo).receive_scale, 2);
    assert_int_equal(status_of(solo).error, HF_OK);
    assert_int_equal(status_of(solo).soft_error, HF_OK);
    solo->echo = 0;
    solo_write(solo, 10);
    solo_out(solo);
    tcp_icmp_error(tcp_of(solo), &solo->end.tcb, seq_of(SOLO_ISS + 1), TCP_END_NONE, solo->now_us);
    assert_int_equal(status_of(solo).soft_error, HF_UNREACHABLE);
    assert_int_equal(status_of(solo).unsent, 0);
    assert_int_equal(tcp_shutdown(tcp_of(solo), &solo->end.tcb, solo->now_us), HF_OK);
    solo_out(solo); /* the FIN is in flight, and no byte of text */
    assert_int_equal(status_of(solo).unsent, 0);
    assert_int_equal(status_of(solo).send_queued, 10);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_end),          cmocka_unit_test(nothing_to_send),
        cmocka_unit_test(wish_for_room),          cmocka_unit_test(lowered_below_the_queue),
        cmocka_unit_test(closed_twice),           cmocka_unit_test(close_in_fin_wait_2),
        cmocka_unit_test(in_time_wait),           cmocka_unit_test(limits_of_options),
        cmocka_unit_test(another_patience),       cmocka_unit_test(keep_alive_by_option),
        cmocka_unit_test(closed_before_it_began), cmocka_unit_test(urgent_bytes),
        cmocka_unit_test(the_rest_of_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
