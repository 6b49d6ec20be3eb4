/* Thousands of seeds with every fault at once, and every SYN answered by a cookie: byte-exact, invariants after every step.
 * What a connection knows that was opened by cookie must do for all that follows. */
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SEEDS 3000

static void test_chaos(void **state)
{
    (void)state;
    run_chaos("cookies", 0, 1, run_seeds(SEEDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chaos)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
