/* What the user calls, state by state. [RFC 9293 3.10.2 to 3.10.6, 3.9.1, MUST-12, MUST-41, SHLD-3] */
#include "script.h"

/* "connection does not exist": never opened, or given up. */
static void closed(enum reached at)
{
    reach(at);
    must_be(HF_NO_SOCKET, script_send(1));
    must_be(HF_NO_SOCKET, script_receive(HERE, 1));
    must_be(HF_NO_SOCKET, script_shutdown());
    must_be(HF_NO_SOCKET, script_close());
    must_be(HF_NO_SOCKET, script_abort());
    must_be(HF_NO_SOCKET, hf_status(script.stack, 12345, &(struct hf_status){0}));
    out_nothing();
}

/* A value that was good once is never good again, though its slot is. */
static void closed_stale(enum reached at)
{
    hf_socket stale;

    (void)at;
    reach(SYN_SENT);
    stale = script.socket;
    user_abort();
    must_be(HF_NO_SOCKET, script_send(1));
    user_connect();
    out("S *:*(0) <...>");
    assert_true(script.socket != stale);
    script.socket = stale;
    must_be(HF_NO_SOCKET, script_send(1));
    must_be(HF_NO_SOCKET, script_abort());
    state("SYN-SENT");
}

static void listen_calls(enum reached at)
{
    struct hf_status status;
    hf_socket other;

    reach(at);
    script.socket = script.listener;
    must_be(HF_NOT_CONNECTED, script_send(1));
    must_be(HF_NOT_CONNECTED, script_receive(HERE, 1));
    must_be(HF_NOT_CONNECTED, script_shutdown());
    must_be(HF_AGAIN, hf_accept(script.stack, script.listener, &other));
    must_be(HF_OK, hf_status(script.stack, script.listener, &status));
    assert_int_equal(status.state, HF_STATE_LISTEN);
    assert_int_equal(status.local.port, SCRIPT_LISTEN_PORT);
    state("LISTEN");
}

static void listen_close(enum reached at)
{
    reach(at);
    user_close();
    out_nothing();
    state("CLOSED");
    must_be(HF_NO_SOCKET, script_close());
    in("S 0:0(0) <mss 1460>");
    out("R. 0:0(0) ack 1");
}

static void listen_abort(enum reached at)
{
    reach(at);
    user_abort();
    out_nothing();
    state("CLOSED");
}

/* Closing a listener resets its half-opens and those whom nobody accepted. */
static void listen_close_with_half_open(enum reached at)
{
    reach(at);
    user_close();
    out("R. 1:1(0) ack 1");
    state("CLOSED");
    counted(syn_cache_listener_closed, 1);
}

static void listen_close_with_queue(enum reached at)
{
    reach(at);
    in(". 1:1(0) ack 1");
    state("ESTABLISHED");
    user_close();
    out("R. 1:1(0) ack 1");
    state("CLOSED");
}

/* A second passive OPEN of the same: refused, and the first untouched. [RFC 9293 MUST-41, MUST-42] */
static void open_passive(enum reached at)
{
    hf_socket first, other;

    reach(at);
    first = script.listener;
    if (at == SYN_SENT || at == SYN_RECEIVED) { /* a distinct record of its own */
        must_be(HF_OK, hf_listen(script.stack, &(struct hf_endpoint){.port = SCRIPT_CONNECT_PORT},
                                 &other));
        must_be(HF_OK, hf_close(script.stack, other, script.now_us));
    } else {
        must_be(HF_ADDRESS_IN_USE, script_listen());
        script.listener = first;
    }
    out_nothing();
    state(reached_text(at));
}

/* A second active OPEN of a flow that exists: "connection already exists". */
static void open_active(enum reached at)
{
    struct hf_config config = script_config();
    struct hf_endpoint local, remote;
    hf_socket other;

    config.allow_simultaneous_at_listener = true;
    script_begin(&config);
    reach(at);
    local = (struct hf_endpoint){.port = script.our_port};
    remote = (struct hf_endpoint){script.from, SCRIPT_PEER_PORT};
    must_be(HF_ADDRESS_IN_USE, hf_connect(script.stack, &local, &remote, &other, script.now_us));
    out_nothing();
    state(reached_text(at));
}

