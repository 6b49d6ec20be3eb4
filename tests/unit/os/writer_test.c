/* The writing thread: order, whole records, a full ring, a full disk, a destination that hangs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/writer.h"

#define DISK_BYTES 65536

static void wait_until_taken(const struct writer *writer, struct writer_count *count)
{
    do
        writer_counts(writer, count);
    while (count->put != count->written + count->failed);
}

static void records_come_out_whole_and_in_order(void **state)
{
    char name[] = "/tmp/writer_test_XXXXXX", text[64];
    int fd = mkstemp(name), own = dup(fd);
    struct writer *writer = writer_open(own, WRITER_FILE, 4096);
    struct writer_count count;
    uint32_t taken = 0;

    (void)state;
    assert_non_null(writer);
    for (uint32_t i = 0; taken < 20000; i++) {
        int length = snprintf(text, sizeof text, "%u %.*s\n", taken, (int)(taken % 40),
                              "........................................");

        if (writer_put(writer, text, (size_t)length, 1))
            taken++;
        assert_true(i < UINT32_MAX);
    }
    writer_close(writer, 10000, &count);
    assert_int_equal(count.put, 20000);
    assert_int_equal(count.written, 20000);
    assert_int_equal(count.failed, 0);

    FILE *file = fdopen(fd, "r");
    rewind(file);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_non_null(fgets(text, sizeof text, file));
        assert_int_equal(strtoul(text, NULL, 10), i);
    }
    assert_null(fgets(text, sizeof text, file));
    fclose(file);
    unlink(name);
}

/* RLIMIT_FSIZE stands in for a disk: what is beyond it is EFBIG. */
static void what_a_full_disk_does_not_take_is_taken_back_and_counted(void **state)
{
    char name[] = "/tmp/writer_test_XXXXXX";
    int fd = mkstemp(name);
    struct writer *writer = writer_open(dup(fd), WRITER_FILE, 1 << 20);
    struct writer_count count;
    static char record[10000];
    struct rlimit before, disk = {DISK_BYTES, DISK_BYTES};
    struct stat is;

    (void)state;
    assert_non_null(writer);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    disk.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &disk), 0);
    for (int i = 0; i < 10; i++)
        assert_true(writer_put(writer, record, sizeof record, 3));
    wait_until_taken(writer, &count);
    assert_int_equal(count.put, 30);
    assert_int_equal(count.written, 18); /* 60,000 bytes fit, the seventh does not: */
    assert_int_equal(count.failed, 12);
    assert_int_equal(count.error, EFBIG);
    assert_int_equal(fstat(fd, &is), 0);
    assert_int_equal(is.st_size, 60000); /* ... and not a byte of it is there */

    assert_int_equal(ftruncate(fd, 0), 0); /* somebody makes room */
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_true(writer_put(writer, record, 100, 1));
    wait_until_taken(writer, &count);
    assert_int_equal(count.written, 19);
    assert_int_equal(count.error, 0);
    writer_close(writer, 10000, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    close(fd);
    unlink(name);
}

struct moody {
    int refusals, taken, ended;
    char got[256];
};

static int take_moody(void *context, const void *bytes, size_t length)
{
    struct moody *moody = context;

    if (moody->refusals != 0) {
        moody->refusals -= moody->refusals > 0;
        return ENOSPC;
    }
    memcpy(moody->got + moody->taken, bytes, length);
    moody->taken += (int)length;
    return 0;
}

static void end_moody(void *context)
{
    ((struct moody *)context)->ended++;
}

/* What a sink could not take comes again, before what is behind it; at the end it is let go. */
static void a_sink_gets_the_same_record_again(void **state)
{
    struct moody moody = {.refusals = 2};
    struct writer_sink sink = {&moody, take_moody, end_moody};
    struct writer *writer = writer_open_sink(&sink, 4096);
    struct writer_count count;

    (void)state;
    assert_non_null(writer);
    assert_int_equal(writer_size(writer), 4096);
    for (char letter = 'a'; letter < 'f'; letter++)
        assert_true(writer_put(writer, &letter, 1, 1));
    wait_until_taken(writer, &count);
    while (writer_waiting(writer) > 0)
        ; /* its place is given back after it is counted */
    assert_int_equal(count.written, 5);
    assert_int_equal(count.error, 0);
    assert_int_equal(count.last_error, ENOSPC);
    writer_close(writer, 10000, NULL);
    assert_int_equal(moody.ended, 1);
    assert_memory_equal(moody.got, "abcde", 5);

    moody = (struct moody){.refusals = -1}; /* for ever */
    writer = writer_open_sink(&sink, 4096);
    assert_non_null(writer);
    assert_true(writer_put(writer, "x", 1, 7));
    writer_close(writer, 10000, &count);
    assert_int_equal(count.failed, 7);
    assert_int_equal(moody.ended, 1);
}

static void one_that_hangs_is_refused_and_left(void **state)
{
    static char record[1000];
    int ends[2];
    struct writer *writer;
    struct writer_count count;
    uint32_t refused = 0;

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], record, sizeof record) > 0)
        ; /* not a byte more goes in, whenever the thread runs */
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    writer = writer_open(ends[1], WRITER_STREAM, 16384);
    assert_non_null(writer);
    for (int i = 0; i < 200; i++) /* 200 KB: the ring has 16 */
        refused += !writer_put(writer, record, sizeof record, 1);
    assert_true(refused > 0);
    writer_close(writer, 0, &count);
    assert_int_equal(count.refused, refused);
    assert_int_equal(count.put, 200 - refused);
    assert_true(count.written + count.failed < count.put);
    /* the thread lives until somebody reads, and harms nobody */
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_whole_and_in_order),
        cmocka_unit_test(what_a_full_disk_does_not_take_is_taken_back_and_counted),
        cmocka_unit_test(a_sink_gets_the_same_record_again),
        cmocka_unit_test(one_that_hangs_is_refused_and_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
