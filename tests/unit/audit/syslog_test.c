/* Times of syslog lines, gaps and jumps. RFC 3164 4.1.2 and RFC 5424 6.2.3. */
#include "audit/syslog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define NOW INT64_C(1795392432) /* 2026-11-23 05:07:12 */

static void test_forms(void **state)
{
    static const char *const same[] = {
        "Nov 23 05:07:12 host sshd[1]: x",
        "Nov 23 2026 05:07:12 router %LINK",
        "<13>Nov 23 05:07:12 host x",
        "000123: Nov 23 05:07:12: %SYS-5",
        "*Nov 23 05:07:12.123: %SYS-5",
        "2026-11-23T05:07:12.123456+00:00 host x",
        "2026-11-23T06:07:12+01:00 host x",
        "<13>1 2026-11-23T05:07:12Z host x",
        "2026-11-23 05:07:12 x",
        "1795410432 x",
    };
    static const char *const none[] = {"",
                                       "x",
                                       "Nov",
                                       "Nov 99 05:07:12 x",
                                       "Nov 23 25:07:12 x",
                                       "2026-13-23T05:07:12",
                                       "17954104321 x",
                                       "<13",
                                       "2026-11-23"};
    int64_t at_s;

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (!syslog_time(same[i], 2026, &at_s))
            fail_msg("no time in %s", same[i]);
        if (at_s != INT64_C(1795410432))
            fail_msg("%s is %lld", same[i], (long long)at_s);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (syslog_time(none[i], 2026, &at_s))
            fail_msg("a time in \"%s\"", none[i]);
}

static struct syslog_finding findings[8];
static unsigned found;

static void on_finding(void *context, const struct syslog_finding *finding)
{
    (void)context;
    if (found < 8)
        findings[found] = *finding;
    found++;
}

static struct syslog read_text(char *text)
{
    FILE *file = fmemopen(text, strlen(text), "r");
    struct syslog syslog;

    found = 0;
    assert_non_null(file);
    syslog_read(&syslog, file, NOW, on_finding, NULL);
    fclose(file);
    return syslog;
}

static void test_back(void **state)
{
    char text[] = "Nov 20 10:00:00 h a\nNov 20 09:59:58 h overtaken\nNov 20 09:00:00 h back\n"
                  "no time at all\nNov 20 09:00:01 h on\n";
    struct syslog syslog = read_text(text);

    (void)state;
    assert_int_equal(syslog.lines, 5);
    assert_int_equal(syslog.dated, 4);
    assert_int_equal(found, 1);
    assert_int_equal(findings[0].oddity, SYSLOG_BACK);
    assert_int_equal(findings[0].line, 3);
    assert_int_equal(findings[0].before_s - findings[0].at_s, 3598);
}

static void test_gap(void **state)
{
    char text[30000] = "";
    size_t used = 0;

    (void)state;
    for (int i = 0; i < 600; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "Nov 20 %02d:%02d:%02d h tick\n",
                                 i / 60 < 5 ? 2 : 8, i / 10 % 60, i % 10 * 6);
    read_text(text);
    assert_int_equal(found, 1);
    assert_int_equal(findings[0].oddity, SYSLOG_GAP);
    assert_int_equal(findings[0].line, 301);
}

/* A router says little: an hour of a line a minute, and then half a day of nothing. Of fewer lines nobody knows their pace. */
static void test_gap_of_a_small_file(void **state)
{
    char text[4000] = "";

    (void)state;
    for (int lines = 50; lines <= 60; lines += 10) {
        size_t used = 0;

        for (int i = 0; i < lines; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "Nov 20 %02d:%02d:01 r x\n",
                                     i + 1 < lines ? 2 : 15, i);
        read_text(text);
        assert_int_equal(found, lines > SYSLOG_QUIET_MIN);
    }
}

static void test_new_year(void **state)
{
    char text[] = "Dec 31 23:59:58 h a\nDec 31 23:59:59 h b\nJan  1 00:00:01 h c\n";
    struct syslog syslog = read_text(text);

    (void)state;
    assert_int_equal(found, 0);
    assert_int_equal(syslog.year, 2026); /* it began in 2025, as December is ahead of now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_back),
        cmocka_unit_test(test_gap),      cmocka_unit_test(test_gap_of_a_small_file),
        cmocka_unit_test(test_new_year),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
