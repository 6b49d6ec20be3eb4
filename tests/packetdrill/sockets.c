/* Sockets: opening, naming, listening, connecting, accepting, closing. */
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* A socket address as an endpoint; false if its family or length is none of ours. */
static bool endpoint_of(struct hf_endpoint *endpoint, const struct sockaddr *address,
                        socklen_t length)
{
    if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof in);
        *endpoint = (struct hf_endpoint){.port = ntohs(in.sin_port)};
        if (in.sin_addr.s_addr != 0) {
            memset(endpoint->address.bytes + 10, 0xff, 2);
            memcpy(endpoint->address.bytes + 12, &in.sin_addr, 4);
        }
        return true;
    }
    if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof in6);
        *endpoint = (struct hf_endpoint){.port = ntohs(in6.sin6_port)};
        memcpy(endpoint->address.bytes, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}

static void address_of(const struct hf_endpoint *endpoint, int domain, struct sockaddr *address,
                       socklen_t *length)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};
    socklen_t needed = domain == AF_INET ? sizeof in : sizeof in6;

    if (!address || !length)
        return;
    memcpy(&in.sin_addr, endpoint->address.bytes + 12, 4);
    memcpy(&in6.sin6_addr, endpoint->address.bytes, 16);
    memcpy(address, domain == AF_INET ? (void *)&in : (void *)&in6,
           *length < needed ? *length : needed);
    *length = needed;
}

static bool is_any(const struct hf_address *address)
{
    static const struct hf_address any;

    return memcmp(address, &any, sizeof any) == 0;
}

int socket_status(struct world *world, const struct file *file, struct hf_status *status)
{
    if (!file->reset_by_syn)
        return hf_status(world->stack, file->socket, status);
    *status = (struct hf_status){.state = HF_STATE_CLOSED, .error = HF_RESET};
    return HF_OK;
}

int64_t socket_open(struct world *world, struct call *call)
{
    int fd = world_open(world, FILE_FRESH);

    if (fd >= 0)
        world_file(world, fd)->domain = call->fd;
    return fd;
}

int64_t socket_bind(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);
    struct hf_endpoint local;

    if (!file)
        return -EBADF;
    if (file->kind != FILE_FRESH || file->bound)
        return -EINVAL;
    if (!endpoint_of(&local, call->from, (socklen_t)call->length))
        return -EAFNOSUPPORT;
    if (!is_any(&local.address))
        world_stack(world, &local.address);
    file->local = local;
    file->bound = true;
    return 0;
}

static struct hf_listen_options listen_options(const struct world *world, const struct call *call,
                                               const struct file *file)
{
    return (struct hf_listen_options){
        .local = file->local,
        .backlog = call->flags > 0 ? (uint32_t)call->flags : 1,
        .cookies = world->flags.cookies_only  ? HF_COOKIES_ALWAYS
                   : world->flags.cookies_off ? HF_COOKIES_OFF
                                              : HF_COOKIES_UNDER_PRESSURE,
    };
}

int64_t socket_listen(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);
    struct hf_listen_options options;
    int error;

    if (!file)
        return -EBADF;
    options = listen_options(world, call, file);
    if (file->kind == FILE_LISTENER)
        return world_error(hf_listen_change(world->stack, file->socket, &options, world->now_us));
    if (file->kind != FILE_FRESH)
        return -EINVAL;
    if (!file->bound)
        world_die("listen(%d): bind it first, a port is not chosen", call->fd);
    error = hf_listen_with(world_stack(world, NULL), &options, &file->socket);
    if (error != HF_OK)
        return world_error(error);
    file->kind = FILE_LISTENER;
    socket_apply(world, file);
    return 0;
}

int64_t socket_accept(struct world *world, struct call *call)
{
    struct file *listener = world_file(world, call->fd), *file;
    struct hf_status status;
    hf_socket socket;
    int error, fd;

    if (!listener)
        return -EBADF;
    if (listener->kind != FILE_LISTENER)
        return -EINVAL;
    error = hf_accept(world->stack, listener->socket, &socket);
    if (error == HF_AGAIN)
        return CALL_WAITS;
    if (error != HF_OK)
        return world_error(error);
    fd = world_open(world, FILE_CONNECTION);
    if (fd < 0)
        return fd;
    file = world_file(world, fd);
    file->domain = listener->domain;
    file->socket = socket;
    file->connected = true;
    file->keepalive = listener->keepalive;
    file->keep_idle_ms = listener->keep_idle_ms;
    file->receive_timeout_us = listener->receive_timeout_us;
    file->send_timeout_us = listener->send_timeout_us;
    if (hf_status(world->stack, socket, &status) == HF_OK)
        address_of(&status.remote, file->domain, call->address, call->address_length);
    return fd;
}

