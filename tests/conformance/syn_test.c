/* The SYN bit, state by state. [RFC 9293 3.10.7.1 to 3.10.7.4 fourth check, MUST-10, MUST-13; RFC 5961 4.2; RFC 6191] */
#include "script.h"

/* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
static void closed_reset(enum reached at)
{
    reach(at);
    in("S 0:0(0) <mss 1460>");
    out("R. 0:0(0) ack 1");
    in("S 7:17(10)");
    out("R. 0:0(0) ack 18");
    state("CLOSED");
    counted(stray_syn, 2);
}

/* LISTEN becomes SYN-RECEIVED; the listener itself stays. */
static void listen_answered(enum reached at)
{
    reach(at);
    in("S 0:0(0) win 1000 <mss 1000,sackOK,TS val 7 ecr 0,nop,wscale 3>");
    out("S. 0:0(0) ack 1 win 32768 <mss 1460,sackOK,TS val 0 ecr 7,wscale 0>");
    state("SYN-RECEIVED");
    status_state("LISTEN");
    assert_int_equal(script.stack->gate.listeners[0].half_opens.count, 1);
    counted(syn_cached, 1);
}

/* Text and FIN beside the SYN are not lost: they are not acknowledged, so they come again. [RFC 9293 3.10.7.2 third] */
static void listen_with_text(enum reached at)
{
    reach(at);
    in("SF 0:100(100) <mss 1460>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    in("P. 1:101(100) ack 1");
    user_accept();
    wait_ms(50);
    out(". 1:1(0) ack 101");
    user_receive(100);
    state("ESTABLISHED");
}

/* The SYN again: the SYN-ACK again, and still one half-open. */
static void half_open_repeated(enum reached at)
{
    reach(at);
    for (int i = 0; i < 3; i++) {
        in("S 0:0(0) <mss 1460>");
        out("S. 0:0(0) ack 1 <mss 1460>");
    }
    state("SYN-RECEIVED");
    counted(syn_duplicate, 3);
    counted(syn_cached, 0);
}

/* A SYN in the window ends a passive half-open: back to LISTEN, and the peer asks again. */
static void half_open_inside(enum reached at)
{
    reach(at);
    in("S r+10:r+10(0) <mss 1460>");
    out_nothing();
    state("LISTEN");
    forget_numbers();
    in("S r+10:r+10(0) <mss 1460>");
    out("S. 0:0(0) ack r+11 <mss 1460>");
    state("SYN-RECEIVED");
}

static void half_open_outside(enum reached at)
{
    reach(at);
    in("S r+70000:r+70000(0) <mss 1460>");
    out(". s:s(0) ack r");
    in("S. 0:0(0) ack 1");
    out(". s:s(0) ack r");
    state("SYN-RECEIVED");
}

/* The handshake of an active open, the ACK of its third segment at once. */
static void syn_sent_answered(enum reached at)
{
    reach(at);
    in("S. 0:0(0) ack 1 win 2000 <mss 1000>");
    out(". 1:1(0) ack 1");
    state("ESTABLISHED");
    ready(HF_CONNECTED | HF_WRITABLE);
    assert_int_equal(the_tcb()->snd_wnd, 2000);
    assert_int_equal(the_tcb()->mss, 1000);
    assert_true(seq_eq(the_tcb()->snd_una, the_tcb()->snd_nxt));
}

/* Queued data may ride on the third segment or follow it; text, URG and FIN of the SYN-ACK are processed. */
static void syn_sent_answered_with_text(enum reached at)
{
    reach(at);
    user_send(50);
    in("SFP. 0:20(20) ack 1 <mss 1460>");
    out("P. 1:51(50) ack 22");
    state("CLOSE-WAIT");
    ready(HF_CONNECTED | HF_WRITABLE | HF_READABLE | HF_PEER_CLOSED);
    user_receive(20);
    user_receive(0);
}

/* Both ends opened at once. [RFC 9293 MUST-10] */
static void syn_sent_simultaneous(enum reached at)
{
    reach(at);
    in("S 0:0(0) win 2000 <mss 1000>");
    out("S. 0:0(0) ack 1 <...>");
    state("SYN-RECEIVED");
    assert_int_equal(the_tcb()->snd_wnd, 2000);
    in("S. 0:0(0) ack 1 win 2000"); /* the peer's SYN again, as he has seen ours: */
    out(". 1:1(0) ack 1");
    in(". 1:1(0) ack 1 win 2000");
    state("ESTABLISHED");
    ready(HF_CONNECTED | HF_WRITABLE);
}

/* No two states of a TCB: a SYN at a synchronized connection changes no field and is challenged. [RFC 5961 4.2]
 * [R5961-05] */
static void challenged(enum reached at)
{
    static const char *const lines[] = {
        "S r:r(0)",        "S r+10:r+10(0)", "S r-1:r-1(0)",   "S r+100000:r+100000(0)",
        "S. r:r(0) ack s", "SF r:r+9(9)",    "S. 0:0(0) ack 1"};
    struct tcb before, after;

    reach(at);
    before = *the_tcb();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        in("%s", lines[i]);
        out(". s:s(0) ack r");
    }
    after = *the_tcb();
    state(reached_text(at));
    counted(syn_challenged, sizeof lines / sizeof *lines);
    /* but for the throttle's own count */
    after.challenges = before.challenges;
    after.challenge_at_ms = before.challenge_at_ms;
    assert_memory_equal(&before, &after, sizeof before);
}

