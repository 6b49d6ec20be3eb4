/* What calls do once the lock is held: attempts of struct call, named as the calls are. */
#ifndef TESTS_PACKETDRILL_SOCKETS_H
#define TESTS_PACKETDRILL_SOCKETS_H

#include "world.h"

#include <poll.h>

/* sockets.c */
int64_t socket_open(struct world *world, struct call *call);
int64_t socket_bind(struct world *world, struct call *call);
int64_t socket_listen(struct world *world, struct call *call);
int64_t socket_accept(struct world *world, struct call *call);
int64_t socket_connect(struct world *world, struct call *call);
int64_t socket_close(struct world *world, struct call *call);
int64_t socket_shutdown(struct world *world, struct call *call);

/* What the stack says of it; what old_rules.c says of one that it aborted. */
int socket_status(struct world *world, const struct file *file, struct hf_status *status);

/* transfer.c: call->vectors, call->length of them. */
int64_t socket_receive(struct world *world, struct call *call);
int64_t socket_send(struct world *world, struct call *call);

/* options.c: gives what was set before to a listener or connection that is new. */
void socket_apply(struct world *world, struct file *file);

/* An option that is asked for (to, room) or set (from, length). */
struct socket_option {
    int fd, level, name;
    void *to;
    socklen_t *room;
    const void *from;
    socklen_t length;
};

int socket_get_option(struct world *world, const struct socket_option *option);
int socket_set_option(struct world *world, const struct socket_option *option);

/* preload.c: whose descriptors the process's own getsockopt shall know. */
void preload_world(struct world *world);

/* poll.c: call->to is an array, call->length its length. */
int64_t socket_poll(struct world *world, struct call *call);
int64_t socket_epoll_wait(struct world *world, struct call *call);
int64_t socket_epoll_ctl(struct world *world, int epoll_fd, int operation, int fd,
                         struct epoll_event *event);

#endif
