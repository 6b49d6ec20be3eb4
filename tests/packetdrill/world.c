/* The adapter's world: time, packets that leave, calls that wait. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"

#define WAIT_MOST_US \
    (INT64_C(86400) * 1000000) /* of virtual time, in a call that does not say until when */
#define RUN_ON_MOST_S 10       /* of real time: packetdrill looks at the clock first of all */

_Noreturn void world_die(const char *format, ...)
{
    va_list arguments;

    fputs("handfast adapter: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(NULL);
    _Exit(1);
}

struct world *world_new(const char *flags)
{
    struct world *world = calloc(1, sizeof *world);
    pthread_condattr_t clock;

    if (!world)
        world_die("no memory");
    pthread_mutex_init(&world->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&world->changed, &clock);
    pthread_condattr_destroy(&clock);
    world->driver = pthread_self();
    world->now_us = WORLD_START_US;
    flags_read(&world->flags, flags);
    if (world->flags.local_known)
        world_stack(world, NULL);
    return world;
}

void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->out_count; i++)
        free(world->out[(world->out_first + i) % WORLD_PACKETS].bytes);
    free(world->memory);
    pthread_cond_destroy(&world->changed);
    pthread_mutex_destroy(&world->lock);
    free(world);
}

void world_enter(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    world->looked = false;
}

void world_leave(struct world *world)
{
    pthread_mutex_unlock(&world->lock);
}

struct hf_stack *world_stack(struct world *world, const struct hf_address *local)
{
    struct hf_config *config = &world->flags.config;
    struct hf_env env = {.wall_minus_now_us = INT64_C(1700000000000000)};
    size_t bytes;

    if (world->stack)
        return world->stack;
    if (local)
        config->addresses[0] = (struct hf_prefix){.address = *local};
    bytes = hf_memory_needed(config);
    if (bytes == 0)
        world_die("flags: %s", hf_config_error(config));
    env.memory_bytes = (bytes + 63) & ~(size_t)63;
    env.memory = world->memory = aligned_alloc(64, env.memory_bytes);
    memset(env.secret, 0x42, sizeof env.secret); /* the same run every time */
    if (!env.memory || hf_init(&world->stack, config, &env, world->now_us) != HF_OK)
        world_die("the stack cannot be made");
    return world->stack;
}

static void keep_packet(struct world *world, const struct hf_frame *frame)
{
    struct packet_out *out = &world->out[(world->out_first + world->out_count) % WORLD_PACKETS];
    const char *wrong = watch_out(&world->watch, frame->data, frame->length);

    if (wrong)
        world_die("at %.6f s the stack sent a packet with %s",
                  (double)(world->now_us - WORLD_START_US) / 1e6, wrong);
    if (world->out_count == WORLD_PACKETS)
        world_die("%d packets left that nobody took", WORLD_PACKETS);
    out->at_us = world->now_us;
    out->bytes = malloc(frame->length + 40u); /* another order may be longer */
    if (!out->bytes)
        world_die("no memory");
    memcpy(out->bytes, frame->data, frame->length);
    out->length = order_options(out->bytes, frame->length, world->flags.order);
    world->out_count++;
}

static bool drain(struct world *world)
{
    static uint8_t
        bytes[HF_FRAME_MAX]; /* one world a process: packetdrill runs a script in its own */
    bool any = false;

    for (;;) {
        struct hf_frame slot = {.data = bytes, .capacity = sizeof bytes, .link = HF_RAW_IP};

        if (!world->stack || hf_output(world->stack, &slot, 1, world->now_us) == 0)
            return any;
        keep_packet(world, &slot);
        any = true;
    }
}

/* Time is held until the threads whose calls are complete have looked at the clock. */
static void let_run_on(struct world *world)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RUN_ON_MOST_S;
    while (world->running_on > 0)
        if (pthread_cond_timedwait(&world->changed, &world->lock, &until) == ETIMEDOUT)
            world_die("a thread whose call is complete has not looked at the clock for %d s",
                      RUN_ON_MOST_S);
}

