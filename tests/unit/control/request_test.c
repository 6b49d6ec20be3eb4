/* Lines that are requests, and lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/request.h"

static void words_become_a_command_and_arguments(void **state)
{
    static const char line[] = "  kill service\tweb \r";
    json_t *request = request_parse(line, sizeof line - 1), *arguments;

    (void)state;
    assert_non_null(request);
    arguments = json_object_get(request, "arguments");
    assert_string_equal(json_string_value(json_object_get(request, "command")), "kill");
    assert_int_equal(json_array_size(arguments), 2);
    assert_string_equal(json_string_value(json_array_get(arguments, 1)), "web");
    json_decref(request);
}

/* Found by the fuzzer of requests: words could hold what C ends a string at, JSON never could. */
static void no_request_has_a_nul(void **state)
{
    static const char words[] = "kill\0 service web", json[] = "{\"command\": \"kill\\u0000\"}";

    (void)state;
    assert_null(request_parse(words, sizeof words - 1));
    assert_null(request_parse(json, sizeof json - 1));
}

static void nonsense_is_none(void **state)
{
    static const char *const lines[] = {"", "  \t", "{", "{}", "{\"command\": 7}", "\xff\xfe"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_null(request_parse(lines[i], strlen(lines[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_a_command_and_arguments),
        cmocka_unit_test(no_request_has_a_nul),
        cmocka_unit_test(nonsense_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
