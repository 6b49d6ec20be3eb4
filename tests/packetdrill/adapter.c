/* The functions that packetdrill calls, each of them a few lines around the world. [tests/packetdrill/interface.h] */
#include "interface.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "sockets.h"

#define US_PER_S 1000000
#define US_PER_MS INT64_C(1000)

static int number_of(int64_t result)
{
    if (result >= 0)
        return (int)result;
    errno = (int)-result;
    return -1;
}

static void adapter_free(void *userdata)
{
    world_free(userdata);
}

static int adapter_socket(void *userdata, int domain, int type, int protocol)
{
    struct call call = {.name = "socket", .attempt = socket_open, .fd = domain};
    int fd;

    if (domain != AF_INET && domain != AF_INET6)
        world_die("socket(domain %d): unsupported", domain);
    if ((type & 0xff) != SOCK_STREAM || (protocol != 0 && protocol != IPPROTO_TCP))
        world_die("socket(type %d, protocol %d): unsupported, only TCP", type, protocol);
    fd = (int)world_call(userdata, &call);
    if (fd >= 0 && type & SOCK_NONBLOCK)
        world_file(userdata, fd)->nonblocking = true;
    return fd;
}

static int adapter_bind(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct call call = {
        .name = "bind", .attempt = socket_bind, .fd = fd, .from = address, .length = length};

    return (int)world_call(userdata, &call);
}

static int adapter_listen(void *userdata, int fd, int backlog)
{
    struct call call = {.name = "listen", .attempt = socket_listen, .fd = fd, .flags = backlog};

    return (int)world_call(userdata, &call);
}

static bool is_nonblocking(struct world *world, int fd)
{
    struct file *file = world_file(world, fd);

    return file && file->nonblocking;
}

static int adapter_accept(void *userdata, int fd, struct sockaddr *address, socklen_t *length)
{
    struct file *file = world_file(userdata, fd);
    struct call call = {.name = "accept",
                        .attempt = socket_accept,
                        .fd = fd,
                        .address = address,
                        .address_length = length,
                        .nonblocking = is_nonblocking(userdata, fd),
                        .nonblocking_result = -EAGAIN,
                        .timeout_us =
                            file && file->receive_timeout_us ? file->receive_timeout_us : -1,
                        .timeout_result = -EAGAIN};

    return (int)world_call(userdata, &call);
}

static int adapter_connect(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_storage copy = {0};
    struct call call = {.name = "connect",
                        .attempt = socket_connect,
                        .fd = fd,
                        .address = (struct sockaddr *)&copy,
                        .length = length,
                        .nonblocking = is_nonblocking(userdata, fd),
                        .nonblocking_result = -EINPROGRESS,
                        .timeout_us = -1};

    memcpy(&copy, address, length < sizeof copy ? length : sizeof copy);
    return (int)world_call(userdata, &call);
}

/* Every way of reading and writing ends in transfer(). */
struct pieces {
    const char *name; /* of the call */
    int fd;
    const struct iovec *at;
    size_t count;
    int flags;
};

static ssize_t transfer(struct world *world, const struct pieces *pieces, bool in)
{
    struct file *file = world_file(world, pieces->fd);
    int known = MSG_DONTWAIT | MSG_NOSIGNAL | (in ? MSG_PEEK | MSG_TRUNC : MSG_OOB | MSG_MORE);
    int64_t timeout_us = !file ? 0 : in ? file->receive_timeout_us : file->send_timeout_us;
    struct call call = {.name = pieces->name,
                        .attempt = in ? socket_receive : socket_send,
                        .fd = pieces->fd,
                        .vectors = pieces->at,
                        .length = pieces->count,
                        .flags = pieces->flags,
                        .nonblocking = (file && file->nonblocking) || pieces->flags & MSG_DONTWAIT,
                        .nonblocking_result = -EAGAIN,
                        .timeout_us = timeout_us ? timeout_us : -1,
                        .timeout_result = -EAGAIN};

    if (pieces->flags & ~known)
        world_die("%s(%d, flags %#x): unsupported", pieces->name, pieces->fd,
                  (unsigned)pieces->flags);
    return (ssize_t)world_call(world, &call);
}

