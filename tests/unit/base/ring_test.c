/* Rings: first in, first out, and what found no room is counted, also where the counters wrap. */
#include "model.h"

#include "base/ring.h"

static void capacity_is_rounded_up(void **state)
{
    static const struct {
        uint32_t asked, got;
    } rows[] = {{0, 1}, {1, 1}, {2, 2}, {3, 4}, {64, 64}, {65, 128}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena measure = {NULL, 0};
        struct ring ring;

        ring_init(&ring, &measure, 8, rows[i].asked);
        assert_int_equal(ring.mask + 1, rows[i].got);
        assert_true(measure.used >= rows[i].got * 8);
    }
}

static void first_in_first_out(void **state)
{
    struct dice dice = dice_from("first_in_first_out", 3);
    struct arena measure = {NULL, 0}, arena;
    struct ring ring;
    uint64_t in = 0, out = 0, dropped = 0;

    (void)state;
    ring_init(&ring, &measure, 24, 16);
    arena = arena_for(measure);
    ring_init(&ring, &arena, 24, 16);
    ring.written = ring.taken = UINT32_MAX - 100;

    for (uint32_t step = 0; step < 5000; step++) {
        if (dice_below(&dice, 100) < (step / 300 % 2 ? 30 : 70)) {
            uint64_t *record = ring_push(&ring);

            assert_int_equal(record == NULL, in - out == 16);
            if (record)
                *record = in++;
            else
                dropped++;
        } else {
            uint64_t *record = ring_peek(&ring);

            assert_int_equal(record == NULL, in == out);
            if (record) {
                assert_int_equal(*record, out);
                out++;
                ring_drop(&ring);
            }
        }
        assert_int_equal(ring_count(&ring), in - out);
        assert_int_equal(ring.dropped, dropped);
    }
    assert_true(dropped > 0);
    free(arena.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_is_rounded_up),
        cmocka_unit_test(first_in_first_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
