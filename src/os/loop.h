/* A small event loop: descriptors, timers, signals. One thread, level-triggered epoll.
 *
 * Handlers lie in their owners' structs, so that nothing is allocated for them; an owner finds itself from its handler
 * (loop_owner). A handler or timer may be removed at any time, also by another one in the same round.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The struct of `type` in which *member_pointer is the member called `member`. */
#define loop_owner(member_pointer, type, member) \
    ((type *)(void *)((char *)(member_pointer)-offsetof(type, member)))

struct loop_handler {
    int fd;
    void (*run)(struct loop_handler *self, uint32_t events); /* EPOLLIN ... */
};

struct loop_timer {
    int64_t at_us;
    size_t place; /* in the heap, from 1; 0: not set. Zero-initialised is right */
    void (*run)(struct loop_timer *self, int64_t now_us);
};

#define LOOP_BATCH 64

struct loop {
    int epoll_fd;
    bool stopped;
    struct loop_timer **heap; /* heap[1] is the earliest */
    size_t timers, heap_capacity;
    struct loop_handler signals; /* a signalfd, or fd -1 */
    void (*on_signal)(void *context, int number);
    void *signal_context;
    struct epoll_event batch[LOOP_BATCH]; /* of the round that is under way */
    int batch_count;
};

/* HF_OK or HF_SYSTEM. */
int loop_init(struct loop *loop);
void loop_deinit(struct loop *loop);

/* Watches handler->fd. HF_OK, or HF_SYSTEM (EPERM: a regular file, which is always ready). */
int loop_add(struct loop *loop, struct loop_handler *handler, uint32_t events);
int loop_change(struct loop *loop, struct loop_handler *handler, uint32_t events);
/* To be called before the descriptor is closed. */
void loop_remove(struct loop *loop, struct loop_handler *handler);

/* Sets or moves a timer. HF_OK or HF_NO_MEMORY. */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_us);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* From now on these signals are blocked, and told to on_signal between other handlers. Once a loop. */
int loop_on_signals(struct loop *loop, const sigset_t *signals,
                    void (*on_signal)(void *context, int number), void *context);

/* One round: sleeps until something is ready, a timer is due or deadline_us has come, and runs what there is to run. */
void loop_step(struct loop *loop, int64_t deadline_us);

/* Rounds until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
