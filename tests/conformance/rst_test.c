/* The RST bit, state by state. [RFC 9293 3.10.7.1 to 3.10.7.4 second check, MUST-66; RFC 5961 3.2; RFC 1337] */
#include "script.h"

/* A RST never answers a RST. [RFC 9293 3.10.7.1, 3.10.7.2, X-07] */
static void dropped(enum reached at)
{
    reach(at);
    in("R 1:1(0)");
    out_nothing();
    in("R. 1:1(0) ack 1");
    out_nothing();
    state(reached_text(at));
    counted(stray_rst, 2);
}

/* Our SYN was answered by a RST that acknowledges it: "connection refused". [RFC 9293 3.10.7.3 second, X-08] */
static void syn_sent_refused(enum reached at)
{
    reach(at);
    in("R. 0:0(0) ack 1");
    out_nothing();
    state("CLOSED");
    ready(HF_ENDED);
    assert_int_equal(user_status().error, HF_REFUSED);
    must_be(HF_REFUSED, script_receive(HERE, 1));
    must_be(HF_REFUSED, script_send(1));
    counted(connections_refused, 1);
}

/* A RST that acknowledges nothing of ours, or the wrong thing, could come from anybody. [R5961-04] */
static void syn_sent_without_ack(enum reached at)
{
    reach(at);
    in("R 0:0(0)");
    out_nothing();
    state("SYN-SENT");
    counted(rst_outside_window, 1);
}

/* [R5961-04] */
static void syn_sent_bad_ack(enum reached at)
{
    reach(at);
    in("R. 0:0(0) ack 0");
    in("R. 0:0(0) ack 2");
    out_nothing();
    state("SYN-SENT");
    counted(segment_bad_ack, 2);
}

/* Inside the window but not at its edge: a challenge, and nothing else. [RFC 5961 3.2] [R5961-03] */
static void inside(enum reached at)
{
    reach(at);
    in("R r+1:r+1(0)");
    out(". s:s(0) ack r");
    in("R r+1000:r+1000(0)");
    out(". s:s(0) ack r");
    state(reached_text(at));
    counted(rst_challenged, 2);
}

/* A challenge is an answer to anybody: ten a second and connection, then silence. [RFC 5961 7] [R5961-10] */
static void inside_throttled(enum reached at)
{
    reach(at);
    for (int i = 0; i < 10; i++) {
        in("R r+1:r+1(0)");
        out(". s:s(0) ack r");
    }
    for (int i = 0; i < 10; i++)
        in("R r+1:r+1(0)");
    out_nothing();
    counted(challenge_throttled, 10);
    wait_ms(1001);
    in("R r+1:r+1(0)");
    out(". s:s(0) ack r");
    state(reached_text(at));
}

/* Outside the window: silence. [RFC 9293 3.10.7.4 first, RST bit set] [R5961-01] */
static void outside(enum reached at)
{
    reach(at);
    in("R r-1:r-1(0)");
    in("R r+70000:r+70000(0)");
    in("R. r-1:r-1(0) ack s");
    out_nothing();
    state(reached_text(at));
    counted(rst_outside_window, 3);
}

/* Exactly RCV.NXT, whatever it acknowledges: the connection is over and its user hears of it. [R5961-02] */
static void exact(enum reached at)
{
    reach(at);
    in("R r:r(0)");
    out_nothing();
    state("CLOSED");
    status_state("CLOSED");
    assert_int_equal(user_status().error, at == SYN_RECEIVED ? HF_REFUSED : HF_RESET);
    assert_true(script.stack->connections.table.count == 0);
    counted(rst_challenged, 0);
}

/* "pending SEND and RECEIVE ret reset; flush queues": what waits is gone and both calls say why. */
static void exact_with_queues(enum reached at)
{
    reach_window(at, 0);
    in("P. r:r+100(100) ack s");
    if (at == ESTABLISHED)
        user_send(100);
    in("R r+100:r+100(0)");
    state("CLOSED");
    forget_output();
    must_be(HF_RESET, script_receive(HERE, 10));
    must_be(HF_RESET, script_send(10));
    assert_int_equal(user_status().receive_queued, 0);
    assert_int_equal(user_status().send_queued, 0);
}

/* A half-open returns to LISTEN; nobody had been told of it. [RFC 9293 MUST-11, X-14, X-27] */
static void half_open_exact(enum reached at)
{
    reach(at);
    in("R r:r(0)");
    out_nothing();
    state("LISTEN");
    ready(0);
    must_be(HF_AGAIN, script_accept());
    counted(syn_cache_reset, 1);
    /* the listener goes on as if nothing had been */
    forget_numbers();
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    state("SYN-RECEIVED");
}

/* The edge is tested before the window: with RCV.WND = 0 a RST at RCV.NXT still resets. [RFC 9293 MUST-66] */
static void zero_window(enum reached at)
{
    struct hf_config config = script_config();

    config.receive_bytes = 1024;
    script_begin(&config);
    reach(at);
    in("P. 1:1025(1024) ack 1");
    wait_ms(42);
    out(". 1:1(0) ack 1025 win 0");
    in("R 1026:1026(0)");
    out_nothing();
    state("ESTABLISHED");
    in("R 1025:1025(0)");
    state("CLOSED");
    counted(connections_reset, 1);
}

