/* The urgent pointer, state by state and both ways. [RFC 9293 3.8.5, 3.10.7.4 sixth check, MUST-30 to MUST-33, SHLD-13; RFC 6093]
 *
 * The pointer names the byte behind the last urgent one, and urgent text stays in the stream. [RFC 9293 MUST-62]
 */
#include "script.h"

static void closed_reset(enum reached at)
{
    reach(at);
    in("U 5:5(0) urg 3");
    out("R. 0:0(0) ack 5");
    state("CLOSED");
}

static void dropped(enum reached at)
{
    reach(at);
    in("U 1:1(0) urg 3");
    out_nothing();
    state(reached_text(at));
}

static void syn_received(enum reached at)
{
    reach(at);
    in("PU. 1:11(10) ack 1 urg 4");
    state("ESTABLISHED");
    if (at == HALF_OPEN)
        user_accept();
    assert_int_equal(user_status().urgent_bytes, 4);
    user_receive(10);
    wait_ms(42);
    out(". 1:1(0) ack 11");
}

/* RCV.UP = max(RCV.UP, SEG.UP); the user is told when it moves ahead of what he has read, and how far. [RFC 9293 MUST-32, MUST-33, X-20] */
static void heard(enum reached at)
{
    reach(at);
    in("PU. r:r+10(10) ack s urg 4");
    ready(HF_READABLE | HF_URGENT);
    assert_int_equal(user_status().urgent_bytes, 4);
    in("PU. r+10:r+20(10) ack s urg 3"); /* further ahead */
    ready(HF_READABLE | HF_URGENT);
    assert_int_equal(user_status().urgent_bytes, 13);
    in("PU. r+5:r+30(25) ack s urg 2"); /* behind RCV.UP: no news */
    ready(HF_READABLE);
    user_receive(12);
    assert_int_equal(user_status().urgent_bytes, 1);
    user_receive(1);
    assert_int_equal(user_status().urgent_bytes, 0);
    user_receive(17);
    wait_ms(42);
    out(". s:s(0) ack r+30");
    script.r += 30;
    in("R r:r(0)");
}

/* Urgent data may lie ahead of what has arrived, even of any length. [RFC 9293 MUST-31] */
static void ahead_of_text(enum reached at)
{
    reach(at);
    in("U. r:r(0) ack s urg 20000");
    ready(HF_URGENT);
    assert_int_equal(user_status().urgent_bytes, 20000);
    in("PU. r:r+10(10) ack s urg 20000");
    user_receive(10);
    assert_int_equal(user_status().urgent_bytes, 19990);
    wait_ms(42);
    out(". s:s(0) ack r+10");
}

static void ignored(enum reached at)
{
    reach(at);
    in("U. r:r(0) ack %u urg 3", at == CLOSING || at == LAST_ACK ? 1 : script.s);
    out_nothing();
    state(reached_text(at));
    ready(0);
    assert_int_equal(user_status().urgent_bytes, 0);
}

/* SEND with the urgent flag: SND.UP behind the last byte, URG on every segment up to it, and Nagle does not hold it. */
static void sent(enum reached at)
{
    reach(at);
    user_send(5);
    out("P. 1:6(5) ack r");
    user_send_urgent(3);
    out("PU. 6:9(3) ack r urg 3");
    in(". r:r(0) ack 9");
    user_send(4);
    out("P. 9:13(4) ack r");
    in(". r:r(0) ack 13");
}

static void sent_over_segments(enum reached at)
{
    reach(at);
    user_send_urgent(3000);
    out("U. 1:1461(1460) ack 1 urg 3000");
    out("U. 1461:2921(1460) ack 1 urg 1540");
    out("PU. 2921:3001(80) ack 1 urg 80");
    in(". 1:1(0) ack 3001");
}

/* Into a closed window the probe carries the news. */
static void sent_into_a_closed_window(enum reached at)
{
    reach(at);
    in(". 1:1(0) ack 1 win 0");
    user_send_urgent(10);
    wait_ms(210);
    out("PU. 1:2(1) ack 1 urg 10");
    in(". 1:1(0) ack 2 win 100");
    out("PU. 2:11(9) ack 1 urg 9");
    in(". 1:1(0) ack 11");
}

static const struct scripted tests[] = {
    {"urg/closed", closed_reset, CLOSED},
    {"urg/listen", dropped, LISTEN},
    {"urg/syn-sent", dropped, SYN_SENT},
    {"urg/half-open", syn_received, HALF_OPEN},
    {"urg/syn-received", syn_received, SYN_RECEIVED},
    {"urg/established", heard, ESTABLISHED},
    {"urg/established-ahead-of-text", ahead_of_text, ESTABLISHED},
    {"urg/fin-wait-1", heard, FIN_WAIT_1},
    {"urg/fin-wait-2", heard, FIN_WAIT_2},
    {"urg/close-wait", ignored, CLOSE_WAIT},
    {"urg/closing", ignored, CLOSING},
    {"urg/last-ack", ignored, LAST_ACK},
    {"urg/time-wait", ignored, TIME_WAIT},
    {"urg/established-sent", sent, ESTABLISHED},
    {"urg/established-sent-over-segments", sent_over_segments, ESTABLISHED},
    {"urg/established-sent-into-a-closed-window", sent_into_a_closed_window, ESTABLISHED},
    {"urg/close-wait-sent", sent, CLOSE_WAIT},
};

int main(void)
{
    return script_main(tests);
}
