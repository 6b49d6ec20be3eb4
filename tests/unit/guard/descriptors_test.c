/* The limit of open files: raised if it may be, else it bounds the connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "guard/descriptors.h"

static void set_limit(rlim_t soft)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void the_soft_limit_is_raised(void **state)
{
    struct rlimit limit;

    (void)state;
    set_limit(64);
    assert_int_equal(descriptors_raise(100), 100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur >= 100 + DESCRIPTORS_RESERVED);
}

static void a_limit_that_suffices_is_left_alone(void **state)
{
    struct rlimit limit;

    (void)state;
    set_limit(500);
    assert_int_equal(descriptors_raise(100), 100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 500);
}

/* More than any kernel allows (fs.nr_open): what can be had is had. */
static void what_cannot_be_raised_bounds_the_connections(void **state)
{
    uint32_t room;

    (void)state;
    room = descriptors_raise(UINT32_MAX - DESCRIPTORS_RESERVED);
    assert_true(room > 100 && room < UINT32_MAX - DESCRIPTORS_RESERVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_soft_limit_is_raised),
        cmocka_unit_test(a_limit_that_suffices_is_left_alone),
        cmocka_unit_test(what_cannot_be_raised_bounds_the_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
