/* A listener that goes on with other options: its half-opens stay, and wait as the new ones say. [RFC 9293 3.10.1] */
#include "door.h"

static uint32_t ended_by(struct door *door, int64_t until_us, uint32_t *resent)
{
    struct reaper_task task;
    enum reaper_task_kind kind;
    uint32_t ended = 0;

    for (; door->now_us < until_us; door->now_us += 1000)
        while ((kind = reaper_tick(&door->gate, &task, door->now_us)) != REAPER_DONE) {
            *resent += kind == REAPER_RESEND;
            ended += kind != REAPER_RESEND;
        }
    return ended;
}

static void half_opens_stay_beyond_a_lower_limit(void **state)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_OFF, .half_open_limit = 4};
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 64);
    for (uint16_t port = 1; port <= 10; port++)
        door_syn(&door, 0, port, &answer);
    gate_listener_change(&door.gate, 0, &options, door.now_us);
    assert_int_equal(door.gate.listeners[0].half_opens.count, 10);
    for (uint16_t port = 1; port <= 10; port++)
        assert_int_not_equal(door_find(&door, 0, port), SLOT_NONE);

    door_syn(&door, 0, 11, &answer); /* the oldest gives way, as in a full cache */
    assert_int_equal(door.gate.listeners[0].half_opens.count, 10);
    assert_int_equal(door_find(&door, 0, 1), SLOT_NONE);
    assert_int_not_equal(door_find(&door, 0, 11), SLOT_NONE);
    door_close(&door);
}

static void a_higher_limit_takes_more_at_once(void **state)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_OFF, .half_open_limit = 2};
    struct segment answer;
    struct door door;

    (void)state;
    door_open_with(&door, 64, &options);
    for (uint16_t port = 1; port <= 3; port++)
        door_syn(&door, 0, port, &answer);
    assert_int_equal(door.gate.listeners[0].half_opens.count, 2);
    options.half_open_limit = 8;
    gate_listener_change(&door.gate, 0, &options, door.now_us);
    for (uint16_t port = 11; port <= 14; port++)
        door_syn(&door, 0, port, &answer);
    assert_int_equal(door.gate.listeners[0].half_opens.count, 6);
    door_close(&door);
}

/* Counted from the last SYN-ACK, not from the change: 10 s become 2 s, and 1 s of them has passed. */
static void a_shorter_timeout_counts_from_the_last_answer(void **state)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_OFF, .syn_ack_retries = -1};
    struct segment answer;
    struct door door;
    uint32_t resent = 0;
    int64_t begin_us;

    (void)state;
    door_open_with(&door, 64, &options);
    begin_us = door.now_us;
    door_syn(&door, 0, 1, &answer);
    door.now_us += S;
    options.half_open_timeout_ms = 2000;
    gate_listener_change(&door.gate, 0, &options, door.now_us);
    assert_int_equal(ended_by(&door, begin_us + 2 * S - 5000, &resent), 0);
    assert_int_equal(ended_by(&door, begin_us + 2 * S + 5000, &resent), 1);
    assert_int_equal(resent, 0);
    door_close(&door);
}

/* Fewer retries do not make an early end of what had been waiting to be asked again. */
static void without_retries_it_waits_for_all_of_its_time(void **state)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_OFF, .syn_ack_retries = 2};
    struct segment answer;
    struct door door;
    uint32_t resent = 0;
    int64_t begin_us;

    (void)state;
    door_open_with(&door, 64, &options);
    begin_us = door.now_us;
    door_syn(&door, 0, 1, &answer);
    options.syn_ack_retries = -1;
    gate_listener_change(&door.gate, 0, &options, door.now_us);
    assert_int_equal(ended_by(&door, begin_us + 9 * S, &resent), 0);
    assert_int_equal(ended_by(&door, begin_us + 11 * S, &resent), 1);
    assert_int_equal(resent, 0);
    door_close(&door);
}

/* The round trip is still measured right: it is read from what the half-open waits for. */
static void the_round_trip_survives_a_change(void **state)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_OFF, .half_open_timeout_ms = 60000};
    struct segment answer, ack;
    struct door door;
    union gate_result result;

    (void)state;
    door_open(&door, 8);
    door_syn(&door, 0, 5, &answer);
    door.now_us += 30000;
    options.syn_ack_retries = -1;
    gate_listener_change(&door.gate, 0, &options, door.now_us);
    door.now_us += 20000;
    ack = (struct segment){.seq = {1001}, .ack = seq_add(answer.seq, 1), .flags = TCP_ACK};
    struct flow flow = door_flow(&door, 0, 5);
    struct gate_segment arrived = door_segment(&flow, &ack);
    uint32_t slot = gate_find(&door.gate, arrived.hash, &flow);

    assert_int_not_equal(slot, SLOT_NONE);
    assert_int_equal(half_open_on_segment(&door.gate, slot, &arrived, &result, door.now_us),
                     GATE_HANDSHAKE);
    assert_in_range(result.handshake.rtt_us, 47900, 52100);
    door_close(&door);
}

static void pressure_keeps_its_level_and_takes_the_new_limit(void **state)
{
    struct hf_listen_options options = {.half_open_limit = 8, .source_limit = 200};
    struct pressure_change change;
    struct segment answer;
    struct door door;
    uint32_t number;

    (void)state;
    door_open_with(&door, 256, &options);
    for (uint16_t port = 1; port <= 7; port++)
        door_syn(&door, 0, port, &answer);
    assert_int_equal(door.gate.listeners[0].pressure.level, HF_STRAINED);
    options.half_open_limit = 200;
    gate_listener_change(&door.gate, 0, &options, door.now_us);
    assert_int_equal(door.gate.listeners[0].pressure.level, HF_STRAINED);
    door.now_us += PRESSURE_QUIET_US + S;
    assert_true(gate_tick(&door.gate, &number, &change, door.now_us));
    assert_int_equal(change.now, HF_CALM); /* what is there is little for the new limit */
    door_close(&door);
}

static void the_other_options_take_effect(void **state)
{
    struct hf_listen_options options = {.cookies = HF_COOKIES_ALWAYS,
                                        .without_timestamps = HF_PLAIN_REFUSE,
                                        .when_full = HF_DROP_NEW,
                                        .on_timeout = 1,
                                        .observe = true,
                                        .local.port = 4711};
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 8);
    gate_listener_change(&door.gate, 1, &options, door.now_us);
    assert_int_equal(door.gate.listeners[1].port, 81);
    assert_true(door.gate.listeners[1].reset_on_timeout);
    assert_true(door.gate.listeners[1].observe);
    door_syn(&door, 1, 9, &answer);
    assert_int_equal(gate_half_opens(&door.gate), 0); /* a cookie */
    door_syn(&door, 0, 9, &answer);
    assert_int_equal(gate_half_opens(&door.gate), 1); /* the other listener's are its own */
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_opens_stay_beyond_a_lower_limit),
        cmocka_unit_test(a_higher_limit_takes_more_at_once),
        cmocka_unit_test(a_shorter_timeout_counts_from_the_last_answer),
        cmocka_unit_test(without_retries_it_waits_for_all_of_its_time),
        cmocka_unit_test(the_round_trip_survives_a_change),
        cmocka_unit_test(pressure_keeps_its_level_and_takes_the_new_limit),
        cmocka_unit_test(the_other_options_take_effect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
