/* The ring of what happened: numbers, words, and what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard/events.h"
#include "guard/log.h"

static void the_oldest_is_forgotten(void **state)
{
    struct events events;

    (void)state;
    assert_int_equal(events_init(&events), HF_OK);
    assert_true(events_first(&events) > events.last);
    for (int i = 1; i <= EVENTS_KEPT + 10; i++)
        events_say(&events, i, "test", "fact %d", i);
    assert_int_equal(events.last, EVENTS_KEPT + 10);
    assert_int_equal(events_first(&events), 11);
    for (uint64_t number = events_first(&events); number <= events.last; number++) {
        assert_int_equal(events_at(&events, number)->number, number);
        assert_int_equal(events_at(&events, number)->at_us, number);
    }
    assert_string_equal(events_at(&events, 11)->text, "fact 11");
    events_deinit(&events);
    events_say(&events, 1, "test", "nobody hears this");
}

static void alarms_are_told_and_what_is_only_counted_is_not(void **state)
{
    struct hf_event event = {.at_us = 7, .kind = HF_EVENT_SCAN, .count = 20, .value = 16};
    struct events events;

    (void)state;
    assert_int_equal(events_init(&events), HF_OK);
    events_tell(&events, &event);
    event.kind = HF_EVENT_CONNECTION_OPENED;
    events_tell(&events, &event);
    event.kind = HF_EVENT_KINDS;
    events_tell(&events, &event);
    events_tell(NULL, &event);
    assert_int_equal(events.last, 1);
    assert_string_equal(events_at(&events, 1)->kind, "scan");
    assert_int_equal(events_at(&events, 1)->about.count, 20);
    assert_true(strlen(events_at(&events, 1)->text) > 10);
    events_deinit(&events);
}

static void a_long_fact_is_cut(void **state)
{
    char text[2 * HF_EVENT_SENTENCE_MAX];
    struct events events;

    (void)state;
    assert_int_equal(events_init(&events), HF_OK);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    events_say(&events, 1, "test", "%s", text);
    assert_int_equal(strlen(events_at(&events, 1)->text), HF_EVENT_SENTENCE_MAX - 1);
    events_deinit(&events);
}

/* Repeats that the log holds back do not push out what matters. */
static void the_log_keeps_what_it_prints(void **state)
{
    struct events events;
    struct log log = {.events = &events};

    (void)state;
    assert_int_equal(events_init(&events), HF_OK);
    for (int i = 0; i < 100; i++)
        log_about(&log, 1000 + i, &(struct log_about){.event = "backend-down"},
                  "backend %s is down", "b");
    assert_int_equal(events.last, LOG_PER_WINDOW);
    assert_string_equal(events_at(&events, 1)->kind, "backend-down");
    assert_string_equal(events_at(&events, 1)->text, "backend b is down");
    log_about(&log, 2000, &(struct log_about){.event = "scan", .kept = true}, "kept elsewhere");
    assert_int_equal(events.last, LOG_PER_WINDOW);
    events_deinit(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_is_forgotten),
        cmocka_unit_test(alarms_are_told_and_what_is_only_counted_is_not),
        cmocka_unit_test(a_long_fact_is_cut),
        cmocka_unit_test(the_log_keeps_what_it_prints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
