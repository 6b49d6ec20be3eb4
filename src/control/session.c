/* What one client of the control socket may do to us: at most one request, or one chunk of a stream, a round. */
#include "control/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <handfast/os.h>

#include "control/request.h"
#include "os/syscalls.h"

SYSCALLS("recvfrom sendto");

/* ---- chunks ---- */

bool control_chunk_bytes(struct control_chunk *chunk, const void *bytes, size_t length)
{
    if (chunk->capacity - chunk->length < length) {
        size_t capacity = chunk->capacity + length + 4096;
        char *larger = realloc(chunk->bytes, capacity);

        if (larger == NULL)
            return false;
        chunk->bytes = larger;
        chunk->capacity = capacity;
    }
    memcpy(chunk->bytes + chunk->length, bytes, length);
    chunk->length += length;
    return true;
}

bool control_chunk_json(struct control_chunk *chunk, json_t *line)
{
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    bool added = false;

    json_decref(line);
    if (text != NULL) {
        size_t length = strlen(text);

        text[length] = '\n'; /* in the place of its zero */
        added = control_chunk_bytes(chunk, text, length + 1);
    }
    free(text);
    return added;
}

static void chunk_free(struct control_chunk *chunk)
{
    free(chunk->bytes);
    *chunk = (struct control_chunk){0};
}

/* ---- life ---- */

static bool is_pending(const struct session *session)
{
    return session->sent < session->out.length;
}

static bool has_line(const struct session *session)
{
    return memchr(session->line, '\n', session->line_length) != NULL;
}

void session_end(struct session *session)
{
    struct loop *loop = session_loop(session);

    loop_remove(loop, &session->handler);
    loop_timer_cancel(loop, &session->patience);
    close(session->handler.fd);
    session->handler.fd = -1;
    chunk_free(&session->out);
    if (session->stream != NULL)
        session->stream->end(session->stream);
    session->stream = NULL;
}

/* Bytes that he sends do not count while he leaves ours lying. */
static void alive(struct session *session)
{
    session->active_at_us = hf_os_now_us();
    loop_timer_set(session_loop(session), &session->patience,
                   session->active_at_us + CONTROL_PATIENCE_US);
}

static void on_patience_end(struct loop_timer *self, int64_t now_us)
{
    struct session *session = loop_owner(self, struct session, patience);

    (void)now_us;
    if (session->stream == NULL || is_pending(session))
        session_end(session);
}

static void arm(struct session *session)
{
    bool full = session->line_length == CONTROL_LINE_MAX;
    bool work = session->stream != NULL ? !session->waiting || has_line(session)
                                        : has_line(session) || full || session->ended;
    uint32_t want = 0;

    if (!session->ended && !full)
        want |= EPOLLIN;
    if (is_pending(session) || work)
        want |= EPOLLOUT; /* also when nothing is pending: to be called in the next round */
    loop_change(session_loop(session), &session->handler, want);
}

void session_pause(struct session *session)
{
    loop_change(session_loop(session), &session->handler, 0);
}

void session_wake(struct session *session)
{
    session->waiting = false;
    arm(session);
}

/* ---- in and out ---- */

/* False: he is gone. */
static bool read_more(struct session *session)
{
    size_t room = CONTROL_LINE_MAX - session->line_length;
    ssize_t got;

    if (room == 0 || session->ended)
        return true;
    got = recv(session->handler.fd, session->line + session->line_length, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got < 0) {
        session_end(session);
        return false;
    }
    session->ended = got == 0;
    session->line_length += (size_t)got;
    if (!is_pending(session))
        alive(session);
    return true;
}

