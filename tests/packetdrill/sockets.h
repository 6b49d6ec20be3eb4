/* What calls do once the lock is held: attempts of struct call, named as the calls are. */
#ifndef TESTS_PACKETDRILL_SOCKETS_H
#define TESTS_PACKETDRILL_SOCKETS_H

#include "world.h"

#include <poll.h>
#include <sys/uio.h>

/* sockets.c */
int64_t socket_open(struct world *world, struct call *call);
int64_t socket_bind(struct world *world, struct call *call);
int64_t socket_listen(struct world *world, struct call *call);
int64_t socket_accept(struct world *world, struct call *call);
int64_t socket_connect(struct world *world, struct call *call);
int64_t socket_close(struct world *world, struct call *call);
int64_t socket_shutdown(struct world *world, struct call *call);

/* transfer.c: call->to or call->from is an array of struct iovec, call->length its length. */
int64_t socket_receive(struct world *world, struct call *call);
int64_t socket_send(struct world *world, struct call *call);

/* options.c: gives what was set before to a listener or connection that is new. */
void socket_apply(struct world *world, struct file *file);
int socket_get_option(struct world *world, int fd, int level, int name, void *value,
                      socklen_t *length);
int socket_set_option(struct world *world, int fd, int level, int name, const void *value,
                      socklen_t length);

/* poll.c: call->to is an array, call->length its length. */
int64_t socket_poll(struct world *world, struct call *call);
int64_t socket_epoll_wait(struct world *world, struct call *call);
int64_t socket_epoll_ctl(struct world *world, int epoll_fd, int operation, int fd,
                         struct epoll_event *event);

#endif
