/* Segment text, state by state. [RFC 9293 3.10.7.1 to 3.10.7.4 seventh check, MUST-58, SHLD-14, SHLD-18, SHLD-19, MAY-1] */
#include "script.h"

/* To no connection: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
static void closed_reset(enum reached at)
{
    reach(at);
    in("P 5:15(10)");
    out("R. 0:0(0) ack 15");
    in("- 5:5(0)");
    out("R. 0:0(0) ack 5");
    state("CLOSED");
    counted(stray_other, 2);
}

/* Neither RST nor ACK nor SYN: dropped. [RFC 9293 3.10.7.2 fourth] */
static void listen_dropped(enum reached at)
{
    reach(at);
    in("P 1:11(10)");
    out_nothing();
    state("LISTEN");
    counted(stray_other, 1);
}

/* Neither SYN nor RST: dropped. [RFC 9293 3.10.7.3 fifth] */
static void syn_sent_dropped(enum reached at)
{
    reach(at);
    in("P 1:11(10)");
    in("P. 1:11(10) ack 1");
    out_nothing();
    state("SYN-SENT");
    counted(segment_no_syn, 2);
}

/* Text on the segment that ends the handshake is not lost. */
static void syn_received_text(enum reached at)
{
    reach(at);
    in("P. 1:11(10) ack 1");
    state("ESTABLISHED");
    if (at == HALF_OPEN)
        user_accept();
    user_receive(10);
    wait_ms(42);
    out(". 1:1(0) ack 11");
}

/* In order: delivered, and acknowledged a little later. */
static void in_order(enum reached at)
{
    reach(at);
    in("P. r:r+100(100) ack s");
    out_nothing();
    ready(HF_READABLE);
    user_receive(60);
    user_receive(40);
    must_be(HF_AGAIN, script_receive(HERE, 1));
    wait_ms(38);
    out_nothing();
    wait_ms(4);
    out(". s:s(0) ack r+100");
    state(at == FIN_WAIT_1 ? "FIN-WAIT-2" : reached_text(at));
    counted(delayed_acks, 1);
}

/* One ACK for every second full segment, counted in bytes. [RFC 9293 SHLD-19; RFC 5681 4.2] */
static void acknowledged_by_bytes(enum reached at)
{
    reach(at);
    in(". 1:1461(1460) ack 1");
    out_nothing();
    in(". 1461:2921(1460) ack 1");
    out(". 1:1(0) ack 2921");
    for (int i = 0; i < 29; i++)
        in("P. %d:%d(100) ack 1", 2921 + 100 * i, 3021 + 100 * i);
    out_nothing();
    in("P. 5821:5921(100) ack 1");
    out(". 1:1(0) ack 5921");
    user_receive(5920);
    out_nothing(); /* the next ACK for text tells of the room: a reader that keeps up costs no ACKs */
}

/* An ACK is never held back longer than half a second. [RFC 9293 MUST-40; RFC 5681 4.2] */
static void delayed_at_most(enum reached at)
{
    struct hf_config config = script_config();

    config.delayed_ack_ms = 501;
    assert_non_null(hf_config_error(&config));
    config.delayed_ack_ms = 500;
    script_begin(&config);
    reach(at);
    in("P. 1:2(1) ack 1");
    wait_ms(495);
    out_nothing();
    wait_ms(4);
    out(". 1:1(0) ack 2");
}

/* Our own text carries the ACK. */
static void piggybacked(enum reached at)
{
    reach(at);
    in("P. 1:11(10) ack 1");
    user_send(7);
    out("P. 1:8(7) ack 11");
    wait_ms(100);
    out_nothing();
    in(". 11:11(0) ack 8");
    user_receive(10);
}

/* Partly old, partly new: the new part is taken, once. [RFC 9293 3.10.7.4] */
static void overlapping(enum reached at)
{
    reach(at);
    in("P. 1:11(10) ack 1");
    in("P. 6:21(15) ack 1");
    user_receive(20);
    wait_ms(42);
    out(". 1:1(0) ack 21");
}

