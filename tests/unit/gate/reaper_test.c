/* Half-opens whose time is over, and those of a listener that closes. [RFC 9293 3.8.3] */
#include "door.h"

static void each_is_resent_and_forgotten(void **state)
{
    struct segment answer;
    struct reaper_task task;
    struct door door;
    uint32_t resent = 0, forgotten = 0;

    (void)state;
    door_open(&door, 128);
    for (uint16_t port = 1; port <= 50; port++) {
        door_syn(&door, 0, port, &answer);
        door.now_us += 20000;
    }
    for (int64_t end_us = door.now_us + 11 * S; door.now_us < end_us; door.now_us += 1000) {
        enum reaper_task_kind kind;

        while ((kind = reaper_tick(&door.gate, &task, door.now_us)) != REAPER_DONE) {
            resent += kind == REAPER_RESEND;
            forgotten += kind == REAPER_FORGET;
            assert_int_equal(task.hash, flow_hash(&task.flow));
            if (kind == REAPER_RESEND)
                assert_int_equal(task.seg.flags, TCP_SYN | TCP_ACK);
        }
        assert_true(gate_deadline(&door.gate) > door.now_us - 2000);
    }
    assert_int_equal(resent, 100);
    assert_int_equal(forgotten, 50);
    assert_int_equal(gate_half_opens(&door.gate), 0);
    assert_int_equal(gate_deadline(&door.gate), INT64_MAX);
    assert_int_equal(door.stats.syn_cache_timeout, 50);
    door_close(&door);
}

static void textbook_policy_resets(void **state)
{
    struct hf_listen_options options = {
        .local.port = 80, .syn_ack_retries = -1, .on_timeout = 1, .half_open_timeout_ms = 500};
    struct segment answer;
    struct reaper_task task;
    struct door door;

    (void)state;
    door_open(&door, 4);
    assert_int_equal(reaper_listener_closed(&door.gate, 0, &task), REAPER_DONE);
    gate_listener_open(&door.gate, 0, &options, door.now_us);
    door_syn(&door, 0, 7, &answer);
    assert_int_equal(reaper_tick(&door.gate, &task, door.now_us + 499000), REAPER_DONE);
    assert_int_equal(reaper_tick(&door.gate, &task, door.now_us + 502000), REAPER_RESET);
    assert_int_equal(task.flow.remote_port, 7);
    assert_int_equal(task.seg.seq.value, answer.seq.value + 1);
    assert_int_equal(reaper_tick(&door.gate, &task, door.now_us + 600000), REAPER_DONE);
    door_close(&door);
}

/* Only the half-opens of the listener that closes are ended. */
static void closing_one_listener_spares_others(void **state)
{
    struct segment answer;
    struct reaper_task task;
    struct door door;
    int resets = 0;

    (void)state;
    door_open(&door, 64);
    for (uint16_t port = 1; port <= 30; port++)
        door_syn(&door, port % 3u, port, &answer);
    while (reaper_listener_closed(&door.gate, 1, &task) == REAPER_RESET) {
        assert_int_equal(task.flow.local_port, 81);
        resets++;
    }
    assert_int_equal(resets, 10);
    assert_int_equal(gate_half_opens(&door.gate), 20);
    assert_int_equal(door.stats.syn_cache_listener_closed, 10);
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_resent_and_forgotten),
        cmocka_unit_test(textbook_policy_resets),
        cmocka_unit_test(closing_one_listener_spares_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
