/* Thousands of seeds with every fault at once, and every segment signed: by each algorithm, with cookies, and with keys that take
 * over from each other under way. [RFC 5925 6.1, 7; RFC 2385 2.0; R5925-14] */
#include "sim/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_chaos(void **state)
{
    (void)state;
    run_chaos("signed", 0, 1, run_seeds(10000) / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chaos)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
