/* A small event loop: epoll, a heap of timers, a signalfd. */
#include "os/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <handfast/os.h>

#include "base/time.h"
#include "os/clock.h"
#include "os/syscalls.h"

SYSCALLS("epoll_wait epoll_pwait2 epoll_pwait epoll_ctl");
SYSCALLS_AT_START("epoll_create1 signalfd4");

int loop_init(struct loop *loop)
{
    *loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC), .signals.fd = -1};
    return loop->epoll_fd >= 0 ? HF_OK : HF_SYSTEM;
}

void loop_deinit(struct loop *loop)
{
    if (loop->signals.fd >= 0)
        close(loop->signals.fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    free(loop->heap);
    *loop = (struct loop){.epoll_fd = -1, .signals.fd = -1};
}

/* ---- descriptors ---- */

static int control(struct loop *loop, int operation, struct loop_handler *handler, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = handler};

    return epoll_ctl(loop->epoll_fd, operation, handler->fd, &event) == 0 ? HF_OK : HF_SYSTEM;
}

int loop_add(struct loop *loop, struct loop_handler *handler, uint32_t events)
{
    return control(loop, EPOLL_CTL_ADD, handler, events);
}

int loop_change(struct loop *loop, struct loop_handler *handler, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, handler, events);
}

void loop_remove(struct loop *loop, struct loop_handler *handler)
{
    control(loop, EPOLL_CTL_DEL, handler, 0);
    for (int i = 0; i < loop->batch_count; i++)
        if (loop->batch[i].data.ptr == handler)
            loop->batch[i].data.ptr = NULL; /* what it was told in this round is void */
}

/* ---- timers: a binary heap ---- */

static void put(struct loop *loop, size_t place, struct loop_timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

/* Moves a timer from `place` to where it belongs. */
static void settle(struct loop *loop, size_t place, struct loop_timer *timer)
{
    while (place > 1 && loop->heap[place / 2]->at_us > timer->at_us) {
        put(loop, place, loop->heap[place / 2]);
        place /= 2;
    }
    for (size_t child; (child = 2 * place) <= loop->timers; place = child) {
        if (child < loop->timers && loop->heap[child + 1]->at_us < loop->heap[child]->at_us)
            child++;
        if (loop->heap[child]->at_us >= timer->at_us)
            break;
        put(loop, place, loop->heap[child]);
    }
    put(loop, place, timer);
}

static int grow(struct loop *loop)
{
    size_t capacity = loop->heap_capacity ? 2 * loop->heap_capacity : 64;
    struct loop_timer **heap = realloc(loop->heap, (capacity + 1) * sizeof(struct loop_timer *));

    if (!heap)
        return HF_NO_MEMORY;
    loop->heap = heap;
    loop->heap_capacity = capacity;
    return HF_OK;
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_us)
{
    if (!timer->place) {
        if (loop->timers == loop->heap_capacity && grow(loop) != HF_OK)
            return HF_NO_MEMORY;
        timer->place = ++loop->timers;
    }
    timer->at_us = at_us;
    settle(loop, timer->place, timer);
    return HF_OK;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    if (!timer->place)
        return;
    size_t place = timer->place;
    struct loop_timer *last = loop->heap[loop->timers--];

    timer->place = 0;
    if (last != timer)
        settle(loop, place, last);
}

static void run_timers(struct loop *loop)
{
    if (!loop->timers)
        return;
    int64_t now_us = hf_os_now_us();
    while (loop->timers && loop->heap[1]->at_us <= now_us) {
        struct loop_timer *timer = loop->heap[1];

        loop_timer_cancel(loop, timer);
        timer->run(timer, now_us);
    }
}

/* ---- signals ---- */

static void read_signals(struct loop_handler *self, uint32_t events)
{
    struct loop *loop = loop_owner(self, struct loop, signals);
    struct signalfd_siginfo info;

    (void)events;
    while (read(self->fd, &info, sizeof info) == (ssize_t)sizeof info)
        loop->on_signal(loop->signal_context, (int)info.ssi_signo);
}

int loop_on_signals(struct loop *loop, const sigset_t *signals,
                    void (*on_signal)(void *context, int number), void *context)
{
    if (sigprocmask(SIG_BLOCK, signals, NULL) != 0)
        return HF_SYSTEM;
    loop->signals =
        (struct loop_handler){signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK), read_signals};
    loop->on_signal = on_signal;
    loop->signal_context = context;
    return loop->signals.fd >= 0 ? loop_add(loop, &loop->signals, EPOLLIN) : HF_SYSTEM;
}

/* ---- rounds ---- */

static int sleep_until(struct loop *loop, int64_t deadline_us)
{
    struct timespec left;
    struct timespec *limit = clock_time_left(&left, deadline_us);
    int count = epoll_pwait2(loop->epoll_fd, loop->batch, LOOP_BATCH, limit, NULL);

    if (count < 0 && errno == ENOSYS) { /* before Linux 5.11: milliseconds, rounded up */
        int64_t ms = limit ? left.tv_sec * (int64_t)1000 + (left.tv_nsec + 999999) / 1000000 : -1;

        count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH,
                           ms > INT32_MAX ? INT32_MAX : (int)ms);
    }
    return count < 0 ? 0 : count;
}

void loop_step(struct loop *loop, int64_t deadline_us)
{
    if (loop->timers)
        deadline_us = time_min(deadline_us, loop->heap[1]->at_us);

    loop->batch_count = sleep_until(loop, deadline_us);
    for (int i = 0; i < loop->batch_count; i++) {
        struct loop_handler *handler = loop->batch[i].data.ptr;

        if (handler)
            handler->run(handler, loop->batch[i].events);
    }
    loop->batch_count = 0;
    run_timers(loop);
}

void loop_run(struct loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped)
        loop_step(loop, INT64_MAX);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
