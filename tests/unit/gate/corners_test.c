/* Rules of the gate that act in a corner only: what the mutation check showed untested. [RFC 9293 3.10.7.2; RFC 4987 3] */
#include "door.h"

static const struct hf_listen_options usual = {.cookies = HF_COOKIES_UNDER_PRESSURE};

/* A listener without cookies finds the cache full of others' half-opens, of which he may take none, and has none himself. */
static void nobody_gives_way(void **state)
{
    struct segment answer;
    struct door door;
    uint16_t port = 0;

    (void)state;
    door_open_with(&door, 8, &usual);
    door.gate.listeners[0].source_limit = door.gate.listeners[1].source_limit = 100;
    door.gate.listeners[2].cookies = HF_COOKIES_OFF;
    door.gate.listeners[2].source_limit = 100;
    for (uint32_t i = 0; i < 12; i++)
        door_syn(&door, i % 2, ++port, &answer);
    assert_int_equal(gate_half_opens(&door.gate), 8);
    assert_int_equal(door_syn(&door, 2, 80, &answer), GATE_SILENT);
    assert_int_equal(door.gate.reason, HF_STAT_syn_cache_full);
    assert_int_equal(gate_half_opens(&door.gate), 8);
    door_close(&door);
}

/* The search for the largest holder asks each of three listeners once. */
static void each_is_asked_once(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 4);
    for (uint16_t port = 1; port <= 5; port++)
        door_syn(&door, 0, port, &answer);
    assert_int_equal(door.stats.syn_cache_evicted, 1);
    assert_int_equal(door.gate.next_victim, 0);
    door_close(&door);
}

/* A half-open that has less than the hurried time anyhow gains none by the hurry. */
static void hurry_prolongs_nothing(void **state)
{
    struct hf_listen_options options = usual;
    struct reaper_task task;
    struct segment answer;
    struct door door;

    (void)state;
    options.half_open_timeout_ms = 500;
    door_open_with(&door, 64, &options);
    door_syn(&door, 0, 7, &answer);
    door.gate.listeners[0].pressure.level = HF_STRAINED;
    assert_int_equal(reaper_tick(&door.gate, &task, door.now_us + 499000), REAPER_DONE);
    assert_int_equal(reaper_tick(&door.gate, &task, door.now_us + 502000), REAPER_FORGET);
    assert_int_equal(gate_half_opens(&door.gate), 0);
    door_close(&door);
}

static struct gate_config config_of(struct door *door)
{
    struct gate_config config;

    door_open(door, 8);
    config = door->gate.config;
    return config;
}

/* Eight bits for each that might be remembered, to a power of two and not beyond. */
static void bits_of_a_filter(void **state)
{
    static const struct {
        uint32_t connections, bits;
    } rows[] = {{1, 4096},    {512, 4096},   {513, 8192},
                {1024, 8192}, {1025, 16384}, {1 << 22, 1 << 23}};
    struct arena arena;
    struct gate gate;
    struct door door;
    struct gate_config config = config_of(&door);

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena = (struct arena){NULL, 0};
        config.max_connections = rows[i].connections;
        gate_init(&gate, &arena, &config, 0);
        assert_int_equal(gate.proven.mask + 1, rows[i].bits);
    }
    door_close(&door);
}

/* As many listeners as were asked for are made, and what lies behind them is left alone. */
static void listeners_have_an_end(void **state)
{
    struct arena arena = {NULL, 0};
    struct gate gate;
    struct door door;
    struct gate_config config = config_of(&door);
    const uint8_t *behind;
    uint8_t *memory;

    (void)state;
    config.max_listeners = CACHE_LINE; /* no gap of alignment behind them */
    gate_init(&gate, &arena, &config, 0);
    memory = arena.base = aligned_alloc(CACHE_LINE, arena.used);
    memset(memory, 0xa5, arena.used);
    arena.used = 0;
    gate_init(&gate, &arena, &config, 0);
    for (uint32_t i = 0; i < CACHE_LINE; i++) {
        assert_false(gate.listeners[i].open);
        assert_int_equal(gate.listeners[i].half_opens.first, SLOT_NONE);
    }
    behind = (const uint8_t *)&gate.listeners[CACHE_LINE];
    assert_ptr_equal(behind, syn_cache_at(&gate.cache, 0));
    for (unsigned i = 0; i < sizeof(struct list); i++)
        assert_int_equal(behind[i], 0xa5); /* a slot that was never taken */
    free(memory);
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_gives_way),       cmocka_unit_test(each_is_asked_once),
        cmocka_unit_test(hurry_prolongs_nothing), cmocka_unit_test(bits_of_a_filter),
        cmocka_unit_test(listeners_have_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
