/* Events: the oldest first, none overwritten, what found no room counted; every kind has its own words. */
#include "model.h"

#include "base/event_sink.h"

static void no_sink_is_no_crash(void **state)
{
    struct hf_event event = {.kind = HF_EVENT_CHALLENGED};

    (void)state;
    event_sink_put(NULL, &event);
}

static void full_drops_the_new_one(void **state)
{
    struct hf_event events[4], event;
    struct hf_event_sink sink = {.events = events, .capacity = 4};

    (void)state;
    sink.written = sink.taken = UINT32_MAX - 1; /* the counters wrap in the middle */
    assert_false(hf_event_take(&sink, &event));
    for (uint32_t i = 0; i < 6; i++)
        event_sink_put(&sink, &(struct hf_event){.kind = HF_EVENT_CHALLENGED, .value = i});
    assert_int_equal(sink.dropped, 2);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(hf_event_take(&sink, &event));
        assert_int_equal(event.value, i);
        assert_int_equal(event.kind, HF_EVENT_CHALLENGED);
    }
    assert_false(hf_event_take(&sink, &event));
}

/* A crowd of connections does not fill what is kept for alarms. */
static void alarms_find_room(void **state)
{
    struct hf_event events[16], event;
    struct hf_event_sink sink = {.events = events, .capacity = 16};

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        event_sink_put(&sink, &(struct hf_event){.kind = HF_EVENT_CONNECTION_OPENED});
    assert_int_equal(sink.written, 14);
    event_sink_put(&sink, &(struct hf_event){.kind = HF_EVENT_SCAN});
    event_sink_put(&sink, &(struct hf_event){.kind = HF_EVENT_PRESSURE});
    event_sink_put(&sink, &(struct hf_event){.kind = HF_EVENT_PRESSURE});
    assert_int_equal(sink.written, 16);
    assert_int_equal(sink.dropped, 87);
    for (int i = 0; i < 15; i++)
        assert_true(hf_event_take(&sink, &event));
    assert_int_equal(event.kind, HF_EVENT_SCAN);
}

static void every_kind_has_its_words(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < HF_EVENT_KINDS; kind++) {
        const char *text = hf_event_text((enum hf_event_kind)kind);

        assert_true(strlen(text) > 1);
        for (unsigned other = 0; other < kind; other++)
            assert_string_not_equal(text, hf_event_text((enum hf_event_kind)other));
    }
    assert_string_equal(hf_event_text(HF_EVENT_CONNECTION_OPENED), "connection opened");
    assert_string_equal(hf_event_text(HF_EVENT_KINDS), "?");
    assert_string_equal(hf_event_text((enum hf_event_kind)12345), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sink_is_no_crash),
        cmocka_unit_test(full_drops_the_new_one),
        cmocka_unit_test(alarms_find_room),
        cmocka_unit_test(every_kind_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
