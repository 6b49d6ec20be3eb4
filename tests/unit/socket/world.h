/* Two stacks and the wire between them, in virtual time: frames arrive at once. */
#ifndef TESTS_UNIT_SOCKET_WORLD_H
#define TESTS_UNIT_SOCKET_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <handfast/event.h>
#include <handfast/socket.h>
#include <handfast/stats.h>

#define WORLD_FRAME 2048
#define SECOND INT64_C(1000000)

enum { CLIENT, SERVER };

struct end {
    struct hf_stack *stack;
    void *memory;
    struct hf_event events[64];
    struct hf_event_sink sink;
    uint8_t link[14]; /* the link header of the last frame given to it */
};

struct world {
    struct end ends[2];
    int64_t now;
    bool v6;
    bool cut;         /* nothing arrives              */
    uint32_t frames;  /* that crossed the wire        */
    uint32_t refused; /* that were not delivered      */
    uint8_t bytes[8][WORLD_FRAME];
    /* what becomes of a frame on its way, instead of arriving */
    void (*meddle)(struct world *world, int to, struct hf_frame *frame);
};

static inline struct hf_address world_address(const struct world *world, int end)
{
    static const char *const texts[2][2] = {{"192.0.2.1", "192.0.2.2"},
                                            {"2001:db8::1", "2001:db8::2"}};
    struct hf_address address;

    assert_int_equal(hf_address_parse(&address, texts[world->v6][end]), HF_OK);
    return address;
}

static inline struct hf_endpoint world_endpoint(const struct world *world, int end, uint16_t port)
{
    return (struct hf_endpoint){world_address(world, end), port};
}

static inline struct hf_config world_config(int end)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    const char *v4 = end == CLIENT ? "192.0.2.1/24" : "192.0.2.2/24";
    const char *v6 = end == CLIENT ? "2001:db8::1/64" : "2001:db8::2/64";

    assert_int_equal(hf_prefix_parse(&config.addresses[0], v4), HF_OK);
    assert_int_equal(hf_prefix_parse(&config.addresses[1], v6), HF_OK);
    return config;
}

static inline void end_make(struct end *end, const struct hf_config *config, uint8_t secret,
                            int64_t now)
{
    size_t bytes = hf_memory_needed(config);

    assert_int_not_equal(bytes, 0);
    bytes = (bytes + 63) & ~(size_t)63;
    end->memory = aligned_alloc(64, bytes);
    assert_non_null(end->memory);
    memset(end->memory, 0xa5, bytes);
    end->sink = (struct hf_event_sink){.events = end->events, .capacity = 64};
    struct hf_env env = {.memory = end->memory, .memory_bytes = bytes, .event_sink = &end->sink};

    memset(env.secret, secret, sizeof env.secret);
    assert_int_equal(hf_init(&end->stack, config, &env, now), HF_OK);
}

static inline void world_deliver(struct world *world, int to, struct hf_frame *frame)
{
    world->frames++;
    frame->checksum = HF_CHECKSUM_NONE;
    hf_input(world->ends[to].stack, frame, 1, world->now);
    memcpy(world->ends[to].link, frame->data, sizeof world->ends[to].link);
    world->refused += frame->verdict != HF_DELIVERED;
}

/* What one end has to say, to the other. */
static inline size_t world_pump_one(struct world *world, int from)
{
    struct hf_frame slots[8];
    size_t count;

    for (size_t i = 0; i < 8; i++)
        slots[i] = (struct hf_frame){.data = world->bytes[i], .capacity = WORLD_FRAME};
    count = hf_output(world->ends[from].stack, slots, 8, world->now);
    for (size_t i = 0; i < count && !world->cut; i++) {
        if (world->meddle)
            world->meddle(world, !from, &slots[i]);
        else
            world_deliver(world, !from, &slots[i]);
    }
    return count;
}

/* Until both are silent. */
static inline void world_pump(struct world *world)
{
    int rounds = 0;

    while (world_pump_one(world, CLIENT) + world_pump_one(world, SERVER))
        assert_true(++rounds < 100000);
}

/* Lets time pass from deadline to deadline. */
static inline void world_pass(struct world *world, int64_t us)
{
    int64_t end = world->now + us;

    world_pump(world);
    while (world->now < end) {
        int64_t a = hf_next_deadline(world->ends[CLIENT].stack);
        int64_t b = hf_next_deadline(world->ends[SERVER].stack);
        int64_t next = a < b ? a : b;

        if (next <= world->now)
            next = world->now + 1;
        world->now = next < end ? next : end;
        hf_tick(world->ends[CLIENT].stack, world->now);
        hf_tick(world->ends[SERVER].stack, world->now);
        world_pump(world);
    }
}

static inline void world_make_with(struct world *world, bool v6, const struct hf_config *client,
                                   const struct hf_config *server)
{
    memset(world, 0, sizeof *world);
    world->v6 = v6;
    world->now = 1000 * SECOND;
    end_make(&world->ends[CLIENT], client, 0x11, world->now);
    end_make(&world->ends[SERVER], server, 0x22, world->now);
    world_pass(world, 5 * SECOND); /* announcements */
    world->frames = world->refused = 0;
}

static inline void world_make(struct world *world, bool v6)
{
    struct hf_config client = world_config(CLIENT), server = world_config(SERVER);

    world_make_with(world, v6, &client, &server);
}

static inline void world_unmake(struct world *world)
{
    free(world->ends[CLIENT].memory);
    free(world->ends[SERVER].memory);
}

static inline struct hf_stack *client_of(struct world *world)
{
    return world->ends[CLIENT].stack;
}

static inline struct hf_stack *server_of(struct world *world)
{
    return world->ends[SERVER].stack;
}

static inline hf_socket world_listen(struct world *world, uint16_t port)
{
    struct hf_endpoint local = {.port = port};
    hf_socket listener;

    assert_int_equal(hf_listen(server_of(world), &local, &listener), HF_OK);
    return listener;
}

static inline hf_socket world_connect(struct world *world, uint16_t port)
{
    struct hf_endpoint remote = world_endpoint(world, SERVER, port);
    hf_socket socket;

    assert_int_equal(hf_connect(client_of(world), NULL, &remote, &socket, world->now), HF_OK);
    world_pump(world);
    return socket;
}

/* A connection: the client's end, and the server's. */
static inline void world_open(struct world *world, hf_socket listener, uint16_t port,
                              hf_socket sockets[2])
{
    sockets[CLIENT] = world_connect(world, port);
    assert_int_equal(hf_accept(server_of(world), listener, &sockets[SERVER]), HF_OK);
}

static inline struct hf_status world_status(struct world *world, int end, hf_socket socket)
{
    struct hf_status status;

    assert_int_equal(hf_status(world->ends[end].stack, socket, &status), HF_OK);
    return status;
}

/* All that is ready for one socket, and only for it: others' readiness is taken and dropped. */
static inline unsigned world_ready(struct world *world, int end, hf_socket socket)
{
    struct hf_ready ready;
    unsigned what = 0;

    while (hf_take_ready(world->ends[end].stack, &ready, 1))
        if (ready.socket == socket)
            what |= ready.what;
    return what;
}

#endif
