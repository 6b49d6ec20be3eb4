/* Calm, strained, flooded: up at once, down after a quiet time. */
#include "filters.h"

#include "gate/pressure.h"

#define LIMIT 100

static struct hf_address address(uint8_t last)
{
    struct hf_address a = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = last}};

    return a;
}

static void syn(struct pressure *pressure, uint8_t last)
{
    struct hf_address remote = address(last);

    pressure_note_syn(pressure, &remote, last);
}

static enum hf_pressure level_with(uint32_t half_opens, uint32_t pending)
{
    struct pressure pressure;
    struct pressure_change change;

    pressure_init(&pressure, LIMIT, 0);
    for (uint32_t i = 0; i < pending; i++)
        pressure_note_pending(&pressure, 0);
    while (pressure_rise(&pressure, half_opens, &change, 0))
        ;
    return pressure.level;
}

static void demand_decides(void **state)
{
    static const struct {
        uint32_t half_opens, pending;
        enum hf_pressure level;
    } rows[] = {
        {0, 0, HF_CALM},      {74, 0, HF_CALM},       {75, 0, HF_STRAINED},  {0, 24, HF_CALM},
        {0, 25, HF_STRAINED}, {72, 1, HF_STRAINED},   {100, 0, HF_STRAINED}, {0, 133, HF_STRAINED},
        {0, 134, HF_FLOODED}, {100, 100, HF_FLOODED},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%u half-opens, %u pending\n", rows[i].half_opens, rows[i].pending);
        assert_int_equal(level_with(rows[i].half_opens, rows[i].pending), rows[i].level);
    }
}

/* Cookies that come back are no pressure. */
static void answered_cookies_do_not_count(void **state)
{
    struct pressure pressure;
    struct pressure_change change;

    (void)state;
    pressure_init(&pressure, LIMIT, 0);
    for (int i = 0; i < 100000; i++) {
        pressure_note_pending(&pressure, i);
        assert_false(pressure_rise(&pressure, 10, &change, i));
        pressure_note_answered(&pressure);
    }
    assert_int_equal(pressure.level, HF_CALM);
}

/* Once up, the level stays while the demand is above half of what raised it, and QUIET_US beyond; then it falls by one. */
static void falls_by_one_after_a_quiet_time(void **state)
{
    struct pressure pressure;
    struct pressure_change change;
    int64_t now = 50 * SECOND;

    (void)state;
    pressure_init(&pressure, LIMIT, 0);
    assert_true(pressure_deadline(&pressure) == INT64_MAX);
    for (int i = 0; i < 200; i++)
        pressure_note_pending(&pressure, now);
    assert_true(pressure_rise(&pressure, 0, &change, now));
    assert_int_equal(pressure.level, HF_STRAINED);
    assert_true(pressure_rise(&pressure, 0, &change, now));
    assert_int_equal(pressure.level, HF_FLOODED);
    assert_true(pressure_deadline(&pressure) == now + PRESSURE_QUIET_US);
    assert_false(pressure_fall(&pressure, 0, &change, now + PRESSURE_QUIET_US - 1));

    /* 200 half-opens are half of 400: not yet. */
    now += PRESSURE_QUIET_US;
    assert_false(pressure_fall(&pressure, 200, &change, now));
    assert_true(pressure_deadline(&pressure) == now + PRESSURE_QUIET_US);

    now += PRESSURE_QUIET_US;
    assert_true(pressure_fall(&pressure, 199, &change, now));
    assert_int_equal(change.before, HF_FLOODED);
    assert_int_equal(change.now, HF_STRAINED);
    assert_false(pressure_fall(&pressure, 0, &change, now + 1));

    now += PRESSURE_QUIET_US;
    assert_true(pressure_fall(&pressure, 37, &change, now));
    assert_int_equal(change.now, HF_CALM);
    assert_true(pressure_deadline(&pressure) == INT64_MAX);
}

