/* Every metric that the alert rules and the dashboard name is one that a guard shows: nobody else notices a misspelt alarm. */
#include "unit/guard/world.h"

#include <ctype.h>
#include <stdio.h>

#include <jansson.h>

#include "control/prometheus.h"

#define RULES HF_SOURCE_DIR "/packaging/prometheus/handfast-alerts.yml"
#define DASHBOARD HF_SOURCE_DIR "/packaging/grafana/handfast.json"

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    size_t length = fread(text, 1, (1 << 20) - 1, file);
    assert_in_range(length, 1000, (1 << 20) - 2);
    fclose(file);
    return text;
}

static bool is_shown(const char *page, const char *name, size_t length)
{
    char type[128];

    snprintf(type, sizeof type, "\n# TYPE %.*s ", (int)length, name);
    return strstr(page, type) != NULL;
}

/* How many names the text has; fails at one that is not shown. */
static int check_names(const char *page, const char *text)
{
    int count = 0;

    for (const char *at = text; (at = strstr(at, "handfast_")) != NULL; count++) {
        size_t length = 0;

        while (isalnum((unsigned char)at[length]) || at[length] == '_')
            length++;
        if (!is_shown(page, at, length))
            fail_msg("%.*s is not a metric of a guard", (int)length, at);
        at += length;
    }
    return count;
}

static char *page_of_a_guard(void)
{
    struct world world;
    char *page;

    world_open_v4(&world, "} }\n");
    page = prometheus_text(&world.guard, world.now_us);
    assert_non_null(page);
    world_close(&world);
    return page;
}

static void rules_name_what_is_shown(void **state)
{
    char *page = page_of_a_guard(), *text = read_file(RULES);

    (void)state;
    assert_true(check_names(page, text) >= 20);
    free(text);
    free(page);
}

static void the_dashboard_names_what_is_shown(void **state)
{
    char *page = page_of_a_guard(), *text = read_file(DASHBOARD);
    json_error_t error;
    json_t *dashboard = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    (void)state;
    if (!dashboard)
        fail_msg("line %d: %s", error.line, error.text);
    assert_true(check_names(page, text) >= 50);
    json_decref(dashboard);
    free(text);
    free(page);
}

static int64_t at(const json_t *panel, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(panel, "gridPos"), name));
}

/* Panels have numbers of their own, a title, at least one question, and do not lie on each other. */
static void panels_are_whole(void **state)
{
    json_t *dashboard = json_load_file(DASHBOARD, 0, NULL), *panels, *a, *b;
    size_t i, j;

    (void)state;
    panels = json_object_get(dashboard, "panels");
    assert_true(json_array_size(panels) >= 10);
    json_array_foreach(panels, i, a)
    {
        assert_true(json_string_length(json_object_get(a, "title")) > 0);
        assert_true(json_array_size(json_object_get(a, "targets")) > 0);
        assert_in_range(at(a, "x") + at(a, "w"), 1, 24);
        json_array_foreach(panels, j, b)
        {
            if (j <= i)
                continue;
            assert_int_not_equal(json_integer_value(json_object_get(a, "id")),
                                 json_integer_value(json_object_get(b, "id")));
            assert_true(
                at(a, "x") + at(a, "w") <= at(b, "x") || at(b, "x") + at(b, "w") <= at(a, "x") ||
                at(a, "y") + at(a, "h") <= at(b, "y") || at(b, "y") + at(b, "h") <= at(a, "y"));
        }
    }
    json_decref(dashboard);
}

/* Without promtool: each alert has what Prometheus demands and what an operator needs. */
static void rules_are_whole(void **state)
{
    char *text = read_file(RULES), *rest = text;
    int alerts = 0;

    (void)state;
    assert_null(strchr(text, '\t'));
    while ((rest = strstr(rest, "- alert: ")) != NULL) {
        char *next = strstr(rest + 1, "- alert: "), *end = next ? next : rest + strlen(rest);
        static const char *const parts[] = {"\n        expr: ", "\n        labels: { severity: ",
                                            "\n        annotations:", "\n          summary: \"",
                                            "\n          description: \""};
        long open = 0;

        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            assert_true(memmem(rest, (size_t)(end - rest), parts[i], strlen(parts[i])) != NULL);
        for (const char *c = rest; c < end; c++) {
            open += *c == '(' || *c == '[' || *c == '{';
            open -= *c == ')' || *c == ']' || *c == '}';
            assert_true(open >= 0);
        }
        assert_int_equal(open, 0);
        alerts++;
        rest = end;
    }
    assert_true(alerts >= 10);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_name_what_is_shown),
        cmocka_unit_test(the_dashboard_names_what_is_shown),
        cmocka_unit_test(panels_are_whole),
        cmocka_unit_test(rules_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