/* A RST may say why, in text: it counts all the same. [RFC 9293 SHLD-2] */
static void with_text(enum reached at)
{
    reach(at);
    in("R. r:r+20(20) ack s");
    out_nothing();
    state("CLOSED");
    assert_int_equal(user_status().error, HF_RESET);
}

/* The textbook error that RFC 5961 mends: a RST just inside a large window, spoofed blindly, ends nothing while text flows. */
static void blind_attack(enum reached at)
{
    reach(at);
    for (unsigned guess = 1; guess < 60000; guess += 977) {
        in("R r+%u:r+%u(0)", guess, guess);
        forget_output();
    }
    in("P. r:r+5(5) ack s");
    user_receive(5);
    state("ESTABLISHED");
    wait_ms(50);
    out(". 1:1(0) ack 6");
}

/* TIME-WAIT: no RST ends it, for the old segments it guards against would then be let in. [RFC 1337] [R1337-01] */
static void time_wait_ignored(enum reached at)
{
    reach(at);
    in("R r:r(0)");
    in("R r+1:r+1(0)");
    in("R. r:r(0) ack s");
    out_nothing();
    state("TIME-WAIT");
    counted(time_wait_rst_ignored, 3);
}

/* But the one that answers our own challenge to a SYN releases the record. (architecture.md, "RST in TIME-WAIT") */
static void time_wait_after_challenge(enum reached at)
{
    reach(at);
    in("S 0:0(0) <mss 1460>"); /* an older incarnation's SYN */
    out(". s:s(0) ack r");
    in("R r+1:r+1(0)");
    state("TIME-WAIT");
    in("R r:r(0)");
    state("LISTEN");
    counted(time_wait_released, 1);
}

static void time_wait_after_challenge_late(enum reached at)
{
    reach(at);
    in("S 0:0(0) <mss 1460>");
    out(". s:s(0) ack r");
    wait_ms(3002);
    in("R r:r(0)");
    state("TIME-WAIT");
    counted(time_wait_rst_ignored, 1);
}

/* RST does not answer a challenge's throttle of another connection: each has its own. [RFC 5961 7] */
static void syn_with_rst(enum reached at)
{
    reach(at);
    in("SR 0:0(0)");
    out_nothing();
    state(reached_text(at));
}

static const struct scripted tests[] = {
    {"rst/closed-dropped", dropped, CLOSED},
    {"rst/listen-ignored", dropped, LISTEN},
    {"rst/listen-with-syn", syn_with_rst, LISTEN},
    {"rst/syn-sent-refused", syn_sent_refused, SYN_SENT},
    {"rst/syn-sent-without-ack", syn_sent_without_ack, SYN_SENT},
    {"rst/syn-sent-bad-ack", syn_sent_bad_ack, SYN_SENT},
    {"rst/half-open-inside", inside, HALF_OPEN},
    {"rst/half-open-outside", outside, HALF_OPEN},
    {"rst/half-open-exact", half_open_exact, HALF_OPEN},
    {"rst/syn-received-inside", inside, SYN_RECEIVED},
    {"rst/syn-received-outside", outside, SYN_RECEIVED},
    {"rst/syn-received-exact", exact, SYN_RECEIVED},
    {"rst/established-inside", inside, ESTABLISHED},
    {"rst/established-inside-throttled", inside_throttled, ESTABLISHED},
    {"rst/established-outside", outside, ESTABLISHED},
    {"rst/established-exact", exact, ESTABLISHED},
    {"rst/established-exact-with-queues", exact_with_queues, ESTABLISHED},
    {"rst/established-with-text", with_text, ESTABLISHED},
    {"rst/established-zero-window", zero_window, ESTABLISHED},
    {"rst/established-blind-attack", blind_attack, ESTABLISHED},
    {"rst/fin-wait-1-inside", inside, FIN_WAIT_1},
    {"rst/fin-wait-1-outside", outside, FIN_WAIT_1},
    {"rst/fin-wait-1-exact", exact, FIN_WAIT_1},
    {"rst/fin-wait-2-inside", inside, FIN_WAIT_2},
    {"rst/fin-wait-2-outside", outside, FIN_WAIT_2},
    {"rst/fin-wait-2-exact", exact, FIN_WAIT_2},
    {"rst/close-wait-inside", inside, CLOSE_WAIT},
    {"rst/close-wait-outside", outside, CLOSE_WAIT},
    {"rst/close-wait-exact", exact, CLOSE_WAIT},
    {"rst/closing-inside", inside, CLOSING},
    {"rst/closing-outside", outside, CLOSING},
    {"rst/closing-exact", exact, CLOSING},
    {"rst/last-ack-inside", inside, LAST_ACK},
    {"rst/last-ack-outside", outside, LAST_ACK},
    {"rst/last-ack-exact", exact, LAST_ACK},
    {"rst/time-wait-ignored", time_wait_ignored, TIME_WAIT},
    {"rst/time-wait-after-challenge", time_wait_after_challenge, TIME_WAIT},
    {"rst/time-wait-after-challenge-late", time_wait_after_challenge_late, TIME_WAIT},
};

int main(void)
{
    return script_main(tests);
}
