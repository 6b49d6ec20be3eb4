/* Where sections begin, in texts that try to hide it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard/config_opening.h"

static const char text[] = "mode = service \"no title, a value\"\n" /* 1 */
                           "list = { service, \"{\" }\n"
                           "uplink \"service {\" { a = 'x}' }\n" /* 3 */
                           "service\n"                           /* 4: the brace comes later */
                           "\"a\"\n"
                           "{ backend \"x\" {} to = { } backend 'y'\n" /* 6 */
                           "{} }\n"
                           "services \"x\" { }\n"
                           "service \"b\" { backend \"z\\\" {\" { } }\n"; /* 9 */

static void each_section_has_the_line_of_its_name(void **state)
{
    static const struct {
        const char *name;
        int64_t after;
        uint32_t index;
        int line;
    } rows[] = {
        {"uplink", -1, 0, 3},   {"service", -1, 0, 4}, {"service", -1, 1, 9}, {"service", -1, 2, 0},
        {"backend", 1, 0, 6},   {"backend", 1, 1, 6},  {"backend", 1, 2, 9},  {"backend", 1, 3, 0},
        {"services", -1, 0, 8}, {"list", -1, 0, 0},    {"mode", -1, 0, 0},
    };
    struct config_openings openings;
    int64_t found = -1;

    (void)state;
    config_openings_find(&openings, text);
    assert_int_equal(openings.count, 7);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            config_opening_line(&openings, rows[i].name, rows[i].after, rows[i].index, &found),
            rows[i].line);
    assert_int_equal(config_opening_line(&openings, "service", -1, 1, &found), 9);
    assert_int_equal(found, 5);
    free(openings.all);
}

static void an_end_within_something_is_the_end(void **state)
{
    static const char *const texts[] = {"", "service", "service \"", "service 'a\\", "{", "= {"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config_openings openings;

        config_openings_find(&openings, texts[i]);
        assert_int_equal(openings.count, 0);
        free(openings.all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_section_has_the_line_of_its_name),
        cmocka_unit_test(an_end_within_something_is_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
