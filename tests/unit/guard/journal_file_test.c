/* The journal's files, one taking the place of another: without the thread that writes them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/journal_file.h"

enum { KEEP = 3 };

struct place {
    char directory[64], path[128];
    struct journal_file *file;
};

static const char *stuck; /* nobody may move this file, as after chattr +a */

/* In the place of the C library's. */
int rename(const char *from, const char *to)
{
    if (stuck != NULL && strcmp(from, stuck) == 0) {
        errno = EPERM;
        return -1;
    }
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void open_place(struct place *place)
{
    struct journal_file_setup setup = {place->path, 1, KEEP}; /* full with the first record */
    char error[JOURNAL_STATE_ERROR_MAX] = "";
    struct journal_found found;

    snprintf(place->directory, sizeof place->directory, P_tmpdir "/journal_file_XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/j", place->directory);
    place->file = journal_file_open(&setup, &found, error);
    if (place->file == NULL)
        fail_msg("%s", error);
}

static const char *name_of(const struct place *place, uint32_t number)
{
    static char name[JOURNAL_PATH_MAX];

    assert_true(journal_file_name(name, place->path, number));
    return name;
}

static void close_place(struct place *place)
{
    char state[160];

    journal_file_end(place->file);
    for (uint32_t i = 0; i <= KEEP; i++)
        unlink(name_of(place, i));
    snprintf(state, sizeof state, "%s" JOURNAL_STATE_SUFFIX, place->path);
    unlink(state);
    assert_int_equal(rmdir(place->directory), 0);
}

/* An old file with one letter, so that it is known again. */
static void put_old(const struct place *place, uint32_t number)
{
    FILE *file = fopen(name_of(place, number), "w");

    fputc((int)('0' + number), file);
    fclose(file);
}

/* The first letter of a file; 0: there is none. */
static int letter(const struct place *place, uint32_t number)
{
    FILE *file = fopen(name_of(place, number), "r");
    int first = file != NULL ? fgetc(file) : 0;

    if (file != NULL)
        fclose(file);
    return first;
}

static int say_something(const struct place *place)
{
    struct {
        struct journal_entry entry;
        char kind[3];
    } batch = {{.kind_length = 3, .what = JOURNAL_ENTRY_FACT, .time = {1, 1}}, {'l', 'o', 'g'}};

    return journal_file_take(place->file, &batch, sizeof batch.entry + sizeof batch.kind);
}

static void the_oldest_goes(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    for (uint32_t i = 1; i <= KEEP; i++)
        put_old(&place, i);
    assert_int_equal(say_something(&place), 0);
    assert_int_equal(say_something(&place), 0); /* full: the next one begins */
    assert_int_equal(letter(&place, 0), '{');
    assert_int_equal(letter(&place, 1), '{');
    assert_int_equal(letter(&place, 2), '1');
    assert_int_equal(letter(&place, 3), '2');
    close_place(&place);
}

/* However often it is tried, no more than one old file goes for one new one. */
static void a_file_that_cannot_be_moved_does_not_push_the_old_ones_out(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    for (uint32_t i = 1; i <= KEEP; i++)
        put_old(&place, i);
    assert_int_equal(say_something(&place), 0);
    stuck = place.path;
    for (int i = 0; i < 10; i++)
        assert_int_equal(say_something(&place), EPERM);
    stuck = NULL;
    assert_int_equal(letter(&place, 1), 0);
    assert_int_equal(letter(&place, 2), '1');
    assert_int_equal(letter(&place, 3), '2');

    assert_int_equal(say_something(&place), 0);
    assert_int_equal(letter(&place, 0), '{');
    assert_int_equal(letter(&place, 1), '{');
    assert_int_equal(letter(&place, 2), '1');
    assert_int_equal(letter(&place, 3), '2');
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_goes),
        cmocka_unit_test(a_file_that_cannot_be_moved_does_not_push_the_old_ones_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
