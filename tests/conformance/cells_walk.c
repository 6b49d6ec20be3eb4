/* The ways to the states of cells. [RFC 9293 3.3.2, figure 5] */
#include "cells.h"

bool cell_peer_closed(enum reached at)
{
    return at == CLOSE_WAIT || at == CLOSING || at == LAST_ACK || at == TIME_WAIT;
}

/* Fills the receive queue to its last byte. */
static void fill_window(void)
{
    in("P. r:r+%u(%u) ack s", CELL_QUEUE, CELL_QUEUE);
    wait_ms(41);
    out(". s:s(0) ack r+%u win 0", CELL_QUEUE);
    script.r += CELL_QUEUE;
}

/* The peer's FIN; in a closed window it has the place of the last byte. */
static void peer_closes(enum variant variant, uint32_t ack)
{
    uint32_t text = variant == NO_WINDOW ? CELL_QUEUE - 1 : 0;

    in("%s r:r+%u(%u) ack %u", text ? "FP." : "F.", text, text, ack);
    out(". s:s(0) ack r+%u%s", text + 1, text ? " win 0" : "");
    script.r += text + 1;
}

static void peer_sends(void)
{
    in("P. r:r+%u(%u) ack s", CELL_TEXT, CELL_TEXT);
    wait_ms(41);
    out(". s:s(0) ack r+%u", CELL_TEXT);
    script.r += CELL_TEXT;
}

static void user_sends(void)
{
    user_send(100);
    out("P. s:s+100(100) ack r");
    script.s += 100;
}

static void user_cannot_send(void)
{
    in(". r:r(0) ack s win 0");
    user_send(CELL_TEXT);
    out_nothing();
}

static void user_closes(enum variant variant)
{
    if (variant == ABANDONED)
        user_close();
    else
        user_shutdown();
    out("F. s:s(0) ack r");
    script.s++;
}

/* From ESTABLISHED on. */
static void walk_on(enum reached at, enum variant variant, struct situation *now)
{
    if (variant == UNREAD)
        peer_sends();
    if (at == CLOSE_WAIT || at == LAST_ACK)
        peer_closes(variant, script.s);
    else if (variant == NO_WINDOW && !cell_peer_closed(at))
        fill_window();
    if (variant == SENDING)
        user_sends();
    if (variant == UNSENT)
        user_cannot_send();
    if (at == ESTABLISHED || at == CLOSE_WAIT)
        return;
    user_closes(variant);
    now->fin_sent = true;
    if (at == FIN_WAIT_2 || at == TIME_WAIT) {
        in(". r:r(0) ack s");
        now->una = script.s;
    }
    if (at == CLOSING || at == TIME_WAIT)
        peer_closes(variant, now->una);
}

struct situation cell_walk(enum reached at, enum variant variant)
{
    struct hf_config config = script_config();
    struct situation now = {.at = at, .abandoned = variant == ABANDONED};
    const char *options;

    config.max_connections = config.max_time_waits = config.max_listeners = 4;
    config.max_half_opens = 16;
    config.allow_simultaneous_at_listener = true;
    if (variant == NO_WINDOW)
        config.receive_bytes = CELL_QUEUE;
    script_begin(&config);
    now.stamped = variant == STAMPED || variant == STAMP_IS_OLD || variant == STAMP_IS_MISSING;
    options = now.stamped ? "mss 1460,nop,nop,TS val 100 ecr 0" : "mss 1460";
    if (at <= SYN_RECEIVED) {
        reach_with(at, options);
    } else {
        reach_with(ESTABLISHED, options);
        script.r = script.s = now.una = 1;
        walk_on(at, variant, &now);
        state(reached_text(at));
        count_from_here();
    }
    now.nxt = script.s;
    now.rcv = script.r;
    now.edge = script.edge;
    now.max_wnd = script.window;
    return now;
}