static ssize_t adapter_read(void *userdata, int fd, void *to, size_t count)
{
    struct iovec vector = {to, count};

    return transfer(userdata, &(struct pieces){"read", fd, &vector, 1, 0}, true);
}

static ssize_t adapter_readv(void *userdata, int fd, const struct iovec *to, int count)
{
    return transfer(userdata, &(struct pieces){"readv", fd, to, (size_t)count, 0}, true);
}

static ssize_t adapter_recv(void *userdata, int fd, void *to, size_t count, int flags)
{
    struct iovec vector = {to, count};

    return transfer(userdata, &(struct pieces){"recv", fd, &vector, 1, flags}, true);
}

static ssize_t adapter_recvfrom(void *userdata, int fd, void *to, size_t count, int flags,
                                struct sockaddr *address, socklen_t *length)
{
    struct iovec vector = {to, count};

    (void)address;
    if (length)
        *length = 0; /* as Linux has it for a connected stream */
    return transfer(userdata, &(struct pieces){"recvfrom", fd, &vector, 1, flags}, true);
}

/* TCP_INQ: a control message says how many bytes wait; at the end of the text it says 1, as Linux does. */
static void tell_left(struct world *world, int fd, struct msghdr *message, size_t room)
{
    struct cmsghdr *control;
    struct hf_status status;
    struct file *file;
    int left = 0;

    world_enter(world);
    file = world_file(world, fd);
    if (file && file->inq && file->kind == FILE_CONNECTION && room >= CMSG_SPACE(sizeof left) &&
        hf_status(world->stack, file->socket, &status) == HF_OK) {
        left = status.receive_queued == 0 && status.peer_closed ? 1 : (int)status.receive_queued;
        message->msg_controllen = CMSG_SPACE(sizeof left);
        control = CMSG_FIRSTHDR(message);
        control->cmsg_level = IPPROTO_TCP;
        control->cmsg_type = TCP_INQ;
        control->cmsg_len = CMSG_LEN(sizeof left);
        memcpy(CMSG_DATA(control), &left, sizeof left);
    }
    world_leave(world);
}

static ssize_t adapter_recvmsg(void *userdata, int fd, struct msghdr *message, int flags)
{
    size_t room = message->msg_control ? message->msg_controllen : 0;
    ssize_t result;

    message->msg_namelen = 0;
    message->msg_controllen = 0;
    message->msg_flags = 0;
    result = transfer(userdata,
                      &(struct pieces){"recvmsg", fd, message->msg_iov, message->msg_iovlen, flags},
                      true);
    if (result >= 0)
        tell_left(userdata, fd, message, room);
    return result;
}

static ssize_t adapter_write(void *userdata, int fd, const void *from, size_t count)
{
    struct iovec vector = {(void *)(uintptr_t)from, count};

    return transfer(userdata, &(struct pieces){"write", fd, &vector, 1, 0}, false);
}

static ssize_t adapter_writev(void *userdata, int fd, const struct iovec *from, int count)
{
    return transfer(userdata, &(struct pieces){"writev", fd, from, (size_t)count, 0}, false);
}

static ssize_t adapter_send(void *userdata, int fd, const void *from, size_t count, int flags)
{
    struct iovec vector = {(void *)(uintptr_t)from, count};

    return transfer(userdata, &(struct pieces){"send", fd, &vector, 1, flags}, false);
}

static ssize_t adapter_sendto(void *userdata, int fd, const void *from, size_t count, int flags,
                              const struct sockaddr *address, socklen_t length)
{
    struct file *file = world_file(userdata, fd);
    struct iovec vector = {(void *)(uintptr_t)from, count};

    if (address && length > 0 && file && file->kind != FILE_CONNECTION)
        world_die("sendto(%d) with an address: unsupported, connect first", fd);
    return transfer(userdata, &(struct pieces){"sendto", fd, &vector, 1, flags}, false);
}

static ssize_t adapter_sendmsg(void *userdata, int fd, const struct msghdr *message, int flags)
{
    if (message->msg_controllen > 0)
        world_die("sendmsg(%d) with control data: unsupported", fd);
    return transfer(userdata,
                    &(struct pieces){"sendmsg", fd, message->msg_iov, message->msg_iovlen, flags},
                    false);
}

