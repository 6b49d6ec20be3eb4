/* Segments that are not acceptable, old by their timestamp, or ahead of their turn. [RFC 9293 3.10.7.4 first check, MUST-66,
 * SHLD-31; RFC 7323 5.3] */
#include "script.h"

#define STAMPS "mss 1460,nop,nop,TS val 100 ecr 0"

/* The sequence test fails and RST is off: an ACK, and nothing else happens. [RFC 9293] */
static void unacceptable(enum reached at)
{
    reach(at);
    in("P. r-5:r(5) ack s"); /* all of it old */
    out(". s:s(0) ack r");
    if (at == TIME_WAIT)
        wait_ms(501);
    in(". r+70000:r+70000(0) ack s");
    out(". s:s(0) ack r");
    if (at == TIME_WAIT)
        wait_ms(501);
    in("P. r+70000:r+70005(5) ack s");
    out(". s:s(0) ack r");
    state(reached_text(at));
    if (at != TIME_WAIT)
        counted(segment_out_of_window, 3);
}

/* Its FIN is not believed either. */
static void unacceptable_fin(enum reached at)
{
    reach(at);
    in("F. r+70000:r+70000(0) ack s");
    out(". s:s(0) ack r");
    state(reached_text(at));
}

/* The states with RCV.WND = 0 and the window never read. */
static void reach_full(enum reached at)
{
    struct hf_config config = script_config();

    config.receive_bytes = 1024;
    script_begin(&config);
    reach(ESTABLISHED);
    if (at == ESTABLISHED || at == FIN_WAIT_1 || at == FIN_WAIT_2) {
        in("P. 1:1025(1024) ack 1");
        wait_ms(42);
        out(". 1:1(0) ack 1025 win 0");
    } else if (at == CLOSE_WAIT || at == LAST_ACK) {
        in("FP. 1:1024(1023) ack 1");
        out(". 1:1(0) ack 1025 win 0");
    }
    script.r = 1025;
    if (at == ESTABLISHED || at == CLOSE_WAIT)
        return;
    user_shutdown();
    if (at == LAST_ACK || at == FIN_WAIT_1 || at == FIN_WAIT_2)
        out("F. 1:1(0) ack 1025 win 0");
    else
        out("F. 1:1(0) ack 1");
    script.s = 2;
    if (at == FIN_WAIT_2)
        in(". 1025:1025(0) ack 2");
    if (at == CLOSING || at == TIME_WAIT) {
        in("FP. 1:1024(1023) ack %d", at == CLOSING ? 1 : 2);
        out(". 2:2(0) ack 1025 win 0");
    }
    state(reached_text(at));
}

/* Text beyond a closed window is dropped and answered; the ACK that came with it counts. [RFC 9293 MUST-66, X-04] */
static void zero_window(enum reached at)
{
    static const char *const next[] = {
        [ESTABLISHED] = "ESTABLISHED", [FIN_WAIT_1] = "FIN-WAIT-2", [FIN_WAIT_2] = "FIN-WAIT-2",
        [CLOSE_WAIT] = "CLOSE-WAIT",   [CLOSING] = "TIME-WAIT",     [LAST_ACK] = "CLOSED",
        [TIME_WAIT] = "TIME-WAIT",
    };

    reach_full(at);
    if (at == ESTABLISHED || at == CLOSE_WAIT) {
        user_send(100);
        out("P. 1:101(100) ack 1025 win 0");
        script.s = 101;
    }
    in("P. r:r+1(1) ack s");
    if (at == ESTABLISHED || at == FIN_WAIT_1 || at == FIN_WAIT_2 || at == TIME_WAIT)
        out(". s:s(0) ack r win 0");
    state(next[at]);
    if (at == ESTABLISHED || at == CLOSE_WAIT)
        assert_int_equal(user_status().send_queued, 0);
    if (at == ESTABLISHED)
        user_receive(1024);
    forget_output(); /* the window opens */
}

