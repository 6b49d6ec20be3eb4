/* Connections opened by a SYN cookie, from the SYN to the last replay. [RFC 4987 3.6; RFC 9293 3.5; RFC 7323 5.3] */
#include "script.h"

#define ALL "mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 3"

static void listen_with(struct hf_listen_options options)
{
    options.local.port = SCRIPT_LISTEN_PORT;
    options.cookies = HF_COOKIES_ALWAYS;
    script.our_port = SCRIPT_LISTEN_PORT;
    must_be(HF_OK, hf_listen_with(script.stack, &options, &script.listener));
}

static uint32_t half_opens(void)
{
    return script.stack->gate.listeners[0].half_opens.count;
}

/* The handshake with every option, the ACK not yet sent. */
static void answered(void)
{
    listen_with((struct hf_listen_options){0});
    in("S 0:0(0) win 1000 <" ALL ">");
    out("S. 0:0(0) ack 1 win 32768 <mss 1460,sackOK,TS val 0 ecr 7,wscale 0>");
    state("LISTEN");
    assert_int_equal(half_opens(), 0);
}

static void opened(void)
{
    answered();
    in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    user_accept();
    state("ESTABLISHED");
    counted(cookie_opened, 1);
    counted(handshake_done, 1);
}

/* Everything that was agreed holds; our clock goes on from what the peer has seen. */
static void opens(enum reached at)
{
    (void)at;
    opened();
    assert_true(the_tcb()->flags & TCB_COOKIE);
    assert_int_equal(the_tcb()->mss, script.v6 ? 1440 : 1460);
    assert_int_equal(the_tcb()->snd_wnd, 500 << 3);
    user_send(100);
    out("P. 1:101(100) ack 1 <nop,nop,TS val 0 ecr 8>");
    wait_ms(30);
    in("P. 1:51(50) ack 101 win 500 <nop,nop,TS val 9 ecr 0>");
    user_send(100);
    out("P. 101:201(100) ack 51 <nop,nop,TS val 30 ecr 9>");
    user_receive(50);
}

