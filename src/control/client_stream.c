/* The control socket's client for long answers: a buffer between what arrives and what is asked for. */
#include "control/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <handfast/handfast.h>

#include "control/client_socket.h"
#include "control/server.h"
#include "os/syscalls.h"

SYSCALLS_AT_START("sendto recvfrom"); /* commands ask; a guard that serves never does */

#define LINE_MAX_BYTES ((size_t)4 << 20)
/* A signal that comes just before recv begins does not end it: who is patient looks up now and then. */
#define LOOK_UP_US INT64_C(250000)

struct control_stream_in {
    int fd;
    bool patient;
    char *bytes;
    size_t begin, end, capacity;
};

int control_follow(const char *path, const json_t *request, struct control_stream_in **stream)
{
    struct control_stream_in *in = calloc(1, sizeof *in);
    int error;

    if (in == NULL)
        return HF_NO_MEMORY;
    in->fd = -1;
    error = client_connect(path, &in->fd);
    if (error == HF_OK)
        error = client_send_line(in->fd, request);
    if (error != HF_OK) {
        int number = errno;

        control_unfollow(in);
        errno = number;
        return error;
    }
    *stream = in;
    return HF_OK;
}

void control_unfollow(struct control_stream_in *stream)
{
    if (stream == NULL)
        return;
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->bytes);
    free(stream);
}

int control_stop(struct control_stream_in *stream)
{
    return send(stream->fd, "stop\n", 5, MSG_NOSIGNAL) == 5 ? HF_OK : HF_SYSTEM;
}

/* ---- the buffer ---- */

static int make_room(struct control_stream_in *in)
{
    if (in->begin > 0) {
        memmove(in->bytes, in->bytes + in->begin, in->end - in->begin);
        in->end -= in->begin;
        in->begin = 0;
    }
    if (in->end < in->capacity)
        return HF_OK;
    size_t capacity = 2 * in->capacity + 65536;
    char *larger = capacity <= LINE_MAX_BYTES ? realloc(in->bytes, capacity) : NULL;

    if (larger == NULL)
        return HF_NO_MEMORY;
    in->bytes = larger;
    in->capacity = capacity;
    return HF_OK;
}

static int receive_more(struct control_stream_in *in)
{
    int error = make_room(in);
    ssize_t got;

    if (error != HF_OK)
        return error;
    got = recv(in->fd, in->bytes + in->end, in->capacity - in->end, 0);
    if (got > 0) {
        in->end += (size_t)got;
        return HF_OK;
    }
    if (got == 0)
        return HF_CLOSING;
    if (errno == EINTR || (errno == EAGAIN && in->patient))
        return HF_AGAIN;
    return errno == EAGAIN ? HF_TIMED_OUT : HF_SYSTEM;
}

int control_next(struct control_stream_in *in, json_t **line, bool patient)
{
    size_t looked = in->begin;
    char *end;

    if (patient != in->patient) {
        client_set_patience(in->fd, patient ? LOOK_UP_US : CONTROL_PATIENCE_US);
        in->patient = patient;
    }
    while ((end = in->end > looked ? memchr(in->bytes + looked, '\n', in->end - looked) : NULL) ==
           NULL) {
        size_t seen = in->end - in->begin;
        int error = receive_more(in);

        if (error != HF_OK)
            return error;
        looked = in->begin + seen;
    }
    *line = json_loadb(in->bytes + in->begin, (size_t)(end - in->bytes) - in->begin, 0, NULL);
    in->begin = (size_t)(end + 1 - in->bytes);
    return *line != NULL ? HF_OK : HF_INVALID;
}

int control_next_bytes(struct control_stream_in *in, void *to, size_t length)
{
    char *at = to;

    while (length > 0) {
        size_t part = in->end - in->begin < length ? in->end - in->begin : length;

        if (part == 0) {
            int error = receive_more(in);

            if (error != HF_OK && error != HF_AGAIN)
                return error;
            continue;
        }
        memcpy(at, in->bytes + in->begin, part);
        in->begin += part;
        at += part;
        length -= part;
    }
    return HF_OK;
}