static bool complete_calls(struct world *world)
{
    bool any = false;

    for (struct call **at = &world->waiting; *at;) {
        struct call *call = *at;

        call->result = call->attempt(world, call);
        if (call->result == CALL_WAITS && call->deadline_us <= world->now_us)
            call->result = call->taken > 0 ? (int64_t)call->taken : call->timeout_result;
        if (call->result == CALL_WAITS) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        call->done = true;
        if (world->running_on == WORLD_RUNNING_ON)
            world_die("more than %d calls waited at once", WORLD_RUNNING_ON);
        world->runners[world->running_on++] = call->thread;
        any = true;
    }
    return any;
}

/* Where this thread stands among those that run on, or their number. */
static uint32_t runner(const struct world *world)
{
    uint32_t i = 0;

    while (i < world->running_on && !pthread_equal(world->runners[i], pthread_self()))
        i++;
    return i;
}

bool world_ran_on(struct world *world)
{
    uint32_t at = runner(world);

    if (at == world->running_on)
        return false;
    world->runners[at] = world->runners[--world->running_on];
    pthread_cond_broadcast(&world->changed);
    return true;
}

void world_settle(struct world *world)
{
    bool running_on = runner(world) < world->running_on; /* it must not wait for itself */

    while (drain(world) || (!running_on && complete_calls(world))) {
        if (running_on || world->running_on == 0)
            continue;
        pthread_cond_broadcast(&world->changed);
        let_run_on(world);
    }
}

static int64_t next_deadline(const struct world *world)
{
    int64_t next = world->stack ? hf_next_deadline(world->stack) : INT64_MAX;

    for (const struct call *call = world->waiting; call; call = call->next)
        if (call->deadline_us < next)
            next = call->deadline_us;
    return next;
}

/* One thing that time brings, at `at_us` or now if that has gone by. */
static void step(struct world *world, int64_t at_us)
{
    if (at_us > world->now_us)
        world->now_us = at_us;
    if (world->stack)
        hf_tick(world->stack, world->now_us);
    world_settle(world);
    if (next_deadline(world) <= world->now_us)
        world->now_us++; /* what is due cannot be done before the clock goes on */
}

void world_advance(struct world *world, int64_t until_us)
{
    world_settle(world);
    for (;;) {
        int64_t next = next_deadline(world);

        if (next > until_us)
            break;
        step(world, next);
    }
    if (until_us > world->now_us)
        world->now_us = until_us;
}

struct packet_out *world_next_packet(struct world *world)
{
    world_settle(world);
    while (world->out_count == 0) {
        int64_t next = next_deadline(world);

        if (next == INT64_MAX)
            return NULL;
        step(world, next);
    }
    world->out_count--;
    world->out_first = (world->out_first + 1) % WORLD_PACKETS;
    return &world->out[(world->out_first + WORLD_PACKETS - 1) % WORLD_PACKETS];
}

/* A packet before any socket: it is addressed to us, so it says who we are. */
static void learn_local(struct world *world, const uint8_t *packet, size_t length)
{
    struct hf_address local = {0};

    if (length >= 20 && packet[0] >> 4 == 4) {
        put_be16(local.bytes + 10, 0xffff);
        memcpy(local.bytes + 12, packet + 16, 4);
    } else if (length >= 40 && packet[0] >> 4 == 6) {
        memcpy(local.bytes, packet + 24, 16);
    } else {
        world_die("netdev_send: %zu bytes that are no IP packet", length);
    }
    world_stack(world, &local);
}

void world_give(struct world *world, const void *packet, size_t length)
{
    struct hf_frame frame = {.length = (uint32_t)length, .link = HF_RAW_IP};

    if (length == 0 || length > WORLD_PACKET_MAX)
        world_die("netdev_send: a packet of %zu bytes", length);
    if (!world->stack)
        learn_local(world, packet, length);
    frame.data = malloc(length);
    if (!frame.data)
        world_die("no memory");
    memcpy(frame.data, packet, length);
    frame.capacity = (uint32_t)length;
    if (old_rules_in(world, frame.data, length)) {
        watch_in(&world->watch, frame.data, length);
        hf_input(world->stack, &frame, 1, world->now_us);
    }
    free(frame.data);
    world_settle(world);
}