/* From the first segment on what is older than the ACK is refused. [RFC 7323 5.3 R1] */
static void paws_holds_at_once(enum reached at)
{
    (void)at;
    opened();
    in("P. 1:51(50) ack 1 win 500 <nop,nop,TS val 7 ecr 0>");
    out(". 1:1(0) ack 1 <nop,nop,TS val 0 ecr 8>");
    counted(segment_paws, 1);
    in("P. 1:51(50) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    user_receive(50);
    wait_ms(50);
    out(". 1:1(0) ack 51 <nop,nop,TS val 40 ecr 8>");
}

/* No round-trip time is taken from a handshake of which nothing was kept: the first timeout is a second. [RFC 6298 2.1] */
static void first_timeout_is_a_second(enum reached at)
{
    (void)at;
    answered();
    wait_ms(3000);
    in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    user_accept();
    user_send(100);
    out("P. 1:101(100) ack 1 <...>");
    assert_int_equal(user_status().rto_us, 1000000);
    wait_ms(990);
    out_nothing();
    wait_ms(20);
    out("P. 1:101(100) ack 1 <...>");
}

/* Only kinds that the SYN carried come back: bytes out never exceed bytes in. */
static void echoes_only_what_came(enum reached at)
{
    (void)at;
    listen_with((struct hf_listen_options){0});
    in("S 0:0(0) win 1000");
    out("S. 0:0(0) ack 1 win 32768");
    in("S 0:0(0) win 1000 <sackOK>");
    forget_numbers();
    out("S. 0:0(0) ack 1 win 32768 <sackOK>");
    in("S 0:0(0) win 1000 <nop,wscale 9>");
    forget_numbers();
    out("S. 0:0(0) ack 1 win 32768 <wscale 0>");
    in("S 0:0(0) win 1000 <nop,nop,TS val 7 ecr 0>");
    forget_numbers();
    out("S. 0:0(0) ack 1 win 32768 <TS val 0 ecr 7>");
}

/* Without timestamps: the MSS rounded down, SACK and a coarse scale. */
static void opens_without_timestamps(enum reached at)
{
    (void)at;
    listen_with((struct hf_listen_options){0});
    in("S 0:0(0) win 1000 <mss 1400,nop,nop,sackOK,nop,wscale 7>");
    out("S. 0:0(0) ack 1 win 32768 <mss 1460,sackOK,wscale 0>");
    in(". 1:1(0) ack 1 win 500");
    user_accept();
    assert_int_equal(the_tcb()->mss, script.v6 ? 1280 : 1300);
    assert_int_equal(the_tcb()->snd_wind_shift, 6);
    assert_true(the_tcb()->flags & TCB_SACK);
}

/* The strict way keeps nothing but the MSS, and says so. */
static void opens_strictly(enum reached at)
{
    (void)at;
    listen_with((struct hf_listen_options){.without_timestamps = HF_PLAIN_STRICT});
    in("S 0:0(0) win 1000 <mss 1400,nop,nop,sackOK,nop,wscale 7>");
    out("S. 0:0(0) ack 1 win 32768 <mss 1460>");
    in(". 1:1(0) ack 1 win 500");
    user_accept();
    assert_int_equal(the_tcb()->flags & (TCB_SACK | TCB_SCALING), 0);
}

/* The ACK was lost: the first text opens just as well, and is not lost itself. */
static void text_opens(enum reached at)
{
    (void)at;
    answered();
    in("P. 1:101(100) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    user_accept();
    user_receive(100);
    wait_ms(50);
    out(". 1:1(0) ack 101 <...>");
}

static void text_with_fin_opens(enum reached at)
{
    (void)at;
    answered();
    in("FP. 1:101(100) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    out(". 1:1(0) ack 102 <...>");
    user_accept();
    user_receive(100);
    user_receive(0);
    state("CLOSE-WAIT");
}

/* Whoever guesses meets silence while cookies are about, and a RST once none can be. */
static void bad_acks_meet_silence(enum reached at)
{
    (void)at;
    answered();
    in(". 1:1(0) ack 2 win 500 <nop,nop,TS val 8 ecr 0>");
    in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 1>");
    in(". 2:2(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    in(". 1:1(0) ack 1 win 500");
    out_nothing();
    counted(cookie_bad, 4);
    wait_ms(40000);
    in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    out("R 1:1(0)");
    counted(stray_ack, 1);
}

/* What is no ACK is not asked for a cookie. */
static void others_are_as_ever(enum reached at)
{
    (void)at;
    answered();
    in("R 1:1(0)");
    in("R. 1:1(0) ack 1");
    in("F 1:1(0)");
    out_nothing();
    in("S. 0:0(0) ack 1");
    out("R 1:1(0)");
    counted(cookie_bad, 0);
}

/* No room in the accept queue: silence, and the ACK is good for the next try. */
static void full_queue_commits_nothing(enum reached at)
{
    (void)at;
    listen_with((struct hf_listen_options){.backlog = 1});
    struct hf_address other = script_address("192.0.2.77", "2001:db8::77"), peer = script.from;

    in("S 0:0(0) win 1000 <" ALL ">");
    out("S. 0:0(0) ack 1 <...>");
    in("S 0:0(0) win 1000 <" ALL ">");
    out("S. 0:0(0) ack 1 <...>");
    script.from = other;
    forget_numbers();
    in("S 0:0(0) win 1000 <" ALL ">");
    out("S. 0:0(0) ack 1 <...>");
    in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    counted(cookie_opened, 1);
    script.from = peer;
    in("S 0:0(0) win 1000 <" ALL ">");
    out_nothing();
    counted(syn_accept_queue_full, 1);
}

/* The connection is over, the ACK that opened it comes again: no ghost. */
static void no_ghost(void)
{
    for (int i = 0; i < 3; i++) {
        count_from_here();
        in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
        out_nothing();
        counted(cookie_replayed, 1);
        counted(cookie_opened, 0);
        wait_ms(5000);
    }
    must_be(HF_AGAIN, script_accept());
    wait_ms(20000); /* the guard outlives the cookie */
    in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    forget_output();
    must_be(HF_AGAIN, script_accept());
    wait_ms(60000);
    assert_int_equal(time_wait_records(&script.stack->time_waits), 0);
}

static void replay_after_rst(enum reached at)
{
    (void)at;
    opened();
    in("R 1:1(0)");
    user_close();
    no_ghost();
}

static void replay_after_abort(enum reached at)
{
    (void)at;
    opened();
    user_abort();
    out("R. 1:1(0) ack 1");
    no_ghost();
}

static void replay_after_last_ack(enum reached at)
{
    (void)at;
    opened();
    in("F. 1:1(0) ack 1 win 500 <nop,nop,TS val 9 ecr 0>");
    out(". 1:1(0) ack 2 <...>");
    user_close();
    out("F. 1:1(0) ack 2 <...>");
    in(". 2:2(0) ack 2 win 500 <nop,nop,TS val 9 ecr 0>");
    no_ghost();
}

/* While TIME-WAIT lasts it answers for itself. */
static void replay_in_time_wait(enum reached at)
{
    (void)at;
    opened();
    user_close();
    out("F. 1:1(0) ack 1 <...>");
    in("F. 1:1(0) ack 2 win 500 <nop,nop,TS val 9 ecr 0>");
    out(". 2:2(0) ack 2 <...>");
    for (int i = 0; i < 4; i++) {
        in(". 1:1(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
        out(". 2:2(0) ack 2 <...>");
        wait_ms(10000);
    }
    counted(cookie_opened, 1);
    must_be(HF_AGAIN, script_accept());
}

/* A guard stops the old ACK and nothing else: the same peer comes back, with another ISN, at once. */
static void guard_lets_the_next_in(enum reached at)
{
    (void)at;
    opened();
    in("R 1:1(0)");
    user_close();
    forget_numbers();
    in("S 5000:5000(0) win 1000 <" ALL ">");
    out("S. 0:0(0) ack 5001 <...>");
    in(". 5001:5001(0) ack 1 win 500 <nop,nop,TS val 8 ecr 0>");
    user_accept();
    state("ESTABLISHED");
    counted(cookie_opened, 2);
    counted(cookie_replayed, 0);
}

static const struct scripted tests[] = {
    {"cookie/opens", opens, LISTEN},
    {"cookie/paws-holds-at-once", paws_holds_at_once, LISTEN},
    {"cookie/first-timeout-is-a-second", first_timeout_is_a_second, LISTEN},
    {"cookie/echoes-only-what-came", echoes_only_what_came, LISTEN},
    {"cookie/opens-without-timestamps", opens_without_timestamps, LISTEN},
    {"cookie/opens-strictly", opens_strictly, LISTEN},
    {"cookie/text-opens", text_opens, LISTEN},
    {"cookie/text-with-fin-opens", text_with_fin_opens, LISTEN},
    {"cookie/bad-acks-meet-silence", bad_acks_meet_silence, LISTEN},
    {"cookie/others-are-as-ever", others_are_as_ever, LISTEN},
    {"cookie/full-queue-commits-nothing", full_queue_commits_nothing, LISTEN},
    {"cookie/replay-after-rst", replay_after_rst, LISTEN},
    {"cookie/replay-after-abort", replay_after_abort, LISTEN},
    {"cookie/replay-after-last-ack", replay_after_last_ack, LISTEN},
    {"cookie/replay-in-time-wait", replay_in_time_wait, LISTEN},
    {"cookie/guard-lets-the-next-in", guard_lets_the_next_in, LISTEN},
};

int main(void)
{
    return script_main(tests);
}
