/* OPEN, and what a SYN may and may not open. [RFC 9293 3.10.1, 3.10.7.2, 3.7.1, MUST-5, MUST-6, MUST-10, MUST-14 to MUST-16, MUST-41
 * to MUST-46, MUST-57, MUST-63; RFC 7323 2] */
#include "script.h"

static int connect_to(const struct hf_endpoint *remote, uint16_t local_port)
{
    struct hf_endpoint local = {.port = local_port};

    script.our_port = local_port;
    return hf_connect(script.stack, &local, remote, &script.socket, script.now_us);
}

static void passive(enum reached at)
{
    reach(at);
    user_listen();
    state("LISTEN");
    status_state("LISTEN");
    out_nothing();
}

static void passive_invalid(enum reached at)
{
    struct hf_endpoint local = {.port = 0};
    hf_socket listener;

    reach(at);
    must_be(HF_INVALID, hf_listen(script.stack, &local, &listener));
    local = (struct hf_endpoint){script_address("203.0.113.1", "2001:db8:9::1"), 80};
    must_be(HF_NO_ADDRESS, hf_listen(script.stack, &local, &listener)); /* [RFC 9293 MUST-43] */
    state("CLOSED");
}

static void passive_no_room(enum reached at)
{
    struct hf_config config = script_config();
    struct hf_endpoint local = {.port = 81};
    hf_socket listener;

    config.max_listeners = 1;
    script_begin(&config);
    reach(at);
    user_listen();
    must_be(HF_NO_ROOM, hf_listen(script.stack, &local, &listener));
}

/* Several listeners at one port of different addresses; the most specific is asked. [RFC 9293 MUST-42] */
static void passive_specific(enum reached at)
{
    struct hf_endpoint local = {script.to, SCRIPT_LISTEN_PORT};
    hf_socket specific, connection;

    reach(at);
    must_be(HF_OK, hf_listen(script.stack, &local, &specific));
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    in(". 1:1(0) ack 1");
    must_be(HF_AGAIN, script_accept());
    must_be(HF_OK, hf_accept(script.stack, specific, &connection));
}

/* <SEQ=ISS><CTL=SYN>; SND.UNA = ISS, SND.NXT = ISS+1, the retransmission timer runs. The MSS is what the MTU leaves beside
 * the fixed headers, and is always told. [RFC 9293 MUST-67, SHLD-5, MAY-3, X-23] */
static void active(enum reached at)
{
    reach(at);
    user_connect();
    out("S 0:0(0) win 32768 <mss 1460,sackOK,TS val 0 ecr 0,wscale 0>");
    state("SYN-SENT");
    assert_int_equal(the_tcb()->snd_una.value, script.iss);
    assert_int_equal(the_tcb()->snd_nxt.value, script.iss + 1);
    assert_true(the_tcb()->deadline_us[TCP_TIMER_RETRANSMIT] == script.now_us + 1000000);
    in("R. 0:0(0) ack 1");
}

/* Only one host can be asked, and it is not ourselves. [RFC 9293 MUST-46, MUST-10] */
static void active_unspecified(enum reached at)
{
    struct hf_endpoint remote = {.port = SCRIPT_PEER_PORT};

    reach(at);
    must_be(HF_INVALID, connect_to(&remote, 4000));
    remote = (struct hf_endpoint){script.from, 0};
    must_be(HF_INVALID, connect_to(&remote, 4000));
    remote = (struct hf_endpoint){script_address("224.0.0.1", "ff02::1"), 80};
    must_be(HF_INVALID, connect_to(&remote, 4000));
    remote = (struct hf_endpoint){script_address("255.255.255.255", "::"), 80};
    must_be(HF_INVALID, connect_to(&remote, 4000));
    remote = (struct hf_endpoint){script_address("192.0.2.1", "2001:db8::1"), 80};
    must_be(HF_INVALID, connect_to(&remote, 4000));
    out_nothing();
    state(reached_text(at));
}

static void active_no_room(enum reached at)
{
    struct hf_config config = script_config();
    struct hf_endpoint remote;

    config.max_connections = 1;
    script_begin(&config);
    reach(at);
    user_connect();
    out("S 0:0(0) <...>");
    remote = (struct hf_endpoint){script.from, SCRIPT_PEER_PORT};
    must_be(HF_NO_ROOM, connect_to(&remote, 4001));
    out_nothing();
}

