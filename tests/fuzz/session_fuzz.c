/* Fuzzer of a client of the control socket: his bytes in pieces of any size, requests and streams, times in which he does not
 * read or the server rests, a hang-up. Every line that he gets is JSON, and when he has said all he is answered and gone. */
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
#define BUFFER_BYTES 4096 /* the kernel's, of the session: it is full soon */

/* What follows a piece of no bytes. */
enum {
    DO_REST,     /* the server does nothing for a while */
    DO_NOT_READ, /* the client does not                 */
    DO_STOP_SAYING,
    DO_HANG_UP,
    DOINGS = 8, /* most do nothing */
};

/* The session's server is this: everything is answered, and nobody has to rest. */
struct control_server {
    struct loop loop;
    struct session session;
    struct control_stream stream;
    unsigned rows;    /* that the stream has yet to say, ... */
    size_t row_bytes; /* ... how large they are ...          */
    unsigned streams; /* ... and how many are open           */
    bool resting, deaf;
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
    (void)now_us;
    return !self->resting;
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
    char *text = calloc(1, s->row_bytes + 1);
    must(text);
    memset(text, 'x', s->row_bytes);
    must(control_chunk_json(chunk, json_pack("{s:i, s:s}", "row", (int)s->rows, "text", text)));
    free(text);
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
    server->row_bytes = server->rows * (size_t)300; /* more than one takes at a time */
    server->streams++;
    server->stream = (struct control_stream){more, end};
    session->stream = &server->stream;
    return server->rows & 1 ? NULL : json_pack("{s:b}", "follows", 1);
}

/* ---- the client ---- */

/* Whole lines are looked at; what is behind the last one stays. */
static void check_heard(void)
{
    char *at = server->heard, *stop = at + server->heard_length, *newline;

    while ((newline = memchr(at, '\n', (size_t)(stop - at)))) {
        json_t *line = json_loadb(at, (size_t)(newline - at), 0, NULL);

        must(line);
        json_decref(line);
        at = newline + 1;
    }
    server->heard_length = (size_t)(stop - at);
    memmove(server->heard, at, server->heard_length);
}

static void hear(void)
{
    ssize_t got;

    while ((got = recv(server->client, server->heard + server->heard_length,
                       HEARD_MAX - server->heard_length, MSG_DONTWAIT)) > 0) {
        server->heard_length += (size_t)got;
        check_heard();
    }
}

static void check_session(void)
{
    const struct session *session = &server->session;

    must(session->sent <= session->out.length && session->out.length <= session->out.capacity);
    must(session->line_length <= CONTROL_LINE_MAX);
    must((session->stream != NULL) == (server->streams == 1));
    must(!session->waiting || session->handler.fd < 0 || session->stream);
    if (session->handler.fd < 0)
        must(session->out.bytes == NULL && session->stream == NULL && session->patience.place == 0);
    else if (session->stream == NULL && session->sent == session->out.length)
        must(session->out.bytes == NULL); /* who is not answered costs nothing */
}

static void turn(void)
{
    if (server->session.handler.fd >= 0 && server->session.waiting && !server->resting)
        session_wake(&server->session);
    loop_step(&server->loop, 0);
    if (!server->deaf)
        hear();
    check_session();
}

/* A server that owes the packets its time. */
static void rest(unsigned rounds)
{
    server->resting = true;
    if (server->session.handler.fd >= 0)
        session_pause(&server->session);
    while (rounds-- > 0)
        turn();
    server->resting = false;
    if (server->session.handler.fd >= 0)
        session_wake(&server->session);
}

static void do_not_read(unsigned rounds)
{
    server->deaf = true;
    while (rounds-- > 0)
        turn();
    server->deaf = false;
}

static void say(const uint8_t *bytes, size_t length)
{
    for (unsigned i = 0; length > 0 && server->session.handler.fd >= 0; i++) {
        ssize_t sent = send(server->client, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);

        must(sent > 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        if (sent < 0 && errno != EAGAIN)
            return; /* he has said that he says no more, or has been left */
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
        turn();
        must(i < ROUNDS_MAX);
    }
}

/* What he says by not saying it. True: he has hung up. */
static bool act(uint8_t what)
{
    unsigned rounds = what / DOINGS;

    switch (what % DOINGS) {
    case DO_REST: rest(rounds); return false;
    case DO_NOT_READ: do_not_read(rounds); return false;
    case DO_STOP_SAYING: shutdown(server->client, SHUT_WR); return false;
    case DO_HANG_UP: return true;
    default: return false;
    }
}

static void open_session(void)
{
    int pair[2], bytes = BUFFER_BYTES;

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    must(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0);
    server->client = pair[1];
    server->heard_length = 0;
    must(session_open(&server->session, server, pair[0]));
}

/* Until nobody waits for anybody. */
static void end_session(void)
{
    for (unsigned i = 0; server->session.handler.fd >= 0; i++) {
        turn();
        must(i < 20000);
    }
    must(server->streams == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    bool gone = false;

    if (!server) {
        server = calloc(1, sizeof *server);
        must(server && loop_init(&server->loop) == HF_OK);
    }
    if (size > 20000)
        return 0;
    open_session();
    while (input_left(&input) > 0 && !gone) {
        uint8_t piece[4096];
        size_t length = input_scaled(&input) % sizeof piece;

        if (length == 0) {
            gone = act(input_u8(&input));
            continue;
        }
        length = input_bytes(&input, piece, length);
        say(piece, length);
        turn();
    }
    if (gone)
        close(server->client);
    else
        shutdown(server->client, SHUT_WR);
    if (gone)
        server->deaf = true; /* nobody is there to hear */
    end_session();
    server->deaf = false;
    if (gone)
        return 0;
    hear();
    must(server->heard_length == 0); /* no line without its end */
    close(server->client);
    return 0;
}
