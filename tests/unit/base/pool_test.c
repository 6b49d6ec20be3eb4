/* Slots by number: what was never needed is never touched, and no slot is given twice. */
#include "model.h"

#include "base/pool.h"

enum { CAPACITY = 300, STRIDE = 24 };

static struct pool make_pool(struct arena *arena)
{
    struct arena measure = {NULL, 0};
    struct pool pool;

    pool_init(&pool, &measure, STRIDE, CAPACITY);
    assert_null(pool.slots);
    assert_true(measure.used >= (size_t)STRIDE * CAPACITY);
    *arena = arena_for(measure);
    pool_init(&pool, arena, STRIDE, CAPACITY);
    assert_int_equal(arena->used, measure.used);
    return pool;
}

static void full_is_an_answer(void **state)
{
    struct arena arena;
    struct pool pool = make_pool(&arena);
    bool fresh;

    (void)state;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        assert_int_equal(pool_take(&pool, &fresh), i);
        assert_true(fresh);
    }
    assert_int_equal(pool_take(&pool, NULL), SLOT_NONE);
    assert_int_equal(pool.count, CAPACITY);
    pool_give(&pool, 17);
    assert_int_equal(pool_take(&pool, &fresh), 17);
    assert_false(fresh);
    free(arena.base);
}

static void used_slots_come_before_fresh_ones(void **state)
{
    struct arena arena;
    struct pool pool = make_pool(&arena);

    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        pool_give(&pool, pool_take(&pool, NULL));
    assert_int_equal(pool.high, 1);
    for (uint32_t byte = STRIDE; byte < STRIDE * CAPACITY; byte++)
        assert_int_equal(arena.base[byte], 0xa5); /* untouched */
    free(arena.base);
}

static void no_slot_is_given_twice(void **state)
{
    struct dice dice = dice_from("no_slot_is_given_twice", 1);
    struct arena arena;
    struct pool pool = make_pool(&arena);
    uint32_t held[CAPACITY], count = 0;

    (void)state;
    for (uint32_t step = 0; step < 20000; step++) {
        if (dice_below(&dice, 100) < (step / 2000 % 2 ? 35 : 65)) {
            uint32_t slot = pool_take(&pool, NULL);

            assert_int_equal(slot == SLOT_NONE, count == CAPACITY);
            if (slot == SLOT_NONE)
                continue;
            for (uint32_t i = 0; i < count; i++)
                assert_int_not_equal(held[i], slot);
            memset(pool_at(&pool, slot), (int)step, STRIDE);
            held[count++] = slot;
        } else if (count > 0) {
            uint32_t i = dice_below(&dice, count);

            pool_give(&pool, held[i]);
            held[i] = held[--count];
        }
        assert_int_equal(pool.count, count);
    }
    free(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_is_an_answer),
        cmocka_unit_test(used_slots_come_before_fresh_ones),
        cmocka_unit_test(no_slot_is_given_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