/* The family's address of ours when nobody has named one: packetdrill sees from the SYN which it is. */
static void default_local(struct world *world, const struct hf_address *remote)
{
    struct hf_address local;

    if (world->stack)
        return;
    hf_address_parse(&local, hf_address_is_v4(remote) ? "192.168.0.1" : "fd3d:fa7b:d17d::1");
    world_stack(world, &local);
}

static int64_t start_connect(struct world *world, struct call *call, struct file *file)
{
    struct hf_endpoint remote;
    int error;

    if (!endpoint_of(&remote, call->address, (socklen_t)call->length))
        return -EAFNOSUPPORT;
    default_local(world, &remote.address);
    error = hf_connect(world->stack, file->bound ? &file->local : NULL, &remote, &file->socket,
                       world->now_us);
    if (error != HF_OK)
        return world_error(error);
    file->kind = FILE_CONNECTION;
    socket_apply(world, file);
    return CALL_WAITS;
}

/* connect to AF_UNSPEC: the connection is broken off, and the socket is as new. */
static int64_t disconnect(struct world *world, struct file *file)
{
    if (file->kind == FILE_CONNECTION) {
        hf_abort(world->stack, file->socket, world->now_us);
        hf_close(world->stack, file->socket, world->now_us);
    } else if (file->kind == FILE_LISTENER) {
        hf_close(world->stack, file->socket, world->now_us);
    }
    file->kind = FILE_FRESH;
    file->connected = file->error_told = file->read_shut = file->write_shut = false;
    return 0;
}

int64_t socket_connect(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);
    struct hf_status status;
    int64_t error;

    if (!file)
        return -EBADF;
    if (call->address->sa_family == AF_UNSPEC)
        return disconnect(world, file);
    if (file->kind == FILE_FRESH) {
        call->taken = 0;
        call->file = file; /* this call has begun it */
        return start_connect(world, call, file);
    }
    if (file->kind != FILE_CONNECTION)
        return -EISCONN;
    if (file->connected)
        return -EISCONN;
    if (hf_status(world->stack, file->socket, &status) != HF_OK)
        return -EBADF;
    if (status.state == HF_STATE_CLOSED) {
        error = file->error_told ? -ECONNABORTED : world_error(status.error);
        file->error_told = true;
        return error;
    }
    if (status.state == HF_STATE_SYN_SENT || status.state == HF_STATE_SYN_RECEIVED) {
        if (call->file == NULL)
            call->nonblocking_result = -EALREADY;
        return CALL_WAITS;
    }
    file->connected = true;
    return 0;
}

int64_t socket_close(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);

    if (!file)
        return -EBADF;
    if (file->kind == FILE_CONNECTION && file->reset_on_close)
        hf_abort(world->stack, file->socket, world->now_us);
    else if (file->kind == FILE_CONNECTION || file->kind == FILE_LISTENER)
        hf_close(world->stack, file->socket, world->now_us);
    world_close(file);
    return 0;
}

int64_t socket_shutdown(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);
    struct hf_status status;
    int error = HF_OK;

    if (!file)
        return -EBADF;
    if (call->flags != SHUT_RD && call->flags != SHUT_WR && call->flags != SHUT_RDWR)
        return -EINVAL;
    if (file->kind != FILE_CONNECTION || hf_status(world->stack, file->socket, &status) != HF_OK ||
        status.state == HF_STATE_CLOSED)
        return -ENOTCONN;
    if (call->flags != SHUT_WR)
        file->read_shut = true; /* what waits can still be read; then it is the end */
    if (call->flags != SHUT_RD && !file->write_shut)
        error = hf_shutdown(world->stack, file->socket, world->now_us);
    if (call->flags != SHUT_RD)
        file->write_shut = true;
    return error == HF_CLOSING ? 0 : world_error(error);
}
