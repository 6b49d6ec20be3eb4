/* Big- and little-endian numbers at odd addresses; parts of memory; time without overflow. */
#include "model.h"

#include "base/bytes.h"
#include "base/time.h"

static void numbers_at_any_address(void **state)
{
    uint8_t bytes[24];

    (void)state;
    for (uint32_t at = 0; at < 8; at++) {
        uint8_t *p = bytes + at;

        put_be16(p, 0x1234);
        assert_memory_equal(p, "\x12\x34", 2);
        assert_int_equal(get_be16(p), 0x1234);
        put_be32(p, 0x89abcdef);
        assert_memory_equal(p, "\x89\xab\xcd\xef", 4);
        assert_int_equal(get_be32(p), 0x89abcdef);
        put_le32(p, 0x89abcdef);
        assert_memory_equal(p, "\xef\xcd\xab\x89", 4);
        put_le64(p, 0x0123456789abcdef);
        assert_memory_equal(p, "\xef\xcd\xab\x89\x67\x45\x23\x01", 8);
        assert_true(get_le64(p) == 0x0123456789abcdef);
    }
}

static void smaller_and_larger(void **state)
{
    (void)state;
    assert_int_equal(min_u32(1, UINT32_MAX), 1);
    assert_int_equal(max_u32(1, UINT32_MAX), UINT32_MAX);
    assert_true(time_min(-1, NEVER_US) == -1 && time_max(-1, NEVER_US) == NEVER_US);
    assert_true(ms_to_us(UINT32_MAX) == INT64_C(4294967295000)); /* no 32-bit product */
}

static void parts_start_on_cache_lines(void **state)
{
    struct arena measure = {NULL, 0};
    struct arena arena;

    (void)state;
    assert_null(arena_take(&measure, 1));
    assert_null(arena_take(&measure, 64));
    assert_null(arena_take(&measure, 0));
    assert_null(arena_take(&measure, 65));
    assert_int_equal(measure.used, 64 + 64 + 0 + 128);
    arena = arena_for(measure);
    assert_ptr_equal(arena_take(&arena, 1), arena.base);
    assert_ptr_equal(arena_take(&arena, 64), arena.base + 64);
    assert_ptr_equal(arena_take(&arena, 0), arena.base + 128);
    assert_ptr_equal(arena_take(&arena, 65), arena.base + 128);
    assert_int_equal(arena.used, measure.used);
    free(arena.base);
}

static void instants_in_ms_and_s_keep_their_low_bits(void **state)
{
    static const int64_t instants[] = {0,
                                       1,
                                       999,
                                       1000,
                                       999999,
                                       1000000,
                                       4294967295,
                                       4294967296,
                                       4294967296000,
                                       1766000000123456,
                                       (int64_t)1 << 52};

    (void)state;
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++)
        for (int64_t us = instants[i]; us < instants[i] + 2000000; us += 99991) {
            assert_true(time_ms(us) == (uint32_t)(us / 1000));
            assert_true(time_s(us) == (uint32_t)(us / 1000000));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_in_ms_and_s_keep_their_low_bits),
        cmocka_unit_test(numbers_at_any_address),
        cmocka_unit_test(smaller_and_larger),
        cmocka_unit_test(parts_start_on_cache_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