/* Strained by three quarters of the limit, 75 of 100: calmer below half of that, at 37 and not at 38. */
static void half_of_what_raised_it(void **state)
{
    struct pressure pressure;
    struct pressure_change change;

    (void)state;
    pressure_init(&pressure, LIMIT, 0);
    assert_true(pressure_rise(&pressure, 75, &change, 0));
    assert_false(
        pressure_rise(&pressure, 38, &change, 5)); /* still loud: the quiet time begins anew */
    assert_true(pressure_deadline(&pressure) == 5 + PRESSURE_QUIET_US);
    assert_false(pressure_rise(&pressure, 37, &change, 9));
    assert_true(pressure_deadline(&pressure) == 5 + PRESSURE_QUIET_US);
    assert_false(pressure_fall(&pressure, 38, &change, 5 + PRESSURE_QUIET_US));
    assert_true(pressure_fall(&pressure, 37, &change, 5 + 2 * PRESSURE_QUIET_US));
}

/* A wave and its trough make no flutter: two changes up, two down, however often it comes. */
static void waves_do_not_flutter(void **state)
{
    struct pressure pressure;
    struct pressure_change change;
    int changes = 0;
    int64_t now = 0;

    (void)state;
    pressure_init(&pressure, LIMIT, 0);
    for (int wave = 0; wave < 50; wave++, now += 3 * SECOND)
        for (int i = 0; i < 200; i++) {
            pressure_note_pending(&pressure, now + i);
            changes += pressure_rise(&pressure, 0, &change, now + i);
            changes += pressure_fall(&pressure, 0, &change, now + i);
        }
    assert_int_equal(changes, 2);
    for (int i = 0; i < 600; i++, now += SECOND / 10)
        changes += pressure_fall(&pressure, 0, &change, now);
    assert_int_equal(changes, 4);
    assert_int_equal(pressure.level, HF_CALM);
}

/* What nobody answered in the last second of a flood is over with it: an hour later, forty half-opens of a hundred are calm. */
static void what_a_flood_left_is_not_counted_later(void **state)
{
    struct pressure pressure;
    struct pressure_change change;
    int64_t now = 50 * SECOND;

    (void)state;
    pressure_init(&pressure, LIMIT, 0);
    assert_true(pressure_rise(&pressure, 75, &change, now));
    now += PRESSURE_QUIET_US;
    for (int i = 0; i < 12; i++)
        pressure_note_pending(&pressure, now - 1);
    assert_true(pressure_fall(&pressure, 0, &change, now));
    assert_int_equal(pressure.level, HF_CALM);
    assert_false(pressure_rise(&pressure, 40, &change, now + 3600 * SECOND));
    assert_true(pressure_rise(&pressure, 75, &change, now + 3600 * SECOND));
}

/* An alarm says how much, since when, and who if somebody stands out. */
static void changes_explain_themselves(void **state)
{
    struct pressure pressure;
    struct pressure_change change;
    struct hf_address loud = address(9);

    (void)state;
    pressure_init(&pressure, LIMIT, 5 * SECOND);
    for (int i = 0; i < 300; i++)
        syn(&pressure, i % 3 ? 9 : (uint8_t)i);
    assert_true(pressure_rise(&pressure, 80, &change, 20 * SECOND));
    assert_int_equal(change.syns, 300);
    assert_true(change.since_us == 5 * SECOND);
    assert_true(change.has_loudest);
    assert_memory_equal(&change.loudest, &loud, sizeof loud);

    for (int i = 0; i < 1000; i++)
        syn(&pressure, (uint8_t)i);
    assert_true(pressure_rise(&pressure, 400, &change, 30 * SECOND));
    assert_int_equal(change.syns, 1000);
    assert_true(change.since_us == 20 * SECOND);
    assert_false(change.has_loudest);

    assert_true(pressure_fall(&pressure, 0, &change, 40 * SECOND));
    assert_true(pressure_fall(&pressure, 0, &change, 50 * SECOND));
    assert_int_equal(change.alarm_syns, 1000);
    assert_true(change.alarm_us == 20 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demand_decides),
        cmocka_unit_test(answered_cookies_do_not_count),
        cmocka_unit_test(falls_by_one_after_a_quiet_time),
        cmocka_unit_test(half_of_what_raised_it),
        cmocka_unit_test(waves_do_not_flutter),
        cmocka_unit_test(what_a_flood_left_is_not_counted_later),
        cmocka_unit_test(changes_explain_themselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
