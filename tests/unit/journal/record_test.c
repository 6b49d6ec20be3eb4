/* Lines of the journal: what is built is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "journal/record.h"

static size_t build(char line[JOURNAL_LINE_MAX], const struct record_body *body)
{
    struct record record = {
        .seq = 41,
        .time = {INT64_C(1763872267123456), INT64_C(81234567890)},
        .kind = "relay-end",
        .kind_length = 9,
        .body = body->bytes,
        .body_length = body->length,
        .prev = {0xab, 0xcd},
    };

    return record_build(line, &record);
}

static void the_line_is_the_documented_one(void **state)
{
    struct record_body body = {.length = 0};
    char line[JOURNAL_LINE_MAX];
    size_t length;

    (void)state;
    record_add_text(&body, "service", "web");
    record_add_number(&body, "bytes_in", 12);
    length = build(line, &body);
    line[length] = '\0';
    assert_string_equal(line, "{\"seq\":41,\"wall\":\"2025-11-23T04:31:07.123456Z\","
                              "\"mono\":81234567890,\"kind\":\"relay-end\",\"service\":\"web\","
                              "\"bytes_in\":12,\"prev\":\"abcd000000000000000000000000000000000000"
                              "000000000000000000000000\"}\n");
}

static void what_is_built_is_read(void **state)
{
    struct record_body body = {.length = 0};
    char line[JOURNAL_LINE_MAX];
    struct record record;
    size_t length;

    (void)state;
    record_add_text(&body, "text", "a \"b\" \\ \n \xc3\xa9 \xff \xed\xa0\x80 \xf0\x9f\x90\xa2");
    length = build(line, &body);
    assert_true(record_parse(&record, line, length));
    assert_int_equal(record.seq, 41);
    assert_int_equal(record.time.wall_us, INT64_C(1763872267123456));
    assert_int_equal(record.time.mono_us, INT64_C(81234567890));
    assert_true(record_is(&record, "relay-end"));
    assert_false(record_is(&record, "relay-en"));
    assert_false(record_is(&record, "relay-ends"));
    assert_int_equal(record.prev[1], 0xcd);
    assert_int_equal(record.body_length, body.length);
    body.bytes[body.length] = '\0';
    assert_string_equal(body.bytes, ",\"text\":\"a \\\"b\\\" \\\\ \\u000a \xc3\xa9 ? ??? "
                                    "\xf0\x9f\x90\xa2\"");
}

static void the_calendar_is_that_of_everybody(void **state)
{
    char text[RECORD_WALL_LETTERS + 1] = "", theirs[64];

    (void)state;
    for (int64_t day = 0; day < 366 * 1000; day += 1) {
        int64_t instant_s = day * 86400 + day % 86400;
        time_t seconds = (time_t)instant_s;
        struct tm parts;

        if (seconds != instant_s) /* theirs may end in 2038 */
            break;
        record_put_wall(text, instant_s * 1000000 + 7);
        gmtime_r(&seconds, &parts);
        strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000007Z", &parts);
        assert_string_equal(text, theirs);
    }
    record_put_wall(text, -1);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    record_put_wall(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
}