static int adapter_fcntl(void *userdata, int fd, int command, ...)
{
    struct world *world = userdata;
    struct file *file;
    va_list arguments;
    int argument;

    va_start(arguments, command);
    argument = va_arg(arguments, int);
    va_end(arguments);
    world_enter(world);
    file = world_file(world, fd);
    if (file && command == F_SETFL && !(argument & ~(O_NONBLOCK | O_RDWR)))
        file->nonblocking = (argument & O_NONBLOCK) != 0;
    else if (file && command != F_GETFL)
        world_die("fcntl(%d, command %d, %#x): unsupported", fd, command, (unsigned)argument);
    world_leave(world);
    if (!file)
        return number_of(-EBADF);
    return command == F_GETFL ? O_RDWR | (file->nonblocking ? O_NONBLOCK : 0) : 0;
}

static int answer_ioctl(struct world *world, struct file *file, unsigned long request, int *value)
{
    struct hf_status status = {0};

    if (file->kind == FILE_CONNECTION)
        hf_status(world->stack, file->socket, &status);
    switch (request) {
    case SIOCINQ: /* which is FIONREAD */ *value = (int)status.receive_queued; return 0;
    case SIOCOUTQ: *value = (int)status.send_queued; return 0;
    case SIOCOUTQNSD: *value = (int)status.unsent; return 0;
    case FIONBIO: file->nonblocking = *value != 0; return 0;
    default: world_die("ioctl(request %#lx): unsupported", request);
    }
}

static int adapter_ioctl(void *userdata, int fd, unsigned long request, ...)
{
    struct world *world = userdata;
    struct file *file;
    va_list arguments;
    int result = -EBADF, *value;

    va_start(arguments, request);
    value = va_arg(arguments, int *);
    va_end(arguments);
    world_enter(world);
    file = world_file(world, fd);
    if (file)
        result = answer_ioctl(world, file, request, value);
    world_leave(world);
    return number_of(result);
}

static int adapter_close(void *userdata, int fd)
{
    struct call call = {.name = "close", .attempt = socket_close, .fd = fd};

    return (int)world_call(userdata, &call);
}

static int adapter_shutdown(void *userdata, int fd, int how)
{
    struct call call = {.name = "shutdown", .attempt = socket_shutdown, .fd = fd, .flags = how};

    return (int)world_call(userdata, &call);
}

static int adapter_getsockopt(void *userdata, int fd, int level, int name, void *value,
                              socklen_t *length)
{
    int result;

    world_enter(userdata);
    result = socket_get_option(
        userdata, &(struct socket_option){
                      .fd = fd, .level = level, .name = name, .to = value, .room = length});
    world_leave(userdata);
    return number_of(result);
}

static int adapter_setsockopt(void *userdata, int fd, int level, int name, const void *value,
                              socklen_t length)
{
    int result;

    world_enter(userdata);
    result = socket_set_option(
        userdata, &(struct socket_option){
                      .fd = fd, .level = level, .name = name, .from = value, .length = length});
    world_settle(userdata); /* no cork, no delay: something may go out */
    world_leave(userdata);
    return number_of(result);
}

static int wait_ready(struct world *world, struct call *call, int timeout_ms)
{
    call->nonblocking = timeout_ms == 0;
    call->timeout_us = timeout_ms < 0 ? -1 : timeout_ms * US_PER_MS;
    return (int)world_call(world, call);
}

static int adapter_poll(void *userdata, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct call call = {.name = "poll", .attempt = socket_poll, .to = fds, .length = count};

    return wait_ready(userdata, &call, timeout_ms);
}

static int adapter_netdev_send(void *userdata, const void *packet, size_t length)
{
    world_enter(userdata);
    world_give(userdata, packet, length);
    world_leave(userdata);
    return 0;
}

static int adapter_netdev_receive(void *userdata, void *to, size_t *count, long long *time_us)
{
    struct world *world = userdata;
    struct packet_out *packet;
    size_t room = *count;

    world_enter(world);
    packet = world_next_packet(world);
    *count = packet ? packet->length : 0;
    *time_us = packet ? packet->at_us : world->now_us;
    if (packet && packet->length > room)
        world_die("netdev_receive: a packet of %zu bytes for a buffer of %zu", packet->length,
                  room);
    if (packet) {
        memcpy(to, packet->bytes, packet->length);
        free(packet->bytes);
    }
    world_leave(world);
    return 0;
}

