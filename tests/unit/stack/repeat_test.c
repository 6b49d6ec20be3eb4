/* Facts by the thousand become a few that say how many. [stack/repeat.h] */
#include "peer.h"

#define S INT64_C(1000000)

static void none_is_lost(void **state)
{
    struct repeat repeat = {0};
    uint64_t told = 0, facts = 0;
    struct hf_event event = {.kind = HF_EVENT_HALF_OPEN_TIMED_OUT};

    (void)state;
    for (int i = 0; i < 100000; i++) { /* ten seconds */
        event.at_us = 50 * S + i * 100;
        if (!repeat_may_tell(&repeat, &event))
            continue;
        told++;
        facts += event.count;
        assert_true(event.since_us <= event.at_us);
        assert_in_range(event.count, 1, S / 100 / REPEAT_PER_S + 1);
    }
    assert_in_range(told, 10 * REPEAT_PER_S, 11 * REPEAT_PER_S + 1);
    assert_int_equal(facts + repeat.untold, 100000);
}

/* A flood of half-opens that nobody finishes fills neither the ring nor the log. */
static void a_flood_is_a_few_lines(void **state)
{
    struct hf_config config = peer_config();
    uint64_t facts = 0, events = 0;
    struct hf_event event;
    struct peer peer;
    struct flow flow;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer, &(struct hf_listen_options){.half_open_timeout_ms = 1000,
                                                   .syn_ack_retries = -1,
                                                   .source_limit = 256});
    flow = peer_flow(&peer);
    for (int i = 0; i < 100; i++) {
        struct segment syn = syn_of(1);

        flow.remote_port++;
        assert_int_equal(peer_send_flow(&peer, &flow, &syn), HF_STAT_none);
        while (peer_take(&peer))
            ;
    }
    peer_wait(&peer, 1500);
    for (; hf_event_take(&peer.sink, &event); events += event.kind == HF_EVENT_HALF_OPEN_TIMED_OUT)
        facts += event.kind == HF_EVENT_HALF_OPEN_TIMED_OUT ? event.count : 0;
    assert_int_equal(events, REPEAT_PER_S);
    assert_int_equal(facts + peer.stack->half_open_timeouts.untold, 100);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_lost),
        cmocka_unit_test(a_flood_is_a_few_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
