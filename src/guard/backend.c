/* Kernel sockets towards the servers behind the guard. */
#include "guard/backend.h"
#include "os/syscalls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

SYSCALLS("socket:inet socket:unix bind getsockname setsockopt getsockopt connect sendmsg readv"
         " shutdown");

#define SPANS_MAX 64
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static socklen_t endpoint_address(const struct hf_endpoint *endpoint, union address *to)
{
    memset(to, 0, sizeof *to);
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

static socklen_t target_address(const struct config_target *target, union address *to)
{
    if (target->path[0] == '\0')
        return endpoint_address(&target->endpoint, to);
    memset(to, 0, sizeof *to);
    to->local.sun_family = AF_UNIX;
    memcpy(to->local.sun_path, target->path, sizeof target->path);
    return sizeof to->local;
}

static int set_to(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int set(int fd, int level, int option)
{
    return set_to(fd, level, option, 1);
}

/* Before connect: the window's scale follows from it. The kernel doubles the numbers, for its own overhead, and knows a
 * most [socket(7): rmem_max, wmem_max]. */
static void limit_buffers(int fd, const struct backend_source *source)
{
    if (source->receive_bytes > 0)
        set_to(fd, SOL_SOCKET, SO_RCVBUF, (int)source->receive_bytes);
    if (source->send_bytes > 0)
        set_to(fd, SOL_SOCKET, SO_SNDBUF, (int)source->send_bytes);
}

/* Binds to the source. A port that the kernel chooses is chosen at connect, when the whole four-tuple is known: then an
 * address has all its ports for each backend. A port that was named may be in TIME-WAIT towards another backend. */
static bool bind_to(int fd, int family, const struct backend_source *source)
{
    union address from;
    socklen_t length = endpoint_address(&source->from, &from);

    if (from.any.sa_family != family) {
        errno = EAFNOSUPPORT;
        return false;
    }
    if (source->transparent && set(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                                   family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT) != 0)
        return false;
    if (source->from.port == 0)
        set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    else
        set(fd, SOL_SOCKET, SO_REUSEADDR);
    return bind(fd, &from.any, length) == 0;
}

static enum backend_verdict verdict_of(int number)
{
    switch (number) {
    case EAGAIN: return BACKEND_BUSY; /* of a unix socket */
    case EADDRNOTAVAIL:
    case EADDRINUSE: return BACKEND_NO_PORT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return BACKEND_STARVED;
    default: return BACKEND_FAILED;
    }
}

enum backend_verdict backend_open(const struct config_target *target,
                                  const struct backend_source *source, int *fd)
{
    union address to;
    socklen_t length = target_address(target, &to);
    int number;

    *fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return verdict_of(errno);
    if (to.any.sa_family != AF_UNIX) { /* what a client sent is passed on as it came */
        set(*fd, IPPROTO_TCP, TCP_NODELAY);
        if (source != NULL)
            limit_buffers(*fd, source);
        if (source != NULL && source->bound && !bind_to(*fd, to.any.sa_family, source))
            goto failed;
    }
    if (connect(*fd, &to.any, length) == 0)
        return BACKEND_CONNECTED;
    if (errno == EINPROGRESS)
        return BACKEND_CONNECTING;

failed:
    number = errno;
    close(*fd);
    *fd = -1;
    errno = number;
    return verdict_of(number);
}

/* [RFC 9293 3.5, figure 8]: a port chosen for us may be the very one we connect to. */
static bool is_itself(int fd, const struct config_target *target)
{
    union address local, to;
    socklen_t length = sizeof local;

    if (target == NULL || target->path[0] != '\0' || getsockname(fd, &local.any, &length) != 0 ||
        target_address(target, &to) != length)
        return false;
    return memcmp(&local, &to, length) == 0;
}

int backend_error(int fd, const struct config_target *target)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    return error == 0 && is_itself(fd, target) ? ECONNREFUSED : error;
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