static int adapter_usleep(void *userdata, useconds_t us)
{
    struct world *world = userdata;

    world_enter(world);
    world_advance(world, world->now_us + us);
    world_leave(world);
    return 0;
}

/* A script that waits looks at the clock until it shows what it wants: two looks in a row are a microsecond apart. */
static int adapter_gettimeofday(void *userdata, struct timeval *time, struct timezone *zone)
{
    struct world *world = userdata;

    (void)zone;
    pthread_mutex_lock(&world->lock);
    if (!world_ran_on(world)) {
        if (world->looked)
            world_advance(world, world->now_us + 1);
        world->looked = true;
    }
    time->tv_sec = world->now_us / US_PER_S;
    time->tv_usec = world->now_us % US_PER_S;
    pthread_mutex_unlock(&world->lock);
    return 0;
}

static int64_t open_epoll(struct world *world, struct call *call)
{
    (void)call;
    return world_open(world, FILE_EPOLL);
}

static int adapter_epoll_create(void *userdata, int size)
{
    struct call call = {.name = "epoll_create", .attempt = open_epoll};

    return size <= 0 ? number_of(-EINVAL) : (int)world_call(userdata, &call);
}

static int adapter_epoll_ctl(void *userdata, int epoll_fd, int operation, int fd,
                             struct epoll_event *event)
{
    int64_t result;

    world_enter(userdata);
    result = socket_epoll_ctl(userdata, epoll_fd, operation, fd, event);
    world_leave(userdata);
    return number_of(result);
}

static int adapter_epoll_wait(void *userdata, int epoll_fd, struct epoll_event *events, int count,
                              int timeout_ms)
{
    struct call call = {.name = "epoll_wait",
                        .attempt = socket_epoll_wait,
                        .fd = epoll_fd,
                        .to = events,
                        .length = count > 0 ? (size_t)count : 0};

    return wait_ready(userdata, &call, timeout_ms);
}

static int adapter_pipe(void *userdata, int fds[2])
{
    (void)userdata;
    (void)fds;
    world_die("pipe(): unsupported");
}

static int adapter_splice(void *userdata, int from, loff_t *from_offset, int to, loff_t *to_offset,
                          size_t length, unsigned flags)
{
    (void)userdata;
    (void)from_offset;
    (void)to_offset;
    (void)length;
    (void)flags;
    world_die("splice(%d, %d): unsupported", from, to);
}

__attribute__((visibility("default"))) void packetdrill_interface_init(
    const char *flags, struct packetdrill_interface *interface)
{
    struct world *world = world_new(flags);

    preload_world(world);
    *interface = (struct packetdrill_interface){
        .userdata = world,
        .free = adapter_free,
        .socket = adapter_socket,
        .bind = adapter_bind,
        .listen = adapter_listen,
        .accept = adapter_accept,
        .connect = adapter_connect,
        .read = adapter_read,
        .readv = adapter_readv,
        .recv = adapter_recv,
        .recvfrom = adapter_recvfrom,
        .recvmsg = adapter_recvmsg,
        .write = adapter_write,
        .writev = adapter_writev,
        .send = adapter_send,
        .sendto = adapter_sendto,
        .sendmsg = adapter_sendmsg,
        .fcntl = adapter_fcntl,
        .ioctl = adapter_ioctl,
        .close = adapter_close,
        .shutdown = adapter_shutdown,
        .getsockopt = adapter_getsockopt,
        .setsockopt = adapter_setsockopt,
        .poll = adapter_poll,
        .netdev_send = adapter_netdev_send,
        .netdev_receive = adapter_netdev_receive,
        .usleep = adapter_usleep,
        .gettimeofday = adapter_gettimeofday,
        .epoll_create = adapter_epoll_create,
        .epoll_ctl = adapter_epoll_ctl,
        .epoll_wait = adapter_epoll_wait,
        .pipe = adapter_pipe,
        .splice = adapter_splice,
    };
}

__attribute__((visibility("default"))) int adapter_has_waiting(void *userdata)
{
    struct world *world = userdata;
    int waiting;

    pthread_mutex_lock(&world->lock);
    waiting = world->waiting != NULL;
    pthread_mutex_unlock(&world->lock);
    return waiting;
}
