/* One row of a ladder, as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/ladder_draw.h"

static char *draw(enum ladder_style style, const struct ladder_row *row)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    assert_non_null(out);
    ladder_draw(out, style, row);
    fclose(out);
    return text;
}

/* Columns, not bytes: those that continue a UTF-8 character do not count. */
static size_t widest_line(const char *text)
{
    size_t widest = 0, columns = 0;

    for (; *text; text++) {
        if (*text == '\n')
            columns = 0;
        else if (((unsigned char)*text & 0xc0) != 0x80)
            columns++;
        widest = columns > widest ? columns : widest;
    }
    return widest;
}

static void test_states(void **state)
{
    char *text = draw(LADDER_ASCII, &(struct ladder_row){.state = {"CLOSED", "LISTEN"}});

    (void)state;
    assert_non_null(strstr(text, "0.000 ms  CLOSED "));
    assert_non_null(strstr(text, "  LISTEN\n"));
    assert_null(strchr(text, '-'));
    free(text);
}

static void test_directions(void **state)
{
    struct ladder_row row = {.at_us = 1500,
                             .state = {"SYN-SENT", "SYN-RECEIVED"},
                             .arrow = true,
                             .arrived = true,
                             .text = "S 0:0(0) win 65535"};
    char *text = draw(LADDER_ASCII, &row);

    (void)state;
    assert_non_null(strstr(text, "1.500 ms  SYN-SENT      --- S 0:0(0) win 65535 ---"));
    assert_non_null(strstr(text, "->  SYN-RECEIVED\n"));
    free(text);
    row.to_left = true;
    text = draw(LADDER_ASCII, &row);
    assert_non_null(strstr(text, "<-- S 0:0(0) win 65535 ---"));
    assert_non_null(strstr(text, "---  SYN-RECEIVED\n"));
    free(text);
}

/* What is lost does not reach the other side, and the note says why. */
static void test_lost(void **state)
{
    struct ladder_row row = {.arrow = true, .text = "P. 1:101(100) ack 1 win 1000", .note = "lost"};
    char *text = draw(LADDER_ASCII, &row);

    (void)state;
    assert_non_null(strstr(text, "[lost] ---"));
    assert_non_null(strstr(text, "-x "));
    assert_null(strchr(text, '>'));
    free(text);
}

/* However long segment and note are, no line is wider than a ladder. */
static void test_width(void **state)
{
    struct ladder_row row = {.at_us = 99999999,
                             .state = {"200 SYN-RECEIVED", "200 SYN-RECEIVED"},
                             .arrow = true,
                             .arrived = true,
                             .note = "damaged: tcp_bad_checksum"};

    (void)state;
    for (enum ladder_style style = LADDER_ASCII; style <= LADDER_UTF8; style++)
        for (int left = 0; left < 2; left++) {
            row.to_left = left;
            memset(row.text, 0, sizeof row.text);
            memcpy(row.text, "S. 4294967295:4294967295(0) ack 4294967295 win 65535 ", 53);
            memcpy(row.text + 53,
                   "<mss 1460,sackOK,TS val 4294967295 ecr 4294967295,nop,wscale 14>", 64);
            char *text = draw(style, &row);

            assert_in_range(widest_line(text), 90, LADDER_COLUMNS);
            assert_non_null(strstr(text, "nop,wscale 14>\n"));
            free(text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
