/* What a supervisor hears, what it keeps, and when it is fed. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/notify.h"

static int supervisor = -1;
static char heard[1024];
static int given; /* a descriptor that came along, or -1 */

static int setup(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int length = snprintf(name, sizeof name, "@handfast-notify-test-%d", getpid());

    (void)state;
    supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
    if (bind(supervisor, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)) != 0)
        return 1;
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    unsetenv("LISTEN_PID");
    return setenv("NOTIFY_SOCKET", name, 1);
}

static int teardown(void **state)
{
    (void)state;
    return close(supervisor);
}

/* The next message, "" if there is none. */
static const char *hear(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {heard, sizeof heard - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t length = recvmsg(supervisor, &message, MSG_CMSG_CLOEXEC);

    given = -1;
    heard[length > 0 ? length : 0] = '\0';
    if (length > 0 && message.msg_controllen > 0 && CMSG_FIRSTHDR(&message) != NULL)
        memcpy(&given, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof given);
    return heard;
}

static void it_hears_what_is_said(void **state)
{
    struct notify notify;

    (void)state;
    notify_open(&notify);
    assert_true(notify_say(&notify, "READY=1\nSTATUS=%d services", 3));
    assert_string_equal(hear(), "READY=1\nSTATUS=3 services");
    assert_int_equal(given, -1);
    notify_close(&notify);
}

static void nobody_is_told_nothing(void **state)
{
    static const char *const bad[] = {"", "relative", "/", "vsock:2:1"};
    struct notify notify;

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_open(&notify);
    assert_false(notify_say(&notify, "READY=1"));
    assert_true(notify_deadline(&notify) == INT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        notify_open(&notify);
        assert_false(notify_say(&notify, "READY=1"));
        notify_close(&notify);
    }
}

static void descriptors_travel(void **state)
{
    struct notify notify;
    int ends[2];
    char byte;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    notify_open(&notify);
    assert_true(notify_keep(&notify, "tap", ends[0]));
    assert_string_equal(hear(), "FDSTOREREMOVE=1\nFDNAME=tap");
    assert_string_equal(hear(), "FDSTORE=1\nFDNAME=tap\nFDPOLL=0");
    assert_true(given >= 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(read(given, &byte, 1), 1); /* it is the same pipe */
    close(given);
    close(ends[0]);
    close(ends[1]);
    notify_close(&notify);
}

static void descriptors_come_back_once_and_by_name(void **state)
{
    char pid[16];
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 2; i++) { /* to 3 and 4, as a supervisor does, without FD_CLOEXEC */
        int high = fcntl(ends[i], F_DUPFD, 20);

        assert_true(high >= 20);
        close(ends[i]);
        ends[i] = high;
    }
    int saved[2] = {fcntl(3, F_DUPFD_CLOEXEC, 30), fcntl(4, F_DUPFD_CLOEXEC, 30)};
    assert_int_equal(dup2(ends[0], 3), 3);
    assert_int_equal(dup2(ends[1], 4), 4);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "tap:tap-syns", 1);
    setenv("LISTEN_PID", "1", 1);
    assert_int_equal(notify_take("tap"), -1); /* they are somebody else's */
    snprintf(pid, sizeof pid, "%d", getpid());
    setenv("LISTEN_PID", pid, 1);
    assert_int_equal(notify_take("ta"), -1);
    assert_int_equal(notify_take("tap-syns"), 4);
    assert_int_equal(notify_take("tap-syns"), -1);
    assert_int_equal(notify_take("tap"), 3);
    assert_int_equal(fcntl(3, F_GETFD), FD_CLOEXEC);
    setenv("LISTEN_FDNAMES", "tap", 1); /* fewer names than descriptors */
    assert_int_equal(notify_take("other"), -1);
    for (int i = 0; i < 2; i++) {
        if (saved[i] < 0 || dup2(saved[i], 3 + i) < 0)
            close(3 + i);
        close(saved[i]);
        close(ends[i]);
    }
}

static void it_is_fed_in_time_and_not_more_often(void **state)
{
    struct notify notify;

    (void)state;
    setenv("WATCHDOG_USEC", "3000000", 1);
    notify_open(&notify);
    notify.fed_at_us = 10000000;
    assert_true(notify_deadline(&notify) == 11000000);
    notify_feed(&notify, 10999999);
    assert_string_equal(hear(), "");
    notify_feed(&notify, 11000000);
    assert_string_equal(hear(), "WATCHDOG=1");
    notify_feed(&notify, 11000001);
    assert_string_equal(hear(), "");
    notify_close(&notify);

    setenv("WATCHDOG_PID", "1", 1); /* another process is watched */
    notify_open(&notify);
    assert_true(notify_deadline(&notify) == INT64_MAX);
    notify_close(&notify);
}

static void a_supervisor_that_hangs_holds_up_nobody(void **state)
{
    struct notify notify;
    int taken = 0;

    (void)state;
    notify_open(&notify);
    while (taken < 100000 && notify_say(&notify, "STATUS=%d", taken))
        taken++;
    assert_in_range(taken, 1, 99999); /* its queue is full, and we are here */
    notify_close(&notify);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_hears_what_is_said),
        TEST(nobody_is_told_nothing),
        TEST(descriptors_travel),
        TEST(descriptors_come_back_once_and_by_name),
        TEST(it_is_fed_in_time_and_not_more_often),
        TEST(a_supervisor_that_hangs_holds_up_nobody),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
