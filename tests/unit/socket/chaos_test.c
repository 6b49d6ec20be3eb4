/* Users who do anything in any order over a wire that does anything to frames: nothing may break, nothing may leak.
 *
 * Mutated frames claim that their checksums were verified, so that they get past it. must(), the invariants that HF_CHECKS
 * walks and the sanitizers watch; in the end every limit must be free again. [RFC 9293 3.9.1, 3.10]
 */
#include "world.h"

#define HELD 8

static uint64_t seed;
static bool mutate;

static uint32_t below(uint32_t limit)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)((seed >> 33) % limit);
}

/* Loses, doubles, changes and cuts short. */
static void wild_wire(struct world *w, int to, struct hf_frame *frame)
{
    static uint8_t copy[WORLD_FRAME];
    uint32_t dice = below(100);

    if (dice < 5)
        return;
    if (dice < 10 || (mutate && dice < 40)) {
        struct hf_frame other = {.data = copy, .length = frame->length, .capacity = WORLD_FRAME};

        memcpy(copy, frame->data, frame->length);
        if (mutate) {
            uint32_t headers = frame->length < 120 ? frame->length : 120;

            for (uint32_t i = 1 + below(3); i > 0; i--) {
                uint32_t at = below(headers);

                copy[at] = (uint8_t)below(256);
            }
            if (below(10) == 0)
                other.length = below(frame->length + 1);
            other.checksum = HF_CHECKSUM_VERIFIED;
        }
        hf_input(w->ends[to].stack, &other, 1, w->now);
    }
    world_deliver(w, to, frame);
}

struct user {
    hf_socket held[HELD]; /* 0: none. Values that were given up are kept now and then, and used */
    hf_socket listener;
};

static void open_one(struct world *w, int end, struct user *user, hf_socket *socket)
{
    struct hf_stack *stack = w->ends[end].stack;
    struct hf_endpoint remote = world_endpoint(w, !end, (uint16_t)(80 + below(10) / 9));
    struct hf_endpoint local = {.port = (uint16_t)(below(3) ? 0 : 2000 + below(4))};

    w->v6 = below(2);
    remote.address = world_address(w, !end);
    if (below(2))
        hf_connect(stack, below(2) ? &local : NULL, &remote, socket, w->now);
    else
        hf_accept(stack, user->listener, socket);
}

static void use_one(struct world *w, int end, hf_socket *socket)
{
    static uint8_t bytes[8192];
    struct hf_stack *stack = w->ends[end].stack;
    struct hf_span spans[3];
    struct hf_status status;
    size_t count = 3;
    enum hf_option option;
    ptrdiff_t n;

    switch (below(14)) {
    case 0:
    case 1: hf_send(stack, *socket, bytes, below(sizeof bytes), w->now); break;
    case 2: hf_send_urgent(stack, *socket, bytes, below(100), w->now); break;
    case 3:
    case 4: hf_receive(stack, *socket, bytes, below(sizeof bytes), w->now); break;
    case 5:
        n = hf_peek_spans(stack, *socket, spans, &count);
        if (n > 0)
            hf_consume(stack, *socket, below((uint32_t)n + 2), w->now);
        break;
    case 6:
        n = hf_reserve(stack, *socket, spans, &count);
        if (n > 0)
            hf_commit(stack, *socket, below((uint32_t)n + 1), w->now);
        break;
    case 7: hf_shutdown(stack, *socket, w->now); break;
    case 8:
        if (below(3) == 0)
            hf_close(stack, *socket, w->now);
        break;
    case 9:
        if (below(3) == 0)
            hf_abort(stack, *socket, w->now);
        break;
    case 10: hf_status(stack, *socket, &status); break;
    case 11:
        option = (enum hf_option)below(9);
        hf_set_option(stack, *socket, option, below(40000), w->now);
        break;
    case 12: hf_set_user(stack, *socket, below(1000)); break;
    default: /* a value that means nothing, or another's */
        hf_close(stack, *socket ^ (uint64_t)1 << below(64), w->now);
        break;
    }
    if (hf_status(stack, *socket, &status) != HF_OK)
        *socket = below(2) ? 0 : *socket;
    else if (status.state == HF_STATE_CLOSED && below(4) == 0)
        hf_close(stack, *socket, w->now);
}