/* No buffer space: what fits is taken, the rest is not acknowledged; the window never shrinks. [RFC 9293 SHLD-14] */
static void no_space(enum reached at)
{
    struct hf_config config = script_config();

    config.receive_bytes = 2000;
    script_begin(&config);
    reach(at);
    in(". r:r+1460(1460) ack s");
    wait_ms(42);
    out(". s:s(0) ack r+1460 win 540");
    in("P. r+1460:r+2460(1000) ack s");
    wait_ms(42);
    out(". s:s(0) ack r+2000 win 0");
    in("P. r+2000:r+2460(460) ack s");
    out(". s:s(0) ack r+2000 win 0");
    user_receive(2000);
    out(". s:s(0) ack r+2000 win 2000");
    in("P. r+2000:r+2460(460) ack s");
    user_receive(460);
    wait_ms(42);
    out(". s:s(0) ack r+2460");
}

/* The peer has closed: no text can be new, and it is ignored. */
static void after_fin(enum reached at)
{
    reach(at);
    in("P. r:r+10(10) ack %u", at == CLOSING || at == LAST_ACK ? 1 : script.s);
    forget_output();
    state(reached_text(at));
    user_receive(0);
}

/* The user has closed for good and nobody will read: a RST shows that text is lost. [RFC 9293 MAY-1, SHLD-3] */
static void after_close(enum reached at)
{
    reach(ESTABLISHED);
    user_close();
    out("F. 1:1(0) ack 1");
    if (at == FIN_WAIT_2)
        in(". 1:1(0) ack 2");
    state(reached_text(at));
    in("P. 1:11(10) ack 2");
    out("R. 2:2(0) ack 1");
    state("CLOSED");
    counted(segment_after_close, 1);
    counted(connections_aborted, 1);
}

/* With text that nobody read, CLOSE itself is the RST. [RFC 9293 SHLD-3] */
static void unread_at_close(enum reached at)
{
    reach(at);
    in("P. r:r+10(10) ack s");
    user_close();
    out("R. s:s(0) ack r+10");
    state("CLOSED");
}

/* After a half-close receiving goes on. */
static void after_shutdown(enum reached at)
{
    reach(at);
    in("P. 1:3001(3000) ack 2");
    out(". 2:2(0) ack 3001");
    user_receive(3000);
    in("F. 3001:3001(0) ack 2");
    out(". 2:2(0) ack 3002");
    user_receive(0);
    state("TIME-WAIT");
}

static const struct scripted tests[] = {
    {"text/closed", closed_reset, CLOSED},
    {"text/listen", listen_dropped, LISTEN},
    {"text/syn-sent", syn_sent_dropped, SYN_SENT},
    {"text/half-open", syn_received_text, HALF_OPEN},
    {"text/syn-received", syn_received_text, SYN_RECEIVED},
    {"text/established", in_order, ESTABLISHED},
    {"text/established-acknowledged-by-bytes", acknowledged_by_bytes, ESTABLISHED},
    {"text/established-delayed-at-most", delayed_at_most, ESTABLISHED},
    {"text/established-piggybacked", piggybacked, ESTABLISHED},
    {"text/established-overlapping", overlapping, ESTABLISHED},
    {"text/established-no-space", no_space, ESTABLISHED},
    {"text/established-unread-at-close", unread_at_close, ESTABLISHED},
    {"text/fin-wait-1", in_order, FIN_WAIT_1},
    {"text/fin-wait-1-no-space", no_space, FIN_WAIT_1},
    {"text/fin-wait-1-after-close", after_close, FIN_WAIT_1},
    {"text/fin-wait-2", in_order, FIN_WAIT_2},
    {"text/fin-wait-2-no-space", no_space, FIN_WAIT_2},
    {"text/fin-wait-2-after-close", after_close, FIN_WAIT_2},
    {"text/fin-wait-2-after-shutdown", after_shutdown, FIN_WAIT_2},
    {"text/close-wait", after_fin, CLOSE_WAIT},
    {"text/closing", after_fin, CLOSING},
    {"text/last-ack", after_fin, LAST_ACK},
    {"text/time-wait", after_fin, TIME_WAIT},
};

int main(void)
{
    return script_main(tests);
}
