/* Randomness from one seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "sim/random.h"

static void test_same_seed(void **state)
{
    struct random a, b, c;
    unsigned equal = 0;

    (void)state;
    random_seed(&a, 0x8f3a);
    random_seed(&b, 0x8f3a);
    random_seed(&c, 0x8f3b);
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_next(&a);

        assert_int_equal(value, random_next(&b));
        equal += value == random_next(&c);
    }
    assert_int_equal(equal, 0);
}

/* The numbers are part of every recorded seed: they must never change. */
static void test_known_values(void **state)
{
    struct random random;

    (void)state;
    random_seed(&random, 1);
    uint64_t first = random_next(&random);
    random_seed(&random, 1);
    assert_int_equal(random_next(&random), first);
    assert_int_equal(first, UINT64_C(0xbfef8030ddc2d772));
}

/* Drawing more from one stream changes nothing in another that was split off before. */
static void test_split(void **state)
{
    struct random a, b;

    (void)state;
    random_seed(&a, 7);
    random_seed(&b, 7);
    struct random a_child = random_split(&a), b_child = random_split(&b);
    for (int i = 0; i < 100; i++)
        random_next(&a);
    for (int i = 0; i < 100; i++)
        assert_int_equal(random_next(&a_child), random_next(&b_child));
    assert_int_equal(a_child.gamma & 1, 1);
    assert_int_not_equal(a_child.gamma, random_split(&b).gamma);
}

static void test_limits(void **state)
{
    struct random random;
    unsigned counts[10] = {0};

    (void)state;
    random_seed(&random, 3);
    for (int i = 0; i < 10000; i++) {
        counts[random_below(&random, 10)]++;
        uint64_t value = random_between(&random, 5, 6);
        assert_in_range(value, 5, 6);
        assert_in_range(random_scaled(&random, 300000), 0, 300000);
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(counts[i], 850, 1150); /* 5 standard deviations */
    assert_int_equal(random_below(&random, 1), 0);
    assert_int_equal(random_scaled(&random, 0), 0);
}

static void test_chance(void **state)
{
    struct random random, untouched;
    unsigned hits = 0;

    (void)state;
    random_seed(&random, 4);
    for (int i = 0; i < 100000; i++)
        hits += random_chance(&random, 30000);
    assert_in_range(hits, 2700, 3300);
    random_seed(&random, 4);
    untouched = random;
    assert_false(random_chance(&random, 0));
    assert_memory_equal(&random, &untouched, sizeof random);
    assert_true(random_chance(&random, 1000000));
}

static void test_fill(void **state)
{
    uint8_t bytes[32];
    struct random random;

    (void)state;
    memset(bytes, 0, sizeof bytes);
    random_seed(&random, 5);
    random_fill(&random, bytes, 13);
    for (int i = 13; i < 32; i++)
        assert_int_equal(bytes[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed), cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_split),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_chance),    cmocka_unit_test(test_fill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
