/* Time passes, state by state. [RFC 9293 3.10.8, 3.8.1, 3.8.3, 3.8.4, 3.8.6.1, MUST-20 to MUST-23; RFC 5482; RFC 6298 5] */
#include "script.h"

/* Ten seconds of patience and a quiet time of two, so that each script ends soon. */
static void begin_impatient(void)
{
    struct hf_config config = script_config();

    config.user_timeout_ms = config.syn_timeout_ms = 10000;
    config.msl_ms = 1000;
    config.half_open_timeout_ms = 3600000;
    config.syn_ack_retries = 0;
    config.fin_wait_2_ms = 10000;
    script_begin(&config);
}

/* No timer runs: nothing happens for days. */
static void nothing_runs(enum reached at)
{
    begin_impatient();
    reach(at);
    wait_ms(3 * 24 * 3600 * 1000ll);
    out_nothing();
    state(reached_text(at));
    assert_true(hf_next_deadline(script.stack) == INT64_MAX || at == ESTABLISHED ||
                at == FIN_WAIT_2 || at == CLOSE_WAIT);
}

/* 2 MSL are TIME-WAIT's alone. */
static void no_quiet_time(enum reached at)
{
    begin_impatient();
    reach(at);
    wait_ms(50);
    for (int i = 0; i < 45; i++) {
        forget_output(); /* what is not acknowledged is sent again */
        wait_ms(50);
    }
    forget_output();
    state(reached_text(at));
}

/* The SYN again: after 1, 2, 4 ... seconds, with the same number. [RFC 6298 2.1, 5.5] */
static void syn_sent_again(enum reached at)
{
    reach(at);
    wait_ms(998);
    out_nothing();
    wait_ms(4);
    out("S 0:0(0) <mss 1460,sackOK,TS val * ecr 0,wscale 0>");
    wait_ms(1996);
    out_nothing();
    wait_ms(8);
    out("S 0:0(0) <mss 1460,sackOK,TS val * ecr 0,wscale 0>");
    wait_ms(4010);
    out("S 0:0(0) <mss 1460>"); /* some middleboxes drop what they do not know: now without */
    state("SYN-SENT");
    in("S. 0:0(0) ack 1 <mss 1460>");
    out(". 1:1(0) ack 1");
    state("ESTABLISHED");
    assert_int_equal(user_status().congestion_window, 1460); /* [RFC 5681 3.1] */
    counted(retransmit_timeouts, 3);
}

/* SYN-RECEIVED: the SYN-ACK again. */
static void syn_received_again(enum reached at)
{
    reach(at);
    wait_ms(998);
    out_nothing();
    wait_ms(4);
    out("S. 0:0(0) ack 1 <...>");
    wait_ms(2010);
    out("S. 0:0(0) ack 1 <...>");
    in(". 1:1(0) ack 1");
    state("ESTABLISHED");
}

/* A half-open: the SYN-ACK twice more, then it is forgotten. (docs/decisions/deviations.md, MUST-23) */
static void half_open_again(enum reached at)
{
    reach(at);
    wait_ms(1002);
    out("S. 0:0(0) ack 1 <mss 1460>");
    wait_ms(2002);
    out("S. 0:0(0) ack 1 <mss 1460>");
    wait_ms(6980);
    out_nothing();
    state("SYN-RECEIVED");
    wait_ms(30);
    out_nothing();
    state("LISTEN");
    counted(syn_cache_timeout, 1);
}

/* The textbook policy: no second SYN-ACK, on timeout one RST, then CLOSED. */
static void half_open_reset(enum reached at)
{
    struct hf_config config = script_config();

    config.syn_ack_retries = 0;
    config.on_timeout = HF_SEND_RESET;
    script_begin(&config);
    reach(at);
    wait_ms(10002);
    out("R. 1:1(0) ack 1");
    state("LISTEN");
}

