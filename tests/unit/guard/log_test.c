/* Log lines: a flood of one kind is counted, another is not held back by it; what is lost is said; three forms. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <handfast/handfast.h>
#include <jansson.h>

#include "guard/log.h"
#include "guard/log_form.h"
#include "os/writer.h"

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
    assert_non_null(strstr(text, "95 more lines like this were held back: backend 99 is down\n"));
}

static void nobody_needs_to_speak_again_for_it_to_be_told(void **state)
{
    struct log log = {0};

    (void)state;
    catch_begin();
    for (int i = 0; i <= LOG_PER_WINDOW; i++)
        log_say(&log, 0, "backend %d is down", i);
    log_turn(&log, (int64_t)LOG_WINDOW_MS * MS - 1);
    assert_int_equal(catch_end(), LOG_PER_WINDOW);
    catch_begin();
    log_turn(&log, (int64_t)LOG_WINDOW_MS * MS);
    log_turn(&log, (int64_t)LOG_WINDOW_MS * MS);
    assert_int_equal(catch_end(), 1);
    assert_string_equal(text,
                        "handfast guard: 1 more line like this was held back: backend 5 is down\n");
}

static void the_end_tells_it_too(void **state)
{
    struct log log = {0};

    (void)state;
    catch_begin();
    for (int i = 0; i < LOG_PER_WINDOW + 3; i++)
        log_say(&log, 0, "backend %d is down", i);
    catch_end();
    catch_begin();
    log_close(&log);
    log_close(&log); /* nothing is told twice */
    assert_int_equal(catch_end(), 1);
    assert_string_equal(
        text, "handfast guard: 3 more lines like this were held back: backend 7 is down\n");
}

static void one_service_does_not_silence_another(void **state)
{
    struct log_about web = {.service = "web"}, ssh = {.service = "ssh"};
    struct log log = {0};

    (void)state;
    catch_begin();
    for (int i = 0; i < 100; i++) {
        log_about(&log, i, &web, "no backend");
        if (i == 50)
            log_about(&log, i, &ssh, "no backend");
    }
    assert_int_equal(catch_end(), LOG_PER_WINDOW + 1);
}

/* ---- forms ---- */

static const struct log_about alarm_about = {
    .level = LOG_LEVEL_WARNING,
    .event = "pressure",
    .service = "web",
    .prefix = "203.0.113.0/24",
    .local = "192.0.2.10:443",
    .value = "flooded",
    .count = 123456789012345,
    .duration_ms = 1500,
};

static void journal_lines_have_fields(void **state)
{
    char line[LOG_LINE_MAX];
    size_t length = log_form_journal(line, &alarm_about, "192.0.2.10:443 is flooded");

    (void)state;
    line[length] = '\0';
    assert_string_equal(line, "PRIORITY=4\n"
                              "SYSLOG_IDENTIFIER=handfast\n"
                              "EVENT=pressure\n"
                              "SERVICE=web\n"
                              "PREFIX=203.0.113.0/24\n"
                              "LISTENER=192.0.2.10:443\n"
                              "VALUE=flooded\n"
                              "COUNT=123456789012345\n"
                              "DURATION_MS=1500\n"
                              "MESSAGE=192.0.2.10:443 is flooded\n");
}

static void a_newline_forges_no_field(void **state)
{
    char line[LOG_LINE_MAX];
    size_t length =
        log_form_journal(line, &(struct log_about){.service = "a\nPRIORITY=0"}, "x\nPRIORITY=0");

    (void)state;
    line[length] = '\0';
    assert_null(strstr(line, "\nPRIORITY=0"));
    assert_non_null(strstr(line, "MESSAGE=x PRIORITY=0\n"));
    length = log_form_text(line, "two\nlines\x1b[31m");
    assert_memory_equal(line, "handfast guard: two lines [31m\n", length);
}

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value ? value : "(none)";
}

static void json_lines_are_objects(void **state)
{
    char line[LOG_LINE_MAX];
    size_t length = log_form_json(line, &alarm_about, "said \"so\"\n\\", INT64_C(1700000000123456));
    json_t *object = json_loadb(line, length, 0, NULL);

    (void)state;
    assert_non_null(object);
    assert_int_equal(line[length - 1], '\n');
    assert_ptr_equal(memchr(line, '\n', length), line + length - 1);
    assert_string_equal(member(object, "time"), "2023-11-14T22:13:20.123456Z");
    assert_string_equal(member(object, "level"), "warning");
    assert_string_equal(member(object, "event"), "pressure");
    assert_string_equal(member(object, "prefix"), "203.0.113.0/24");
    assert_string_equal(member(object, "message"), "said \"so\"\n\\");
    assert_int_equal(json_integer_value(json_object_get(object, "count")), 123456789012345);
    assert_null(json_object_get(object, "backend"));
    json_decref(object);
}