/* An URG beyond a closed window is heard. [RFC 9293 MUST-66] */
static void zero_window_urgent(enum reached at)
{
    reach_full(at);
    count_from_here();
    in("PU. r:r+1(1) ack s urg 1");
    out(". s:s(0) ack r win 0");
    counted(urgent_received, 1);
    assert_int_equal(user_status().urgent_bytes, 1025);
}

/* R1: an old TSval, RST off: an ACK, and the segment is dropped before anything else. [RFC 7323 5.3] [R7323-24] */
static void paws(enum reached at)
{
    reach_with(at, STAMPS);
    in("P. r:r+5(5) ack s <nop,nop,TS val 99 ecr 0>");
    out(". s:s(0) ack r <nop,nop,TS val * ecr 100>");
    state(reached_text(at));
    if (at != TIME_WAIT)
        counted(segment_paws, 1);
    if (at == HALF_OPEN || at == TIME_WAIT)
        return;
    assert_int_equal(the_tcb()->rcv_queue.length, 0);
    in(". r:r(0) ack s <nop,nop,TS val 100 ecr 0>"); /* equal is new enough */
    counted(segment_paws, 1);
}

/* A RST is never too old. [RFC 7323 5.2] [R7323-22] */
static void paws_not_for_rst(enum reached at)
{
    reach_with(at, STAMPS);
    in("R r:r(0) <nop,nop,TS val 99 ecr 0>");
    out_nothing();
    state(at == HALF_OPEN ? "LISTEN" : "CLOSED");
}

/* Agreed and missing: dropped. [RFC 7323 3.2] [R7323-14, R7323-15] */
static void paws_missing(enum reached at)
{
    reach_with(at, STAMPS);
    in("P. r:r+5(5) ack s <nop>");
    out_nothing();
    counted(segment_no_timestamp, 1);
    in("R r:r(0) <nop>");
    state(at == HALF_OPEN ? "LISTEN" : "CLOSED");
}

/* Ahead of RCV.NXT: kept, a duplicate ACK at once, and taken when the gap closes. [RFC 9293 SHLD-31; RFC 5681 4.2] */
static void ahead(enum reached at)
{
    reach(at);
    in("P. r+10:r+20(10) ack s");
    out(". s:s(0) ack r");
    assert_int_equal(user_status().receive_queued, 0);
    in("P. r:r+10(10) ack s");
    out(". s:s(0) ack r+20");
    user_receive(20);
    state(at == FIN_WAIT_1 ? "FIN-WAIT-2" : reached_text(at));
    counted(segment_out_of_order, 1);
    script.r += 20;
    in("R r:r(0)");
}

/* A FIN ahead of its turn waits with its text. */
static void ahead_with_fin(enum reached at)
{
    static const char *const next[] = {
        [ESTABLISHED] = "CLOSE-WAIT", [FIN_WAIT_1] = "CLOSING", [FIN_WAIT_2] = "TIME-WAIT"};

    reach(at);
    in("FP. r+10:r+20(10) ack %u", at == FIN_WAIT_1 ? 1 : script.s);
    out(". s:s(0) ack r");
    state(reached_text(at));
    in("P. r:r+10(10) ack %u", at == FIN_WAIT_1 ? 1 : script.s);
    out(". s:s(0) ack r+21");
    state(next[at]);
    user_receive(20);
    user_receive(0);
}

/* What lies beyond the window is cut off. */
static void ahead_trimmed(enum reached at)
{
    struct hf_config config = script_config();

    config.receive_bytes = 1024;
    script_begin(&config);
    reach(at);
    in("P. 1001:1101(100) ack 1");
    out(". 1:1(0) ack 1 win 1024");
    in("P. 1:1001(1000) ack 1");
    out(". 1:1(0) ack 1025 win 0");
    user_receive(1024);
    out(". 1:1(0) ack 1025 win 1024");
}

/* SYN-RECEIVED: what is ahead is not kept, it comes again; the handshake is not disturbed. */
static void ahead_syn_received(enum reached at)
{
    reach(at);
    in("P. r+10:r+20(10) ack 1");
    if (at == HALF_OPEN)
        user_accept();
    out(". 1:1(0) ack 1");
    in("P. r:r+10(10) ack 1");
    out(". 1:1(0) ack 21");
    user_receive(20);
    state("ESTABLISHED");
}

