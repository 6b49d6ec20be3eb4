/* Filters and durations, from words. */
#include "unit/os/test.h"

#include <string.h>

#include "control/filter_text.h"

static struct filter parse(const char *text)
{
    char copy[256], error[FILTER_ERROR_MAX];
    const char *words[16];
    struct filter filter;
    size_t count = 0;

    snprintf(copy, sizeof copy, "%s", text);
    for (char *rest, *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (!filter_parse(&filter, count, words, error))
        fail_msg("%s: %s", text, error);
    return filter;
}

static struct relay_view view_of(const char *client, const char *service, enum hf_state state)
{
    struct relay_view view = {.service = service, .state = "open", .tcp_state = state};

    assert_int_equal(hf_endpoint_parse(&view.client, client), HF_OK);
    return view;
}

static void what_passes(void **state)
{
    static const struct {
        const char *filter;
        bool passes;
    } rows[] = {
        {"", true},
        {"service web", true},
        {"service mail", false},
        {"from 203.0.113.0/24", true},
        {"from 203.0.113.7", true},
        {"from 203.0.113.8", false},
        {"from 2001:db8::/32", false},
        {"state established", true},
        {"state ESTABLISHED", true},
        {"state open", true},
        {"state fin_wait_1", false},
        {"state connecting", false},
        {"service web from 203.0.113.0/24 state open", true},
        {"state open from 203.0.113.0/24 service mail", false},
    };
    struct relay_view view = view_of("203.0.113.7:4000", "web", HF_STATE_ESTABLISHED);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct filter filter = parse(rows[i].filter);

        if (filter_takes(&filter, &view) != rows[i].passes)
            fail_msg("%s", rows[i].filter);
    }
}

static void what_is_refused_names_what_is_accepted(void **state)
{
    static const struct {
        const char *words[4];
        const char *says;
    } rows[] = {
        {{"service"}, "nothing after it"},
        {{"service", ""}, "one name"},
        {{"service", "a_name_that_is_much_longer_than_any_service"}, "one name"},
        {{"service", "a", "service", "b"}, "one name"},
        {{"from", "everywhere"}, "203.0.113.0/24"},
        {{"from", "10.0.0.0/33"}, "203.0.113.0/24"},
        {{"from", "10.0.0.1", "from", "10.0.0.2"}, "one prefix"},
        {{"state", "asleep"}, "ESTABLISHED"},
        {{"state", "open", "state", "open"}, "twice"},
        {{"color", "red"}, FILTER_WORDS},
    };
    char error[FILTER_ERROR_MAX];
    struct filter filter;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t count = 0;

        while (count < 4 && rows[i].words[count])
            count++;
        assert_false(filter_parse(&filter, count, rows[i].words, error));
        if (!strstr(error, rows[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].words[0], error, rows[i].says);
    }
}

static void words_that_are_no_strings(void **state)
{
    json_t *request = json_loads("{\"command\": \"kill\", \"arguments\": [\"from\", 7]}", 0, NULL);
    char error[FILTER_ERROR_MAX];
    struct filter filter;

    (void)state;
    assert_false(filter_of_request(&filter, request, 0, error));
    assert_null(request_word(request, 1));
    assert_int_equal(request_words(request), 2);
    json_decref(request);
    request = json_loads("{\"command\": \"kill\", \"arguments\": {\"from\": 7}}", 0, NULL);
    assert_int_equal(request_words(request), 0);
    assert_true(filter_of_request(&filter, request, 0, error));
    assert_true(filter_is_empty(&filter));
    json_decref(request);
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t us; /* -1: none */
    } rows[] = {
        {"500ms", 500000},
        {"10s", 10000000},
        {"5m", 300000000},
        {"1h", 3600000000},
        {"7d", 604800000000},
        {"0s", 0},
        {"3650d", 315360000000000},
        {"3651d", -1},
        {"9999999999d", -1},
        {"99999999999s", -1},
        {"", -1},
        {"s", -1},
        {"10", -1},
        {"10 s", -1},
        {"-1s", -1},
        {"1w", -1},
        {"1hh", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us = -1;
        bool parsed = duration_parse(rows[i].text, &us);

        if (parsed != (rows[i].us >= 0) || (parsed && us != rows[i].us))
            fail_msg("%s: %lld", rows[i].text, (long long)us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes),
        cmocka_unit_test(what_is_refused_names_what_is_accepted),
        cmocka_unit_test(words_that_are_no_strings),
        cmocka_unit_test(durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