static void syn_received_challenged(enum reached at)
{
    reach(at);
    in("S r+10:r+10(0)");
    out(". s:s(0) ack r");
    in("S r+100000:r+100000(0)");
    out(". s:s(0) ack r");
    state("SYN-RECEIVED");
    counted(syn_challenged, 2);
}

/* TIME-WAIT: a SYN with a higher sequence number opens the next incarnation, with an ISS above the last. [RFC 6191; RFC 9293 MAY-2, SHLD-4]
 * [R6191-06] */
static void time_wait_newer(enum reached at)
{
    uint32_t old_iss = 0;

    reach(at);
    old_iss = script.iss;
    forget_numbers();
    in("S r+5:r+5(0) <mss 1460>");
    out("S. 0:0(0) ack r+6 <mss 1460>");
    assert_true((int32_t)(script.iss - (old_iss + 2)) > 0);
    in(". r+6:r+6(0) ack 1");
    script.sent = 0;
    user_accept();
    state("ESTABLISHED");
    counted(time_wait_reused, 1);
}

/* [R6191-01] */
static void time_wait_newer_timestamp(enum reached at)
{
    reach_with(at, "mss 1460,nop,nop,TS val 100 ecr 0");
    forget_numbers();
    in("S 0:0(0) <mss 1460,nop,nop,TS val 101 ecr 0>"); /* lower number, newer timestamp */
    out("S. 0:0(0) ack 1 <mss 1460,nop,nop,TS val * ecr 101>");
    in(". 1:1(0) ack 1 <nop,nop,TS val 101 ecr 0>");
    state("ESTABLISHED");
}

/* Until the new connection is open, the record stays. */
static void time_wait_newer_unfinished(enum reached at)
{
    reach(at);
    forget_numbers();
    in("S r+5:r+5(0) <mss 1460>");
    out("S. 0:0(0) ack r+6 <mss 1460>");
    in("R r+6:r+6(0)");
    state("TIME-WAIT");
    counted(time_wait_reused, 0);
}

/* Not newer: an ACK that a live peer answers, throttled; never a RST. */
static void time_wait_older(enum reached at)
{
    reach(at);
    in("S 0:0(0) <mss 1460>");
    out(". s:s(0) ack r");
    in("S 1:1(0) <mss 1460>");
    out_nothing();
    wait_ms(501);
    in("S. r:r(0) ack s <mss 1460>");
    out(". s:s(0) ack r");
    state("TIME-WAIT");
    counted(syn_challenged, 3);
}

static void time_wait_older_timestamp(enum reached at)
{
    reach_with(at, "mss 1460,nop,nop,TS val 100 ecr 0");
    in("S r+9:r+9(0) <mss 1460,nop,nop,TS val 99 ecr 0>");
    out(". s:s(0) ack r");
    state("TIME-WAIT");
}

static const struct scripted tests[] = {
    {"syn/closed-reset", closed_reset, CLOSED},
    {"syn/listen-answered", listen_answered, LISTEN},
    {"syn/listen-with-text", listen_with_text, LISTEN},
    {"syn/half-open-repeated", half_open_repeated, HALF_OPEN},
    {"syn/half-open-inside", half_open_inside, HALF_OPEN},
    {"syn/half-open-outside", half_open_outside, HALF_OPEN},
    {"syn/syn-sent-answered", syn_sent_answered, SYN_SENT},
    {"syn/syn-sent-answered-with-text", syn_sent_answered_with_text, SYN_SENT},
    {"syn/syn-sent-simultaneous", syn_sent_simultaneous, SYN_SENT},
    {"syn/syn-received-challenged", syn_received_challenged, SYN_RECEIVED},
    {"syn/established", challenged, ESTABLISHED},
    {"syn/fin-wait-1", challenged, FIN_WAIT_1},
    {"syn/fin-wait-2", challenged, FIN_WAIT_2},
    {"syn/close-wait", challenged, CLOSE_WAIT},
    {"syn/closing", challenged, CLOSING},
    {"syn/last-ack", challenged, LAST_ACK},
    {"syn/time-wait-newer", time_wait_newer, TIME_WAIT},
    {"syn/time-wait-newer-timestamp", time_wait_newer_timestamp, TIME_WAIT},
    {"syn/time-wait-newer-unfinished", time_wait_newer_unfinished, TIME_WAIT},
    {"syn/time-wait-older", time_wait_older, TIME_WAIT},
    {"syn/time-wait-older-timestamp", time_wait_older_timestamp, TIME_WAIT},
};

int main(void)
{
    return script_main(tests);
}
