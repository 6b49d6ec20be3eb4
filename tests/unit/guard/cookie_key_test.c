/* The key that machines share: what is taken, and what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/cookie_key.h"

static char file[64];

static int setup(void **state)
{
    int fd;

    (void)state;
    snprintf(file, sizeof file, P_tmpdir "/cookie_key_testXXXXXX");
    fd = mkstemp(file);
    return fd >= 0 ? close(fd) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(file);
}

static void write_key(const char *bytes, size_t length, mode_t mode)
{
    FILE *stream = fopen(file, "w");

    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(chmod(file, mode), 0);
}

static void sixteen_bytes_are_a_key(void **state)
{
    char error[COOKIE_KEY_ERROR_MAX];
    uint8_t key[COOKIE_KEY_BYTES];

    (void)state;
    write_key("0123456789\n\0\xff"
              "def",
              16, 0640);
    assert_true(cookie_key_read(file, key, error));
    assert_memory_equal(key,
                        "0123456789\n\0\xff"
                        "def",
                        16);
}

static void assert_refused(const char *name, const char *found)
{
    char error[COOKIE_KEY_ERROR_MAX], expected[COOKIE_KEY_ERROR_MAX];
    uint8_t key[COOKIE_KEY_BYTES] = {7};

    snprintf(
        expected, sizeof expected,
        "cookie_key_file \"%s\": %s, accepted is a file of 16 bytes that only its owner and his "
        "group may read (head -c 16 /dev/urandom)",
        name, found);
    assert_false(cookie_key_read(name, key, error));
    assert_string_equal(error, expected);
    assert_int_equal(key[0], 7);
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    write_key("0123456789abcdef", 15, 0600);
    assert_refused(file, "another number of bytes");
    write_key("0123456789abcdefg", 17, 0600);
    assert_refused(file, "another number of bytes");
    write_key("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 0600);
    assert_refused(file, "nothing but zeros");
    write_key("0123456789abcdef", 16, 0644);
    assert_refused(file, "everybody may read or write it");
    assert_refused("/dev/zero", "not a regular file");
    assert_refused("/nonexistent/key", "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_bytes_are_a_key),
        cmocka_unit_test(everything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
