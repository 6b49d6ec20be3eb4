/* Log lines: a flood of one kind is counted, another kind is not held back by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/log.h"

#define MS 1000

static char text[8192]; /* what went to stderr */

static int saved;
static FILE *spool;

static void catch_begin(void)
{
    fflush(stderr);
    spool = tmpfile();
    assert_non_null(spool);
    saved = dup(2);
    assert_true(saved >= 0 && dup2(fileno(spool), 2) == 2);
}

static int catch_end(void)
{
    int lines = 0;

    fflush(stderr);
    assert_int_equal(dup2(saved, 2), 2);
    close(saved);
    rewind(spool);
    text[fread(text, 1, sizeof text - 1, spool)] = '\0';
    fclose(spool);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    return lines;
}

static void a_flood_is_counted_and_reported(void **state)
{
    struct log log = {0};

    (void)state;
    catch_begin();
    for (int i = 0; i < 100; i++)
        log_say(&log, i * MS, "backend %d is down", i);
    log_say(&log, 100 * MS, "another matter");
    assert_int_equal(catch_end(), LOG_PER_WINDOW + 1);
    assert_non_null(strstr(text, "handfast guard: backend 0 is down\n"));
    assert_non_null(strstr(text, "another matter\n"));
    assert_null(strstr(text, "backend 5 is down"));
}

static void what_was_held_back_is_told_later(void **state)
{
    static const char format[] = "backend %d is down";
    struct log log = {0};

    (void)state;
    catch_begin();
    for (int i = 0; i < 100; i++)
        log_say(&log, i * MS, format, i);
    catch_end();
    catch_begin();
    log_say(&log, (int64_t)LOG_WINDOW_MS * MS, format, 100);
    assert_int_equal(catch_end(), 2);
    assert_non_null(strstr(text, "95 more lines like the next were not printed\n"));
}

static void more_kinds_than_are_told_apart_are_no_harm(void **state)
{
    char formats[2 * LOG_KINDS][8];
    struct log log = {0};

    (void)state;
    catch_begin();
    for (int i = 0; i < 2 * LOG_KINDS; i++) {
        snprintf(formats[i], sizeof formats[i], "k%d", i);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        log_say(&log, 0, formats[i]);
#pragma GCC diagnostic pop
    }
    assert_int_equal(catch_end(), 2 * LOG_KINDS);
    log_say(NULL, 0, "nobody listens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_is_counted_and_reported),
        cmocka_unit_test(what_was_held_back_is_told_later),
        cmocka_unit_test(more_kinds_than_are_told_apart_are_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
