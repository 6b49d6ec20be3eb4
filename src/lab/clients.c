/* The lab's clients: blocking sockets with a time limit, and poll for many at once. */
#include "lab/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <handfast/os.h>

#include "lab/files.h"
#include "lab/process.h"

#define SECOND_US INT64_C(1000000)
#define LIMIT_US (60 * SECOND_US)
#define PATIENCE_S 5
#define HEAD_MAX 1024
#define PARALLEL_MAX 1024

struct client {
    const struct client_plan *plan;
    struct client_report *report;
    struct sockaddr_storage to;
    socklen_t to_length;
    int connect_error;
    uint8_t *expected; /* the body */
    size_t expected_bytes;
    uint8_t *answer; /* head and body */
    size_t answer_max;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct client *client, const char *format,
                                                       ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(client->report->why, sizeof client->report->why, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- sockets ---- */

static void note_port(struct client *client, int fd)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof local;

    if (getsockname(fd, (struct sockaddr *)&local, &length) == 0) /* the port is at one place */
        client->report->local_port = ntohs(((const struct sockaddr_in *)&local)->sin_port);
}

static int make_socket(struct client *client, int flags)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(client->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (fd < 0) {
        fail(client, "no socket: %s", strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

static int connect_to(struct client *client, int fd)
{
    return connect(fd, (const struct sockaddr *)&client->to, client->to_length);
}

static int open_socket(struct client *client)
{
    int fd = make_socket(client, 0);

    if (fd < 0)
        return -1;
    if (connect_to(client, fd) != 0) {
        client->connect_error = errno == EINPROGRESS ? ETIMEDOUT : errno;
        fail(client, "connect: %s", strerror(client->connect_error));
        close(fd);
        return -1;
    }
    note_port(client, fd);
    return fd;
}

static const char *error_text(void)
{
    return errno == EAGAIN ? "nothing for 5 s" : strerror(errno);
}

/* HTTP/1.0: the server closes after its answer. HTTP/1.1: it keeps the connection. */
static bool ask(struct client *client, int fd, const char *version)
{
    char request[128];
    int length = snprintf(request, sizeof request, "GET %s HTTP/%s\r\nHost: lab\r\n\r\n",
                          client->plan->path, version);

    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        return fail(client, "send: %s", error_text());
    return true;
}

/* ---- answers ---- */

static size_t head_length(const uint8_t *answer, size_t length)
{
    const uint8_t *end = memmem(answer, length, "\r\n\r\n", 4);

    return end ? (size_t)(end - answer) + 4 : 0;
}

/* Whether the answer is the whole of the file, and nothing more. */
static bool judge(struct client *client, size_t length)
{
    size_t head = head_length(client->answer, length);

    if (length < 12 || memcmp(client->answer, "HTTP/1.", 7) != 0 ||
        memcmp(client->answer + 8, " 200", 4) != 0)
        return fail(client, "no HTTP 200 in an answer of %zu bytes", length);
    if (head == 0 || length - head != client->expected_bytes)
        return fail(client, "%zu of %zu bytes came", length - head, client->expected_bytes);
    if (memcmp(client->answer + head, client->expected, client->expected_bytes) != 0)
        return fail(client, "the bytes that came are not those of the file");
    client->report->bytes += client->expected_bytes;
    return true;
}

/* Reads until the body is whole (whole = true) or the server has closed. */
static bool receive_answer(struct client *client, int fd, bool whole)
{
    size_t length = 0;

    while (length < client->answer_max) {
        ssize_t got = recv(fd, client->answer + length, client->answer_max - length, 0);

        if (got < 0)
            return fail(client, "receive after %zu bytes: %s", length, error_text());
        if (got == 0)
            break;
        length += (size_t)got;
        size_t head =
            whole ? head_length(client->answer, length < HEAD_MAX ? length : HEAD_MAX) : 0;
        if (head > 0 && length >= head + client->expected_bytes)
            break;
    }
    return judge(client, length);
}

/* The server has closed its side: the end of the stream and not a reset. */
static bool receive_end(struct client *client, int fd)
{
    char more;
    ssize_t got = recv(fd, &more, 1, 0);

    if (got < 0)
        return fail(client, "instead of the end of the stream: %s", error_text());
    return got == 0 || fail(client, "bytes after the whole answer");
}

/* ---- one connection after another ---- */

static bool one_short(struct client *client)
{
    int fd = open_socket(client);
    bool ok = fd >= 0 && ask(client, fd, "1.0") && receive_answer(client, fd, false);

    if (fd >= 0)
        close(fd);
    client->report->done += ok;
    return ok;
}

static bool run_short(struct client *client)
{
    for (uint32_t i = 0; i < client->plan->count; i++)
        if (!one_short(client))
            return false;
    return true;
}

static bool run_half_close(struct client *client)
{
    int fd = open_socket(client);
    bool ok = fd >= 0 && ask(client, fd, "1.0");

    if (ok && shutdown(fd, SHUT_WR) != 0)
        ok = fail(client, "shutdown: %s", strerror(errno));
    ok = ok && receive_answer(client, fd, false);
    if (fd >= 0)
        close(fd);
    client->report->done += ok;
    return ok;
}

static bool run_closes_first(struct client *client)
{
    int fd = open_socket(client);
    bool ok = fd >= 0 && ask(client, fd, "1.1") && receive_answer(client, fd, true);

    if (ok && shutdown(fd, SHUT_WR) != 0)
        ok = fail(client, "shutdown: %s", strerror(errno));
    ok = ok && receive_end(client, fd);
    if (fd >= 0)
        close(fd);
    client->report->done += ok;
    return ok;
}

static bool run_wants_reset(struct client *client)
{
    int64_t began_us = hf_os_now_us();
    int fd = open_socket(client);
    char byte;

    /* The reset may come before connect has even returned. */
    int error = client->connect_error;
    if (fd < 0 && error != ECONNRESET)
        return false;
    ssize_t got = -1;
    if (fd >= 0) {
        got = recv(fd, &byte, 1, 0);
        error = errno;
        close(fd);
    }
    client->report->took_us = hf_os_now_us() - began_us;
    if (got == 0)
        return fail(client, "the connection was closed in order, not reset");
    if (got > 0)
        return fail(client, "bytes came from a backend that is not there");
    errno = error;
    client->report->done = 1;
    return error == ECONNRESET || fail(client, "no reset: %s", error_text());
}

/* ---- many at once ---- */

static bool connected(struct client *client, int fd)
{
    struct pollfd done = {.fd = fd, .events = POLLOUT};
    socklen_t length = sizeof(int);
    int error = ETIMEDOUT;

    if (poll(&done, 1, PATIENCE_S * 1000) > 0)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0)
        return fail(client, "connection %u: %s", client->report->at_once, strerror(error));
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return true;
}

/* All SYNs leave before the first answer is waited for. */
static bool open_all(struct client *client, int fds[])
{
    uint32_t count = client->plan->count;

    for (uint32_t i = 0; i < count; i++) {
        fds[i] = make_socket(client, SOCK_NONBLOCK);
        if (fds[i] < 0)
            return false;
        if (connect_to(client, fds[i]) != 0 && errno != EINPROGRESS)
            return fail(client, "connection %u: %s", i, strerror(errno));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!connected(client, fds[i]))
            return false;
        client->report->at_once++;
    }
    return true;
}

/* The answers come together and are read one by one: the others wait in the guard, held back by their windows. */
static bool run_all(struct client *client, int fds[])
{
    uint32_t count = client->plan->count;

    if (!open_all(client, fds))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!ask(client, fds[i], "1.0"))
            return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!receive_answer(client, fds[i], false))
            return false;
        client->report->done++;
    }
    return true;
}

