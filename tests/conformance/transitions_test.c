/* Every legal transition between states is taken: the rows of tcp/state.h, by ways that each belong to one. [RFC 9293 3.3.2] */
#include "script.h"

#include "tcp/state.h"

/* What was noted in this process, over all ways and both families. */
static uint16_t taken[TCP_STATES];

static void keep(void)
{
    for (int i = 0; i < TCP_STATES; i++)
        taken[i] |= script.stack->tcp.transitions[i];
}

/* The row itself must be noted between here and `expect`. */
static void begin_row(void)
{
    keep();
    memset(script.stack->tcp.transitions, 0, sizeof script.stack->tcp.transitions);
}

static void expect(struct place place, enum tcp_state from, enum tcp_state to)
{
    if (!(script.stack->tcp.transitions[from] >> to & 1))
        script_fail(place, "%s -> %s was not noted", hf_state_text((enum hf_state)from),
                    hf_state_text((enum hf_state)to));
    keep();
}
#define noted(from, to) expect(HERE, TCP_##from, TCP_##to)

static void from_closed(enum reached at)
{
    reach(at);
    begin_row();
    user_listen();
    noted(CLOSED, LISTEN);
    begin_row();
    user_connect();
    out("S 0:0(0) <...>");
    noted(CLOSED, SYN_SENT);
}

static void from_listen(enum reached at)
{
    reach(at);
    begin_row();
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <...>");
    noted(LISTEN, SYN_RECEIVED);
    in("R 1:1(0)");
    begin_row();
    user_close();
    noted(LISTEN, CLOSED);
}

static void from_syn_sent(enum reached at)
{
    reach(at);
    begin_row();
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <...>");
    noted(SYN_SENT, SYN_RECEIVED);
    in("R 1:1(0)");
    user_abort();
    forget_numbers();
    reach(at);
    begin_row();
    in("S. 0:0(0) ack 1 <mss 1460>");
    out(". 1:1(0) ack 1");
    noted(SYN_SENT, ESTABLISHED);
    in("R 1:1(0)");
    user_abort();
    forget_numbers();
    reach(at);
    begin_row();
    in("R. 0:0(0) ack 1");
    noted(SYN_SENT, CLOSED);
}

static void from_half_open(enum reached at)
{
    reach(at);
    begin_row();
    in("R 1:1(0)");
    noted(SYN_RECEIVED, LISTEN);
    forget_numbers();
    in("S 0:0(0) <mss 1460>");
    out("S. 0:0(0) ack 1 <...>");
    begin_row();
    in(". 1:1(0) ack 1");
    noted(SYN_RECEIVED, ESTABLISHED);
}

static void from_half_open_listener_closed(enum reached at)
{
    reach(at);
    begin_row();
    user_close();
    out("R. 1:1(0) ack 1");
    noted(SYN_RECEIVED, CLOSED);
}

static void from_half_open_timeout(enum reached at)
{
    reach(at);
    wait_ms(1010);
    forget_output();
    wait_ms(2010);
    forget_output();
    begin_row();
    wait_ms(8000);
    noted(SYN_RECEIVED, LISTEN);
}

static void from_syn_received(enum reached at)
{
    reach(at);
    begin_row();
    in(". 1:1(0) ack 1");
    noted(SYN_RECEIVED, ESTABLISHED);
}

static void from_syn_received_closed(enum reached at)
{
    reach(at);
    begin_row();
    user_shutdown();
    noted(SYN_RECEIVED, FIN_WAIT_1);
}

/* The peer's RST, in every state that has a TCB. */
static void by_reset(enum reached at)
{
    enum tcp_state from;

    reach(at);
    from = (enum tcp_state)the_tcb()->state;
    begin_row();
    in("R r:r(0)");
    expect(HERE, from, TCP_CLOSED);
}

static void from_established(enum reached at)
{
    reach(at);
    begin_row();
    in("F. 1:1(0) ack 1");
    out(". 1:1(0) ack 2");
    noted(ESTABLISHED, CLOSE_WAIT);
    begin_row();
    user_shutdown();
    out("F. 1:1(0) ack 2");
    noted(CLOSE_WAIT, LAST_ACK);
    begin_row();
    in(". 2:2(0) ack 2");
    noted(LAST_ACK, CLOSED);
}

