/* Fuzzer of a client of the control socket: his bytes in pieces of any size, requests and streams. Every line that he gets is
 * JSON, and when he has said all he is answered and gone. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "control/session.h"
#include "fuzz/input.h"

#include <handfast/os.h>

#define ROUNDS_MAX 400u
#define HEARD_MAX ((size_t)1 << 20)

/* The session's server is this: everything is answered, and nobody has to rest. */
struct control_server {
    struct loop loop;
    struct session session;
    struct control_stream stream;
    unsigned rows;    /* that the stream has yet to say, ... */
    unsigned streams; /* ... and how many are open           */
    int client;
    char heard[HEARD_MAX];
    size_t heard_length;
};

static struct control_server *server;

struct loop *session_loop(const struct session *session)
{
    return &session->server->loop;
}

bool session_may_work(struct control_server *self, int64_t now_us)
{
    (void)self;
    (void)now_us;
    return true;
}

void session_worked(struct control_server *self, int64_t since_us, int64_t now_us)
{
    (void)self;
    must(since_us <= now_us);
}

/* What a timer would do, but at once. */
void session_waits(struct control_server *self, int64_t now_us)
{
    (void)self;
    (void)now_us;
}

json_t *control_error(const char *format, ...)
{
    return json_pack("{s:s}", "error", format);
}

static enum control_more more(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us)
{
    struct control_server *s = loop_owner(self, struct control_server, stream);

    (void)now_us;
    if (stopping || s->rows == 0)
        return CONTROL_END;
    must(control_chunk_json(chunk, json_pack("{s:i}", "row", (int)s->rows)));
    return s->rows-- % 3 == 0 ? CONTROL_WAIT : CONTROL_MORE;
}

static void end(struct control_stream *self)
{
    struct control_server *s = loop_owner(self, struct control_server, stream);

    must(s->streams == 1);
    s->streams--;
}

json_t *session_answer(struct session *session, const json_t *request)
{
    const char *command = json_string_value(json_object_get(request, "command"));

    must(command && session->stream == NULL);
    if (strcmp(command, "s") != 0)
        return json_pack("{s:O}", "echo", request);
    server->rows = (unsigned)json_array_size(json_object_get(request, "arguments")) % 16;
    server->streams++;
    server->stream = (struct control_stream){more, end};
    session->stream = &server->stream;
    return server->rows & 1 ? NULL : json_pack("{s:b}", "follows", 1);
}

/* ---- the client ---- */

static void hear(void)
{
    ssize_t got;

    while ((got = recv(server->client, server->heard + server->heard_length,
                       HEARD_MAX - server->heard_length, MSG_DONTWAIT)) > 0)
        server->heard_length += (size_t)got;
}

static void turn(void)
{
    if (server->session.handler.fd >= 0 && server->session.waiting)
        session_wake(&server->session);
    loop_step(&server->loop, 0);
    hear();
}

static void say(const uint8_t *bytes, size_t length)
{
    for (unsigned i = 0; length > 0 && server->session.handler.fd >= 0; i++) {
        ssize_t sent = send(server->client, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);

        must(sent > 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
        turn();
        must(i < ROUNDS_MAX);
    }
}

static void check_heard(void)
{
    const char *at = server->heard, *stop = at + server->heard_length;

    while (at < stop) {
        const char *newline = memchr(at, '\n', (size_t)(stop - at));
        json_t *line;

        must(newline);
        line = json_loadb(at, (size_t)(newline - at), 0, NULL);
        must(line);
        json_decref(line);
        at = newline + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    int pair[2];

    if (!server) {
        server = calloc(1, sizeof *server);
        must(server && loop_init(&server->loop) == HF_OK);
    }
    if (size > 20000)
        return 0;
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    server->client = pair[1];
    server->heard_length = 0;
    must(session_open(&server->session, server, pair[0]));
    while (input_left(&input) > 0) {
        uint8_t piece[4096];
        size_t length = input_scaled(&input) % sizeof piece;

        length = input_bytes(&input, piece, length);
        say(piece, length);
        turn();
    }
    shutdown(server->client, SHUT_WR);
    for (unsigned i = 0; server->session.handler.fd >= 0; i++) {
        turn();
        must(i < 20000);
    }
    hear();
    must(server->streams == 0);
    check_heard();
    close(server->client);
    return 0;
}