/* SYN-SENT and SYN-RECEIVED: queued until ESTABLISHED, with room and without. */
static void early_send(enum reached at)
{
    reach(at);
    user_send(30000);
    must_be(2768, script_send(30000));
    must_be(HF_AGAIN, script_send(1)); /* "insufficient resources": again when there is room */
    out_nothing();
    in("%s", at == SYN_SENT ? "S. 0:0(0) ack 1 win 3000 <mss 1460>" : ". 1:1(0) ack 1 win 3000");
    out(". 1:1461(1460) ack 1");
    out(". 1461:2921(1460) ack 1");
    state("ESTABLISHED");
    assert_int_equal(user_status().send_queued, 32768);
}

static void early_receive(enum reached at)
{
    reach(at);
    must_be(HF_AGAIN, script_receive(HERE, 10));
    status_state(reached_text(at));
    out_nothing();
}

/* SYN-SENT: nobody is there yet, so nothing is sent. */
static void syn_sent_close(enum reached at)
{
    reach(at);
    user_send(10);
    user_close();
    out_nothing();
    state("CLOSED");
    in("S. 0:0(0) ack 1");
    out("R 1:1(0)");
}

static void syn_sent_shutdown(enum reached at)
{
    reach(at);
    user_shutdown();
    out_nothing();
    state("CLOSED");
    must_be(HF_ABORTED, script_receive(HERE, 1));
}

static void syn_sent_abort(enum reached at)
{
    reach(at);
    user_abort();
    out_nothing();
    state("CLOSED");
}

/* CLOSE in SYN-RECEIVED: FIN-WAIT-1 at once; our FIN follows once our SYN is acknowledged. */
static void syn_received_close(enum reached at)
{
    reach(at);
    user_shutdown();
    out_nothing();
    state("FIN-WAIT-1");
    in(". 1:1(0) ack 1");
    out("F. 1:1(0) ack 1");
    in(". 1:1(0) ack 2");
    state("FIN-WAIT-2");
}

/* With data pending it goes before the FIN. */
static void syn_received_close_with_text(enum reached at)
{
    reach(at);
    user_send(10);
    user_shutdown();
    out_nothing();
    in(". 1:1(0) ack 1");
    out("FP. 1:11(10) ack 1");
    state("FIN-WAIT-1");
}

/* The peer's FIN may come with the ACK of our SYN although we have closed already. */
static void syn_received_close_then_fin(enum reached at)
{
    reach(at);
    user_shutdown();
    in("F. 1:1(0) ack 1");
    out("F. 1:1(0) ack 2");
    state("CLOSING");
    in(". 2:2(0) ack 2");
    state("TIME-WAIT");
}

/* ABORT: <SEQ=SND.NXT><CTL=RST>, queues flushed, the socket gone. */
static void abort_resets(enum reached at)
{
    reach(at);
    user_abort();
    out("R. s:s(0) ack r");
    state("CLOSED");
    must_be(HF_NO_SOCKET, script_receive(HERE, 1));
    assert_int_equal(script.stack->tcp.chunks.pool.count, 0);
    counted(connections_aborted, 1);
}

static void abort_flushes(enum reached at)
{
    reach_window(at, 100);
    in("P. 1:11(10) ack 1");
    user_send(500);
    out(". 1:101(100) ack 11");
    user_abort();
    out("R. 101:101(0) ack 11");
    assert_int_equal(script.stack->tcp.chunks.pool.count, 0);
}

/* A segment of the aborted connection meets nobody. */
static void abort_then_segment(enum reached at)
{
    reach(at);
    user_abort();
    out("R. s:s(0) ack r");
    in("P. r:r+5(5) ack s");
    out("R s:s(0)");
}

/* TIME-WAIT: ok; the socket is gone, the quiet time goes on. */
static void time_wait_abort(enum reached at)
{
    reach(at);
    user_abort();
    out_nothing();
    must_be(HF_NO_SOCKET, script_receive(HERE, 1));
    state("TIME-WAIT");
}

static void status(enum reached at)
{
    struct hf_status found;

    reach(at);
    status_state(reached_text(at));
    found = user_status();
    assert_int_equal(found.error, HF_OK);
    assert_int_equal(found.remote.port, SCRIPT_PEER_PORT);
    assert_int_equal(found.local.port, script.our_port);
    assert_int_equal(found.iss, script.iss);
}

/* A half-open has no socket; its listener counts it. */
static void half_open_status(enum reached at)
{
    struct hf_status found;

    reach(at);
    must_be(HF_OK, hf_status(script.stack, script.listener, &found));
    assert_int_equal(found.state, HF_STATE_LISTEN);
    assert_int_equal(found.half_opens, 1);
    must_be(HF_AGAIN, script_accept());
}

