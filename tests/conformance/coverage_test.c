/* Every row of the table of states and events is shown by a test or is a named deviation. [RFC 9293 3.10]
 *
 * state_event.csv holds the rows, coverage.csv what answers for each: tests by name (blanks between), a deviation, or both.
 * Names are looked for in the tables of tests beside this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>

#define DIRECTORY HF_SOURCE_DIR "/tests/conformance/"
#define FIELDS 5
#define FIELD_MAX 512

static char *sources; /* all *_test.c, one behind the other */

static char *read_whole(const char *path, char *to)
{
    FILE *file = fopen(path, "r");
    size_t before = to ? strlen(to) : 0, length;

    if (!file)
        fail_msg("cannot read %s", path);
    fseek(file, 0, SEEK_END);
    length = (size_t)ftell(file);
    rewind(file);
    to = realloc(to, before + length + 1);
    assert_int_equal(fread(to + before, 1, length, file), length);
    to[before + length] = '\0';
    fclose(file);
    return to;
}

struct row {
    char field[FIELDS][FIELD_MAX];
};

/* One record of a CSV text, quotes undone; false at the end. */
static bool next_row(const char **at, struct row *row)
{
    int field = 0;
    size_t length = 0;
    bool quoted = false;

    memset(row, 0, sizeof *row);
    if (**at == '\0')
        return false;
    for (; **at && (quoted || **at != '\n'); ++*at) {
        if (**at == '"' && quoted && (*at)[1] == '"') {
            row->field[field][length++] = *(*at)++;
        } else if (**at == '"') {
            quoted = !quoted;
        } else if (**at == ',' && !quoted) {
            assert_true(++field < FIELDS);
            length = 0;
        } else if (**at != '\r') {
            assert_true(length + 1 < FIELD_MAX);
            row->field[field][length++] = **at;
        }
    }
    *at += **at == '\n';
    return true;
}

static bool is_a_test(const char *name)
{
    char literal[FIELD_MAX];

    snprintf(literal, sizeof literal, "{\"%s\", ", name);
    return strstr(sources, literal) != NULL;
}

/* How many tests a field names; complains about those that are not there. */
static int tests_named(const struct row *row, int *missing)
{
    char names[FIELD_MAX];
    int count = 0;

    memcpy(names, row->field[3], sizeof names);
    for (char *rest = names, *name; (name = strsep(&rest, " ")) != NULL;) {
        if (*name == '\0')
            continue;
        count++;
        if (!is_a_test(name)) {
            print_error("%s, %s, %s: there is no test %s\n", row->field[0], row->field[1],
                        row->field[2], name);
            ++*missing;
        }
    }
    return count;
}

static bool same_row(const struct row *a, const struct row *b)
{
    return strcmp(a->field[0], b->field[0]) == 0 && strcmp(a->field[1], b->field[1]) == 0 &&
           strcmp(a->field[2], b->field[2]) == 0;
}

static void every_row_is_answered(void **unused)
{
    char *table = read_whole(DIRECTORY "state_event.csv", NULL);
    char *coverage = read_whole(DIRECTORY "coverage.csv", NULL);
    const char *at = table, *answer_at = coverage;
    int rows = 0, shown = 0, deviations = 0, missing = 0;
    struct row row, answer;

    (void)unused;
    while (next_row(&at, &row)) {
        if (!next_row(&answer_at, &answer) || (rows > 0 && !same_row(&row, &answer)))
            fail_msg("%s, %s, %s: coverage.csv has no row for it here", row.field[0], row.field[1],
                     row.field[2]);
        if (rows++ == 0)
            continue; /* the heads */
        int tests = tests_named(&answer, &missing);

        if (tests == 0 && answer.field[4][0] == '\0') {
            print_error("%s, %s, %s: neither test nor deviation\n", row.field[0], row.field[1],
                        row.field[2]);
            missing++;
        }
        shown += tests > 0;
        deviations += tests == 0;
    }
    assert_false(next_row(&answer_at, &answer));
    print_message("%d rows: %d shown by tests, %d that cannot be or are not ours\n", rows - 1,
                  shown, deviations);
    free(table);
    free(coverage);
    assert_int_equal(missing, 0);
}

/* A name that two tests share would answer for rows that only one of them shows. */
static void every_name_is_one(void **unused)
{
    (void)unused;
    for (const char *at = sources; (at = strstr(at, "    {\"")) != NULL; at++) {
        const char *end = strchr(at + 6, '"');
        char literal[FIELD_MAX];
        size_t length = (size_t)(end - at);

        assert_true(length + 1 < sizeof literal);
        if (!memchr(at, '/', length))
            continue;
        memcpy(literal, at, length + 1);
        literal[length + 1] = '\0';
        if (strstr(end, literal))
            fail_msg("two tests are named %s", literal + 5);
    }
}

static int read_sources(void **unused)
{
    glob_t found;

    (void)unused;
    assert_int_equal(glob(DIRECTORY "*_test.c", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        sources = read_whole(found.gl_pathv[i], sources);
    globfree(&found);
    return 0;
}

static int forget_sources(void **unused)
{
    (void)unused;
    free(sources);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_answered),
        cmocka_unit_test(every_name_is_one),
    };

    return cmocka_run_group_tests(tests, read_sources, forget_sources);
}
