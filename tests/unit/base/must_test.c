/* must() stays on; x_check() walks only where the build asks for it, and never costs a side effect elsewhere. */
#include "model.h"

#include "base/must.h"

static int walks;

static void walk(void)
{
    walks++;
}

static void a_walk_runs_when_checks_are_on(void **state)
{
    (void)state;
    x_check(walk());
    assert_int_equal(walks, HF_CHECKS_ON ? 1 : 0);
}

static void must_evaluates_once(void **state)
{
    int times = 0;

    (void)state;
    must(++times == 1);
    assert_int_equal(times, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_runs_when_checks_are_on),
        cmocka_unit_test(must_evaluates_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