/* Every byte of a line that becomes another one makes another record of it, or none. */
static void no_two_lines_are_one_record(void **state)
{
    struct record_body body = {.length = 0};
    char line[JOURNAL_LINE_MAX], again[JOURNAL_LINE_MAX];
    struct record record;
    size_t length, read = 0;

    (void)state;
    record_add_text(&body, "text", "x");
    length = build(line, &body);
    for (size_t i = 0; i < length; i++)
        for (int bit = 0; bit < 8; bit++) {
            line[i] = (char)(line[i] ^ 1 << bit);
            if (record_parse(&record, line, length)) {
                assert_int_equal(record_build(again, &record), length);
                assert_memory_equal(line, again, length);
                read++;
            }
            line[i] = (char)(line[i] ^ 1 << bit);
        }
    assert_true(read > 100);
    for (size_t cut = 0; cut < length; cut++)
        assert_false(record_parse(&record, line, cut));
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    struct record_body body = {.length = 0};
    char line[JOURNAL_LINE_MAX];
    static char text[4096];
    struct record record;

    (void)state;
    memset(text, '\\', sizeof text - 1);
    record_add_text(&body, "text", text);
    assert_true(body.length > JOURNAL_BODY_MAX - 4 && body.length <= JOURNAL_BODY_MAX);
    record_add_text(&body, "more", "none");
    record_add_number(&body, "more", 1);
    assert_true(body.length <= JOURNAL_BODY_MAX);
    assert_true(record_parse(&record, line, build(line, &body)));
    assert_int_equal(body.bytes[body.length - 1], '"');
}

/* What is no UTF-8 becomes a question mark, byte by byte: no reader of JSON meets it. */
static void text_is_utf8_or_questions(void **state)
{
    static const struct {
        const char *name, *text, *written;
    } rows[] = {
        {"two bytes", "\xc2\xa9", "\xc2\xa9"},
        {"longer than needed, two", "\xc1\xbf", "??"},
        {"the first of three", "\xe0\xa0\x80", "\xe0\xa0\x80"},
        {"longer than needed, three", "\xe0\x9f\xbf", "???"},
        {"before the surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf"},
        {"a surrogate", "\xed\xa0\x80", "???"},
        {"the first of four", "\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
        {"longer than needed, four", "\xf0\x8f\xbf\xbf", "????"},
        {"the last of all", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"beyond it", "\xf4\x90\x80\x80", "????"},
        {"no first byte", "\xf5\x80", "??"},
        {"a second that is none",
         "\xc2"
         "A",
         "?A"},
        {"cut", "\xe2\x82", "??"},
        {"delete", "\x7f", "\\u007f"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record_body body = {.length = 0};
        char expected[64];
        int length = snprintf(expected, sizeof expected, ",\"t\":\"%s\"", rows[i].written);

        print_message("%s\n", rows[i].name);
        record_add_text(&body, "t", rows[i].text);
        assert_int_equal(body.length, length);
        assert_memory_equal(body.bytes, expected, (size_t)length);
    }
}

static void hex_that_does_not_fit_is_left_out(void **state)
{
    static const uint8_t bytes[JOURNAL_BODY_MAX / 2];
    struct record_body body = {.length = 0};

    (void)state;
    record_add_hex(&body, "all", bytes, sizeof bytes);
    assert_int_equal(body.length, 0);
    record_add_hex(&body, "one", bytes, 1);
    assert_memory_equal(body.bytes, ",\"one\":\"00\"", body.length);
}

static void numbers_have_one_spelling(void **state)
{
    static const char *const bad[] = {"01", "", "18446744073709551616", "-1", "1.0", "0"};
    static const char rest[] =
        ",\"wall\":\"2025-11-23T04:31:07.123456Z\",\"mono\":8,\"kind\":\"x\","
        "\"prev\":\"000000000000000000000000000000000000000000000000000000000"
        "0000000\"}\n";
    char line[512];
    struct record record;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int length = snprintf(line, sizeof line, "{\"seq\":%s%s", bad[i], rest);

        assert_false(record_parse(&record, line, (size_t)length));
    }
    int length = snprintf(line, sizeof line, "{\"seq\":18446744073709551615%s", rest);
    assert_true(record_parse(&record, line, (size_t)length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_is_the_documented_one),
        cmocka_unit_test(what_is_built_is_read),
        cmocka_unit_test(the_calendar_is_that_of_everybody),
        cmocka_unit_test(no_two_lines_are_one_record),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
        cmocka_unit_test(text_is_utf8_or_questions),
        cmocka_unit_test(hex_that_does_not_fit_is_left_out),
        cmocka_unit_test(numbers_have_one_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
