/* Reading and writing: what waits, what ends, and each error told once. */
#include "sockets.h"

#include <errno.h>

/* An ended connection tells why once; afterwards it is an end like any other. */
static int64_t told_once(struct file *file, int error, int64_t afterwards)
{
    if (file->error_told)
        return afterwards;
    file->error_told = true;
    return world_error(error);
}

static int64_t peeked(struct world *world, struct file *file, const struct call *call)
{
    const struct iovec *to = call->vectors;
    struct hf_span spans[HF_SPANS_MAX];
    size_t count = HF_SPANS_MAX, done = 0;
    ptrdiff_t result = hf_peek_spans(world->stack, file->socket, spans, &count);

    if (result < 0)
        return result;
    for (size_t i = 0; i < count && done < to->iov_len; i++) {
        size_t part = spans[i].length < to->iov_len - done ? spans[i].length : to->iov_len - done;

        __builtin_memcpy((char *)to->iov_base + done, spans[i].data, part);
        done += part;
    }
    return (int64_t)done;
}

/* A pointer that leads nowhere, though bytes would go there. */
static bool leads_nowhere(const struct call *call)
{
    for (size_t i = 0; i < call->length; i++)
        if (!call->vectors[i].iov_base && call->vectors[i].iov_len > 0)
            return true;
    return false;
}

/* MSG_TRUNC: as many bytes as there is room for are read and nobody wants them. */
static int64_t thrown_away(struct world *world, struct file *file, const struct call *call)
{
    const void *bytes;
    int64_t done = 0, room = 0;

    for (size_t i = 0; i < call->length; i++)
        room += (int64_t)call->vectors[i].iov_len;
    while (done < room) {
        ptrdiff_t part = hf_peek(world->stack, file->socket, &bytes);

        if (part <= 0)
            return done ? done : part;
        part = part < room - done ? part : (ptrdiff_t)(room - done);
        hf_consume(world->stack, file->socket, (size_t)part, world->now_us);
        done += part;
    }
    return done;
}

static int64_t read_vectors(struct world *world, struct file *file, const struct call *call)
{
    const struct iovec *to = call->vectors;
    int64_t done = 0;

    if (call->flags & MSG_PEEK)
        return peeked(world, file, call);
    if (call->flags & MSG_TRUNC)
        return thrown_away(world, file, call);
    for (size_t i = 0; i < call->length; i++) {
        ptrdiff_t result;

        if (to[i].iov_len == 0)
            continue;
        result =
            hf_receive(world->stack, file->socket, to[i].iov_base, to[i].iov_len, world->now_us);
        if (result <= 0)
            return done ? done : result;
        done += result;
        if ((size_t)result < to[i].iov_len)
            break;
    }
    return done;
}

int64_t socket_receive(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);
    struct hf_status status;
    int64_t result;

    if (!file)
        return -EBADF;
    if (file->kind != FILE_CONNECTION)
        return -ENOTCONN;
    if (socket_status(world, file, &status) != HF_OK)
        return -EBADF;
    if (file->reset_by_syn)
        return told_once(file, HF_RESET, 0);
    if (status.state == HF_STATE_SYN_SENT || status.state == HF_STATE_SYN_RECEIVED)
        return CALL_WAITS;
    if (status.receive_queued > 0 && leads_nowhere(call) && !(call->flags & MSG_TRUNC))
        return -EFAULT;
    result = read_vectors(world, file, call);
    if (result == HF_AGAIN)
        return file->read_shut ? 0 : CALL_WAITS;
    if (result >= 0)
        return result;
    if (result == HF_CLOSING)
        return 0;
    return told_once(file, (int)result, 0);
}

static int64_t write_some(struct world *world, struct file *file, struct call *call)
{
    const struct iovec *from = call->vectors;
    size_t skip = call->taken;

    for (size_t i = 0; i < call->length; i++) {
        size_t left = from[i].iov_len;
        const char *bytes = from[i].iov_base;
        bool urgent = call->flags & MSG_OOB && i + 1 == call->length;
        ptrdiff_t result;

        if (skip >= left) {
            skip -= left;
            continue;
        }
        bytes += skip;
        left -= skip;
        skip = 0;
        result = urgent ? hf_send_urgent(world->stack, file->socket, bytes, left, world->now_us)
                        : hf_send(world->stack, file->socket, bytes, left, world->now_us);
        if (result < 0)
            return result;
        call->taken += (size_t)result;
        if ((size_t)result < left)
            return HF_AGAIN;
    }
    return HF_OK;
}

static void set_cork(struct world *world, const struct file *file, bool on)
{
    hf_set_option(world->stack, file->socket, HF_CORK, on, world->now_us);
}

/* MSG_MORE holds back what does not fill a segment until a send without it. */
static void hold_back(struct world *world, struct file *file, const struct call *call)
{
    if (!(call->flags & MSG_MORE) || file->more)
        return;
    file->more = true;
    set_cork(world, file, true);
}

static void let_go(struct world *world, struct file *file, const struct call *call)
{
    if (call->flags & MSG_MORE || !file->more)
        return;
    file->more = false;
    set_cork(world, file, file->cork);
}

int64_t socket_send(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);
    struct hf_status status;
    int64_t result;

    if (!file)
        return -EBADF;
    if (file->kind != FILE_CONNECTION)
        return file->kind == FILE_EPOLL ? -EINVAL : -EPIPE;
    if (socket_status(world, file, &status) != HF_OK)
        return -EBADF;
    if (status.state == HF_STATE_SYN_SENT || status.state == HF_STATE_SYN_RECEIVED)
        return CALL_WAITS; /* as Linux has it: nothing is queued before the handshake is done */
    if (file->write_shut)
        return -EPIPE;
    if (leads_nowhere(call))
        return -EFAULT;
    hold_back(world, file, call);
    result = write_some(world, file, call);
    if (result == HF_OK)
        let_go(world, file, call);
    if (result == HF_OK)
        return (int64_t)call->taken;
    if (call->taken > 0 && result != HF_AGAIN)
        return (int64_t)call->taken;
    if (result == HF_AGAIN)
        return CALL_WAITS;
    return result == HF_CLOSING ? -EPIPE : told_once(file, (int)result, -EPIPE);
}
