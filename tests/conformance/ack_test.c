/* The ACK field, state by state. [RFC 9293 3.10.7.1 to 3.10.7.4 fifth check; RFC 5961 5.2; RFC 5681 2] */
#include "script.h"

/* <SEQ=SEG.ACK><CTL=RST>: nothing was sent that could be acknowledged. [RFC 9293 X-06] */
static void reset(enum reached at)
{
    reach(at);
    in(". 5:5(0) ack 77");
    out("R 77:77(0)");
    in("FP. 5:15(10) ack 78");
    out("R 78:78(0)");
    state(reached_text(at));
    counted(stray_ack, 2);
}

/* A peer that still has the old connection is shown that it is gone. [RFC 9293 X-26] */
static void syn_sent_unacceptable(enum reached at)
{
    reach(at);
    in("S. 0:0(0) ack 0");
    out("R 0:0(0)");
    in(". 0:0(0) ack 2");
    out("R 2:2(0)");
    state("SYN-SENT");
    counted(segment_bad_ack, 2);
}

/* An acceptable ACK without a SYN says nothing: the SYN may still come. */
static void syn_sent_without_syn(enum reached at)
{
    reach(at);
    in(". 1:1(0) ack 1");
    out_nothing();
    state("SYN-SENT");
    counted(segment_no_syn, 1);
    in("S. 0:0(0) ack 1 <mss 1460>");
    out(". 1:1(0) ack 1");
    state("ESTABLISHED");
}

/* ACK bit off: dropped. [RFC 9293 X-11] */
static void missing(enum reached at)
{
    reach(at);
    in("P r:r+5(5)");
    in("- r:r(0)");
    out_nothing();
    state(reached_text(at));
    if (at != TIME_WAIT)
        counted(segment_no_ack, 2);
}

/* SYN-RECEIVED: our SYN is acknowledged. */
static void half_open_acknowledged(enum reached at)
{
    reach(at);
    in(". 1:1(0) ack 1 win 777");
    out_nothing();
    state("ESTABLISHED");
    user_accept();
    status_state("ESTABLISHED");
    assert_int_equal(the_tcb()->snd_wnd, 777);
    counted(handshake_done, 1);
}

static void syn_received_acknowledged(enum reached at)
{
    reach(at);
    user_send(10);
    in(". 1:1(0) ack 1 win 777");
    out("P. 1:11(10) ack 1");
    state("ESTABLISHED");
    ready(HF_CONNECTED | HF_WRITABLE);
    assert_int_equal(the_tcb()->snd_wnd, 777);
}

/* SYN-RECEIVED: what does not acknowledge our SYN gets a RST and changes nothing. */
static void unacceptable(enum reached at)
{
    reach(at);
    in(". 1:1(0) ack 0");
    out("R 0:0(0)");
    in(". 1:1(0) ack 2");
    out("R 2:2(0)");
    in(". 1:1(0) ack s-70000");
    out("R s-70000:s-70000(0)");
    state("SYN-RECEIVED");
    in(". 1:1(0) ack 1");
    state("ESTABLISHED");
}

/* [SND.UNA - MAX.SND.WND, SND.NXT] and not one more. [RFC 5961 5.2; RFC 9293 MAY-12] [R5961-07] */
static void too_old(enum reached at)
{
    reach(at);
    in("P. r:r+5(5) ack s-70000");
    out(". s:s(0) ack r");
    counted(ack_challenged, 1);
    state(reached_text(at));
}

static void too_old_edges(enum reached at)
{
    reach(at);
    in("P. 1:6(5) ack s-65536");
    out(". 1:1(0) ack 1");
    in("P. 1:6(5) ack s-65535");
    user_receive(5);
    in("P. 6:11(5) ack s+1");
    out(". 1:1(0) ack 6");
    in("P. 6:11(5) ack s");
    user_receive(5);
    counted(ack_challenged, 2);
    wait_ms(50);
    out(". 1:1(0) ack 11");
}

/* SEG.ACK > SND.NXT: an ACK, and the segment is dropped. [RFC 9293 X-10] [R5961-07] */
static void too_new(enum reached at)
{
    reach(at);
    in("P. r:r+5(5) ack s+1");
    out(". s:s(0) ack r");
    state(reached_text(at));
    if (at != TIME_WAIT)
        counted(ack_challenged, 1);
    if (at != TIME_WAIT)
        assert_int_equal(the_tcb()->rcv_queue.length, 0);
}