static void step(struct world *w, struct user users[2])
{
    int end = (int)below(2);
    struct user *user = &users[end];
    hf_socket *socket = &user->held[below(HELD)];
    struct hf_ready ready[4];
    struct hf_endpoint local = {.port = (uint16_t)(80 + below(2))};

    switch (below(16)) {
    case 0: world_pass(w, below(5) ? below(100000) : below(5000000)); break;
    case 1: world_pass(w, below(20000)); break;
    case 2: hf_take_ready(w->ends[end].stack, ready, below(5)); break;
    case 3:
        if (below(8) == 0) {
            hf_close(w->ends[end].stack, user->listener, w->now);
            hf_listen(w->ends[end].stack, &local, &user->listener);
        }
        break;
    case 4: w->cut = below(20) == 0; break;
    case 5:
    case 6: world_pump(w); break;
    default:
        if (*socket)
            use_one(w, end, socket);
        else
            open_one(w, end, user, socket);
    }
}

/* All is given up; once every deadline has passed, nothing is held. */
static void clean_up(struct world *w)
{
    struct hf_gauges gauges;

    w->cut = false;
    w->meddle = NULL;
    for (int end = 0; end < 2; end++) {
        uint64_t cursor = 0;

        for (hf_socket found; hf_next_socket(w->ends[end].stack, &cursor, &found) == HF_OK;)
            hf_close(w->ends[end].stack, found, w->now);
    }
    world_pass(w, 1000 * SECOND);
    for (int end = 0; end < 2; end++) {
        hf_gauges(w->ends[end].stack, &gauges);
        assert_int_equal(gauges.connections_used, 0);
        assert_int_equal(gauges.time_waits, 0);
        assert_int_equal(gauges.half_opens, 0);
        assert_int_equal(gauges.listeners, 0);
        assert_int_equal(gauges.reassemblies, 0);
        assert_int_equal(gauges.pool_used_bytes, 0);
    }
}

static void chaos(uint64_t first, int worlds, int steps)
{
    for (int i = 0; i < worlds; i++) {
        struct hf_config client = world_config(CLIENT), server = world_config(SERVER);
        struct user users[2] = {0};
        struct hf_endpoint local = {.port = 80};
        struct world w;

        seed = first + (uint64_t)i;
        client.max_connections = server.max_connections = 1 + below(60);
        client.user_timeout_ms = server.user_timeout_ms = 2000; /* so that slots come back */
        client.fin_wait_2_ms = server.fin_wait_2_ms = 1000;
        client.msl_ms = server.msl_ms = 200;
        client.max_time_waits = server.max_time_waits = 1 + below(20);
        client.max_neighbors = 1 + below(3);
        client.pool_bytes = server.pool_bytes = (uint64_t)(64 + below(300)) << 12;
        client.allow_simultaneous_at_listener = below(2);
        client.timestamps = below(4);
        client.sack = below(4);
        client.mtu = server.mtu = (uint16_t)(1280 + below(200));
        world_make_with(&w, false, &client, &server);
        for (int end = 0; end < 2; end++)
            assert_int_equal(hf_listen(w.ends[end].stack, &local, &users[end].listener), HF_OK);
        w.meddle = wild_wire;
        for (int n = 0; n < steps; n++)
            step(&w, users);
        clean_up(&w);
        world_unmake(&w);
    }
}

static void test_wild_users(void **state)
{
    (void)state;
    print_message("seeds from 0x5eed1000\n");
    mutate = false;
    chaos(0x5eed1000, 50, 20000);
}

static void test_wild_frames(void **state)
{
    (void)state;
    print_message("seeds from 0x5eed2000\n");
    mutate = true;
    chaos(0x5eed2000, 50, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wild_users),
        cmocka_unit_test(test_wild_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
