/* What is well-formed UTF-8 and what only looks like it. (RFC 3629, section 3) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static void the_first_wrong_byte_is_found(void **state)
{
    static const struct {
        const char *text;
        size_t valid;
    } rows[] = {
        {"", 0},
        {"plain", 5},
        {"caf\xc3\xa9!", 6},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x92\x8d", 4},
        {"\xf4\x8f\xbf\xbf", 4}, /* U+10FFFF */
        {"caf\xe9", 3},          /* Latin-1 */
        {"a\x80", 1},            /* a tail without a head */
        {"a\xc0\xaf", 1},        /* overlong */
        {"a\xe0\x80\xaf", 1},
        {"a\xf0\x80\x80\xaf", 1},
        {"a\xed\xa0\x80", 1},     /* a surrogate */
        {"a\xf4\x90\x80\x80", 1}, /* beyond U+10FFFF */
        {"a\xf8\x88\x80\x80\x80", 1},
        {"ab\xe2\x82", 2}, /* cut off */
        {"ab\xc3", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(utf8_valid_length(rows[i].text), rows[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_wrong_byte_is_found)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
