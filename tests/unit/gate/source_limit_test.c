/* How many half-opens a prefix has: never too few, seldom too many. */
#include "filters.h"

#include "gate/source_limit.h"

static struct hf_address address(const char *text)
{
    struct hf_address a;

    assert_int_equal(hf_address_parse(&a, text), HF_OK);
    return a;
}

static uint64_t prefix(const char *text)
{
    struct hf_address a = address(text);

    return source_prefix(&a);
}

static struct source_limit limit_of(struct arena *arena, uint32_t half_opens)
{
    struct source_limit limit;

    *arena = filter_memory(1 << 20);
    source_limit_init(&limit, arena, (struct siphash_key){1, 2}, half_opens);
    return limit;
}

static void prefixes_are_of_32_and_64_bits(void **state)
{
    (void)state;
    assert_true(prefix("192.0.2.1") != prefix("192.0.2.2"));
    assert_true(prefix("2001:db8::1") == prefix("2001:db8::ffff:0:0:2"));
    assert_true(prefix("2001:db8::1") != prefix("2001:db8:0:1::1"));
    assert_true(prefix("::1") != prefix("0.0.0.1"));
}

static void counts_up_and_down(void **state)
{
    struct arena arena;
    struct source_limit limit = limit_of(&arena, 16);
    uint64_t one = source_hash(&limit, prefix("192.0.2.1"));

    (void)state;
    assert_int_equal(source_limit_count(&limit, one), 0);
    for (uint32_t i = 1; i <= 100; i++) {
        source_limit_add(&limit, one);
        assert_int_equal(source_limit_count(&limit, one), i);
    }
    for (uint32_t i = 100; i-- > 0;) {
        source_limit_remove(&limit, one);
        assert_int_equal(source_limit_count(&limit, one), i);
    }
    free(arena.base);
}

/* N half-opens of N prefixes: nobody is counted short, and nobody reaches the usual share of N / 16, which the header's bound
 * allows in (16 / width)^2 of the cases. */
static void a_crowd_does_not_look_like_one(void **state)
{
    enum { HALF_OPENS = 4096, WIDTH = HALF_OPENS / 4 };
    static uint64_t hashes[HALF_OPENS];
    struct arena arena;
    struct source_limit limit = limit_of(&arena, HALF_OPENS);
    uint64_t seed = 0x51;
    uint32_t most = 0, taken_for_too_large = 0;
    double over = 0;

    (void)state;
    print_message("seed %#lx\n", (unsigned long)seed);
    assert_int_equal(limit.mask, WIDTH - 1);
    for (int i = 0; i < HALF_OPENS; i++) {
        hashes[i] = source_hash(&limit, chance(&seed));
        source_limit_add(&limit, hashes[i]);
    }
    for (int i = 0; i < HALF_OPENS; i++) {
        uint32_t count = source_limit_count(&limit, hashes[i]);

        assert_true(count >= 1);
        over += count - 1;
        most = count > most ? count : most;
        taken_for_too_large += count >= HALF_OPENS / 16;
    }
    print_message("average %.2f too many, most %u\n", over / HALF_OPENS, most);
    assert_true(over / HALF_OPENS <= (double)HALF_OPENS / WIDTH);
    assert_int_equal(taken_for_too_large, 0);
    for (int i = 0; i < HALF_OPENS; i++)
        source_limit_remove(&limit, hashes[i]);
    for (uint32_t i = 0; i < 2 * WIDTH; i++)
        assert_int_equal(limit.counters[i], 0);
    free(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_of_32_and_64_bits),
        cmocka_unit_test(counts_up_and_down),
        cmocka_unit_test(a_crowd_does_not_look_like_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
