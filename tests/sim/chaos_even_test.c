/* Thousands of seeds with every fault at once: byte-exact, invariants after every step. The even half. */
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define SEEDS 4000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEEDS 4000
#endif
#endif
#ifndef SEEDS
#define SEEDS 10000
#endif

static void test_chaos(void **state)
{
    (void)state;
    run_chaos("chaos", 0, 2, run_seeds(SEEDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chaos)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
