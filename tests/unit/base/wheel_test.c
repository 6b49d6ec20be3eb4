/* The timer wheel against a plain list of deadlines. */
#include "model.h"

#include "base/list.h"
#include "base/time.h"
#include "base/wheel.h"

enum { SLOTS = 200 };

#define TICK_US (INT64_C(1) << WHEEL_TICK_SHIFT)
#define DAY_US (INT64_C(86400) * US_PER_S)

struct owner {
    uint64_t other;
    struct wheel_entry timer;
};

struct world {
    struct owner owners[SLOTS];
    int64_t due[SLOTS]; /* the tick, -1 if not set */
    struct wheel wheel;
    int64_t now_us;
};

static void init_world(struct world *w, int64_t now_us)
{
    struct pool pool = {
        .slots = (uint8_t *)w->owners, .stride = sizeof w->owners[0], .capacity = SLOTS};

    memset(w, 0xa5, sizeof *w);
    wheel_init(&w->wheel, &pool, offsetof(struct owner, timer), now_us);
    w->now_us = now_us;
    for (uint32_t i = 0; i < SLOTS; i++) {
        wheel_entry_init(&w->wheel, i);
        w->due[i] = -1;
    }
}

/* A deadline in the past is due at the tick that the wheel has run to. */
static void set(struct world *w, uint32_t slot, int64_t deadline_us)
{
    int64_t tick = deadline_us / TICK_US + (deadline_us % TICK_US != 0);

    wheel_set(&w->wheel, slot, deadline_us);
    w->due[slot] = tick > w->wheel.now ? tick : w->wheel.now;
}

static int64_t earliest(const struct world *w)
{
    int64_t first = INT64_MAX;

    for (uint32_t i = 0; i < SLOTS; i++)
        if (w->due[i] >= 0 && w->due[i] < first)
            first = w->due[i];
    return first;
}

/* Never late, exact within the lowest level, and early only by what the first digits leave open. */
static void check_next(const struct world *w)
{
    int64_t next_us = wheel_next_us(&w->wheel), first = earliest(w), tick = next_us / TICK_US;

    if (first == INT64_MAX) {
        assert_true(next_us == NEVER_US);
        return;
    }
    assert_int_equal(next_us % TICK_US, 0);
    assert_true(tick >= w->wheel.now && tick <= first);
    for (uint32_t shift = 0; shift < 32; shift += 8) {
        if (first >> shift >> 8 != w->wheel.now >> shift >> 8 && shift < 24)
            continue;
        assert_int_equal(tick, first == w->wheel.now ? first : first >> shift << shift);
        break;
    }
}

static void run_to(struct world *w, int64_t now_us)
{
    int64_t before = 0;
    uint32_t slot;

    w->now_us = now_us;
    while ((slot = wheel_expire(&w->wheel, now_us)) != SLOT_NONE) {
        assert_true(slot < SLOTS);
        assert_true(w->due[slot] >= before && w->due[slot] <= now_us / TICK_US);
        assert_int_equal(w->due[slot], earliest(w));
        assert_false(wheel_is_set(&w->wheel, slot));
        before = w->due[slot];
        w->due[slot] = -1;
    }
    assert_true(earliest(w) > now_us / TICK_US);
}

/* Lengths of every magnitude up to `longest`. */
static int64_t some_time(struct dice *dice, int64_t longest)
{
    int64_t length = (int64_t)(dice_u64(dice) >> 2 >> dice_below(dice, 62));

    return length % longest;
}

