/* The laws of the circle, all of them around every place where it closes or turns. [RFC 9293 3.4] */
#include "model.h"

#include "base/seq.h"

/* Places where an order on a circle can go wrong. */
static const uint32_t corners[] = {0,          1u << 31, 0xffffffff,
                                   0x7fffffff, 12345,    0xfffffffe - (1u << 30)};

enum { CORNERS = sizeof corners / sizeof corners[0], AROUND = 20 };

static void check_pair(uint32_t x, uint32_t y)
{
    seq a = seq_of(x), b = seq_of(y);
    uint32_t forward = y - x; /* from a to b */
    bool equal = forward == 0, before = forward != 0 && forward < 1u << 31;
    bool opposite = forward == 1u << 31;

    assert_int_equal(seq_eq(a, b), equal);
    assert_int_equal(seq_distance(a, b), forward);
    assert_int_equal(seq_add(a, forward).value, y);
    assert_int_equal(seq_sub(b, forward).value, x);
    assert_int_equal((uint32_t)seq_diff(b, a), forward);
    assert_int_equal(seq_leq(a, b), !seq_gt(a, b));
    assert_int_equal(seq_geq(a, b), !seq_lt(a, b));
    if (opposite) /* neither comes first: each sees the other behind itself */
        assert_true(seq_lt(a, b) && seq_lt(b, a));
    else {
        assert_int_equal(seq_lt(a, b), before);
        assert_int_equal(seq_gt(a, b), !before && !equal);
        assert_int_equal(seq_max(a, b).value, before ? y : x);
        assert_int_equal(seq_min(a, b).value, before ? x : y);
    }
}

static void order_around_the_corners(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CORNERS; i++)
        for (uint32_t j = 0; j < CORNERS; j++)
            for (uint32_t x = 0; x < 2 * AROUND; x++)
                for (uint32_t y = 0; y < 2 * AROUND; y++)
                    check_pair(corners[i] + x - AROUND, corners[j] + y - AROUND);
}

static void windows_around_the_corners(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CORNERS; i++)
        for (uint32_t start = 0; start < 2 * AROUND; start++)
            for (uint32_t length = 0; length < AROUND; length++)
                for (uint32_t offset = 0; offset < 3 * AROUND; offset++) {
                    uint32_t first = corners[i] + start - AROUND;
                    seq at = seq_of(first + offset - AROUND);
                    bool inside = offset >= AROUND && offset < AROUND + length;

                    assert_int_equal(seq_in_window(at, seq_of(first), length), inside);
                }
}

static void an_empty_window_holds_nothing(void **state)
{
    (void)state;
    assert_false(seq_in_window(seq_of(7), seq_of(7), 0));
    assert_false(seq_in_window(seq_of(7), seq_of(8), UINT32_MAX));
    assert_true(seq_in_window(seq_of(6), seq_of(8), UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_around_the_corners),
        cmocka_unit_test(windows_around_the_corners),
        cmocka_unit_test(an_empty_window_holds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
