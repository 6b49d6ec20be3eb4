/* Lists of prefixes in files: what is read, and each error with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/deny_file.h"

static const char *write_bytes(const char *bytes, size_t length)
{
    static char path[] = "/tmp/hf-deny-XXXXXX";
    int fd;

    snprintf(path, sizeof path, "/tmp/hf-deny-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
    return path;
}

static void prefixes_are_read(void **state)
{
    static const char text[] = "# a comment\n"
                               "\n"
                               "192.0.2.0/24\n"
                               "  198.51.100.7   # one host\r\n"
                               "2001:db8::/32 ; as some lists have it\n"
                               "\t203.0.113.9/24";
    const char *path = write_bytes(text, sizeof text - 1);
    struct deny_list list = {.count = 0};
    char error[DENY_ERROR_MAX] = "", shown[HF_ADDRESS_TEXT_MAX];

    (void)state;
    assert_true(deny_file_read(&list, path, 3, error));
    assert_int_equal(list.count, 4);
    assert_int_equal(list.entries[0].prefix.length, 24);
    assert_int_equal(list.entries[1].prefix.length, 32);
    assert_string_equal(hf_address_format(shown, &list.entries[2].prefix.address), "2001:db8::");
    assert_int_equal(list.entries[3].value, 3);
    assert_true(deny_file_read(&list, path, 4, error)); /* another file goes behind */
    assert_int_equal(list.count, 8);
    unlink(path);
    free(list.entries);
}

static void every_error_has_its_line(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        const char *said;
    } rows[] = {
        {"192.0.2.0/24\nnonsense\n", 0, ":2: \"nonsense\", accepted is one prefix a line"},
        {"\n\n192.0.2.0/33", 0, ":3: \"192.0.2.0/33\""},
        {"192.0.2.0/24 198.51.100.0/24\n", 0, ":1: \"192.0.2.0/24 198.51.100.0/24\""},
        {"192.0.2.0-192.0.2.7\n", 0, ":1: "},
        {"192.0.2.0/ 24\n", 0, ":1: "},
        {"192.0.2\n", 0, ":1: "},
        {"192.0.2.01\n", 0, ":1: "},
        {"# fine\n0.0.0.0/0\n", 0, ":2: 0.0.0.0/0 would deny everybody"},
        {"::/0\n", 0, ":1: ::/0 would deny everybody"},
        {"2001:db8::/129\n", 0, ":1: "},
        {"192.0.2.1\0\n", 11, ":1: \"192.0.2.1?\""},
        {"\x7f"
         "ELF\2\1\1\n",
         0, ":1: \"?ELF???\""},
        {"a line that goes on and on and on and on and on and on and on and on and on\n", 0,
         "\"a line that goes on and on and on and on...\""},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path =
            write_bytes(rows[i].text, rows[i].length ? rows[i].length : strlen(rows[i].text));
        struct deny_list list = {.count = 0};
        char error[DENY_ERROR_MAX] = "";

        assert_false(deny_file_read(&list, path, 1, error));
        assert_memory_equal(error, path, strlen(path));
        if (strstr(error, rows[i].said) == NULL)
            fail_msg("%s: not %s", error, rows[i].said);
        unlink(path);
        free(list.entries);
    }
}

static void files_that_cannot_be_read(void **state)
{
    struct deny_list list = {.count = 0};
    char error[DENY_ERROR_MAX] = "", path[] = "/tmp/hf-deny-XXXXXX", fifo[64];

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(fifo, sizeof fifo, "%s/fifo", path);
    assert_false(deny_file_read(&list, fifo, 1, error));
    assert_non_null(strstr(error, "No such file"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_false(deny_file_read(&list, fifo, 1, error)); /* and does not wait for a writer */
    assert_non_null(strstr(error, "no regular file"));
    assert_false(deny_file_read(&list, path, 1, error));
    unlink(fifo);
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_read),
        cmocka_unit_test(every_error_has_its_line),
        cmocka_unit_test(files_that_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
