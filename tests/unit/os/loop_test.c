/* The event loop: order of timers, handlers that remove each other, signals. */
#include "unit/os/test.h"

#include <unistd.h>

#include <handfast/os.h>

#include "os/loop.h"

#define TIMERS 300

struct world {
    struct loop loop;
    int fired;
    int64_t last_at_us;
    int signals;
};

static struct world world; /* what handlers find */

static int setup(void **state)
{
    (void)state;
    world = (struct world){0};
    return loop_init(&world.loop);
}

static int teardown(void **state)
{
    (void)state;
    loop_deinit(&world.loop);
    return 0;
}

static void on_timer(struct loop_timer *self, int64_t now_us)
{
    assert_true(self->at_us <= now_us);
    assert_true(self->at_us >= world.last_at_us);
    world.last_at_us = self->at_us;
    world.fired++;
}

static void timers_fire_in_order_and_once(void **state)
{
    struct loop_timer timers[TIMERS];
    int64_t now_us = hf_os_now_us();
    uint64_t seed = 0x71e5;
    int cancelled = 0;

    (void)state;
    for (int i = 0; i < TIMERS; i++) {
        timers[i] = (struct loop_timer){.run = on_timer};
        assert_int_equal(
            loop_timer_set(&world.loop, &timers[i], now_us + (int64_t)(test_random(&seed) % 9000)),
            HF_OK);
    }
    for (int i = 0; i < TIMERS; i++) { /* moved, cancelled, cancelled twice */
        if (i % 3 == 0)
            loop_timer_set(&world.loop, &timers[i], now_us - (int64_t)(test_random(&seed) % 9000));
        if (i % 3 == 1) {
            loop_timer_cancel(&world.loop, &timers[i]);
            loop_timer_cancel(&world.loop, &timers[i]);
            cancelled++;
        }
    }
    while (world.fired < TIMERS - cancelled)
        loop_step(&world.loop, INT64_MAX);
    loop_step(&world.loop, 0);
    assert_int_equal(world.fired, TIMERS - cancelled);
    assert_int_equal(world.loop.timers, 0);
}

struct pair {
    struct loop_handler handler;
    struct pair *other;
    int runs;
};

static void remove_the_other(struct loop_handler *self, uint32_t events)
{
    struct pair *pair = loop_owner(self, struct pair, handler);

    assert_true(events & EPOLLIN);
    pair->runs++;
    loop_remove(&world.loop, &pair->other->handler);
}

static void a_handler_removed_in_this_round_does_not_run(void **state)
{
    int a[2], b[2];

    (void)state;
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    struct pair first = {{a[0], remove_the_other}, NULL, 0},
                second = {{b[0], remove_the_other}, &first, 0};
    first.other = &second;
    assert_int_equal(loop_add(&world.loop, &first.handler, EPOLLIN), HF_OK);
    assert_int_equal(loop_add(&world.loop, &second.handler, EPOLLIN), HF_OK);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    loop_step(&world.loop, INT64_MAX);
    assert_int_equal(first.runs + second.runs, 1);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

static void stop_on_signal(void *context, int number)
{
    assert_int_equal(number, SIGUSR1);
    world.signals++;
    loop_stop(context);
}

static void a_signal_is_told_between_rounds(void **state)
{
    sigset_t signals;

    (void)state;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    assert_int_equal(loop_on_signals(&world.loop, &signals, stop_on_signal, &world.loop), HF_OK);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(world.signals, 0);
    loop_run(&world.loop);
    assert_int_equal(world.signals, 1);
}

static void a_deadline_that_has_passed_does_not_sleep(void **state)
{
    (void)state;
    loop_step(&world.loop, hf_os_now_us() - 1);
    loop_step(&world.loop, INT64_MIN);
    assert_int_equal(world.fired, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_and_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_handler_removed_in_this_round_does_not_run, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_signal_is_told_between_rounds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_that_has_passed_does_not_sleep, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
