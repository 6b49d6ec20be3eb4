/* Scripted applications: write, read, check every byte, close. [RFC 9293 3.9.1] */
#include "sim/peer_app.h"

#include "base/bytes.h"
#include "base/time.h"
#include "sim/world.h"

#define SPANS 4
#define COPY 4096

void app_open(struct peer_app *app, struct hf_stack *stack, hf_socket socket, bool up,
              int64_t now_us)
{
    const struct app_script *script = app->script;
    struct hf_status status;

    if (hf_status(stack, socket, &status) == HF_OK)
        app->port = status.local.port;
    app->stack = stack;
    app->socket = socket;
    app->open = app->can_read = app->can_write = true;
    app->close_us = NEVER_US;
    app->next_write_us = now_us;
    if (script->nodelay)
        hf_set_option(stack, socket, HF_NODELAY, 1, now_us);
    if (script->quick_ack)
        hf_set_option(stack, socket, HF_QUICK_ACK, 1, now_us);
    if (script->cork)
        hf_set_option(stack, socket, HF_CORK, 1, now_us);
    if (script->keepalive_idle_ms)
        hf_set_option(stack, socket, HF_KEEPALIVE_IDLE_MS, script->keepalive_idle_ms, now_us);
    if (script->user_timeout_ms)
        hf_set_option(stack, socket, HF_USER_TIMEOUT_MS, script->user_timeout_ms, now_us);
    if (up)
        app_on_ready(app, HF_CONNECTED, now_us);
}

void app_on_ready(struct peer_app *app, unsigned what, int64_t now_us)
{
    /* who closed before the handshake was over is not told of its end, but of what the peer says */
    if ((what & (HF_CONNECTED | HF_READABLE | HF_PEER_CLOSED)) && !app->up) {
        app->up = true;
        app->open_us = now_us;
        app->next_write_us = now_us + app->script->write_from_us;
        app->next_read_us = now_us + app->script->read_from_us;
    }
    if (what & (HF_READABLE | HF_PEER_CLOSED | HF_ENDED))
        app->can_read = true;
    if (what & (HF_WRITABLE | HF_CONNECTED))
        app->can_write = true;
    if (what & HF_URGENT)
        app->urgent_seen++;
    if (what & HF_ENDED)
        app->ended = true;
}

/* The connection is over, not by our wish. */
static void end(struct peer_app *app, int error)
{
    if (app->error == HF_OK)
        app->error = error;
    app->can_read = app->can_write = false;
    app->ended = true;
}

static void check_bytes(struct peer_app *app, struct world *world, const uint8_t *data,
                        size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint32_t position = app->received + (uint32_t)i;

        if (data[i] == app_pattern(app->reads_key, position))
            continue;
        world_fail(world, "conversation %u, side %u: byte %u is %02x and not %02x", app->number,
                   app->side, position, data[i], app_pattern(app->reads_key, position));
        return;
    }
    app->received += (uint32_t)length;
    if (app->received > app->expects)
        world_fail(world, "conversation %u, side %u: %u bytes came, %u were sent", app->number,
                   app->side, app->received, app->expects);
}

static ptrdiff_t read_copy(struct peer_app *app, struct world *world, size_t most)
{
    uint8_t buffer[COPY];
    ptrdiff_t got =
        hf_receive(app->stack, app->socket, buffer, most < COPY ? most : COPY, world->now_us);

    if (got > 0)
        check_bytes(app, world, buffer, (size_t)got);
    return got;
}

static ptrdiff_t read_spans(struct peer_app *app, struct world *world, size_t most)
{
    struct hf_span spans[SPANS];
    size_t count = SPANS;
    ptrdiff_t got = hf_peek_spans(app->stack, app->socket, spans, &count);
    size_t sum = 0, taken = 0;

    if (got <= 0)
        return got;
    for (size_t i = 0; i < count && taken < most; i++) {
        size_t piece = spans[i].length < most - taken ? spans[i].length : most - taken;

        sum += spans[i].length;
        taken += piece;
        check_bytes(app, world, spans[i].data, piece);
    }
    if (sum > (size_t)got)
        world_fail(world, "conversation %u: the spans of hf_peek_spans do not add up", app->number);
    int error = hf_consume(app->stack, app->socket, taken, world->now_us);
    if (error)
        world_fail(world, "conversation %u: hf_consume of what was peeked: %s", app->number,
                   hf_error_text(error));
    return (ptrdiff_t)taken;
}

/* What one call may read or write now. */
static size_t allowance(uint32_t most)
{
    return most ? most : SIZE_MAX;
}

static void read_some(struct peer_app *app, struct world *world)
{
    const struct app_script *script = app->script;

    while (app->can_read && !app->eof && !world->failed && world->now_us >= app->next_read_us) {
        ptrdiff_t got = script->spans ? read_spans(app, world, allowance(script->read_max))
                                      : read_copy(app, world, allowance(script->read_max));

        if (got == HF_AGAIN) {
            app->can_read = false;
        } else if (got == 0) {
            app->eof = true;
            if (app->received < app->expects)
                world_fail(world, "conversation %u, side %u: FIN after %u bytes of %u", app->number,
                           app->side, app->received, app->expects);
        } else if (got < 0) {
            end(app, (int)got);
        } else if (script->read_every_us) {
            app->next_read_us = world->now_us + script->read_every_us;
        }
    }
}

static void fill(const struct peer_app *app, uint32_t from, uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        data[i] = app_pattern(app->sends_key, from + (uint32_t)i);
}

