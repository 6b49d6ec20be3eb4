/* Children end: by themselves, by a deadline, by a signal; what they said comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <handfast/os.h>

#include "lab/process.h"

#define LONG_US INT64_C(20000000)
#define SHORT_US INT64_C(50000)

static void test_output_and_exit_code(void **state)
{
    const char *argv[] = {"sh", "-c", "echo said; exit 3", NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv};
    char output[16];

    (void)state;
    assert_int_equal(process_run(&plan, output, sizeof output, LONG_US), 3);
    assert_string_equal(output, "said\n");
}

static void test_more_output_than_room_is_cut_and_does_not_block(void **state)
{
    const char *argv[] = {"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x", NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv};
    char output[16];

    (void)state;
    assert_int_equal(process_run(&plan, output, sizeof output, LONG_US), 0);
    assert_string_equal(output, "xxxxxxxxxxxxxxx");
}

static void test_deadline(void **state)
{
    const char *argv[] = {"sleep", "1000", NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv};
    char output[16];

    (void)state;
    assert_int_equal(process_run(&plan, output, sizeof output, SHORT_US), -1);
}

static void test_unknown_program(void **state)
{
    const char *argv[] = {"handfast-no-such-program", NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv};

    (void)state;
    assert_false(process_found(argv[0]));
    assert_true(process_found("sh"));
    assert_int_equal(process_run(&plan, NULL, 0, LONG_US), -1);
}

static void test_stop_by_signal_and_by_force(void **state)
{
    const char *mild[] = {"sleep", "1000", NULL};
    const char *stubborn[] = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done",
                              NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = mild};
    struct process process;

    (void)state;
    assert_true(process_start(&process, &plan));
    assert_true(process_alive(&process));
    int status = process_stop(&process, SIGTERM, LONG_US);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

    plan = (struct process_plan){.namespace_fd = -1, .argv = stubborn, .catch_output = true};
    assert_true(process_start(&process, &plan));
    char ready[6];
    assert_int_equal(read(process.output, ready, sizeof ready), 6);
    assert_int_equal(process_stop(&process, SIGTERM, SHORT_US), -1);
    assert_false(process_alive(&process));
}

static void double_it(const void *argument, void *result)
{
    *(int *)result = 2 * *(const int *)argument;
}

static void die(const void *argument, void *result)
{
    (void)argument;
    (void)result;
    raise(SIGKILL);
}

static void test_functions(void **state)
{
    int argument = 21, result = 0;
    struct process_work work = {
        .namespace_fd = -1,
        .work = double_it,
        .argument = &argument,
        .result_size = sizeof result,
        .limit_us = LONG_US,
    };

    (void)state;
    assert_true(process_call(&work, &result));
    assert_int_equal(result, 42);
    work.work = die;
    assert_false(process_call(&work, &result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_exit_code),
        cmocka_unit_test(test_more_output_than_room_is_cut_and_does_not_block),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_unknown_program),
        cmocka_unit_test(test_stop_by_signal_and_by_force),
        cmocka_unit_test(test_functions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
