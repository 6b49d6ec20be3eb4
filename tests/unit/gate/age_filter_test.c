/* Who was here lately: remembered for a turn at least and two at most. */
#include "filters.h"

#include "gate/age_filter.h"

#define TURN (10 * SECOND)

static struct age_filter filter_of(struct arena *arena, uint32_t bits)
{
    struct age_filter filter;

    *arena = filter_memory((bits + 511) / 512 * 512);
    age_filter_init(&filter, arena, bits, TURN, 0);
    assert_int_equal(arena->used, bits / 4);
    return filter;
}

static void remembers_for_a_turn_and_forgets_after_two(void **state)
{
    struct arena arena;
    struct age_filter filter = filter_of(&arena, 4096);
    uint64_t seed = 7;

    (void)state;
    for (int64_t at = 0; at < 3 * TURN; at += SECOND / 3) {
        uint64_t hash = chance(&seed);

        assert_false(age_filter_has(&filter, hash, at));
        age_filter_add(&filter, hash, at);
        struct age_filter later = filter;
        uint64_t copy[4096 / 64 * 2];

        memcpy(copy, filter.bits, sizeof copy);
        assert_true(age_filter_has(&filter, hash, at + TURN));
        assert_false(age_filter_has(&filter, hash, at + 2 * TURN));
        memcpy(filter.bits, copy, sizeof copy);
        filter = later;
    }
    free(arena.base);
}

/* A pause of a whole turn leaves nothing, though nobody was there to clear. */
static void long_silence_forgets(void **state)
{
    struct arena arena;
    struct age_filter filter = filter_of(&arena, 256);

    (void)state;
    for (uint64_t i = 0; i < 256; i++)
        age_filter_add(&filter, i | i << 32, TURN / 2);
    assert_false(age_filter_has(&filter, 5, 100 * TURN));
    for (unsigned i = 0; i < 2 * 256 / 64; i++)
        assert_true(filter.bits[i] == 0);
    free(arena.base);
}

/* Strangers are taken for members as often as the header says. */
static void strangers_pass_as_stated(void **state)
{
    enum { BITS = 1 << 16, MEMBERS = BITS / 16, TRIES = 400000 };
    struct arena arena;
    struct age_filter filter = filter_of(&arena, BITS);
    uint64_t seed = 0x9d;
    double fill = 2.0 * MEMBERS / BITS, taken = 0;

    (void)state;
    print_message("seed %#lx\n", (unsigned long)seed);
    for (int i = 0; i < MEMBERS; i++)
        age_filter_add(&filter, chance(&seed), 0);
    for (int i = 0; i < TRIES; i++)
        taken += age_filter_has(&filter, chance(&seed), 0);
    print_message("%.4f of strangers, at most %.4f\n", taken / TRIES, fill * fill);
    assert_true(taken / TRIES <= fill * fill);
    assert_true(taken / TRIES > fill * fill / 2);
    free(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_for_a_turn_and_forgets_after_two),
        cmocka_unit_test(long_silence_forgets),
        cmocka_unit_test(strangers_pass_as_stated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