/* SYN-SENT and SYN-RECEIVED: patience for the handshake is over. [RFC 9293 MUST-23] */
static void handshake_given_up(enum reached at)
{
    begin_impatient();
    reach(at);
    for (int i = 0; i < 995; i++) {
        wait_ms(10);
        forget_output();
    }
    state(reached_text(at));
    wait_ms(60);
    if (at == SYN_RECEIVED)
        out("R. 1:1(0) ack 1");
    out_nothing();
    state("CLOSED");
    ready(HF_ENDED);
    assert_int_equal(user_status().error, HF_TIMED_OUT);
    must_be(HF_TIMED_OUT, script_receive(HERE, 1));
    counted(connections_timed_out, 1);
}

/* A SYN is tried for at least three minutes. [RFC 9293 MUST-22, MUST-23] */
static void syn_for_three_minutes(enum reached at)
{
    int syns = 1;

    reach(at);
    for (int i = 0; i < 1799; i++) {
        wait_ms(100);
        syns += (int)forget_output();
    }
    state("SYN-SENT");
    assert_int_equal(syns, 8); /* 0 1 3 7 15 31 63 127 s */
    wait_ms(200);
    state("CLOSED");
}

/* States in which something of ours waits to be acknowledged. */
static void reach_waiting(enum reached at)
{
    reach(at);
    if (at == ESTABLISHED || at == CLOSE_WAIT) {
        user_send(100);
        out("P. 1:101(100) ack r");
    }
}

static void expect_first(enum reached at)
{
    if (at == ESTABLISHED || at == CLOSE_WAIT)
        out("P. 1:101(100) ack r");
    else
        out("F. 1:1(0) ack r");
}

/* Below R2: the head of the queue again, with the current ACK, at doubled intervals. [RFC 6298 5.4 to 5.6; RFC 9293 X-17] */
static void sent_again(enum reached at)
{
    reach_waiting(at);
    wait_ms(198);
    out_nothing();
    wait_ms(5);
    expect_first(at);
    wait_ms(395);
    out_nothing();
    wait_ms(8);
    expect_first(at);
    wait_ms(790);
    out_nothing();
    wait_ms(15);
    expect_first(at);
    state(reached_text(at));
    counted(retransmit_timeouts, 3);
    counted(segments_resent, 3);
}

/* The user timeout, which is R2 here: queues flushed, the user told, the peer reset. [RFC 9293 X-16] */
static void given_up(enum reached at)
{
    begin_impatient();
    reach_waiting(at);
    for (int i = 0; i < 999; i++) {
        wait_ms(10);
        forget_output();
    }
    state(reached_text(at));
    wait_ms(20);
    out("R. *:*(0) ack r");
    state("CLOSED");
    ready(HF_ENDED);
    assert_int_equal(user_status().error, HF_TIMED_OUT);
    assert_int_equal(user_status().send_queued, 0);
    must_be(HF_TIMED_OUT, script_receive(HERE, 1));
    assert_int_equal(script.stack->tcp.chunks.pool.count, 0);
}

/* The user sets his own. [RFC 9293 MUST-21, 3.9.1.7; RFC 5482] */
static void given_up_by_user(enum reached at)
{
    reach(at);
    user_set(HF_USER_TIMEOUT_MS, 3000);
    user_send(100);
    for (int i = 0; i < 299; i++) {
        forget_output();
        wait_ms(10);
    }
    forget_output();
    state("ESTABLISHED");
    wait_ms(20);
    out("R. 101:101(0) ack 1");
    state("CLOSED");
}

/* Any acknowledgment of something new gives the peer the whole time again. */
static void progress_is_patience(enum reached at)
{
    begin_impatient();
    reach(at);
    user_send(100);
    for (int i = 1; i <= 3; i++) {
        for (int j = 0; j < 90; j++) {
            forget_output();
            wait_ms(100);
        }
        forget_output();
        in(". 1:1(0) ack %d", 1 + 10 * i);
    }
    forget_output();
    state("ESTABLISHED");
    in(". 1:1(0) ack 101");
    wait_ms(20000);
    state("ESTABLISHED");
}

/* FIN-WAIT-2 lasts as long as its user holds the socket, and then a minute. A peer may never close. [RFC 9293 3.6] */
static void fin_wait_2_without_user(enum reached at)
{
    reach(at);
    wait_ms(3600 * 1000);
    state("FIN-WAIT-2");
    user_close();
    wait_ms(59990);
    state("FIN-WAIT-2");
    wait_ms(20);
    out_nothing();
    state("LISTEN");
    counted(connections_timed_out, 1);
}

