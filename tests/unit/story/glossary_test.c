/* docs/glossary.md and its Chinese sister say what the program says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "story/glossary.h"

static char *read_page(const char *name)
{
    FILE *file = fopen(name, "r");
    char *text = calloc(1, 65536);

    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

static void the_pages_say_the_same(void **state)
{
    static const char *const names[STORY_LANGUAGES] = {HF_SOURCE_DIR "/docs/glossary.md",
                                                       HF_SOURCE_DIR "/docs/glossary.zh-CN.md"};

    (void)state;
    for (unsigned language = 0; language < STORY_LANGUAGES; language++) {
        char *page = read_page(names[language]);
        char row[1024];

        for (const struct story_term *entry = story_glossary; entry->term; entry++) {
            snprintf(row, sizeof row, "| %s | %s |\n", entry->term, entry->means.in[language]);
            if (!strstr(page, row))
                fail_msg("%s: there is no row %s", names[language], row);
        }
        assert_non_null(strstr(page, story_limits.in[language]));
        assert_non_null(strstr(page, "RFC 793"));
        free(page);
    }
}

static void each_term_is_one_line(void **state)
{
    (void)state;
    for (const struct story_term *entry = story_glossary; entry->term; entry++)
        for (unsigned language = 0; language < STORY_LANGUAGES; language++) {
            assert_true(strlen(entry->means.in[language]) > 10);
            assert_null(strchr(entry->means.in[language], '\n'));
            assert_null(strchr(entry->means.in[language], '|'));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pages_say_the_same),
        cmocka_unit_test(each_term_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
