/* A file that holds the newest snapshot: whole, renamed into place, with its errors told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/keeper.h"

#define PATIENCE_MS 10000

static char directory[64], path[80], beside[96];

static int make(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, P_tmpdir "/keeper_testXXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/kept", directory);
    snprintf(beside, sizeof beside, "%s.new", path);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory); /* nothing else was left there */
}

/* "number N\n" */
static char *render(const void *snapshot, size_t bytes, size_t *length)
{
    char *text = malloc(32);

    assert_int_equal(bytes, sizeof(int));
    *length = (size_t)snprintf(text, 32, "number %d\n", *(const int *)snapshot);
    return text;
}

static char *render_nothing(const void *snapshot, size_t bytes, size_t *length)
{
    (void)snapshot;
    (void)bytes;
    (void)length;
    return NULL;
}

static void put(struct keeper *keeper, int number)
{
    int *snapshot = malloc(sizeof *snapshot);

    *snapshot = number;
    keeper_put(keeper, snapshot, sizeof *snapshot);
}

static int read_number(void)
{
    FILE *file = fopen(path, "r");
    int number = -1;

    if (file == NULL)
        return -errno;
    assert_int_equal(fscanf(file, "number %d\n", &number), 1); /* whole, whenever it is read */
    fclose(file);
    return number;
}

static void nothing_is_written_before_the_first(void **state)
{
    struct keeper *keeper = keeper_open(path, render);

    (void)state;
    assert_non_null(keeper);
    assert_int_equal(keeper_close(keeper, PATIENCE_MS), 0);
    assert_int_equal(read_number(), -ENOENT);
    assert_int_equal(keeper_close(NULL, 0), 0);
}

static void the_newest_is_kept(void **state)
{
    struct keeper *keeper = keeper_open(path, render);
    int seen = 0;

    (void)state;
    for (int i = 1; i <= 2000; i++) {
        int number;

        put(keeper, i);
        number = read_number();
        assert_true(number == -ENOENT || (number >= seen && number <= i));
        seen = number > seen ? number : seen;
    }
    assert_int_equal(keeper_close(keeper, PATIENCE_MS), 0);
    assert_int_equal(read_number(), 2000);
    assert_int_equal(access(beside, F_OK), -1);
}

static void errors_are_told_and_the_old_one_stays(void **state)
{
    struct keeper *keeper = keeper_open(path, render);

    (void)state;
    put(keeper, 1);
    assert_int_equal(keeper_close(keeper, PATIENCE_MS), 0);

    assert_int_equal(mkdir(beside, 0700), 0); /* where the new one is to be written */
    keeper = keeper_open(path, render);
    put(keeper, 2);
    assert_int_equal(keeper_close(keeper, PATIENCE_MS), EISDIR);
    assert_int_equal(read_number(), 1);
    rmdir(beside);

    keeper = keeper_open(path, render_nothing);
    put(keeper, 3);
    assert_int_equal(keeper_close(keeper, PATIENCE_MS), ENOMEM);
    assert_int_equal(read_number(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_written_before_the_first, make, unmake),
        cmocka_unit_test_setup_teardown(the_newest_is_kept, make, unmake),
        cmocka_unit_test_setup_teardown(errors_are_told_and_the_old_one_stays, make, unmake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
