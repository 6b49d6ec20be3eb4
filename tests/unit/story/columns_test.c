/* How wide text is, and where it is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "story/columns.h"

static void wide_characters_take_two(void **state)
{
    (void)state;
    assert_int_equal(columns_of(""), 0);
    assert_int_equal(columns_of("Amily"), 5);
    assert_int_equal(columns_of("我喜欢你。"), 10);
    assert_int_equal(columns_of("Amily, 我喜欢你。"), 17);
    assert_int_equal(columns_of("─▶"), 2);
    assert_int_equal(columns_of("e\xcc\x81"), 1); /* a combining accent          */
    assert_int_equal(columns_of("\xff\xe6x"), 3); /* no UTF-8: byte by byte */
}

static size_t fit(const char *text, unsigned columns, size_t skip)
{
    size_t skipped, length = columns_fit(text, columns, &skipped);

    assert_int_equal(skipped, skip);
    return length;
}

static void lines_break_where_readers_expect(void **state)
{
    (void)state;
    assert_int_equal(fit("one two", 7, 0), 7);
    assert_int_equal(fit("one two", 6, 1), 3);
    assert_int_equal(fit("unbroken", 3, 0), 3);
    assert_int_equal(fit("我喜欢", 4, 0), 6);
    assert_int_equal(fit("我喜欢", 5, 0), 6);
    assert_int_equal(fit("我喜。欢", 4, 0), 3); /* the stop goes with its character */
    assert_int_equal(fit("（我）", 1, 0), 3);   /* one at least */
}

static void every_line_fits(void **state)
{
    static const char text[] =
        "SYN cache。这种技术在收到 SYN 时不急着去分配 TCB（传输控制模块），而是先回应。";

    (void)state;
    for (unsigned columns = 12; columns < 90; columns++)
        for (const char *at = text; *at;) {
            char line[sizeof text];
            size_t skip, length = columns_fit(at, columns, &skip);

            assert_true(length > 0 && length < sizeof line);
            memcpy(line, at, length);
            line[length] = '\0';
            assert_true(columns_of(line) <= columns);
            at += length + skip;
        }
}

static void cells_are_padded(void **state)
{
    char text[64] = "";
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)state;
    assert_non_null(out);
    columns_put(out, "口令", 6, 1);
    columns_put(out, "ab", 4, 0);
    fclose(out);
    assert_string_equal(text, "  口令ab  ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_characters_take_two),
        cmocka_unit_test(lines_break_where_readers_expect),
        cmocka_unit_test(every_line_fits),
        cmocka_unit_test(cells_are_padded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
