/* The sequence number extension, by the list that RFC 9187 gives. [RFC 9187 6; R9187-01; R5925-15] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/sne.h"

/* In the order in which they may arrive: forward, backward, over the border and back. */
static const uint64_t list[] = {
    0x0000000000000000, 0x0000000030000000, 0x0000000090000000, 0x0000000070000000,
    0x00000000a0000000, 0x0000000100000001, 0x00000000e0000000, 0x0000000100000000,
    0x000000017fffffff, 0x0000000100000000, 0x0000000150000000, 0x0000000180000000,
    0x0000000100000001, 0x0000000140000000, 0x0000000190000000, 0x00000001b0000000,
    0x000000020fffffff, 0x0000000220000000, 0x0000000290000000, 0x0000000270000000,
    0x00000002a0000000, 0x0000000300004000, 0x00000002d0000000, 0x0000000320000000,
    0x0000000390000000, 0x0000000370000000, 0x00000003a0000000, 0x0000000400004000,
    0x00000003d0000000,
};

static void the_list_of_the_rfc(void **state)
{
    uint64_t position = sne_start(seq_of(0));

    (void)state;
    assert_int_equal(sizeof list / sizeof *list, 29);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint64_t extended = sne_extend(position, seq_of((uint32_t)list[i]));

        assert_int_equal(extended, list[i]);
        assert_int_equal(sne_of(extended), list[i] >> 32);
        position = sne_advance(position, extended);
    }
}

/* It is 0 at the initial number, wherever that is, and 1 right behind the border. */
static void it_starts_at_the_initial_number(void **state)
{
    uint64_t position = sne_start(seq_of(UINT32_MAX));

    (void)state;
    assert_int_equal(sne_of(sne_extend(position, seq_of(UINT32_MAX))), 0);
    assert_int_equal(sne_of(sne_extend(position, seq_of(0))), 1);
    assert_int_equal(sne_of(sne_extend(sne_start(seq_of(0)), seq_of(0))), 0);
}

/* A position never goes back. */
static void it_only_advances(void **state)
{
    uint64_t position = UINT64_C(5) << 32 | 1000;

    (void)state;
    assert_int_equal(sne_advance(position, position - 1), position);
    assert_int_equal(sne_advance(position, position + 1), position + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_of_the_rfc),
        cmocka_unit_test(it_starts_at_the_initial_number),
        cmocka_unit_test(it_only_advances),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
