/* Kernel sockets towards the servers behind the guard. */
#include "guard/backend.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define SPANS_MAX 64

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static socklen_t address_of(const struct config_target *target, union address *to)
{
    const struct hf_endpoint *endpoint = &target->endpoint;

    memset(to, 0, sizeof *to);
    if (target->path[0] != '\0') {
        to->local.sun_family = AF_UNIX;
        memcpy(to->local.sun_path, target->path, sizeof target->path);
        return sizeof to->local;
    }
    if (hf_address_is_v4(&endpoint->address)) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(endpoint->port);
        memcpy(&to->v4.sin_addr, endpoint->address.bytes + 12, 4);
        return sizeof to->v4;
    }
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(endpoint->port);
    memcpy(&to->v6.sin6_addr, endpoint->address.bytes, 16);
    return sizeof to->v6;
}

enum backend_verdict backend_open(const struct config_target *target, int *fd)
{
    union address to;
    socklen_t length = address_of(target, &to);
    int number;

    *fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return BACKEND_FAILED;
    if (to.any.sa_family != AF_UNIX) /* what a client sent is passed on as it came */
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(*fd, &to.any, length) == 0)
        return BACKEND_CONNECTED;
    if (errno == EINPROGRESS)
        return BACKEND_CONNECTING;

    number = errno;
    close(*fd);
    *fd = -1;
    errno = number;
    return number == EAGAIN ? BACKEND_BUSY : BACKEND_FAILED;
}

int backend_error(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/* The first `limit` bytes of the spans. */
static size_t clip(struct iovec vectors[SPANS_MAX], const struct hf_span *spans, size_t count,
                   size_t limit)
{
    size_t used = 0;

    for (; used < count && used < SPANS_MAX && limit > 0; used++) {
        size_t length = spans[used].length < limit ? spans[used].length : limit;

        vectors[used] = (struct iovec){spans[used].data, length};
        limit -= length;
    }
    return used;
}

ptrdiff_t backend_write(int fd, const struct hf_span *spans, size_t count, size_t limit)
{
    struct iovec vectors[SPANS_MAX];
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = clip(vectors, spans, count, limit)};

    for (;;) {
        ssize_t moved = sendmsg(fd, &message, MSG_NOSIGNAL);

        if (moved >= 0)
            return moved;
        if (errno != EINTR)
            return errno == EAGAIN ? BACKEND_AGAIN : BACKEND_BROKEN;
    }
}

ptrdiff_t backend_read(int fd, const struct hf_span *spans, size_t count, size_t limit)
{
    struct iovec vectors[SPANS_MAX];
    int used = (int)clip(vectors, spans, count, limit);

    for (;;) {
        ssize_t moved = readv(fd, vectors, used);

        if (moved >= 0)
            return moved;
        if (errno != EINTR)
            return errno == EAGAIN ? BACKEND_AGAIN : BACKEND_BROKEN;
    }
}

void backend_shutdown(int fd)
{
    shutdown(fd, SHUT_WR);
}

void backend_close(int fd)
{
    close(fd);
}

void backend_reset(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1, .l_linger = 0},
               sizeof(struct linger));
    close(fd);
}
