/* A guard and a client stack on a link in memory, and backends that are real sockets on 127.0.0.1.
 *
 * The stacks' time is the test's: it begins at the true instant and goes on by STEP_US a step. */
#ifndef UNIT_GUARD_WORLD_H
#define UNIT_GUARD_WORLD_H

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver/memory_link.h"
#include "guard/guard.h"

#include <handfast/stats.h>

#define STEP_US 200
#define LINK_SLOTS 256u
#define LINK_SLOT_BYTES 1536u
#define STEPS_MAX 200000

struct world {
    struct memory_link link;
    struct memory_link_end guard_end;
    void *link_memory;
    struct config *config;
    struct guard guard;
    struct hf_env client_env;
    struct hf_stack *client;
    int listener; /* the backend's; -1: none */
    int64_t now_us;
    char file[64], path[64]; /* of the configuration, of a unix backend */
};

/* ---- the backend's side ---- */

static inline int world_listen(const struct sockaddr *address, socklen_t length, int backlog)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, address, length), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static inline uint16_t world_port(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static inline int world_listen_v4(int backlog)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return world_listen((const struct sockaddr *)&any, sizeof any, backlog);
}

/* ---- making it ---- */

static inline struct config *world_config(struct world *world, const char *target,
                                          const char *service)
{
    char error[CONFIG_ERROR_MAX];
    int fd;

    snprintf(world->file, sizeof world->file, P_tmpdir "/guard_testXXXXXX");
    fd = mkstemp(world->file);
    assert_true(fd >= 0);
    dprintf(fd,
            "control = \"\"\nuplink \"hf0\" { addresses = { \"203.0.113.10/24\", "
            "\"2001:db8::10/64\" } }\n"
            "limits { max_connections = 64 receive_buffer = 64k send_buffer = 64k buffer_memory = "
            "16m }\n"
            "service \"web\" { listen = \":80\" %sbackend \"b\" { to = \"%s\" %s%s\n",
            strstr(service, "check_interval") ? "" : "check_interval = 0 ", target,
            strstr(service, "client_address") ? "" : "client_address = none ", service);
    close(fd);
    struct config *config = config_read(world->file, error);
    if (config == NULL)
        fail_msg("%s", error);
    unlink(world->file);
    return config;
}

static inline void world_open_client(struct world *world)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    assert_int_equal(hf_prefix_parse(&config.addresses[0], "203.0.113.20/24"), HF_OK);
    assert_int_equal(hf_prefix_parse(&config.addresses[1], "2001:db8::20/64"), HF_OK);
    config.max_connections = 256;
    config.receive_bytes = config.send_bytes = 65536;
    config.pool_bytes = 16 << 20;
    assert_int_equal(hf_os_env(&world->client_env, hf_memory_needed(&config)), HF_OK);
    assert_int_equal(hf_init(&world->client, &config, &world->client_env, world->now_us), HF_OK);
}

/* `service`: what follows in the backend's section, its "}" and the rest of the service. Unless it says otherwise backends are
 * not checked and see the guard as their client. */
static inline void world_open(struct world *world, const char *target, const char *service)
{
    char error[GUARD_ERROR_MAX];

    world->now_us = hf_os_now_us();
    assert_int_equal(
        posix_memalign(&world->link_memory, 64, memory_link_needed(LINK_SLOTS, LINK_SLOT_BYTES)),
        0);
    memory_link_init(&world->link, world->link_memory, LINK_SLOTS, LINK_SLOT_BYTES, false);
    world->guard_end = (struct memory_link_end){&world->link, 0};
    world->config = world_config(world, target, service);
    assert_int_equal(guard_init(&world->guard, world->config), HF_OK);
    guard_set_driver(&world->guard, &driver_memory_link, &world->guard_end);
    if (!guard_start(&world->guard, error))
        fail_msg("%s", error);
    world->guard.relays.log = NULL;
    world_open_client(world);
}

static inline void world_open_v4(struct world *world, const char *service)
{
    char target[32];

    *world = (struct world){.listener = world_listen_v4(64)};
    snprintf(target, sizeof target, "127.0.0.1:%u", world_port(world->listener));
    world_open(world, target, service);
}

static inline void world_close(struct world *world)
{
    guard_deinit(&world->guard);
    config_free(world->config);
    hf_os_env_free(&world->client_env);
    free(world->link_memory);
    if (world->listener >= 0)
        close(world->listener);
    if (world->path[0] != '\0')
        unlink(world->path);
}

/* ---- turning it ---- */

static inline void world_client_turn(struct world *world)
{
    struct hf_frame frames[64];
    size_t count;

    while ((count = memory_link_receive(&world->link, 1, frames, 64)) > 0)
        hf_input(world->client, frames, count, world->now_us);
    hf_tick(world->client, world->now_us);
    while ((count = memory_link_slots(&world->link, 1, frames, 64)) > 0 &&
           (count = hf_output(world->client, frames, count, world->now_us)) > 0)
        memory_link_transmit(&world->link, 1, frames, count);
}

static inline void world_step(struct world *world)
{
    world->now_us += STEP_US;
    loop_step(&world->guard.loop, 0);
    if (world->guard.life != GUARD_ENDED)
        guard_step(&world->guard, world->now_us);
    world_client_turn(world);
    const char *untrue = relays_check(&world->guard.relays);
    if (untrue != NULL)
        fail_msg("not true: %s", untrue);
}

static inline void world_steps(struct world *world, int count)
{
    while (count-- > 0)
        world_step(world);
}

static inline struct service_counters *world_count(struct world *world)
{
    return &world->guard.services[0].count;
}

/* ---- the client's side ---- */

static inline hf_socket world_connect(struct world *world, const char *to)
{
    struct hf_endpoint remote;
    hf_socket socket;

    assert_int_equal(hf_endpoint_parse(&remote, to), HF_OK);
    assert_int_equal(hf_connect(world->client, NULL, &remote, &socket, world->now_us), HF_OK);
    return socket;
}

static inline struct hf_status world_status(struct world *world, hf_socket socket)
{
    struct hf_status status;

    assert_int_equal(hf_status(world->client, socket, &status), HF_OK);
    return status;
}

/* Turns until the backend has a connection to accept. */
static inline int world_accept(struct world *world)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        int fd = accept4(world->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            return fd;
        world_step(world);
    }
    fail_msg("nothing to accept");
    return -1;
}

/* Turns until the client's connection is over and says why. */
static inline int world_end_of(struct world *world, hf_socket socket)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        struct hf_status status = world_status(world, socket);

        if (status.error != HF_OK || status.state == HF_STATE_CLOSED)
            return status.error;
        world_step(world);
    }
    fail_msg("the connection does not end");
    return 0;
}

/* Turns until read(2) gives something else than EAGAIN: bytes, 0, or minus errno. */
static inline ssize_t world_read(struct world *world, int fd, void *to, size_t capacity)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        ssize_t got = read(fd, to, capacity);

        if (got >= 0)
            return got;
        if (errno != EAGAIN)
            return -errno;
        world_step(world);
    }
    fail_msg("nothing to read");
    return 0;
}

/* The same for the client. */
static inline ptrdiff_t world_receive(struct world *world, hf_socket socket, void *to,
                                      size_t capacity)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        ptrdiff_t got = hf_receive(world->client, socket, to, capacity, world->now_us);

        if (got != HF_AGAIN && got != HF_NOT_CONNECTED)
            return got;
        world_step(world);
    }
    fail_msg("nothing to receive");
    return 0;
}

#endif
