/* Readiness: poll and epoll, level and edge triggered. */
#include "sockets.h"

#include <errno.h>

static uint32_t ended_events(const struct hf_status *status)
{
    return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | (status->error != HF_OK ? EPOLLERR : 0);
}

uint32_t socket_events(struct world *world, int fd)
{
    struct file *file = world_file(world, fd);
    struct hf_status status;
    uint32_t events = 0;

    if (!file || file->kind == FILE_EPOLL)
        return 0;
    if (file->kind == FILE_FRESH)
        return EPOLLOUT | EPOLLHUP;
    if (socket_status(world, file, &status) != HF_OK)
        return EPOLLERR;
    if (file->kind == FILE_LISTENER)
        return status.accept_queued > 0 ? EPOLLIN : 0;
    if (status.state == HF_STATE_CLOSED)
        return ended_events(&status);
    if (status.state == HF_STATE_SYN_SENT || status.state == HF_STATE_SYN_RECEIVED)
        return 0;
    if (status.receive_queued > 0 || status.peer_closed || file->read_shut)
        events |= EPOLLIN;
    if (status.peer_closed || file->read_shut)
        events |= EPOLLRDHUP;
    if (status.peer_closed && file->write_shut)
        events |= EPOLLHUP;
    if (status.urgent_bytes > 0)
        events |= EPOLLPRI;
    if (file->write_shut || status.send_queued < world->flags.config.send_bytes)
        events |= EPOLLOUT;
    return events;
}

int64_t socket_poll(struct world *world, struct call *call)
{
    struct pollfd *fds = call->to;
    int64_t ready = 0;

    for (size_t i = 0; i < call->length; i++) {
        uint32_t events;

        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        if (!world_file(world, fds[i].fd)) {
            fds[i].revents = POLLNVAL;
            ready++;
            continue;
        }
        events = socket_events(world, fds[i].fd); /* poll's bits are epoll's on Linux */
        fds[i].revents = (short)(events & ((uint32_t)(uint16_t)fds[i].events | POLLERR | POLLHUP));
        ready += fds[i].revents != 0;
    }
    return ready > 0 ? ready : CALL_WAITS;
}

/* More text than last time: an edge, even if there was some to read before. */
static bool has_grown(struct world *world, struct interest *interest)
{
    const struct file *file = world_file(world, interest->fd);
    struct hf_status status = {0};
    uint64_t before = interest->received;

    if (file && file->kind == FILE_CONNECTION)
        hf_status(world->stack, file->socket, &status);
    interest->received = status.bytes_received;
    return status.bytes_received > before && status.receive_queued > 0;
}

static uint32_t told(struct world *world, struct interest *interest)
{
    uint32_t wanted = interest->event.events | EPOLLERR | EPOLLHUP;
    uint32_t now = socket_events(world, interest->fd) & wanted;
    bool grown = has_grown(world, interest);
    uint32_t news = interest->event.events & EPOLLET && !grown ? now & ~interest->seen : now;

    interest->seen = now;
    if (news == 0 || interest->spent)
        return 0;
    interest->spent = (interest->event.events & EPOLLONESHOT) != 0;
    return interest->event.events & EPOLLET ? now : news;
}

int64_t socket_epoll_wait(struct world *world, struct call *call)
{
    struct file *file = world_file(world, call->fd);
    struct epoll_event *events = call->to;
    size_t count = 0;

    if (!file)
        return -EBADF;
    if (file->kind != FILE_EPOLL || call->length == 0)
        return -EINVAL;
    for (size_t i = 0; i < WORLD_INTERESTS && count < call->length; i++) {
        struct interest *interest = &file->interests[i];
        uint32_t what = interest->fd ? told(world, interest) : 0;

        if (what == 0)
            continue;
        events[count].events = what;
        events[count++].data = interest->event.data;
    }
    return count > 0 ? (int64_t)count : CALL_WAITS;
}

int64_t socket_epoll_ctl(struct world *world, int epoll_fd, int operation, int fd,
                         struct epoll_event *event)
{
    struct file *file = world_file(world, epoll_fd);
    struct interest *found = NULL, *empty = NULL;

    if (!file || !world_file(world, fd))
        return -EBADF;
    if (file->kind != FILE_EPOLL || fd == epoll_fd)
        return -EINVAL;
    for (size_t i = 0; i < WORLD_INTERESTS; i++) {
        if (file->interests[i].fd == fd)
            found = &file->interests[i];
        else if (file->interests[i].fd == 0)
            empty = &file->interests[i];
    }
    switch (operation) {
    case EPOLL_CTL_ADD:
        if (found)
            return -EEXIST;
        if (!empty)
            return -ENOSPC;
        *empty = (struct interest){.fd = fd, .event = *event};
        return 0;
    case EPOLL_CTL_MOD:
        if (!found)
            return -ENOENT;
        *found = (struct interest){.fd = fd, .event = *event};
        return 0;
    case EPOLL_CTL_DEL:
        if (!found)
            return -ENOENT;
        *found = (struct interest){0};
        return 0;
    default: return -EINVAL;
    }
}