static void what_is_no_text_is_logged_all_the_same(void **state)
{
    char line[LOG_LINE_MAX], message[LOG_TEXT_MAX];
    json_t *object;
    size_t length;

    (void)state;
    length = log_form_json(line, &(struct log_about){0}, "a\xff\xfe b", 0);
    object = json_loadb(line, length, 0, NULL);
    assert_string_equal(member(object, "message"), "a?? b");
    json_decref(object);
    memset(message, 1, sizeof message - 1); /* each becomes six bytes of JSON */
    message[sizeof message - 1] = '\0';
    length = log_form_json(line, &(struct log_about){0}, message, 0);
    object = json_loadb(line, length, 0, NULL);
    assert_non_null(object);
    json_decref(object);
    memset(message, 'x', sizeof message - 1);
    assert_in_range(log_form_journal(line, &(struct log_about){0}, message), LOG_TEXT_MAX,
                    LOG_LINE_MAX);
}

/* ---- destinations ---- */

/* stderr becomes fd while the log is opened; the log has its own from then on. */
static void open_on(struct log *log, int fd, enum log_form form)
{
    int before = dup(2);

    assert_true(before >= 0 && dup2(fd, 2) == 2);
    assert_int_equal(log_open(log, form), HF_OK);
    assert_int_equal(log_start(log), HF_OK);
    assert_int_equal(dup2(before, 2), 2);
    close(before);
}

static void wait_until_taken(const struct log *log)
{
    struct writer_count count;

    do
        writer_counts(log->writer, &count);
    while (count.put != count.written + count.failed);
}

static void a_pipe_that_nobody_reads_holds_up_nobody(void **state)
{
    struct log log = {0};
    struct log_about about = {.service = NULL};
    char line[400], got[1 << 16] = "";
    int ends[2];
    uint64_t lost;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    open_on(&log, ends[1], LOG_TEXT);
    close(ends[1]);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < 2000; i++) { /* 800 KB; a pipe and the ring hold less */
        about.service = &line[i % 300];
        log_about(&log, i * (int64_t)LOG_WINDOW_MS * MS, &about, "%s", line);
    }
    lost = log_lost(&log);
    assert_true(lost > 0);
    for (int i = 0; i < 100; i++) /* as long as it hangs, nothing can be said */
        log_turn(&log, 0);
    assert_int_equal(log_lost(&log), lost);

    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0); /* then somebody reads again */
    while (strstr(got, "lines of this log were lost") == NULL) {
        size_t kept = strlen(got) < 100 ? strlen(got) : 100; /* the words may be cut in two */
        ssize_t length;

        memmove(got, got + strlen(got) - kept, kept);
        length = read(ends[0], got + kept, sizeof got - 1 - kept);
        assert_true(length > 0 || (length < 0 && errno == EAGAIN));
        got[kept + (length > 0 ? (size_t)length : 0)] = '\0';
        log_turn(&log, 0);
    }
    log_close(&log);
    close(ends[0]);
}

static void a_reader_that_has_gone_is_no_death(void **state)
{
    struct log log = {0};
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    open_on(&log, ends[1], LOG_JSON);
    close(ends[1]);
    close(ends[0]);
    log_say(&log, 0, "nobody hears");
    wait_until_taken(&log);
    assert_int_equal(log_lost(&log), 1);
    log_turn(&log, 0); /* it is not said again and again to nobody */
    wait_until_taken(&log);
    assert_int_equal(log_lost(&log), 1);
    log_close(&log);
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
        cmocka_unit_test(nobody_needs_to_speak_again_for_it_to_be_told),
        cmocka_unit_test(the_end_tells_it_too),
        cmocka_unit_test(one_service_does_not_silence_another),
        cmocka_unit_test(journal_lines_have_fields),
        cmocka_unit_test(a_newline_forges_no_field),
        cmocka_unit_test(json_lines_are_objects),
        cmocka_unit_test(what_is_no_text_is_logged_all_the_same),
        cmocka_unit_test(a_pipe_that_nobody_reads_holds_up_nobody),
        cmocka_unit_test(a_reader_that_has_gone_is_no_death),
        cmocka_unit_test(more_kinds_than_are_told_apart_are_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