static void from_fin_wait_1(enum reached at)
{
    reach(ESTABLISHED);
    begin_row();
    user_shutdown();
    out("F. 1:1(0) ack 1");
    noted(ESTABLISHED, FIN_WAIT_1);
    begin_row();
    if (at == CLOSING) {
        in("F. 1:1(0) ack 1");
        out(". 2:2(0) ack 2");
        noted(FIN_WAIT_1, CLOSING);
        begin_row();
        in(". 2:2(0) ack 2");
        noted(CLOSING, TIME_WAIT);
        return;
    }
    in(". 1:1(0) ack 2");
    noted(FIN_WAIT_1, FIN_WAIT_2);
    begin_row();
    in("F. 1:1(0) ack 2");
    out(". 2:2(0) ack 2");
    noted(FIN_WAIT_2, TIME_WAIT);
}

/* The TCB goes when its record of 64 bytes is made: that is what was noted. The record is what 2 MSL end. */
static void from_time_wait(enum reached at)
{
    reach(at);
    state("TIME-WAIT");
    wait_ms(60010);
    state("LISTEN");
    noted(TIME_WAIT, CLOSED);
}

static void from_time_wait_reused(enum reached at)
{
    reach(at);
    forget_numbers();
    begin_row();
    in("S r+5:r+5(0) <mss 1460>");
    out("S. 0:0(0) ack r+6 <mss 1460>");
    in(". r+6:r+6(0) ack 1");
    state("ESTABLISHED");
    noted(TIME_WAIT, SYN_RECEIVED);
}

static const struct scripted tests[] = {
    {"transitions/closed", from_closed, CLOSED},
    {"transitions/listen", from_listen, LISTEN},
    {"transitions/syn-sent", from_syn_sent, SYN_SENT},
    {"transitions/half-open", from_half_open, HALF_OPEN},
    {"transitions/half-open-listener-closed", from_half_open_listener_closed, HALF_OPEN},
    {"transitions/half-open-timeout", from_half_open_timeout, HALF_OPEN},
    {"transitions/syn-received", from_syn_received, SYN_RECEIVED},
    {"transitions/syn-received-closed", from_syn_received_closed, SYN_RECEIVED},
    {"transitions/syn-received-reset", by_reset, SYN_RECEIVED},
    {"transitions/established", from_established, ESTABLISHED},
    {"transitions/established-reset", by_reset, ESTABLISHED},
    {"transitions/fin-wait-1", from_fin_wait_1, FIN_WAIT_1},
    {"transitions/fin-wait-1-closing", from_fin_wait_1, CLOSING},
    {"transitions/fin-wait-1-reset", by_reset, FIN_WAIT_1},
    {"transitions/fin-wait-2-reset", by_reset, FIN_WAIT_2},
    {"transitions/close-wait-reset", by_reset, CLOSE_WAIT},
    {"transitions/closing-reset", by_reset, CLOSING},
    {"transitions/last-ack-reset", by_reset, LAST_ACK},
    {"transitions/time-wait", from_time_wait, TIME_WAIT},
    {"transitions/time-wait-reused", from_time_wait_reused, TIME_WAIT},
};

/* The report: each row of the table, and whether it was taken. */
static int report(void)
{
    int missing = 0;

#define ROW(from, to, why)                                                            \
    {                                                                                 \
        bool was_taken = taken[TCP_##from] >> TCP_##to & 1;                           \
                                                                                      \
        printf("%-13s -> %-13s %-9s %s\n", hf_state_text(HF_STATE_##from),            \
               hf_state_text(HF_STATE_##to), was_taken ? "taken" : "NOT TAKEN", why); \
        missing += !was_taken;                                                        \
    }
    TCP_TRANSITIONS(ROW)
#undef ROW
    return missing;
}

int main(void)
{
    int failed = script_main(tests);

    return failed + report();
}
