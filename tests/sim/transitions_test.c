/* Every transition of the RFC's diagram is taken at least once over all scenes. Figure 5. [RFC 9293 3.3.2] */
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "tcp/state.h"

#define CHAOS_SEEDS 300

static void add(uint16_t seen[HF_STATES], const char *scene, uint64_t seed)
{
    struct scenario *scenario = malloc(sizeof *scenario);
    struct sim_result result;

    assert_non_null(scenario);
    scene_make(scene_find(scene), seed, scenario);
    if (!simulation_run(scenario, &result))
        fail_msg("%s, seed %u: %s", scene, (unsigned)seed, result.message);
    for (unsigned i = 0; i < HF_STATES; i++)
        seen[i] |= result.transitions[i];
    free(scenario);
}

static void test_every_transition(void **state)
{
    static const struct {
        enum tcp_state from, to;
        const char *names, *why;
    } rows[] = {
#define ROW(a, b, why) {TCP_##a, TCP_##b, #a " -> " #b, why},
        TCP_TRANSITIONS(ROW)
#undef ROW
    };
    uint16_t seen[HF_STATES] = {0};
    unsigned missing = 0, taken = 0;

    (void)state;
    for (const struct scene *scene = sim_scenes; scene->name; scene++)
        add(seen, scene->name, 1);
    for (uint64_t seed = 1; seed <= CHAOS_SEEDS; seed++)
        add(seen, "chaos", seed);

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool is_seen = seen[rows[i].from] >> rows[i].to & 1;

        taken += is_seen;
        missing += !is_seen;
        if (!is_seen)
            print_error("never taken: %s (%s)\n", rows[i].names, rows[i].why);
    }
    print_message("%u of %u transitions were taken\n", taken, taken + missing);
    assert_int_equal(missing, 0);

    /* and none that the table does not know: tcp_state_note asserts it, here it is counted once more */
    for (unsigned from = 0; from < HF_STATES; from++)
        assert_int_equal(seen[from] & ~tcp_state_successors((enum tcp_state)from), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_transition)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