static void time_wait_over(enum reached at)
{
    begin_impatient();
    reach(at);
    wait_ms(1998);
    state("TIME-WAIT");
    wait_ms(4);
    state("LISTEN");
    status_state("CLOSED");
    in(". r:r(0) ack s");
    out("R s:s(0)");
}

/* Keep-alive is off unless asked for. [RFC 9293 MUST-24, MUST-25] */
static void keep_alive_off(enum reached at)
{
    reach(at);
    wait_ms(24 * 3600 * 1000ll);
    out_nothing();
    state("ESTABLISHED");
}

/* <SEQ=SND.NXT-1>, no text; any answer starts it anew; after the last unanswered one the connection ends.
 * [RFC 9293 3.8.4, MUST-26 to MUST-29, SHLD-12] */
static void keep_alive(enum reached at)
{
    struct hf_config config = script_config();

    config.keepalive_idle_ms = 7200 * 1000;
    config.keepalive_interval_ms = 75000;
    config.keepalive_count = 3;
    script_begin(&config);
    reach(at);
    wait_ms(7200 * 1000 - 3);
    out_nothing();
    wait_ms(8);
    out(". 0:0(0) ack 1");
    in(". 1:1(0) ack 1");
    wait_ms(7200 * 1000 - 80000);
    out_nothing();
    wait_ms(80010);
    out(". 0:0(0) ack 1");
    wait_ms(75010);
    out(". 0:0(0) ack 1");
    wait_ms(75010);
    out(". 0:0(0) ack 1");
    state("ESTABLISHED");
    wait_ms(75010);
    out("R. 1:1(0) ack 1");
    state("CLOSED");
    assert_int_equal(user_status().error, HF_TIMED_OUT);
}

static void keep_alive_by_option(enum reached at)
{
    reach(at);
    user_set(HF_KEEPALIVE_IDLE_MS, 5000);
    wait_ms(5005);
    out(". 0:0(0) ack 1");
    in(". 1:1(0) ack 1");
    user_set(HF_KEEPALIVE_IDLE_MS, 0);
    wait_ms(3600 * 1000);
    out_nothing();
}

/* A peer's probe is answered: one byte back, without text or with one old byte. */
static void keep_alive_answered(enum reached at)
{
    reach(at);
    in(". 0:0(0) ack 1");
    out(". 1:1(0) ack 1");
    in("P. 1:2(1) ack 1");
    wait_ms(42);
    out(". 1:1(0) ack 2");
    in("P. 1:2(1) ack 1");
    out(". 1:1(0) ack 2");
    user_receive(1);
}

/* A closed window is probed at growing intervals, as long as the peer answers. [RFC 9293 MUST-35, MUST-36, SHLD-29, SHLD-30]
 * [R6429-01] */
static void persist(enum reached at)
{
    int64_t waits[] = {200, 400, 800, 1600, 3200};

    begin_impatient();
    reach(at);
    in(". 1:1(0) ack 1 win 0");
    user_send(100);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        wait_ms(waits[i] - 8);
        out_nothing();
        wait_ms(10);
        out("P. 1:2(1) ack 1");
        in(". 1:1(0) ack 1 win 0");
    }
    for (int i = 0; i < 600; i++) { /* for ever, although patience would end after ten seconds */
        wait_ms(1000);
        while (forget_output())
            in(". 1:1(0) ack 1 win 0");
    }
    state("ESTABLISHED");
    in(". 1:1(0) ack 1 win 1000");
    out(". 1:2(1) ack 1"); /* what the probes were: text of its own */
    in(". 1:1(0) ack 2 win 1000");
    out("P. 2:101(99) ack 1");
    in(". 1:1(0) ack 101 win 1000");
}

/* A peer that answers no probe is gone. [RFC 6429 3] [R6429-03] */
static void persist_unanswered(enum reached at)
{
    begin_impatient();
    reach(at);
    in(". 1:1(0) ack 1 win 0");
    user_send(100);
    for (int i = 0; i < 1010; i++) {
        wait_ms(10);
        forget_output();
    }
    state("CLOSED");
    assert_int_equal(user_status().error, HF_TIMED_OUT);
}