/* SEND: as window and segment size allow; without room: HF_AGAIN, and word when there is room again. */
static void send_now(enum reached at)
{
    reach(at);
    user_send(3000);
    out(". 1:1461(1460) ack r");
    out(". 1461:2921(1460) ack r");
    in(". r:r(0) ack 2921");
    out("P. 2921:3001(80) ack r");
    in(". r:r(0) ack 3001");
    state(reached_text(at));
}

static void send_without_room(enum reached at)
{
    reach(at);
    in(". r:r(0) ack 1 win 0");
    must_be(32768, script_send(40000));
    must_be(HF_AGAIN, script_send(1));
    ready(0);
    in(". r:r(0) ack 1 win 65535");
    assert_int_equal(forget_output(), 10); /* the initial window */
    in(". r:r(0) ack 14601");
    forget_output();
    ready(0); /* not for a crumb of room */
    in(". r:r(0) ack 29201");
    forget_output();
    ready(HF_WRITABLE);
}

/* RECEIVE: what is there, a part of it, or HF_AGAIN. */
static void receive_now(enum reached at)
{
    reach(at);
    must_be(HF_AGAIN, script_receive(HERE, 10));
    in("P. r:r+10(10) ack s");
    user_receive(4);
    must_be(6, script_receive(HERE, 100));
    must_be(HF_AGAIN, script_receive(HERE, 10));
    wait_ms(42);
    out(". s:s(0) ack r+10");
}

/* CLOSE-WAIT and later: what is held is delivered, then "connection closing". */
static void receive_rest(enum reached at)
{
    reach(ESTABLISHED);
    script.s = 1;
    if (at == CLOSING || at == TIME_WAIT) {
        user_shutdown();
        out("F. 1:1(0) ack 1");
        script.s = 2;
    }
    in("FP. 1:11(10) ack %d", at == TIME_WAIT ? 2 : 1);
    out(". s:s(0) ack 12");
    if (at == LAST_ACK) {
        user_shutdown();
        out("F. 1:1(0) ack 12");
    }
    state(reached_text(at));
    user_receive(10);
    user_receive(0);
    user_receive(0);
    in("R 12:12(0)");
}

/* CLOSE: FIN after what is queued. */
static void close_sends_fin(enum reached at)
{
    reach_window(at, 100);
    user_send(150);
    out(". 1:101(100) ack r"); /* as much as the window lets through */
    user_shutdown();
    state(at == CLOSE_WAIT ? "LAST-ACK" : "FIN-WAIT-1");
    in(". r:r(0) ack 101");
    out("FP. 101:151(50) ack r");
    must_be(HF_CLOSING, script_send(1));
}

/* SEND after CLOSE: "connection closing". */
static void send_after_close(enum reached at)
{
    reach(at);
    must_be(HF_CLOSING, script_send(10));
    must_be(HF_CLOSING, script_send_urgent(10));
    out_nothing();
    state(reached_text(at));
}

static void close_again(enum reached at)
{
    reach(at);
    must_be(HF_CLOSING, script_shutdown());
    user_close();
    out_nothing();
    state(reached_text(at));
    must_be(HF_NO_SOCKET, script_close());
}