/* As many ACKs of what was never sent as you like: the connection goes on at its own pace. */
static void too_new_throttled(enum reached at)
{
    uint32_t answers = 0;

    reach(at);
    for (int i = 0; i < 30; i++) {
        in(". r:r(0) ack s+%d", 1 + i);
        answers += forget_output();
    }
    assert_int_equal(answers, 10);
    counted(challenge_throttled, 20);
}

/* The states with 100 bytes of ours, and our FIN if we have closed, not yet acknowledged. */
static void reach_sending(enum reached at)
{
    reach(at == CLOSE_WAIT || at == LAST_ACK ? CLOSE_WAIT : ESTABLISHED);
    user_send(100);
    out("P. 1:101(100) ack r");
    script.s = 101;
    if (at == ESTABLISHED || at == CLOSE_WAIT)
        return;
    user_shutdown();
    out("F. 101:101(0) ack r");
    script.s = 102;
    if (at == CLOSING) {
        in("F. 1:1(0) ack 1");
        out(". s:s(0) ack 2");
        script.r = 2;
    }
    state(reached_text(at));
}

/* SND.UNA < SEG.ACK =< SND.NXT: taken off, the window learnt. */
static void newer(enum reached at)
{
    reach_sending(at);
    in(". r:r(0) ack 51 win 5000");
    assert_int_equal(user_status().send_queued, 50);
    in(". r:r(0) ack 101 win 6000");
    out_nothing();
    assert_int_equal(user_status().send_queued, 0);
    assert_int_equal(user_status().send_window, 6000);
    assert_int_equal(the_tcb()->snd_una.value - script.iss, 101);
    state(reached_text(at));
}

/* SEG.ACK =< SND.UNA: ignored but for the window, and the text counts. */
static void duplicate(enum reached at)
{
    reach_sending(at);
    in(". r:r(0) ack 51 win 5000");
    in(". r:r(0) ack 31 win 9000"); /* older by its ACK: its window is, too */
    assert_int_equal(user_status().send_window, 5000);
    in(". r:r(0) ack 51 win 4000");
    assert_int_equal(user_status().send_window, 4000);
    in(". r:r(0) ack 1 win 3000");
    assert_int_equal(user_status().send_window, 4000);
    assert_int_equal(user_status().send_queued, 50);
    out_nothing();
    state(reached_text(at));
}

static void duplicate_with_text(enum reached at)
{
    reach_sending(at);
    in(". r:r(0) ack 51");
    in("P. r:r+20(20) ack 31");
    user_receive(20);
    wait_ms(50);
    out(". s:s(0) ack r+20");
    assert_int_equal(user_status().send_queued, 50);
    in("R r+20:r+20(0)");
}

/* FIN-WAIT-2 has nothing to be acknowledged: only the window can change. */
static void fin_wait_2_duplicate(enum reached at)
{
    reach(at);
    in(". 1:1(0) ack 2 win 4000");
    in(". 1:1(0) ack 1 win 3000");
    out_nothing();
    assert_int_equal(user_status().send_window, 4000);
    state("FIN-WAIT-2");
}

/* Our FIN is acknowledged. */
static void fin_acknowledged(enum reached at)
{
    static const char *const next[] = {
        [FIN_WAIT_1] = "FIN-WAIT-2", [CLOSING] = "TIME-WAIT", [LAST_ACK] = "CLOSED"};

    reach_sending(at);
    in(". r:r(0) ack 102");
    out_nothing();
    state(next[at]);
    status_state(next[at]);
    if (at == LAST_ACK) {
        ready(HF_ENDED);
        assert_int_equal(user_status().error, HF_OK);
        counted(connections_closed, 1);
    }
}

/* Everything but our FIN is acknowledged: nothing changes. */
static void fin_not_acknowledged(enum reached at)
{
    reach_sending(at);
    in(". r:r(0) ack 101");
    out_nothing();
    state(reached_text(at));
}

/* The window is taken only from newer segments: SND.WL1 and SND.WL2. [RFC 9293 X-09] */
static void window_order(enum reached at)
{
    reach(at);
    in("P. 1:11(10) ack 1 win 1000");
    in("P. 11:21(10) ack 1 win 2000");
    in(". 1:1(0) ack 1 win 9000"); /* out of window: answered and not believed */
    out(". 1:1(0) ack 21");
    assert_int_equal(user_status().send_window, 2000);
    in("P. 15:25(10) ack 1 win 8000"); /* begins before WL1 + 1, its end is new text */
    assert_int_equal(user_status().send_window, 8000);
    wait_ms(50);
    out(". 1:1(0) ack 25");
}