/* Once the peer has closed there can be nothing: ignored or answered, never kept. */
static void ahead_after_fin(enum reached at)
{
    reach(at);
    in("P. r+10:r+20(10) ack %u", at == CLOSING || at == LAST_ACK ? 1 : script.s);
    forget_output();
    state(reached_text(at));
    counted(segment_out_of_order, 0);
    assert_int_equal(script.stack->tcp.chunks.pool.count, 0);
}

static const struct scripted tests[] = {
    {"unacceptable/half-open", unacceptable, HALF_OPEN},
    {"unacceptable/syn-received", unacceptable, SYN_RECEIVED},
    {"unacceptable/established", unacceptable, ESTABLISHED},
    {"unacceptable/established-fin", unacceptable_fin, ESTABLISHED},
    {"unacceptable/fin-wait-1", unacceptable, FIN_WAIT_1},
    {"unacceptable/fin-wait-2", unacceptable, FIN_WAIT_2},
    {"unacceptable/close-wait", unacceptable, CLOSE_WAIT},
    {"unacceptable/closing", unacceptable, CLOSING},
    {"unacceptable/last-ack", unacceptable, LAST_ACK},
    {"unacceptable/time-wait", unacceptable, TIME_WAIT},
    {"zero-window/established", zero_window, ESTABLISHED},
    {"zero-window/established-urgent", zero_window_urgent, ESTABLISHED},
    {"zero-window/fin-wait-1", zero_window, FIN_WAIT_1},
    {"zero-window/fin-wait-2", zero_window, FIN_WAIT_2},
    {"zero-window/close-wait", zero_window, CLOSE_WAIT},
    {"zero-window/closing", zero_window, CLOSING},
    {"zero-window/last-ack", zero_window, LAST_ACK},
    {"zero-window/time-wait", zero_window, TIME_WAIT},
    {"paws/half-open", paws, HALF_OPEN},
    {"paws/syn-received", paws, SYN_RECEIVED},
    {"paws/established", paws, ESTABLISHED},
    {"paws/fin-wait-1", paws, FIN_WAIT_1},
    {"paws/fin-wait-2", paws, FIN_WAIT_2},
    {"paws/close-wait", paws, CLOSE_WAIT},
    {"paws/closing", paws, CLOSING},
    {"paws/last-ack", paws, LAST_ACK},
    {"paws/time-wait", paws, TIME_WAIT},
    {"paws/half-open-not-for-rst", paws_not_for_rst, HALF_OPEN},
    {"paws/established-not-for-rst", paws_not_for_rst, ESTABLISHED},
    {"paws/half-open-missing", paws_missing, HALF_OPEN},
    {"paws/established-missing", paws_missing, ESTABLISHED},
    {"ahead/half-open", ahead_syn_received, HALF_OPEN},
    {"ahead/syn-received", ahead_syn_received, SYN_RECEIVED},
    {"ahead/established", ahead, ESTABLISHED},
    {"ahead/established-trimmed", ahead_trimmed, ESTABLISHED},
    {"ahead/established-fin", ahead_with_fin, ESTABLISHED},
    {"ahead/fin-wait-1", ahead, FIN_WAIT_1},
    {"ahead/fin-wait-1-fin", ahead_with_fin, FIN_WAIT_1},
    {"ahead/fin-wait-2", ahead, FIN_WAIT_2},
    {"ahead/fin-wait-2-fin", ahead_with_fin, FIN_WAIT_2},
    {"ahead/close-wait", ahead_after_fin, CLOSE_WAIT},
    {"ahead/closing", ahead_after_fin, CLOSING},
    {"ahead/last-ack", ahead_after_fin, LAST_ACK},
    {"ahead/time-wait", ahead_after_fin, TIME_WAIT},
};

int main(void)
{
    return script_main(tests);
}