/* From a port that listens: refused by default; if it is allowed, the listener stays and the new connection is its own. */
static void active_from_listener(enum reached at)
{
    struct hf_config config = script_config();
    struct hf_endpoint remote = {script.from, SCRIPT_PEER_PORT};
    hf_socket listener;

    reach(at);
    must_be(HF_ADDRESS_IN_USE, connect_to(&remote, SCRIPT_LISTEN_PORT));
    config.allow_simultaneous_at_listener = true;
    script_begin(&config);
    reach(at);
    listener = script.listener;
    must_be(HF_OK, connect_to(&remote, SCRIPT_LISTEN_PORT));
    out("S 0:0(0) <...>");
    state("SYN-SENT");
    in("S. 0:0(0) ack 1 <mss 1460>");
    out(". 1:1(0) ack 1");
    status_state("ESTABLISHED");
    script.socket = 0;
    script.listener = listener;
    status_state("LISTEN");
}

/* Ports of our own choice make flows of their own. [RFC 6056] */
static void active_ports(enum reached at)
{
    struct hf_endpoint remote = {script.from, 80};
    uint16_t ports[20];

    reach(at);
    for (int i = 0; i < 20; i++) {
        must_be(HF_OK, hf_connect(script.stack, NULL, &remote, &script.socket, script.now_us));
        ports[i] = user_status().local.port;
        assert_true(ports[i] >= 1024);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(ports[i], ports[j]);
    }
    assert_int_equal(forget_output(), 20);
}

/* No host may speak from such an address: dropped silently. [RFC 9293 MUST-57, MUST-63] */
static void syn_from_nobody(enum reached at)
{
    static const char *const v4[] = {"224.0.0.9", "255.255.255.255", "192.0.2.255",
                                     "127.0.0.1", "0.0.0.0",         "192.0.2.1"};
    static const char *const v6[] = {"ff02::9", "ff0e::1", "::1", "::", "2001:db8::1", "ff02::1"};

    reach(at);
    for (int i = 0; i < 6; i++) {
        script.from = script_address(v4[i], v6[i]);
        in("S 0:0(0) <mss 1460>");
        out_nothing();
        state("LISTEN");
        assert_int_equal(script.last.verdict, HF_DROPPED);
    }
    counted(syn_received, 0);
}

static void syn_to_everybody(enum reached at)
{
    static const char *const v4[] = {"224.0.0.1", "255.255.255.255", "192.0.2.255"};
    static const char *const v6[] = {"ff02::1", "ff02::1:ff00:1", "ff0e::1"};

    reach(at);
    for (int i = 0; i < 3; i++) {
        script.to = script_address(v4[i], v6[i]);
        in("S 0:0(0) <mss 1460>");
        in(". 1:1(0) ack 1");
        out_nothing();
        state("LISTEN");
    }
}

/* What the peer did not offer is not answered, and not used. [RFC 7323 2.2, 3.2; RFC 2018 2] */
static void options_bare(enum reached at)
{
    reach(at);
    in("S 0:0(0) win 3000");
    out("S. 0:0(0) ack 1 win 32768 <mss 1460>");
    in(". 1:1(0) ack 1 win 3000");
    user_accept();
    user_send(2000);
    out(". 1:%d(%d) ack 1", script.v6 ? 1221 : 537,
        script.v6 ? 1220 : 536); /* [RFC 9293 MUST-15] */
    assert_int_equal(the_tcb()->mss, script.v6 ? 1220 : 536);
    forget_output();
}

/* Both sides' windows are scaled from the first segment after the SYNs, never in them. [RFC 7323 2.2, 2.3]
 * [R7323-05] */
static void options_scale(enum reached at)
{
    struct hf_config config = script_config();

    config.receive_bytes = 1 << 20;
    script_begin(&config);
    reach(at);
    in("S 0:0(0) win 1000 <mss 1460,nop,wscale 15>");
    out("S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 5>");
    in("P. 1:11(10) ack 1 win 2");
    user_accept();
    assert_int_equal(the_tcb()->snd_wind_shift, 14); /* above 14 is used as 14 */
    assert_int_equal(user_status().send_window, 2 << 14);
    wait_ms(42);
    out(". 1:1(0) ack 11 win *");
    assert_true(user_status().receive_window > 65535);
}

