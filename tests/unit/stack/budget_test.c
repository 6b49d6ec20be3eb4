/* Two buckets: all together, and one for each prefix. [RFC 9293 3.10.7.1] [RFC 4443 2.4] */
#include "peer.h"

#include "stack/budget.h"

#define S (INT64_C(1000000))

static const struct siphash_key key = {1, 2};

static uint32_t taken_by(struct budget *budget, const char *remote, uint32_t tries, int64_t now_us)
{
    struct hf_address address = address_of(remote);
    uint32_t taken = 0;

    for (uint32_t i = 0; i < tries; i++)
        taken += budget_take(budget, &address, now_us);
    return taken;
}

static void one_prefix_has_a_sixteenth(void **state)
{
    struct budget budget;

    (void)state;
    budget_init(&budget, 1600, key, 5 * S);
    assert_int_equal(taken_by(&budget, "192.0.2.9", 1000, 5 * S), 100);
    assert_int_equal(taken_by(&budget, "198.51.100.7", 1000, 5 * S), 100);
    assert_int_equal(taken_by(&budget, "192.0.2.9", 1000, 5 * S + S / 2), 50);
    assert_int_equal(taken_by(&budget, "192.0.2.9", 1000, 90 * S), 100); /* never more than full */
}

static void ipv6_counts_by_64(void **state)
{
    struct budget budget;

    (void)state;
    budget_init(&budget, 1600, key, 0);
    assert_int_equal(taken_by(&budget, "2001:db8::1", 60, 0), 60);
    assert_int_equal(taken_by(&budget, "2001:db8::ffff:1", 60, 0), 40);
    assert_int_equal(taken_by(&budget, "2001:db8:0:1::1", 60, 0), 60);
}

/* Whatever comes, and from however many prefixes: one second's worth at once, then the rate. */
static void all_together_have_the_budget(void **state)
{
    struct budget budget;
    uint32_t taken = 0;

    (void)state;
    budget_init(&budget, 100, key, 0);
    for (uint32_t i = 0; i < 100000; i++) {
        struct hf_address address = address_v4(0xc6336400 + i * 7919);

        taken += budget_take(&budget, &address, i * INT64_C(100)); /* ten seconds */
    }
    assert_in_range(taken, 1000, 1100);
}

static void little_and_nothing(void **state)
{
    struct budget budget;

    (void)state;
    budget_init(&budget, 3, key, 0);
    assert_int_equal(taken_by(&budget, "192.0.2.9", 10, 0), 3);
    budget_init(&budget, 0, key, 0);
    assert_int_equal(taken_by(&budget, "192.0.2.9", 10, 50 * S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_prefix_has_a_sixteenth),
        cmocka_unit_test(ipv6_counts_by_64),
        cmocka_unit_test(all_together_have_the_budget),
        cmocka_unit_test(little_and_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
