/* What meets a half-open at the edges of its window, its clock and its incarnation. [RFC 9293 3.10.7.4; RFC 5961 3.2; RFC 7323 5.3] */
#include "door.h"

#define WINDOW 32768u /* what a door announces */

static enum gate_verdict at(struct door *door, const struct segment *seg, union gate_result *result)
{
    struct flow flow = door_flow(door, 0, 7);
    struct gate_segment arrived = door_segment(&flow, seg);
    uint32_t slot = gate_find(&door->gate, arrived.hash, &flow);

    assert_int_not_equal(slot, SLOT_NONE);
    return half_open_on_segment(&door->gate, slot, &arrived, result, door->now_us);
}

/* A SYN with this timestamp, or none if `present` is false; the SYN-ACK's number. */
static seq begin(struct door *door, bool present, uint32_t ts_value)
{
    struct segment answer, syn = {.seq = {1000}, .flags = TCP_SYN, .window = 5000};
    struct flow flow;
    struct gate_segment arrived;

    door_open(door, 8);
    flow = door_flow(door, 0, 7);
    arrived = door_segment(&flow, &syn);
    syn.options.present = present ? TCP_OPTION_TIMESTAMPS : 0;
    syn.options.ts_value = ts_value;
    assert_int_equal(gate_on_syn(&door->gate, &arrived, &answer, door->now_us), GATE_ANSWER);
    return answer.seq;
}

/* Each edge of the window announced, for an empty segment and for one whose last byte alone is in it. */
static void edges_of_the_window(void **state)
{
    static const struct {
        const char *name;
        uint32_t at, length;
        enum gate_verdict verdict;
    } rows[] = {
        {"empty at the left edge", 1001, 0, GATE_HANDSHAKE},
        {"empty before it", 1000, 0, GATE_CHALLENGE},
        {"empty at the last byte", 1000 + WINDOW, 0, GATE_HANDSHAKE},
        {"empty at the right edge", 1001 + WINDOW, 0, GATE_CHALLENGE},
        {"a byte before the left edge", 1000, 1, GATE_CHALLENGE},
        {"two, the second in the window", 1000, 2, GATE_HANDSHAKE},
        {"a byte at the right edge", 1001 + WINDOW, 1, GATE_CHALLENGE},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        union gate_result result;
        struct door door;
        seq iss = begin(&door, false, 0);
        struct segment ack = {.seq = {rows[i].at},
                              .ack = seq_add(iss, 1),
                              .flags = TCP_ACK,
                              .text = (const uint8_t *)"xy",
                              .length = rows[i].length};

        print_message("%s\n", rows[i].name);
        assert_int_equal(at(&door, &ack, &result), rows[i].verdict);
        door_close(&door);
    }
}

/* A RST: exact, inside, at the last byte and beyond. [RFC 5961 3.2] */
static void resets_by_place(void **state)
{
    static const struct {
        uint32_t at;
        enum gate_verdict verdict;
    } rows[] = {{1000, GATE_SILENT},
                {1001, GATE_REMOVED},
                {1002, GATE_CHALLENGE},
                {1000 + WINDOW, GATE_CHALLENGE},
                {1001 + WINDOW, GATE_SILENT}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        union gate_result result;
        struct door door;
        struct segment rst = {.seq = {rows[i].at}, .flags = TCP_RST};

        begin(&door, false, 0);
        assert_int_equal(at(&door, &rst, &result), rows[i].verdict);
        door_close(&door);
    }
}

static uint32_t echo_of(struct door *door, bool present, uint32_t ts_value)
{
    struct segment syn = {.seq = {1000}, .flags = TCP_SYN, .options = {.ts_value = ts_value}};
    union gate_result result;

    syn.options.present = present ? TCP_OPTION_TIMESTAMPS : 0;
    assert_int_equal(at(door, &syn, &result), GATE_ANSWER);
    return result.answer.options.ts_echo;
}

/* The SYN again: the newest timestamp is echoed, an older one is not, nor what stands where no option is. [RFC 7323 4.3] */
static void the_newest_timestamp(void **state)
{
    static const uint32_t starts[] = {100, 0x7fffff00, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct door door;
        uint32_t start = starts[i];

        begin(&door, true, start);
        assert_int_equal(echo_of(&door, true, start), start);
        assert_int_equal(echo_of(&door, true, start + 1), start + 1);
        assert_int_equal(echo_of(&door, true, start), start + 1);
        assert_int_equal(echo_of(&door, false, start + 50), start + 1);
        door_close(&door);
    }
}

/* Who agreed on no timestamps has none, whatever his SYN says the second time. */
static void no_timestamp_was_agreed(void **state)
{
    union gate_result result;
    struct door door;
    seq iss = begin(&door, false, 0);
    struct segment ack = {.seq = {1001}, .ack = seq_add(iss, 1), .flags = TCP_ACK};

    (void)state;
    echo_of(&door, true, 5);
    assert_int_equal(at(&door, &ack, &result), GATE_HANDSHAKE);
    assert_false(result.handshake.timestamps);
    assert_int_equal(result.handshake.ts_recent, 0);
    door_close(&door);
}

/* Another incarnation's SYN need not carry what this one agreed on: in the window it ends the half-open. [RFC 9293 3.10.7.4 fourth] */
static void another_incarnation(void **state)
{
    struct segment syn = {.seq = {1100}, .flags = TCP_SYN};
    union gate_result result;
    struct door door;

    (void)state;
    begin(&door, true, 100);
    assert_int_equal(at(&door, &syn, &result), GATE_REMOVED);
    assert_int_equal(door.gate.reason, HF_STAT_syn_cache_reset);
    door_close(&door);
}

/* The round trip is no shorter than a tick of the wheel, by which it is measured. */
static void shortest_round_trip(void **state)
{
    union gate_result result;
    struct door door;
    seq iss = begin(&door, false, 0);
    struct segment ack = {.seq = {1001}, .ack = seq_add(iss, 1), .flags = TCP_ACK};

    (void)state;
    assert_int_equal(at(&door, &ack, &result), GATE_HANDSHAKE);
    assert_int_equal(result.handshake.rtt_us, 1 << WHEEL_TICK_SHIFT);
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_of_the_window),  cmocka_unit_test(resets_by_place),
        cmocka_unit_test(the_newest_timestamp), cmocka_unit_test(no_timestamp_was_agreed),
        cmocka_unit_test(another_incarnation),  cmocka_unit_test(shortest_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