/* Unknown options are passed over, malformed ones end the reading; neither stops the handshake. [RFC 9293 MUST-5, MUST-6, MUST-7] */
static void options_odd(enum reached at)
{
    reach(at);
    in("S 0:0(0) <hex fd04abcd,mss 1000,hex 1e080000deadbeef>"); /* among them MPTCP's */
    out("S. 0:0(0) ack 1 <mss 1460>");
    in("R 1:1(0)");
    forget_numbers();
    in("S 0:0(0) <mss 1000,hex 0800,sackOK>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    in(". 1:1(0) ack 1 <hex 0201>");
    user_accept();
    assert_int_equal(the_tcb()->mss, 1000);
    state("ESTABLISHED");
}

/* Options of a peer who names a MSS of nothing do not make us send headers alone. */
static void options_tiny_mss(enum reached at)
{
    reach(at);
    in("S 0:0(0) <mss 0>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    in(". 1:1(0) ack 1");
    user_accept();
    assert_true(the_tcb()->mss >= 64);
}

/* Timestamps leave less room for text; no MSS but in SYNs. [RFC 9293 MUST-16, MUST-65; RFC 6691] */
static void options_take_room(enum reached at)
{
    reach_with(at, "mss 1460,nop,nop,TS val 100 ecr 0");
    user_send(1460);
    out(". 1:1449(1448) ack 1 <nop,nop,TS val * ecr 100>");
    in(". 1:1(0) ack 1449");
    out("P. 1449:1461(12) ack 1 <nop,nop,TS val * ecr 100>");
}

/* A full accept queue: no SYN is answered, and a handshake that is under way waits. */
static void accept_queue_full(enum reached at)
{
    struct hf_listen_options options = {.local = {.port = SCRIPT_LISTEN_PORT}, .backlog = 1};
    hf_socket connection;

    reach(at);
    must_be(HF_OK, hf_listen_with(script.stack, &options, &script.listener));
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    in(". 1:1(0) ack 1");
    script.from = script_address("192.0.2.10", "2001:db8::a");
    in("S 0:0(0) <mss 1460>");
    out_nothing();
    counted(syn_accept_queue_full, 1);
    must_be(HF_OK, hf_accept(script.stack, script.listener, &connection));
    in("S 0:0(0) <mss 1460>");
    out("S. *:*(0) ack 1 <mss 1460>");
}

/* A bare SYN meets our own at a port that listens: refused unless it is allowed. (docs/decisions/deviations.md) */
static void simultaneous_at_listener(enum reached at)
{
    reach(at);
    must_be(HF_OK, hf_listen(script.stack, &(struct hf_endpoint){.port = SCRIPT_CONNECT_PORT},
                             &script.listener));
    in("S 0:0(0) <mss 1460>");
    out_nothing();
    state("SYN-SENT");
    counted(simultaneous_refused, 1);
}

/* The ISS follows a clock of 4 us. [RFC 9293 MUST-8, SHLD-1; RFC 6528 3] [R6528-01] */
static void iss_clock(enum reached at)
{
    uint32_t first;

    reach(at);
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    in("R 1:1(0)");
    first = script.iss;
    wait_ms(4000);
    forget_numbers();
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    assert_int_equal(script.iss - first, 1000000);
}

/* Who resets before anybody has taken him leaves nothing behind but a count. */
static void left_before_accepted(enum reached at)
{
    reach(at);
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <mss 1460>");
    in(". 1:1(0) ack 1");
    in("R 1:1(0)");
    out_nothing();
    counted(accept_queue_left, 1);
    must_be(HF_AGAIN, script_accept());
}

static const struct scripted tests[] = {
    {"open/closed-passive", passive, CLOSED},
    {"open/closed-passive-invalid", passive_invalid, CLOSED},
    {"open/closed-passive-no-room", passive_no_room, CLOSED},
    {"open/closed-active", active, CLOSED},
    {"open/closed-active-unspecified", active_unspecified, CLOSED},
    {"open/closed-active-no-room", active_no_room, CLOSED},
    {"open/closed-active-ports", active_ports, CLOSED},
    {"open/listen-passive-specific", passive_specific, LISTEN},
    {"open/listen-active-unspecified", active_unspecified, LISTEN},
    {"open/listen-active-no-room", active_no_room, LISTEN},
    {"open/listen-active", active_from_listener, LISTEN},
    {"open/listen-syn-from-nobody", syn_from_nobody, LISTEN},
    {"open/listen-syn-to-everybody", syn_to_everybody, LISTEN},
    {"open/options-bare", options_bare, LISTEN},
    {"open/options-scale", options_scale, LISTEN},
    {"open/options-odd", options_odd, LISTEN},
    {"open/options-tiny-mss", options_tiny_mss, LISTEN},
    {"open/options-take-room", options_take_room, ESTABLISHED},
    {"open/accept-queue-full", accept_queue_full, CLOSED},
    {"open/left-before-accepted", left_before_accepted, LISTEN},
    {"open/simultaneous-at-listener", simultaneous_at_listener, SYN_SENT},
    {"open/iss-clock", iss_clock, LISTEN},
};

int main(void)
{
    return script_main(tests);
}