/* A retransmitted FIN: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, and 2 MSL begin again. [RFC 9293 X-15] */
static void time_wait_fin_again(enum reached at)
{
    reach(at);
    wait_ms(50000);
    in("F. r-1:r-1(0) ack s");
    out(". s:s(0) ack r");
    wait_ms(59000);
    state("TIME-WAIT");
    wait_ms(1002);
    state("LISTEN");
}

/* An old ACK that came late is silence; two ends in TIME-WAIT must not keep each other awake. */
static void time_wait_plain(enum reached at)
{
    reach(at);
    in(". r:r(0) ack s");
    in(". r:r(0) ack s-1");
    out_nothing();
    state("TIME-WAIT");
}

static const struct scripted tests[] = {
    {"ack/closed", reset, CLOSED},
    {"ack/listen", reset, LISTEN},
    {"ack/syn-sent-unacceptable", syn_sent_unacceptable, SYN_SENT},
    {"ack/syn-sent-without-syn", syn_sent_without_syn, SYN_SENT},
    {"ack/half-open-missing", missing, HALF_OPEN},
    {"ack/half-open-acknowledged", half_open_acknowledged, HALF_OPEN},
    {"ack/half-open-unacceptable", unacceptable, HALF_OPEN},
    {"ack/syn-received-missing", missing, SYN_RECEIVED},
    {"ack/syn-received-acknowledged", syn_received_acknowledged, SYN_RECEIVED},
    {"ack/syn-received-unacceptable", unacceptable, SYN_RECEIVED},
    {"ack/established-missing", missing, ESTABLISHED},
    {"ack/established-too-old", too_old, ESTABLISHED},
    {"ack/established-too-old-edges", too_old_edges, ESTABLISHED},
    {"ack/established-too-new", too_new, ESTABLISHED},
    {"ack/established-too-new-throttled", too_new_throttled, ESTABLISHED},
    {"ack/established-newer", newer, ESTABLISHED},
    {"ack/established-duplicate", duplicate, ESTABLISHED},
    {"ack/established-duplicate-with-text", duplicate_with_text, ESTABLISHED},
    {"ack/established-window-order", window_order, ESTABLISHED},
    {"ack/fin-wait-1-missing", missing, FIN_WAIT_1},
    {"ack/fin-wait-1-too-old", too_old, FIN_WAIT_1},
    {"ack/fin-wait-1-too-new", too_new, FIN_WAIT_1},
    {"ack/fin-wait-1-newer", newer, FIN_WAIT_1},
    {"ack/fin-wait-1-duplicate", duplicate, FIN_WAIT_1},
    {"ack/fin-wait-1-fin-acknowledged", fin_acknowledged, FIN_WAIT_1},
    {"ack/fin-wait-2-missing", missing, FIN_WAIT_2},
    {"ack/fin-wait-2-too-old", too_old, FIN_WAIT_2},
    {"ack/fin-wait-2-too-new", too_new, FIN_WAIT_2},
    {"ack/fin-wait-2-duplicate", fin_wait_2_duplicate, FIN_WAIT_2},
    {"ack/close-wait-missing", missing, CLOSE_WAIT},
    {"ack/close-wait-too-old", too_old, CLOSE_WAIT},
    {"ack/close-wait-too-new", too_new, CLOSE_WAIT},
    {"ack/close-wait-newer", newer, CLOSE_WAIT},
    {"ack/close-wait-duplicate", duplicate, CLOSE_WAIT},
    {"ack/closing-missing", missing, CLOSING},
    {"ack/closing-too-old", too_old, CLOSING},
    {"ack/closing-too-new", too_new, CLOSING},
    {"ack/closing-newer", newer, CLOSING},
    {"ack/closing-duplicate", duplicate, CLOSING},
    {"ack/closing-fin-acknowledged", fin_acknowledged, CLOSING},
    {"ack/closing-fin-not-acknowledged", fin_not_acknowledged, CLOSING},
    {"ack/last-ack-missing", missing, LAST_ACK},
    {"ack/last-ack-too-old", too_old, LAST_ACK},
    {"ack/last-ack-fin-acknowledged", fin_acknowledged, LAST_ACK},
    {"ack/last-ack-fin-not-acknowledged", fin_not_acknowledged, LAST_ACK},
    {"ack/time-wait-missing", missing, TIME_WAIT},
    {"ack/time-wait-too-new", too_new, TIME_WAIT},
    {"ack/time-wait-fin-again", time_wait_fin_again, TIME_WAIT},
    {"ack/time-wait-plain", time_wait_plain, TIME_WAIT},
};

int main(void)
{
    return script_main(tests);
}