static bool run_parallel(struct client *client)
{
    struct rlimit files = {2 * PARALLEL_MAX, 2 * PARALLEL_MAX};
    int fds[PARALLEL_MAX];

    if (client->plan->count > PARALLEL_MAX)
        return fail(client, "%u at once, accepted are %d", client->plan->count, PARALLEL_MAX);
    setrlimit(RLIMIT_NOFILE, &files);
    memset(fds, 0xff, sizeof fds);
    bool ok = run_all(client, fds);
    for (uint32_t i = 0; i < client->plan->count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return ok;
}

/* ---- all of them ---- */

static bool run(struct client *client)
{
    switch (client->plan->kind) {
    case CLIENT_SHORT:
    case CLIENT_CLOSES_LAST: return run_short(client);
    case CLIENT_PARALLEL: return run_parallel(client);
    case CLIENT_HALF_CLOSE: return run_half_close(client);
    case CLIENT_CLOSES_FIRST: return run_closes_first(client);
    case CLIENT_WANTS_RESET: return run_wants_reset(client);
    }
    return false;
}

static bool prepare(struct client *client)
{
    const struct client_plan *plan = client->plan;

    client->to_length = network_guard_address(&client->to, plan->family, plan->port);
    if (plan->file) {
        client->expected = files_read(plan->file, &client->expected_bytes);
        if (!client->expected)
            return fail(client, "%s: %s", plan->file, strerror(errno));
    }
    client->answer_max = client->expected_bytes + HEAD_MAX;
    client->answer = malloc(client->answer_max);
    return client->answer || fail(client, "no memory");
}

static void work(const void *argument, void *result)
{
    struct client client = {.plan = argument, .report = result};
    int64_t began_us;

    if (prepare(&client)) {
        began_us = hf_os_now_us();
        client.report->ok = run(&client);
        if (client.report->took_us == 0)
            client.report->took_us = hf_os_now_us() - began_us;
    }
    free(client.expected);
    free(client.answer);
}

bool clients_run(const struct network *network, const struct client_plan *plan,
                 struct client_report *report)
{
    struct process_work child = {
        .namespace_fd = network->client_fd,
        .work = work,
        .argument = plan,
        .result_size = sizeof *report,
        .limit_us = LIMIT_US,
    };

    memset(report, 0, sizeof *report);
    if (!process_call(&child, report)) {
        report->ok = false;
        snprintf(report->why, sizeof report->why, "the client was killed, or did not end in 60 s");
    }
    return report->ok;
}