static void random_walk(uint64_t seed, int64_t start_us, int64_t longest_step_us)
{
    struct dice dice = dice_from("random_walk", seed);
    struct world *w = malloc(sizeof *w);
    uint32_t set_count = 0;

    init_world(w, start_us);
    for (uint32_t step = 0; step < 40000; step++) {
        uint32_t slot = dice_below(&dice, SLOTS), choice = dice_below(&dice, 100);

        if (choice < 60) {
            set(w, slot, w->now_us + some_time(&dice, 49 * DAY_US));
        } else if (choice < 75) {
            if (choice < 70)
                wheel_cancel(&w->wheel, slot);
            else
                wheel_set(&w->wheel, slot, NEVER_US);
            w->due[slot] = -1;
        } else if (choice < 80) {
            set(w, slot, time_max(0, w->now_us - some_time(&dice, US_PER_S))); /* in the past */
        } else if (choice < 85 && earliest(w) != INT64_MAX) {
            run_to(w, time_max(w->now_us, wheel_next_us(&w->wheel)));
        } else {
            run_to(w, w->now_us + some_time(&dice, longest_step_us));
        }
        assert_int_equal(wheel_is_set(&w->wheel, slot), w->due[slot] >= 0);
        check_next(w);
    }
    for (uint32_t i = 0; i < SLOTS; i++)
        set_count += w->due[i] >= 0;
    assert_int_equal(w->wheel.count, set_count);
    run_to(w, w->now_us + 50 * DAY_US);
    assert_int_equal(w->wheel.count, 0);
    free(w);
}

static void small_steps_like_a_list(void **state)
{
    (void)state;
    random_walk(10, 0, 20 * US_PER_MS);
    random_walk(11, 123456789, 20 * US_PER_MS);
}

static void any_steps_like_a_list(void **state)
{
    (void)state;
    random_walk(12, 0, 40 * DAY_US);
    random_walk(13, 123456789, US_PER_S * 600);
}

static void the_tick_wraps_like_a_list(void **state)
{
    (void)state;
    random_walk(14, (INT64_C(1) << 32) * TICK_US - 30 * US_PER_S, 100 * US_PER_MS);
    random_walk(15, (INT64_C(1) << 32) * TICK_US - 3 * DAY_US, DAY_US / 24);
}

static void a_far_deadline_fires_early_and_is_set_again(void **state)
{
    struct world *w = malloc(sizeof *w);
    int64_t deadline_us = 200 * DAY_US, now_us = 5 * US_PER_S;
    uint32_t fired = 0;

    (void)state;
    init_world(w, now_us);
    wheel_set(&w->wheel, 3, deadline_us);
    while (wheel_is_set(&w->wheel, 3)) {
        now_us = wheel_next_us(&w->wheel);
        if (wheel_expire(&w->wheel, now_us) == 3) {
            fired++;
            if (now_us < deadline_us)
                wheel_set(&w->wheel, 3, deadline_us);
        }
    }
    assert_int_equal(now_us, deadline_us);
    assert_int_equal(fired, 4);
    free(w);
}

/* A year of one timer a day must cost a handful of steps a day: the test would not end otherwise. */
static void idle_gaps_are_jumped(void **state)
{
    struct world *w = malloc(sizeof *w);

    (void)state;
    init_world(w, 0);
    for (int64_t day = 1; day <= 365000; day++) {
        wheel_set(&w->wheel, 0, day * DAY_US);
        assert_int_equal(wheel_expire(&w->wheel, day * DAY_US - 1), SLOT_NONE);
        assert_int_equal(wheel_expire(&w->wheel, day * DAY_US + TICK_US), 0);
    }
    free(w);
}

static void set_while_expiring_fires_in_the_same_run(void **state)
{
    struct world *w = malloc(sizeof *w);

    (void)state;
    init_world(w, 0);
    wheel_set(&w->wheel, 1, 10 * US_PER_MS);
    assert_int_equal(wheel_expire(&w->wheel, US_PER_S), 1);
    wheel_set(&w->wheel, 2, 5 * US_PER_MS);
    wheel_set(&w->wheel, 1, 2 * US_PER_S);
    assert_int_equal(wheel_expire(&w->wheel, US_PER_S), 2);
    assert_int_equal(wheel_expire(&w->wheel, US_PER_S), SLOT_NONE);
    assert_true(wheel_is_set(&w->wheel, 1));
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_steps_like_a_list),
        cmocka_unit_test(any_steps_like_a_list),
        cmocka_unit_test(the_tick_wraps_like_a_list),
        cmocka_unit_test(a_far_deadline_fires_early_and_is_set_again),
        cmocka_unit_test(idle_gaps_are_jumped),
        cmocka_unit_test(set_while_expiring_fires_in_the_same_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