/* Sends what can be sent. False: he is gone. */
static bool send_more(struct session *session)
{
    while (is_pending(session)) {
        ssize_t sent = send(session->handler.fd, session->out.bytes + session->sent,
                            session->out.length - session->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return true;
        if (sent < 0) {
            session_end(session);
            return false;
        }
        session->sent += (size_t)sent;
        alive(session);
    }
    session->sent = session->out.length = 0;
    if (session->stream == NULL)
        chunk_free(&session->out);
    if (session->last) {
        session_end(session);
        return false;
    }
    return true;
}

static void set_reply(struct session *session, json_t *reply)
{
    static const char too_large[] = "{\"error\": \"the answer is too large\"}\n";
    bool made = control_chunk_json(&session->out, reply);

    if (made && session->out.length <= CONTROL_REPLY_MAX)
        return;
    session->out.length = 0;
    if (!control_chunk_bytes(&session->out, too_large, sizeof too_large - 1))
        session->last = true;
}

/* Takes the first line off; it has been understood. */
static void drop_line(struct session *session)
{
    const char *end = memchr(session->line, '\n', session->line_length);
    size_t used = (size_t)(end + 1 - session->line);

    session->line_length -= used;
    memmove(session->line, end + 1, session->line_length);
}

static void answer_line(struct session *session)
{
    const char *end = memchr(session->line, '\n', session->line_length);
    json_t *request = request_parse(session->line, (size_t)(end - session->line));
    json_t *reply;

    session->waiting = session->stopping = false;
    reply = request ? session_answer(session, request)
                    : control_error("not a request; accepted are a line of words in UTF-8 and "
                                    "{\"command\": NAME, \"arguments\": [WORD ...]}");
    if (reply || !session->stream) /* a stream may have nothing to say before it */
        set_reply(session, reply);
    json_decref(request);
    drop_line(session);
}

static void pull_stream(struct session *session)
{
    if (has_line(session)) {
        session->stopping = true;
        drop_line(session);
    }
    switch (
        session->stream->more(session->stream, &session->out, session->stopping, hf_os_now_us())) {
    case CONTROL_MORE: return;
    case CONTROL_WAIT:
        session->waiting = true;
        session_waits(session->server, hf_os_now_us());
        return;
    case CONTROL_END:
        session->stream->end(session->stream);
        session->stream = NULL;
        return;
    }
}

static void work(struct session *session)
{
    if (!send_more(session))
        return;
    if (!is_pending(session)) {
        if (session->stream != NULL) {
            pull_stream(session);
        } else if (has_line(session)) {
            answer_line(session);
        } else if (session->line_length == CONTROL_LINE_MAX) {
            session->last = true;
            set_reply(session, control_error("a request has at most %d bytes", CONTROL_LINE_MAX));
        } else if (session->ended) {
            session_end(session);
            return;
        }
        if (!send_more(session))
            return;
    }
    if (is_pending(session) && session->patience.place == 0)
        alive(session); /* a stream that had been silent */
    arm(session);
}

static void on_session(struct loop_handler *self, uint32_t events)
{
    struct session *session = loop_owner(self, struct session, handler);
    struct control_server *server = session->server;
    int64_t since_us = hf_os_now_us();
    bool gone = (events & (EPOLLERR | EPOLLHUP)) != 0;

    if (gone && (session->ended || !(events & EPOLLIN) || !session_may_work(server, since_us))) {
        session_end(session);
        return;
    }
    if (!session_may_work(server, since_us)) {
        session_pause(session); /* it was told of in the same round */
        return;
    }
    if (!(events & EPOLLIN) || read_more(session))
        work(session);
    session_worked(server, since_us, hf_os_now_us());
}

bool session_open(struct session *session, struct control_server *server, int fd)
{
    session->handler = (struct loop_handler){fd, on_session};
    session->patience = (struct loop_timer){.run = on_patience_end};
    session->server = server;
    session->stream = NULL;
    session->sent = session->line_length = 0;
    session->waiting = session->stopping = session->ended = session->last = false;
    if (loop_add(session_loop(session), &session->handler, EPOLLIN) != HF_OK) {
        close(fd);
        session->handler.fd = -1;
        return false;
    }
    alive(session);
    return true;
}
