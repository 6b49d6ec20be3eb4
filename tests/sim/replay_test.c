/* The same seed gives the same trace, watched or not; and what is wrong is seen. */
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/ladder.h"

#define SEEDS 50

static struct scenario scenario;

static uint64_t trace_of(const char *scene, uint64_t seed)
{
    struct sim_result result;

    scene_make(scene_find(scene), seed, &scenario);
    simulation_run(&scenario, &result);
    assert_true(result.ok);
    return result.trace_hash;
}

static void test_same_trace(void **state)
{
    uint64_t before = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t first = trace_of("chaos", seed);

        assert_int_equal(trace_of("chaos", seed), first);
        assert_int_not_equal(first, before);
        before = first;
    }
    for (const struct scene *scene = sim_scenes; scene->name; scene++)
        assert_int_equal(trace_of(scene->name, 7), trace_of(scene->name, 7));
}

/* Who watches does not change what happens. */
static void test_watched(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct simulation simulation;
        uint64_t unwatched = trace_of("chaos", seed);
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);

        assert_non_null(out);
        assert_true(simulation_open(&simulation, &scenario));
        struct ladder *ladder = ladder_make(&simulation.world, out, LADDER_ASCII);
        while (simulation_step(&simulation))
            ladder_step(ladder);
        ladder_finish(ladder);
        ladder_free(ladder);
        fclose(out);
        assert_int_equal(simulation.world.trace_hash, unwatched);
        simulation_close(&simulation);
        assert_true(length > 100);
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
            assert_true(end - line <= LADDER_COLUMNS);
        free(text);
    }
}

/* Runs the bulk scene after something was changed that must be noticed. */
static const char *message_of(void (*change)(struct simulation *simulation))
{
    static char message[WORLD_MESSAGE_MAX];
    struct simulation simulation;
    struct sim_result result;

    scene_make(scene_find("bulk"), 1, &scenario);
    assert_true(simulation_open(&simulation, &scenario));
    change(&simulation);
    while (simulation_step(&simulation))
        continue;
    simulation_judge(&simulation, &result);
    simulation_close(&simulation);
    assert_false(result.ok);
    memcpy(message, result.message, sizeof message);
    return message;
}

static void other_bytes(struct simulation *simulation)
{
    simulation->apps[0][1].reads_key ^= 0x01000000;
}

static void fewer_bytes(struct simulation *simulation)
{
    simulation->apps[0][1].expects -= 1;
}

static void more_bytes(struct simulation *simulation)
{
    simulation->apps[0][1].expects += 1;
}

static void silent(struct simulation *simulation)
{
    simulation->world.nodes[1].link.setup.loss = 1000000;
}

/* The simulation must be able to fail, or it says nothing. */
static void test_failures_are_seen(void **state)
{
    (void)state;
    assert_non_null(strstr(message_of(other_bytes), "conversation 0, side 1: byte 0 is "));
    assert_non_null(strstr(message_of(fewer_bytes), "bytes came"));
    assert_non_null(strstr(message_of(more_bytes), "FIN after 1000000 bytes of 1000001"));
    assert_non_null(strstr(message_of(silent), "timed out"));
}

/* A configuration that the stack refuses is a failure with its sentence, not a crash. */
static void test_refused_configuration(void **state)
{
    struct sim_result result;

    (void)state;
    scene_make(scene_find("close"), 1, &scenario);
    scenario.config[1].mtu = 100;
    assert_false(simulation_run(&scenario, &result));
    assert_non_null(strstr(result.message, "mtu must be"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_trace),
        cmocka_unit_test(test_watched),
        cmocka_unit_test(test_failures_are_seen),
        cmocka_unit_test(test_refused_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
