/* The table of transitions, and the invariants of a TCB. [RFC 9293 3.3.1, 3.3.2] */
#include "solo.h"

/* What the table says of RFC 9293's figure 5, and of nothing else. */
static void successors(void **state)
{
    static const uint16_t expected[TCP_STATES] = {
        [TCP_CLOSED] = 1 << TCP_LISTEN | 1 << TCP_SYN_SENT,
        [TCP_LISTEN] = 1 << TCP_CLOSED | 1 << TCP_SYN_RECEIVED,
        [TCP_SYN_SENT] = 1 << TCP_SYN_RECEIVED | 1 << TCP_ESTABLISHED | 1 << TCP_CLOSED,
        [TCP_SYN_RECEIVED] =
            1 << TCP_ESTABLISHED | 1 << TCP_FIN_WAIT_1 | 1 << TCP_LISTEN | 1 << TCP_CLOSED,
        [TCP_ESTABLISHED] = 1 << TCP_FIN_WAIT_1 | 1 << TCP_CLOSE_WAIT | 1 << TCP_CLOSED,
        [TCP_FIN_WAIT_1] = 1 << TCP_FIN_WAIT_2 | 1 << TCP_CLOSING | 1 << TCP_CLOSED,
        [TCP_FIN_WAIT_2] = 1 << TCP_TIME_WAIT | 1 << TCP_CLOSED,
        [TCP_CLOSE_WAIT] = 1 << TCP_LAST_ACK | 1 << TCP_CLOSED,
        [TCP_CLOSING] = 1 << TCP_TIME_WAIT | 1 << TCP_CLOSED,
        [TCP_LAST_ACK] = 1 << TCP_CLOSED,
        [TCP_TIME_WAIT] = 1 << TCP_CLOSED | 1 << TCP_SYN_RECEIVED,
    };

    (void)state;
    for (int i = 0; i < TCP_STATES; i++)
        assert_int_equal(tcp_state_successors((enum tcp_state)i), expected[i]);
}

/* Why it ended, as the user hears it. */
static void reasons(void **state)
{
    (void)state;
    assert_int_equal(tcp_end_error(TCP_END_NONE), HF_OK);
    assert_int_equal(tcp_end_error(TCP_END_CLOSED), HF_CLOSING);
    assert_int_equal(tcp_end_error(TCP_END_RESET), HF_RESET);
    assert_int_equal(tcp_end_error(TCP_END_REFUSED), HF_REFUSED);
    assert_int_equal(tcp_end_error(TCP_END_TIMED_OUT), HF_TIMED_OUT);
    assert_int_equal(tcp_end_error(TCP_END_UNREACHABLE), HF_UNREACHABLE);
    assert_int_equal(tcp_end_error(TCP_END_ABORTED), HF_ABORTED);
}

/* An ended connection holds nothing, wants nothing and waits for nothing. */
static void ended(void **state)
{
    (void)state;
    for (int why = TCP_END_CLOSED; why <= TCP_END_ABORTED; why++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        struct solo *solo = solo_open(&config);

        solo_write(solo, 5000);
        solo_out(solo);
        solo_in(solo, TCP_PSH, 101, 50, 1);
        tcb_delete(&solo->end.tcp, &solo->end.tcb, (enum tcp_end)why);
        assert_int_equal(solo->end.tcb.state, TCP_CLOSED);
        assert_int_equal(solo->end.tcb.snd_held, 0);
        assert_int_equal(solo->end.tcb.ooo, SLOT_NONE);
        assert_true(tcb_deadline(&solo->end.tcb) == NEVER_US);
        assert_false(tcp_wants_output(&solo->end.tcp, &solo->end.tcb));
        assert_int_equal(solo_out(solo), 0);
        assert_true(solo->end.tcb.ready & HF_ENDED);
        solo_free(solo);
    }
}

/* Each invariant notices what breaks it. */
static void invariants(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct solo *solo = solo_open(&config);
    struct tcb good, bad;

    (void)state;
    solo_write(solo, 5000);
    solo_out(solo);
    good = solo->end.tcb;
    assert_null(tcb_check(&good));

#define BREAKS(change)                            \
    do {                                          \
        bad = good;                               \
        change;                                   \
        if (!tcb_check(&bad))                     \
            fail_msg("not noticed: %s", #change); \
    } while (0)
    BREAKS(bad.snd_una = seq_add(bad.snd_nxt, 1));
    BREAKS(bad.snd_nxt = seq_add(bad.snd_nxt, 100000));
    BREAKS(bad.rtx_nxt = seq_sub(bad.snd_una, 1));
    BREAKS(bad.rtx_end = seq_add(bad.snd_nxt, 1));
    BREAKS(bad.snd_wnd = bad.max_snd_wnd + 1);
    BREAKS(bad.flags |= TCB_FIN_SENT);
    BREAKS(bad.deadline_us[TCP_TIMER_RETRANSMIT] = NEVER_US);
    BREAKS(bad.rcv_edge = seq_sub(bad.rcv_nxt, 1));
    BREAKS(bad.flags |= TCB_FIN_RECEIVED);
    BREAKS(bad.state = TCP_LISTEN);
    BREAKS(bad.state = TCP_FIN_WAIT_1);
    BREAKS(bad.state = TCP_CLOSE_WAIT);
    BREAKS(bad.state = TCP_TIME_WAIT);
    BREAKS(bad.state = TCP_CLOSED);
    BREAKS(bad.state = TCP_STATES);
#undef BREAKS
    solo_free(solo);
}

/* What is left for TIME-WAIT. */
static void remains(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct handshake h = solo_handshake();
    struct tcp_remains left;
    struct solo *solo;

    (void)state;
    h.timestamps = true;
    h.ts_recent = 4711;
    h.ts_offset = 99;
    solo = solo_open_as(&config, &h);
    tcp_shutdown(&solo->end.tcp, &solo->end.tcb, solo->now_us);
    solo_out(solo);
    solo_in(solo, TCP_FIN, 1, 0, 2);
    assert_int_equal(solo->end.tcb.state, TCP_TIME_WAIT);
    solo_out(solo);
    tcp_remains(&solo->end.tcb, &left);
    assert_int_equal(left.snd_nxt.value, SOLO_ISS + 2u);
    assert_int_equal(left.rcv_nxt.value, SOLO_IRS + 2u);
    assert_int_equal(left.ts_recent, 4711);
    assert_int_equal(left.ts_offset, 99);
    assert_true(left.timestamps);
    solo_free(solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(successors), cmocka_unit_test(reasons), cmocka_unit_test(ended),
        cmocka_unit_test(invariants), cmocka_unit_test(remains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
