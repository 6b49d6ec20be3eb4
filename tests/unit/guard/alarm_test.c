/* Alarms: which events become lines, and what is said when some were lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <handfast/socket.h>
#include <jansson.h>

#include "guard/alarm.h"

static char told[8192];

/* What alarms_tell writes to stderr. */
static void tell(struct alarms *alarms, struct log *log)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t length;

    assert_non_null(file);
    fflush(stderr);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    alarms_tell(alarms, log, 1000000);
    fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    rewind(file);
    length = fread(told, 1, sizeof told - 1, file);
    told[length] = 0;
    fclose(file);
}

static void put(struct alarms *alarms, enum hf_event_kind kind)
{
    struct hf_event_sink *sink = &alarms->sink;

    if (sink->written - sink->taken == sink->capacity) {
        sink->dropped++;
        return;
    }
    sink->events[sink->written++ % sink->capacity] = (struct hf_event){
        .at_us = 1000000, .kind = kind, .count = 7, .value = 1, .since_us = 1, .local.port = 443};
}

static void facts_of_connections_are_not_alarms(void **state)
{
    struct alarms alarms;
    struct log log = {0};

    (void)state;
    alarms_init(&alarms);
    put(&alarms, HF_EVENT_CONNECTION_OPENED);
    put(&alarms, HF_EVENT_CONNECTION_ENDED);
    put(&alarms, HF_EVENT_CHALLENGED);
    put(&alarms, HF_EVENT_HALF_OPEN_TIMED_OUT);
    tell(&alarms, &log);
    assert_string_equal(told, "");
}

static void each_alarm_is_a_line(void **state)
{
    static const char *const begins[] = {"pressure: ", "scan: ", "held memory: ", "flood over: "};
    struct alarms alarms;
    struct log log = {0};

    (void)state;
    alarms_init(&alarms);
    put(&alarms, HF_EVENT_PRESSURE);
    put(&alarms, HF_EVENT_SCAN);
    put(&alarms, HF_EVENT_HELD);
    put(&alarms, HF_EVENT_FLOOD_OVER);
    tell(&alarms, &log);
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        assert_non_null(strstr(told, begins[i]));
    assert_non_null(strstr(told, "443"));
    tell(&alarms, &log);
    assert_string_equal(told, ""); /* once */
}

static void lost_events_are_told(void **state)
{
    struct alarms alarms;
    struct log log = {0};

    (void)state;
    alarms_init(&alarms);
    for (int i = 0; i < ALARM_EVENTS + 3; i++)
        put(&alarms, HF_EVENT_CONNECTION_OPENED);
    tell(&alarms, &log);
    assert_non_null(strstr(told, "events lost: 3 "));
    tell(&alarms, &log);
    assert_string_equal(told, "");
}

static const char *service_of(const void *context, const struct hf_endpoint *local)
{
    assert_int_equal(local->port, 443);
    return context;
}

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value ? value : "(none)";
}

static void what_the_sentence_says_is_in_fields_too(void **state)
{
    struct alarms alarms;
    struct log log = {0};
    struct hf_event event = {
        .at_us = 3000000,
        .kind = HF_EVENT_PRESSURE,
        .value = HF_FLOODED,
        .count = 7,
        .since_us = 1500000,
        .prefix_length = 24,
    };
    json_t *object;

    (void)state;
    assert_int_equal(hf_endpoint_parse(&event.local, "192.0.2.10:443"), HF_OK);
    assert_int_equal(hf_address_parse(&event.remote.address, "203.0.113.0"), HF_OK);
    alarms_init(&alarms);
    alarms.service_of = service_of;
    alarms.context = "web";
    alarms.sink.events[alarms.sink.written++] = event;
    assert_int_equal(log_open(&log, LOG_JSON), HF_OK);
    tell(&alarms, &log);
    object = json_loads(told, 0, NULL);
    assert_non_null(object);
    assert_string_equal(member(object, "level"), "warning");
    assert_string_equal(member(object, "event"), "pressure");
    assert_string_equal(member(object, "service"), "web");
    assert_string_equal(member(object, "prefix"), "203.0.113.0/24");
    assert_string_equal(member(object, "listener"), "192.0.2.10:443");
    assert_string_equal(member(object, "value"), "flooded");
    assert_int_equal(json_integer_value(json_object_get(object, "count")), 7);
    assert_int_equal(json_integer_value(json_object_get(object, "duration_ms")), 1500);
    assert_non_null(strstr(member(object, "message"), "is flooded"));
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_connections_are_not_alarms),
        cmocka_unit_test(each_alarm_is_a_line),
        cmocka_unit_test(what_the_sentence_says_is_in_fields_too),
        cmocka_unit_test(lost_events_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
