/* What a cookie rounds down to: every size and every scale. [HF1 table; RFC 4987 3.6] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cookie/syn_info.h"

/* The largest entry that is not above the offer: never more than the peer takes, but for the smallest. */
static void sizes_round_down(void **state)
{
    static const uint8_t versions[] = {4, 6};

    (void)state;
    for (unsigned v = 0; v < 2; v++)
        for (uint32_t mss = 0; mss <= UINT16_MAX; mss++) {
            uint32_t eight = syn_mss_index_8(versions[v], (uint16_t)mss);
            uint32_t four = syn_mss_index_4(versions[v], (uint16_t)mss);

            assert_in_range(eight, 0, 7);
            assert_in_range(four, 0, 3);
            if (eight > 0)
                assert_true(syn_mss_of_8(versions[v], eight) <= mss);
            if (eight < 7)
                assert_true(syn_mss_of_8(versions[v], eight + 1) > mss);
            if (four > 0)
                assert_true(syn_mss_of_4(versions[v], four) <= mss);
            if (four < 3)
                assert_true(syn_mss_of_4(versions[v], four + 1) > mss);
        }
}

/* Both tables grow, begin with what everybody carries and end with what Ethernet does. */
static void tables_grow(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 7; i++) {
        assert_true(syn_mss_of_8(4, i) < syn_mss_of_8(4, i + 1));
        assert_true(syn_mss_of_8(6, i) < syn_mss_of_8(6, i + 1));
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(syn_mss_of_4(4, i) < syn_mss_of_4(4, i + 1));
        assert_true(syn_mss_of_4(6, i) < syn_mss_of_4(6, i + 1));
    }
    assert_int_equal(syn_mss_of_8(4, 0), 216);
    assert_int_equal(syn_mss_of_8(4, 7), 1460);
    assert_int_equal(syn_mss_of_8(6, 7), 1440);
    assert_int_equal(syn_mss_of_4(4, 3), 1440);
    assert_int_equal(syn_mss_of_4(6, 3), 1420);
}

/* A scale that is larger than the peer's would overrun his window: rounded down. */
static void scales_round_down(void **state)
{
    static const uint8_t rounded[15] = {0, 0, 0, 0, 0, 0, 6, 6, 8, 8, 8, 8, 8, 8, 8};

    (void)state;
    for (uint8_t scale = 0; scale < 15; scale++)
        assert_int_equal(syn_scale_of(syn_scale_index(scale)), rounded[scale]);
    assert_int_equal(syn_scale_of(syn_scale_index(SYN_SCALE_NONE)), SYN_SCALE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_round_down),
        cmocka_unit_test(tables_grow),
        cmocka_unit_test(scales_round_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
