/* The stack as a whole: memory and instants. */
#include "peer.h"

/* At most 512 bytes for one more idle connection: 448 and its share of the table. */
static void idle_connection_costs_512_bytes(void **state)
{
    struct hf_config few = peer_config(), many;
    double each;

    (void)state;
    few.promise_bytes = 0;
    few.pool_bytes = 1 << 20;
    few.max_time_waits = 64;
    many = few;
    few.max_connections = 10000;
    many.max_connections = 110000;
    each = (double)(hf_memory_needed(&many) - hf_memory_needed(&few)) / 100000;
    print_message("%.1f bytes\n", each);
    assert_true(each <= 512);
    assert_true(sizeof(struct connection) <= 448);
}

static void half_open_and_time_wait_cost_their_share(void **state)
{
    struct hf_config few = peer_config(), many;

    (void)state;
    few.max_half_opens = 10000;
    few.max_time_waits = 10000;
    many = few;
    many.max_half_opens =
        110000; /* 64, the table, the counters of prefixes, the filter of tuples */
    assert_true(hf_memory_needed(&many) - hf_memory_needed(&few) <= 100000 * 80);
    many = few;
    many.max_time_waits = 110000;
    assert_true(hf_memory_needed(&many) - hf_memory_needed(&few) <= 100000 * 76);
}

static void memory_must_fit(void **state)
{
    struct hf_config config = peer_config();
    size_t needed = hf_memory_needed(&config);
    uint8_t *memory = aligned_alloc(64, needed + 64);
    struct hf_env env = {.memory = memory, .memory_bytes = needed - 1};
    struct hf_stack *stack;

    (void)state;
    assert_int_equal(hf_init(&stack, &config, &env, 0), HF_TOO_SMALL);
    env.memory = memory + 8;
    env.memory_bytes = needed;
    assert_int_equal(hf_init(&stack, &config, &env, 0), HF_INVALID);
    env.memory = memory;
    assert_int_equal(hf_init(&stack, &config, &env, 0), HF_OK);
    free(memory);
}

static size_t touched_pages(const struct peer *peer)
{
    size_t touched = 0;

    for (size_t at = 0; at < peer->memory_bytes; at += 4096) {
        size_t end = at + 4096 < peer->memory_bytes ? at + 4096 : peer->memory_bytes;

        for (size_t i = at; i < end; i++)
            if (peer->memory[i]) {
                touched++;
                break;
            }
    }
    return touched;
}

/* Fresh memory from a kernel costs nothing until it is written: a large stack that does little writes little. */
static void unused_memory_is_not_touched(void **state)
{
    struct hf_config config = peer_config();
    struct peer *peer = malloc(sizeof *peer);

    (void)state;
    config.max_connections = 20000;
    config.max_half_opens = 20000;
    config.promise_bytes = 2048;
    peer_open_in(peer, &config, true);
    print_message("%zu of %zu pages\n", touched_pages(peer), peer->memory_bytes / 4096);
    assert_true(touched_pages(peer) < 40);
    peer_listen(peer, NULL);
    struct flow flow = peer_flow(peer);
    for (uint16_t i = 0; i < 10; i++) {
        flow.remote_port++;
        peer_connect(peer, &flow, 5000);
    }
    assert_true(touched_pages(peer) < 55);
    peer_close(peer);
    free(peer);
}

/* Nothing waits, nothing is asked of the clock. */
static void idle_stack_has_no_deadline(void **state)
{
    struct hf_config config = peer_config();
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    for (int i = 0; i < 8; i++) { /* the first words about our groups */
        peer_wait(&peer, 2000);
        while (peer_take(&peer))
            ;
    }
    assert_int_equal(hf_next_deadline(peer.stack), INT64_MAX);
    peer_listen(&peer, NULL);
    assert_int_equal(hf_next_deadline(peer.stack), INT64_MAX);
    struct segment syn = syn_of(1);
    peer_send(&peer, &syn);
    assert_true(hf_next_deadline(peer.stack) <= peer.now_us + 1002000);
    peer_close(&peer);
}

static void gauges_count_states(void **state)
{
    struct hf_config config = peer_config();
    struct hf_gauges gauges;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, NULL);
    struct flow flow = peer_flow(&peer);
    peer_connect(&peer, &flow, 1);
    flow.remote_port++;
    struct segment syn = syn_of(1);
    peer_send_flow(&peer, &flow, &syn);
    hf_gauges(peer.stack, &gauges);
    assert_int_equal(gauges.connections[HF_STATE_ESTABLISHED], 1);
    assert_int_equal(gauges.connections[HF_STATE_SYN_RECEIVED], 1);
    assert_int_equal(gauges.connections[HF_STATE_LISTEN], 1);
    assert_int_equal(gauges.half_opens, 1);
    assert_int_equal(gauges.connections_used, 1);
    assert_int_equal(gauges.max_connections, config.max_connections);
    assert_int_equal(gauges.memory_bytes, peer.memory_bytes);
    peer_close(&peer);
}