/* The FIN is probed like text. */
static void persist_fin(enum reached at)
{
    reach(at);
    in(". 1:1(0) ack 1 win 0");
    user_shutdown();
    out_nothing();
    wait_ms(210);
    out("F. 1:1(0) ack 1");
    in(". 1:1(0) ack 2 win 0");
    state("FIN-WAIT-2");
}

static const struct scripted tests[] = {
    {"timeouts/closed", nothing_runs, CLOSED},
    {"timeouts/listen", nothing_runs, LISTEN},
    {"timeouts/established-idle", nothing_runs, ESTABLISHED},
    {"timeouts/fin-wait-2-idle", nothing_runs, FIN_WAIT_2},
    {"timeouts/close-wait-idle", nothing_runs, CLOSE_WAIT},
    {"timeouts/syn-sent-no-quiet-time", no_quiet_time, SYN_SENT},
    {"timeouts/half-open-no-quiet-time", no_quiet_time, HALF_OPEN},
    {"timeouts/syn-received-no-quiet-time", no_quiet_time, SYN_RECEIVED},
    {"timeouts/established-no-quiet-time", no_quiet_time, ESTABLISHED},
    {"timeouts/fin-wait-1-no-quiet-time", no_quiet_time, FIN_WAIT_1},
    {"timeouts/fin-wait-2-no-quiet-time", no_quiet_time, FIN_WAIT_2},
    {"timeouts/close-wait-no-quiet-time", no_quiet_time, CLOSE_WAIT},
    {"timeouts/closing-no-quiet-time", no_quiet_time, CLOSING},
    {"timeouts/last-ack-no-quiet-time", no_quiet_time, LAST_ACK},
    {"timeouts/syn-sent-again", syn_sent_again, SYN_SENT},
    {"timeouts/syn-received-again", syn_received_again, SYN_RECEIVED},
    {"timeouts/half-open-again", half_open_again, HALF_OPEN},
    {"timeouts/half-open-reset", half_open_reset, HALF_OPEN},
    {"timeouts/syn-sent-given-up", handshake_given_up, SYN_SENT},
    {"timeouts/syn-received-given-up", handshake_given_up, SYN_RECEIVED},
    {"timeouts/syn-sent-for-three-minutes", syn_for_three_minutes, SYN_SENT},
    {"timeouts/established-again", sent_again, ESTABLISHED},
    {"timeouts/fin-wait-1-again", sent_again, FIN_WAIT_1},
    {"timeouts/close-wait-again", sent_again, CLOSE_WAIT},
    {"timeouts/closing-again", sent_again, CLOSING},
    {"timeouts/last-ack-again", sent_again, LAST_ACK},
    {"timeouts/established-given-up", given_up, ESTABLISHED},
    {"timeouts/established-given-up-by-user", given_up_by_user, ESTABLISHED},
    {"timeouts/established-progress", progress_is_patience, ESTABLISHED},
    {"timeouts/fin-wait-1-given-up", given_up, FIN_WAIT_1},
    {"timeouts/fin-wait-2-without-user", fin_wait_2_without_user, FIN_WAIT_2},
    {"timeouts/close-wait-given-up", given_up, CLOSE_WAIT},
    {"timeouts/closing-given-up", given_up, CLOSING},
    {"timeouts/last-ack-given-up", given_up, LAST_ACK},
    {"timeouts/time-wait-over", time_wait_over, TIME_WAIT},
    {"timeouts/keep-alive-off", keep_alive_off, ESTABLISHED},
    {"timeouts/keep-alive", keep_alive, ESTABLISHED},
    {"timeouts/keep-alive-by-option", keep_alive_by_option, ESTABLISHED},
    {"timeouts/keep-alive-answered", keep_alive_answered, ESTABLISHED},
    {"timeouts/persist", persist, ESTABLISHED},
    {"timeouts/persist-unanswered", persist_unanswered, ESTABLISHED},
    {"timeouts/persist-fin", persist_fin, ESTABLISHED},
};

int main(void)
{
    return script_main(tests);
}