/* Nobody else could bring what the main thread waits for: only time. */
static void wait_alone(struct world *world, struct call *call)
{
    int64_t give_up_us = world->now_us + WAIT_MOST_US;

    while ((call->result = call->attempt(world, call)) == CALL_WAITS) {
        int64_t next = next_deadline(world);

        if (call->deadline_us <= world->now_us) {
            call->result = call->taken > 0 ? (int64_t)call->taken : call->timeout_result;
            return;
        }
        next = call->deadline_us < next ? call->deadline_us : next;
        if (next > give_up_us)
            world_die("%s(%d) has to wait, and the script does not say until when: write it as a "
                      "blocking call, 0...0.1 %s(...)",
                      call->name, call->fd, call->name);
        step(world, next);
    }
}

/* The call waits on its own thread until whoever moves time has completed it. */
static void wait_for(struct world *world, struct call *call)
{
    call->deadline_us = call->timeout_us < 0 ? INT64_MAX : world->now_us + call->timeout_us;
    if (pthread_equal(world->driver, pthread_self())) {
        wait_alone(world, call);
        return;
    }
    call->thread = pthread_self();
    call->next = world->waiting;
    world->waiting = call;
    while (!call->done)
        pthread_cond_wait(&world->changed, &world->lock);
}

int64_t world_call(struct world *world, struct call *call)
{
    int64_t result;

    world_enter(world);
    result = call->attempt(world, call);
    if (result == CALL_WAITS && call->nonblocking) {
        result = call->taken > 0 ? (int64_t)call->taken : call->nonblocking_result;
    } else if (result == CALL_WAITS) {
        world_settle(world); /* the SYN of a connect goes out now */
        wait_for(world, call);
        result = call->result;
    }
    world_settle(world);
    world_leave(world);
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

struct file *world_file(struct world *world, int fd)
{
    for (int i = 0; i < WORLD_FILES; i++)
        if (world->files[i].kind != FILE_FREE && world->files[i].fd == fd)
            return &world->files[i];
    return NULL;
}

int world_open(struct world *world, enum file_kind kind)
{
    struct file *free = NULL;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        world_die("/dev/null: %s", strerror(errno));
    for (int i = 0; i < WORLD_FILES; i++) {
        if (world->files[i].fd == fd)
            world->files[i].kind = FILE_FREE; /* closed without telling us: the number is new */
        if (!free && world->files[i].kind == FILE_FREE)
            free = &world->files[i];
    }
    if (!free) {
        close(fd);
        return -EMFILE;
    }
    *free = (struct file){.kind = kind, .fd = fd};
    return fd;
}

/* What the script leaves open is left open here too: packetdrill closes it. */
void world_close(struct file *file)
{
    close(file->fd);
    file->kind = FILE_FREE;
}

int64_t world_error(int error)
{
    static const int numbers[] = {
        [-HF_AGAIN] = EAGAIN,
        [-HF_INVALID] = EINVAL,
        [-HF_NO_SOCKET] = EBADF,
        [-HF_NOT_CONNECTED] = ENOTCONN,
        [-HF_CLOSING] = EPIPE,
        [-HF_RESET] = ECONNRESET,
        [-HF_REFUSED] = ECONNREFUSED,
        [-HF_TIMED_OUT] = ETIMEDOUT,
        [-HF_UNREACHABLE] = EHOSTUNREACH,
        [-HF_ADDRESS_IN_USE] = EADDRINUSE,
        [-HF_NO_ADDRESS] = EADDRNOTAVAIL,
        [-HF_NO_ROUTE] = ENETUNREACH,
        [-HF_NO_ROOM] = ENOBUFS,
        [-HF_ABORTED] = ECONNABORTED,
        [-HF_EXISTS] = EADDRINUSE,
    };

    if (error == HF_OK)
        return 0;
    if (error < 0 && (size_t)-error < sizeof numbers / sizeof *numbers && numbers[-error])
        return -numbers[-error];
    world_die("an error that has no errno: %s", hf_error_text(error));
}