/* Two stacks from two secrets agree on nothing; a MAC made from a secret is a station's own. [R6528-04] */
static void secrets_make_stacks_different(void **state)
{
    struct hf_config config = peer_config();
    struct hf_stack *stacks[2];
    void *memory[2];

    (void)state;
    memset(&config.mac, 0, sizeof config.mac);
    for (int i = 0; i < 2; i++) {
        struct hf_env env = {.memory_bytes = hf_memory_needed(&config),
                             .secret = {(uint8_t)i, [31] = (uint8_t)i}};

        env.memory = memory[i] = aligned_alloc(64, env.memory_bytes);
        assert_int_equal(hf_init(&stacks[i], &config, &env, 0), HF_OK);
        assert_int_equal(stacks[i]->mac.bytes[0] & 3, 2);
    }
    assert_memory_not_equal(&stacks[0]->mac, &stacks[1]->mac, 6);
    assert_memory_not_equal(&stacks[0]->keys.tuple, &stacks[1]->keys.tuple, 16);
    assert_memory_not_equal(&stacks[0]->keys.iss, &stacks[1]->keys.iss, 16);
    assert_memory_not_equal(&stacks[0]->keys.iss, &stacks[0]->keys.port, 16);
    free(memory[0]);
    free(memory[1]);
}

/* The interface was replaced: what it sends and takes has the new address from now on. */
static void link_address_changes(void **state)
{
    const struct hf_mac other = {{2, 7, 7, 7, 7, 7}}, group = {{1, 0, 0x5e, 0, 0, 1}}, zero = {{0}};
    struct hf_config config = peer_config();
    struct peer *peer = malloc(sizeof *peer);

    (void)state;
    peer_open(peer, &config);
    assert_int_equal(hf_set_mac(peer->stack, &group), HF_INVALID);
    assert_int_equal(hf_set_mac(peer->stack, &zero), HF_INVALID);
    assert_memory_not_equal(&peer->stack->mac, &other, sizeof other);
    assert_int_equal(hf_set_mac(peer->stack, &other), HF_OK);
    assert_memory_equal(&peer->stack->mac, &other, sizeof other);
    assert_memory_equal(&peer->stack->rules.mac, &other, sizeof other);
    assert_memory_equal(&peer->stack->icmp.mac, &other, sizeof other);
    assert_memory_equal(&peer->stack->neighbors.mac, &other, sizeof other);
    peer_close(peer);
    config.link = HF_RAW_IP;
    peer_open(peer, &config);
    assert_int_equal(hf_set_mac(peer->stack, &other), HF_INVALID);
    peer_close(peer);
    free(peer);
}

static void routes_change(void **state)
{
    struct hf_config config = peer_config();
    struct peer *peer = malloc(sizeof *peer);
    struct hf_route route = {0};
    struct route_path path;
    struct hf_address far;

    (void)state;
    assert_int_equal(hf_prefix_parse(&route.to, "0.0.0.0/0"), HF_OK);
    assert_int_equal(hf_address_parse(&far, "203.0.113.77"), HF_OK);
    config.addresses_shared = true; /* any gateway will do */
    peer_open(peer, &config);
    for (int i = 1; i < 3; i++) {
        char text[16];

        snprintf(text, sizeof text, "198.51.100.%d", i);
        assert_int_equal(hf_address_parse(&route.gateway, text), HF_OK);
        assert_int_equal(hf_set_routes(peer->stack, &route, 1), HF_OK);
        assert_int_equal(route_find(&peer->stack->route, &far, NULL, &path), HF_OK);
        assert_true(address_equal(&path.next_hop, &route.gateway));
    }
    route.gateway.bytes[12] = 224;
    assert_int_equal(hf_set_routes(peer->stack, &route, 1), HF_INVALID);
    assert_int_equal(hf_set_routes(peer->stack, &route, HF_ROUTES_MAX + 1), HF_INVALID);
    assert_int_equal(route_find(&peer->stack->route, &far, NULL, &path), HF_OK);
    assert_int_equal(path.next_hop.bytes[15], 2);
    assert_int_equal(hf_set_routes(peer->stack, &route, 0), HF_OK);
    assert_int_equal(route_find(&peer->stack->route, &far, NULL, &path), HF_NO_ROUTE);
    peer_close(peer);
    free(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_connection_costs_512_bytes),
        cmocka_unit_test(half_open_and_time_wait_cost_their_share),
        cmocka_unit_test(memory_must_fit),
        cmocka_unit_test(unused_memory_is_not_touched),
        cmocka_unit_test(idle_stack_has_no_deadline),
        cmocka_unit_test(gauges_count_states),
        cmocka_unit_test(link_address_changes),
        cmocka_unit_test(routes_change),
        cmocka_unit_test(secrets_make_stacks_different),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
