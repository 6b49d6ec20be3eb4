/* Moves what can be moved between a client and its backend, within the limit of a turn. */
#include "guard/relay_pump.h"

#include "base/must.h"
#include "guard/backend.h"

#define SPANS 64

enum flow {
    FLOW_WAITS, /* for an edge: nothing is there, or there is no room */
    FLOW_DONE,  /* to its end of stream                               */
    FLOW_MORE,  /* the turn's limit was reached                       */
    FLOW_CLIENT_GONE,
    FLOW_BACKEND_GONE,
};

/* The PROXY header, before all else. */
static enum flow send_header(struct relay *relay)
{
    while (relay->header_sent < relay->header_length) {
        struct hf_span span = {relay->header + relay->header_sent,
                               (size_t)(relay->header_length - relay->header_sent)};

        if (!relay->writable)
            return FLOW_WAITS;
        ptrdiff_t sent = backend_write(relay->backend.fd, &span, 1, span.length);
        if (sent == BACKEND_AGAIN)
            relay->writable = false;
        else if (sent < 0)
            return FLOW_BACKEND_GONE;
        else
            relay->header_sent = (uint8_t)(relay->header_sent + sent);
    }
    return FLOW_DONE;
}

static enum flow to_backend(struct relay *relay, int64_t now_us, uint64_t *moved)
{
    struct hf_stack *stack = relay->relays->stack;

    while (!relay->client_done) {
        struct hf_span spans[SPANS];
        size_t count = SPANS;

        if (*moved >= RELAY_TURN_BYTES)
            return FLOW_MORE;
        ptrdiff_t there = hf_peek_spans(stack, relay->client, spans, &count);
        if (there == HF_AGAIN)
            return FLOW_WAITS;
        if (there < 0)
            return FLOW_CLIENT_GONE;
        if (there == 0) {
            backend_shutdown(relay->backend.fd);
            relay->client_done = true;
            break;
        }
        if (!relay->writable)
            return FLOW_WAITS; /* the client's window closes as its bytes stay here */
        ptrdiff_t sent = backend_write(relay->backend.fd, spans, count, RELAY_TURN_BYTES);
        if (sent == BACKEND_AGAIN) {
            relay->writable = false;
            return FLOW_WAITS;
        }
        if (sent < 0)
            return FLOW_BACKEND_GONE;
        hf_consume(stack, relay->client, (size_t)sent, now_us);
        *moved += (uint64_t)sent;
    }
    return FLOW_DONE;
}

static enum flow to_client(struct relay *relay, int64_t now_us, uint64_t *moved)
{
    struct hf_stack *stack = relay->relays->stack;

    while (!relay->backend_done) {
        struct hf_span spans[SPANS];
        size_t count = SPANS;

        if (!relay->readable)
            return FLOW_WAITS;
        if (*moved >= RELAY_TURN_BYTES)
            return FLOW_MORE;
        ptrdiff_t room = hf_reserve(stack, relay->client, spans, &count);
        if (room == HF_AGAIN || room == 0)
            return FLOW_WAITS; /* HF_WRITABLE comes; until then the backend is not read */
        if (room < 0)
            return FLOW_CLIENT_GONE;
        ptrdiff_t got = backend_read(relay->backend.fd, spans, count, RELAY_TURN_BYTES);
        hf_commit(stack, relay->client, got > 0 ? (size_t)got : 0,
                  now_us); /* 0: the room is given back */
        if (got == BACKEND_BROKEN)
            return FLOW_BACKEND_GONE;
        if (got == 0 && relay->broken)
            return FLOW_BACKEND_GONE; /* an error is told once, and then looks like the end */
        if (got == 0) {
            hf_shutdown(stack, relay->client, now_us);
            relay->backend_done = true;
            break;
        }
        if (got == BACKEND_AGAIN || (got < room && !relay->finishing))
            relay->readable = false; /* drained: what comes later is a new edge */
        if (got == BACKEND_AGAIN)
            return FLOW_WAITS;
        *moved += (uint64_t)got;
    }
    return FLOW_DONE;
}

/* A backend that answers and leaves unread what it was sent resets: its answer is the client's still, as far as there is room
 * for it now. The reset follows with the next turn, behind the answer. */
static enum relay_end backend_gone(struct relay *relay, bool answered, bool *more)
{
    *more = relay->lost = answered;
    return answered ? RELAY_GOES_ON : RELAY_BACKEND_RESET;
}

/* A connection that is over for another reason than two FINs. */
static bool client_was_reset(const struct relay *relay)
{
    struct hf_status status;

    return hf_status(relay->relays->stack, relay->client, &status) != HF_OK ||
           status.error != HF_OK;
}

enum relay_end relay_pump(struct relay *relay, int64_t now_us, bool *moved, bool *more)
{
    struct service_counters *count = &relay->service->count;
    uint64_t in = 0, out = 0;
    bool ended_before = relay->client_done || relay->backend_done;

    must(relay->state == RELAY_OPEN);
    if (relay->ended && client_was_reset(relay))
        return RELAY_CLIENT_RESET;
    if (relay->lost)
        return RELAY_BACKEND_RESET;

    enum flow up = relay->broken ? FLOW_BACKEND_GONE : send_header(relay);
    if (up == FLOW_DONE)
        up = to_backend(relay, now_us, &in);
    if (up == FLOW_BACKEND_GONE)
        relay->broken = relay->readable = true;
    enum flow down = to_client(relay, now_us, &out);

    count->bytes_in += in;
    count->bytes_out += out;
    relay->bytes_in += in;
    relay->bytes_out += out;
    *moved = in + out > 0 || (relay->client_done || relay->backend_done) != ended_before;
    *more = up == FLOW_MORE || down == FLOW_MORE;
    if (down == FLOW_BACKEND_GONE || (up == FLOW_BACKEND_GONE && down != FLOW_MORE))
        return backend_gone(relay, out > 0, more);
    if (up == FLOW_CLIENT_GONE || down == FLOW_CLIENT_GONE)
        return RELAY_CLIENT_RESET;
    return up == FLOW_DONE && down == FLOW_DONE ? RELAY_CLOSED : RELAY_GOES_ON;
}