static ptrdiff_t write_copy(struct peer_app *app, uint32_t length, int64_t now_us)
{
    uint8_t buffer[COPY];
    uint32_t urgent = app->script->urgent_at;

    length = min_u32(length, COPY);
    if (app->sent < urgent && app->sent + length > urgent)
        length = urgent - app->sent;
    fill(app, app->sent, buffer, length);
    return app->sent + length == urgent
               ? hf_send_urgent(app->stack, app->socket, buffer, length, now_us)
               : hf_send(app->stack, app->socket, buffer, length, now_us);
}

static ptrdiff_t write_spans(struct peer_app *app, struct world *world, uint32_t length)
{
    struct hf_span spans[SPANS];
    size_t count = SPANS;
    ptrdiff_t room = hf_reserve(app->stack, app->socket, spans, &count);
    uint32_t done = 0;

    if (room <= 0)
        return room;
    for (size_t i = 0; i < count && done < length; i++) {
        uint32_t piece = min_u32((uint32_t)spans[i].length, length - done);

        fill(app, app->sent + done, spans[i].data, piece);
        done += piece;
    }
    int error = hf_commit(app->stack, app->socket, done, world->now_us);
    return error ? error : (ptrdiff_t)done;
}

static void write_some(struct peer_app *app, struct world *world)
{
    const struct app_script *script = app->script;

    while (app->can_write && app->sent < script->send_bytes && !world->failed &&
           world->now_us >= app->next_write_us) {
        uint32_t length = script->send_bytes - app->sent;

        if (script->write_max)
            length = min_u32(length, script->write_max);
        ptrdiff_t put = script->spans ? write_spans(app, world, length)
                                      : write_copy(app, length, world->now_us);
        if (put == HF_AGAIN) {
            app->can_write = false;
        } else if (put <= 0) {
            if (put == 0)
                world_fail(world, "conversation %u: nothing was taken, and no reason given",
                           app->number);
            app->can_write = false;
            app->can_read = true; /* reading says why, after what has still come */
            break;
        } else {
            app->sent += (uint32_t)put;
            if (script->write_every_us)
                app->next_write_us = world->now_us + script->write_every_us;
        }
    }
}

static void give_up(struct peer_app *app, struct world *world, bool abort)
{
    int error = abort ? hf_abort(app->stack, app->socket, world->now_us)
                      : hf_close(app->stack, app->socket, world->now_us);

    if (error)
        world_fail(world, "conversation %u, side %u: %s: %s", app->number, app->side,
                   abort ? "hf_abort" : "hf_close", hf_error_text(error));
    if (hf_close(app->stack, app->socket, world->now_us) != HF_NO_SOCKET)
        world_fail(world, "conversation %u: a socket that was given up still answers", app->number);
    app->open = false;
    app->over = true;
}

/* Whether the script has come to its end; `close` tells a CLOSE from a FIN of which reading goes on. */
static bool wants_end(const struct peer_app *app, bool *close)
{
    bool sent = app->sent == app->script->send_bytes;

    *close = app->eof;
    switch (app->script->ending) {
    case APP_FIN_WHEN_SENT: return sent && (app->eof || !app->fin);
    case APP_FIN_AFTER_PEER: return sent && app->eof;
    case APP_CLOSE_WHEN_SENT: *close = true; return sent && app->received == app->expects;
    case APP_CLOSE_EARLY: *close = true; return sent;
    case APP_ABORT: *close = true; return app->sent + app->received >= app->script->abort_after;
    }
    return false;
}

static void finish(struct peer_app *app, struct world *world)
{
    bool close;

    if (app->ended && !app->can_read && (app->eof || app->error)) {
        give_up(app, world, false);
        return;
    }
    if (app->ended && app->eof) {
        give_up(app, world, false);
        return;
    }
    if ((!app->up && !app->script->hasty) || !wants_end(app, &close))
        return;
    if (app->close_us == NEVER_US)
        app->close_us = world->now_us + app->script->close_after_us;
    if (world->now_us < app->close_us && !(app->fin && app->eof))
        return;
    if (close) {
        give_up(app, world, app->script->ending == APP_ABORT);
        return;
    }
    int error = hf_shutdown(app->stack, app->socket, world->now_us);
    app->fin = true;
    if (error && !app->ended)
        app->can_read = true; /* over, though we have not been told: reading says why */
}

void app_act(struct peer_app *app, struct world *world)
{
    const struct app_script *script = app->script;

    if (!app->open || world->failed)
        return;
    if (app->ended && !app->up && app->error == HF_OK) { /* the handshake failed */
        struct hf_status status;

        if (hf_status(app->stack, app->socket, &status) == HF_OK)
            end(app, status.error ? status.error : HF_CLOSING);
    }
    if (app->up)
        read_some(app, world);
    if (app->up || script->eager)
        write_some(app, world);
    if (app->up)
        read_some(app, world);
    finish(app, world);
}

int64_t app_next_us(const struct peer_app *app)
{
    int64_t next = NEVER_US;

    if (!app->open)
        return next;
    if (app->up && app->can_read && !app->eof)
        next = time_min(next, app->next_read_us);
    if ((app->up || app->script->eager) && app->can_write && app->sent < app->script->send_bytes)
        next = time_min(next, app->next_write_us);
    if (app->close_us != NEVER_US && !(app->fin && !app->eof))
        next = time_min(next, app->close_us);
    return next;
}
