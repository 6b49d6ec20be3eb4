/* The environment of a stack on this machine. */
#include "unit/os/test.h"

#include <handfast/os.h>

#include "os/clock.h"

static void memory_is_aligned_zero_and_as_large_as_asked(void **state)
{
    static const size_t sizes[] = {1, 64, 100000, 40u << 20};
    struct hf_env env;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(hf_os_env(&env, sizes[i]), HF_OK);
        assert_non_null(env.memory);
        assert_int_equal((uintptr_t)env.memory % 64, 0);
        assert_int_equal(env.memory_bytes, sizes[i]);
        assert_true(env.memory_is_zero);
        assert_int_equal(((const uint8_t *)env.memory)[0], 0);
        assert_int_equal(((const uint8_t *)env.memory)[sizes[i] - 1], 0);
        hf_os_env_free(&env);
        assert_null(env.memory);
    }
}

static void secrets_differ_and_are_wiped(void **state)
{
    static const uint8_t zero[32];
    struct hf_env a, b;

    (void)state;
    assert_int_equal(hf_os_env(&a, 4096), HF_OK);
    assert_int_equal(hf_os_env(&b, 4096), HF_OK);
    assert_memory_not_equal(a.secret, b.secret, sizeof a.secret);
    assert_memory_not_equal(a.secret, zero, sizeof zero);
    hf_os_env_free(&a);
    hf_os_env_free(&b);
    assert_memory_equal(a.secret, zero, sizeof zero);
}

static void an_impossible_configuration_and_too_much_memory(void **state)
{
    struct hf_env env;

    (void)state;
    assert_int_equal(hf_os_env(&env, 0), HF_INVALID);
    assert_int_equal(hf_os_env(&env, SIZE_MAX - 0xffff), HF_NO_MEMORY);
    hf_os_env_free(&env);
}

static void the_clock_goes_forward(void **state)
{
    int64_t before_us = hf_os_now_us();
    struct timespec left;

    (void)state;
    assert_true(hf_os_now_us() >= before_us);
    assert_null(clock_time_left(&left, INT64_MAX));
    assert_ptr_equal(clock_time_left(&left, before_us - 5), &left);
    assert_int_equal(left.tv_sec, 0);
    assert_int_equal(left.tv_nsec, 0);
    assert_non_null(clock_time_left(&left, before_us + 3600 * (int64_t)1000000));
    assert_in_range(left.tv_sec, 3500, 3600);
    assert_true(clock_wall_minus_now_us() + before_us >
                1600000000 * (int64_t)1000000); /* after 2020 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_zero_and_as_large_as_asked),
        cmocka_unit_test(secrets_differ_and_are_wiped),
        cmocka_unit_test(an_impossible_configuration_and_too_much_memory),
        cmocka_unit_test(the_clock_goes_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
