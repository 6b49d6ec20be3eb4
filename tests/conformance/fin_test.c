/* The FIN bit, state by state. [RFC 9293 3.10.7.1 to 3.10.7.4 eighth check, 3.6] */
#include "script.h"

static void closed_reset(enum reached at)
{
    reach(at);
    in("F 5:5(0)");
    out("R. 0:0(0) ack 6");
    in("F 5:15(10)");
    out("R. 0:0(0) ack 16");
    state("CLOSED");
}

/* SEG.SEQ cannot be validated: dropped. [RFC 9293 X-13] */
static void dropped(enum reached at)
{
    reach(at);
    in("F 1:1(0)");
    out_nothing();
    state(reached_text(at));
}

/* A FIN on the segment that ends the handshake: through ESTABLISHED to CLOSE-WAIT at once. */
static void syn_received(enum reached at)
{
    reach(at);
    in("FP. 1:11(10) ack 1");
    out(". 1:1(0) ack 12");
    state("CLOSE-WAIT");
    if (at == HALF_OPEN)
        user_accept();
    user_receive(10);
    user_receive(0);
}

/* "connection closing" is signalled, RCV.NXT goes past the FIN, and it is acknowledged at once. */
static void in_order(enum reached at)
{
    static const char *const next[] = {
        [ESTABLISHED] = "CLOSE-WAIT", [FIN_WAIT_1] = "CLOSING", [FIN_WAIT_2] = "TIME-WAIT"};

    reach(at);
    in("F. r:r(0) ack %u", at == FIN_WAIT_2 ? 2 : 1);
    out(". s:s(0) ack r+1");
    state(next[at]);
    ready(at == FIN_WAIT_2 ? HF_READABLE | HF_PEER_CLOSED | HF_ENDED
                           : HF_READABLE | HF_PEER_CLOSED);
    user_receive(0);
}

/* FIN implies PUSH: text before it is delivered with it. */
static void with_text(enum reached at)
{
    reach(at);
    in("F. r:r+50(50) ack %u", at == FIN_WAIT_2 ? 2 : 1);
    out(". s:s(0) ack r+51");
    user_receive(50);
    user_receive(0);
}

/* FIN-WAIT-1: the same segment acknowledges our FIN and carries the peer's. */
static void fin_wait_1_acknowledged(enum reached at)
{
    reach(at);
    in("F. 1:1(0) ack 2");
    out(". 2:2(0) ack 2");
    state("TIME-WAIT");
    status_state("TIME-WAIT");
    user_receive(0);
}

/* A FIN again: answered, nothing changes. */
static void repeated(enum reached at)
{
    reach(at);
    in("F. r-1:r-1(0) ack %u", at == CLOSE_WAIT ? 1 : script.s - 1);
    out(". s:s(0) ack r");
    state(reached_text(at));
    counted(segment_out_of_window, 1);
}

/* A second FIN that claims to lie behind the first. */
static void further(enum reached at)
{
    reach(at);
    in("F. r:r(0) ack %u", at == CLOSE_WAIT ? 1 : script.s - 1);
    forget_output();
    state(reached_text(at));
    assert_int_equal(the_tcb()->rcv_nxt.value - SCRIPT_PEER_ISN, script.r);
}

/* The whole of figure 12, from our side and from the peer's. */
static void four_segments(enum reached at)
{
    (void)at;
    reach(ESTABLISHED);
    user_shutdown();
    out("F. 1:1(0) ack 1");
    in(". 1:1(0) ack 2");
    state("FIN-WAIT-2");
    in("F. 1:1(0) ack 2");
    out(". 2:2(0) ack 2");
    state("TIME-WAIT");
    wait_ms(59990);
    state("TIME-WAIT");
    wait_ms(20);
    state("LISTEN");
    status_state("CLOSED");
}

static void four_segments_from_the_peer(enum reached at)
{
    (void)at;
    reach(ESTABLISHED);
    in("F. 1:1(0) ack 1");
    out(". 1:1(0) ack 2");
    state("CLOSE-WAIT");
    user_send(500);
    user_shutdown();
    out("FP. 1:501(500) ack 2");
    state("LAST-ACK");
    in(". 2:2(0) ack 502");
    state("CLOSED");
    status_state("CLOSED");
}

/* Figure 13: both close at once. */
static void simultaneous(enum reached at)
{
    (void)at;
    reach(ESTABLISHED);
    user_shutdown();
    out("F. 1:1(0) ack 1");
    in("F. 1:1(0) ack 1");
    out(". 2:2(0) ack 2");
    state("CLOSING");
    in(". 2:2(0) ack 2");
    state("TIME-WAIT");
}

static const struct scripted tests[] = {
    {"fin/closed", closed_reset, CLOSED},
    {"fin/listen", dropped, LISTEN},
    {"fin/syn-sent", dropped, SYN_SENT},
    {"fin/half-open", syn_received, HALF_OPEN},
    {"fin/syn-received", syn_received, SYN_RECEIVED},
    {"fin/established", in_order, ESTABLISHED},
    {"fin/established-with-text", with_text, ESTABLISHED},
    {"fin/fin-wait-1", in_order, FIN_WAIT_1},
    {"fin/fin-wait-1-with-text", with_text, FIN_WAIT_1},
    {"fin/fin-wait-1-acknowledged", fin_wait_1_acknowledged, FIN_WAIT_1},
    {"fin/fin-wait-2", in_order, FIN_WAIT_2},
    {"fin/fin-wait-2-with-text", with_text, FIN_WAIT_2},
    {"fin/close-wait-repeated", repeated, CLOSE_WAIT},
    {"fin/close-wait-further", further, CLOSE_WAIT},
    {"fin/closing-repeated", repeated, CLOSING},
    {"fin/closing-further", further, CLOSING},
    {"fin/last-ack-repeated", repeated, LAST_ACK},
    {"fin/last-ack-further", further, LAST_ACK},
    {"fin/four-segments", four_segments, ESTABLISHED},
    {"fin/four-segments-from-the-peer", four_segments_from_the_peer, ESTABLISHED},
    {"fin/simultaneous", simultaneous, ESTABLISHED},
};

int main(void)
{
    return script_main(tests);
}