static const struct scripted tests[] = {
    {"calls/closed", closed, CLOSED},
    {"calls/closed-stale", closed_stale, CLOSED},
    {"calls/listen", listen_calls, LISTEN},
    {"calls/listen-close", listen_close, LISTEN},
    {"calls/listen-abort", listen_abort, LISTEN},
    {"calls/listen-close-with-half-open", listen_close_with_half_open, HALF_OPEN},
    {"calls/listen-close-with-queue", listen_close_with_queue, HALF_OPEN},
    {"calls/half-open-status", half_open_status, HALF_OPEN},
    {"calls/listen-open-passive", open_passive, LISTEN},
    {"calls/syn-sent-open-passive", open_passive, SYN_SENT},
    {"calls/half-open-open-passive", open_passive, HALF_OPEN},
    {"calls/syn-received-open-passive", open_passive, SYN_RECEIVED},
    {"calls/established-open-passive", open_passive, ESTABLISHED},
    {"calls/fin-wait-1-open-passive", open_passive, FIN_WAIT_1},
    {"calls/fin-wait-2-open-passive", open_passive, FIN_WAIT_2},
    {"calls/close-wait-open-passive", open_passive, CLOSE_WAIT},
    {"calls/closing-open-passive", open_passive, CLOSING},
    {"calls/last-ack-open-passive", open_passive, LAST_ACK},
    {"calls/time-wait-open-passive", open_passive, TIME_WAIT},
    {"calls/syn-sent-open-active", open_active, SYN_SENT},
    {"calls/half-open-open-active", open_active, HALF_OPEN},
    {"calls/syn-received-open-active", open_active, SYN_RECEIVED},
    {"calls/established-open-active", open_active, ESTABLISHED},
    {"calls/fin-wait-1-open-active", open_active, FIN_WAIT_1},
    {"calls/fin-wait-2-open-active", open_active, FIN_WAIT_2},
    {"calls/close-wait-open-active", open_active, CLOSE_WAIT},
    {"calls/closing-open-active", open_active, CLOSING},
    {"calls/last-ack-open-active", open_active, LAST_ACK},
    {"calls/time-wait-open-active", open_active, TIME_WAIT},
    {"calls/syn-sent-send", early_send, SYN_SENT},
    {"calls/syn-sent-receive", early_receive, SYN_SENT},
    {"calls/syn-sent-close", syn_sent_close, SYN_SENT},
    {"calls/syn-sent-shutdown", syn_sent_shutdown, SYN_SENT},
    {"calls/syn-sent-abort", syn_sent_abort, SYN_SENT},
    {"calls/syn-sent-status", status, SYN_SENT},
    {"calls/syn-received-send", early_send, SYN_RECEIVED},
    {"calls/syn-received-receive", early_receive, SYN_RECEIVED},
    {"calls/syn-received-close", syn_received_close, SYN_RECEIVED},
    {"calls/syn-received-close-with-text", syn_received_close_with_text, SYN_RECEIVED},
    {"calls/syn-received-close-then-fin", syn_received_close_then_fin, SYN_RECEIVED},
    {"calls/syn-received-abort", abort_resets, SYN_RECEIVED},
    {"calls/syn-received-status", status, SYN_RECEIVED},
    {"calls/established-send", send_now, ESTABLISHED},
    {"calls/established-send-without-room", send_without_room, ESTABLISHED},
    {"calls/established-receive", receive_now, ESTABLISHED},
    {"calls/established-close", close_sends_fin, ESTABLISHED},
    {"calls/established-abort", abort_resets, ESTABLISHED},
    {"calls/established-abort-flushes", abort_flushes, ESTABLISHED},
    {"calls/established-abort-then-segment", abort_then_segment, ESTABLISHED},
    {"calls/established-status", status, ESTABLISHED},
    {"calls/fin-wait-1-send", send_after_close, FIN_WAIT_1},
    {"calls/fin-wait-1-receive", early_receive, FIN_WAIT_1},
    {"calls/fin-wait-1-close", close_again, FIN_WAIT_1},
    {"calls/fin-wait-1-abort", abort_resets, FIN_WAIT_1},
    {"calls/fin-wait-1-status", status, FIN_WAIT_1},
    {"calls/fin-wait-2-send", send_after_close, FIN_WAIT_2},
    {"calls/fin-wait-2-receive", receive_now, FIN_WAIT_2},
    {"calls/fin-wait-2-close", close_again, FIN_WAIT_2},
    {"calls/fin-wait-2-abort", abort_resets, FIN_WAIT_2},
    {"calls/fin-wait-2-status", status, FIN_WAIT_2},
    {"calls/close-wait-send", send_now, CLOSE_WAIT},
    {"calls/close-wait-send-without-room", send_without_room, CLOSE_WAIT},
    {"calls/close-wait-receive", receive_rest, CLOSE_WAIT},
    {"calls/close-wait-close", close_sends_fin, CLOSE_WAIT},
    {"calls/close-wait-abort", abort_resets, CLOSE_WAIT},
    {"calls/close-wait-status", status, CLOSE_WAIT},
    {"calls/closing-send", send_after_close, CLOSING},
    {"calls/closing-receive", receive_rest, CLOSING},
    {"calls/closing-close", close_again, CLOSING},
    {"calls/closing-abort", abort_resets, CLOSING},
    {"calls/closing-status", status, CLOSING},
    {"calls/last-ack-send", send_after_close, LAST_ACK},
    {"calls/last-ack-receive", receive_rest, LAST_ACK},
    {"calls/last-ack-close", close_again, LAST_ACK},
    {"calls/last-ack-abort", abort_resets, LAST_ACK},
    {"calls/last-ack-status", status, LAST_ACK},
    {"calls/time-wait-send", send_after_close, TIME_WAIT},
    {"calls/time-wait-receive", receive_rest, TIME_WAIT},
    {"calls/time-wait-close", close_again, TIME_WAIT},
    {"calls/time-wait-abort", time_wait_abort, TIME_WAIT},
    {"calls/time-wait-status", status, TIME_WAIT},
};

int main(void)
{
    return script_main(tests);
}
