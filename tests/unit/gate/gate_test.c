/* SYN to handshake without a stack around it. [RFC 9293 3.10.7.2, 3.10.7.4] */
#include "door.h"

static enum gate_verdict at(struct door *door, uint16_t port, const struct segment *seg,
                            union gate_result *result)
{
    struct flow flow = door_flow(door, 0, port);
    struct gate_segment arrived = door_segment(&flow, seg);
    uint32_t slot = gate_find(&door->gate, arrived.hash, &flow);

    assert_int_not_equal(slot, SLOT_NONE);
    return half_open_on_segment(&door->gate, slot, &arrived, result, door->now_us);
}

/* What was agreed reaches the handshake; nothing leaves the cache before gate_commit. */
static void handshake_says_what_was_agreed(void **state)
{
    struct segment syn = {.seq = {1000},
                          .flags = TCP_SYN,
                          .window = 5000,
                          .options = {.present = TCP_OPTION_MSS | TCP_OPTION_SCALE |
                                                 TCP_OPTION_SACK_PERMITTED | TCP_OPTION_TIMESTAMPS,
                                      .mss = 1400,
                                      .scale = 15,
                                      .ts_value = 77}};
    struct segment answer, ack;
    struct door door;
    union gate_result result;
    const struct handshake *h = &result.handshake;

    (void)state;
    door_open(&door, 8);
    struct flow flow = door_flow(&door, 0, 5);
    struct gate_segment arrived = door_segment(&flow, &syn);
    assert_int_equal(gate_on_syn(&door.gate, &arrived, &answer, door.now_us), GATE_ANSWER);
    door.now_us += 50000;
    ack = (struct segment){.seq = {1001},
                           .ack = seq_add(answer.seq, 1),
                           .flags = TCP_ACK,
                           .window = 600,
                           .options = {.present = TCP_OPTION_TIMESTAMPS, .ts_value = 80}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(at(&door, 5, &ack, &result), GATE_HANDSHAKE);
        assert_int_equal(h->iss.value, answer.seq.value);
        assert_int_equal(h->irs.value, 1000);
        assert_int_equal(h->mss, 1400);
        assert_int_equal(h->send_scale, 14); /* [RFC 7323 2.3] */
        assert_int_equal(h->receive_scale, 3);
        assert_true(h->sack && h->timestamps && !h->from_cookie);
        assert_int_equal(h->ts_recent, 77);
        assert_int_equal(h->ts_offset, (uint32_t)arrived.hash);
        assert_int_equal(h->announced_window, 32768);
        assert_int_equal(h->syn_ack_count, 1);
        assert_in_range(h->rtt_us, 48900, 51100);
    }
    gate_commit(&door.gate, door_find(&door, 0, 5), &arrived, h, door.now_us);
    assert_int_equal(gate_half_opens(&door.gate), 0);
    assert_int_equal(door.stats.handshake_done, 1);
    door_close(&door);
}

/* Without options nothing is agreed, and the default MSS counts. [RFC 9293 MUST-15] */
static void bare_syn_agrees_on_nothing(void **state)
{
    struct segment answer, ack;
    struct door door;
    union gate_result result;

    (void)state;
    door_open(&door, 8);
    door_syn(&door, 0, 5, &answer);
    ack = (struct segment){.seq = {1001}, .ack = seq_add(answer.seq, 1), .flags = TCP_ACK};
    assert_int_equal(at(&door, 5, &ack, &result), GATE_HANDSHAKE);
    assert_int_equal(result.handshake.mss, 536);
    assert_int_equal(result.handshake.send_scale, SCALE_NONE);
    assert_int_equal(result.handshake.receive_scale, SCALE_NONE);
    assert_false(result.handshake.sack || result.handshake.timestamps);
    door_close(&door);
}

/* A repeated SYN means that the SYN-ACK may be lost: no round-trip time is taken from it. [RFC 5681 3.1] */
static void repeated_syn_spoils_the_timing(void **state)
{
    struct segment syn = {.seq = {1000}, .flags = TCP_SYN}, answer, ack;
    struct door door;
    union gate_result result;

    (void)state;
    door_open(&door, 8);
    door_syn(&door, 0, 5, &answer);
    assert_int_equal(at(&door, 5, &syn, &result), GATE_ANSWER);
    assert_int_equal(result.answer.seq.value, answer.seq.value);
    ack = (struct segment){.seq = {1001}, .ack = seq_add(answer.seq, 1), .flags = TCP_ACK};
    assert_int_equal(at(&door, 5, &ack, &result), GATE_HANDSHAKE);
    assert_int_equal(result.handshake.syn_ack_count, 2);
    door_close(&door);
}

/* PAWS in SYN-RECEIVED; and a timestamp that was agreed must be there. [RFC 7323 5.3, 3.2] */
static void timestamps_are_checked(void **state)
{
    struct segment syn = {.seq = {1000},
                          .flags = TCP_SYN,
                          .options = {.present = TCP_OPTION_TIMESTAMPS, .ts_value = 100}};
    struct segment answer, ack;
    struct door door;
    union gate_result result;

    (void)state;
    door_open(&door, 8);
    struct flow flow = door_flow(&door, 0, 5);
    struct gate_segment arrived = door_segment(&flow, &syn);
    gate_on_syn(&door.gate, &arrived, &answer, door.now_us);
    ack = (struct segment){.seq = {1001}, .ack = seq_add(answer.seq, 1), .flags = TCP_ACK};
    assert_int_equal(at(&door, 5, &ack, &result), GATE_SILENT);
    assert_int_equal(door.gate.reason, HF_STAT_segment_no_timestamp);
    ack.options = (struct tcp_options){.present = TCP_OPTION_TIMESTAMPS, .ts_value = 99};
    assert_int_equal(at(&door, 5, &ack, &result), GATE_CHALLENGE);
    assert_int_equal(door.gate.reason, HF_STAT_segment_paws);
    assert_int_equal(result.answer.options.ts_echo, 100);
    ack.options.ts_value = 100;
    assert_int_equal(at(&door, 5, &ack, &result), GATE_HANDSHAKE);
    door_close(&door);
}

/* An ISS above the floor of a TIME-WAIT record, wherever the clock stands. [RFC 6191 2] */
static void iss_lies_above_the_floor(void **state)
{
    struct segment syn = {.seq = {1000}, .flags = TCP_SYN}, answer;
    struct door door;

    (void)state;
    door_open(&door, 1);
    for (uint32_t floor = 0; floor < 64; floor++) {
        struct flow flow = door_flow(&door, 0, (uint16_t)(floor + 1));
        struct gate_segment arrived = door_segment(&flow, &syn);

        arrived.has_iss_floor = true;
        arrived.iss_floor = seq_of(floor << 26);
        gate_on_syn(&door.gate, &arrived, &answer, door.now_us);
        assert_true(seq_gt(answer.seq, arrived.iss_floor));
    }
    door_close(&door);
}

/* A listener's own limit evicts its own; a full cache takes from whoever holds most. */
static void the_largest_holder_gives_way(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 6);
    door.gate.listeners[0].limit = 4;
    for (uint16_t port = 1; port <= 6; port++)
        door_syn(&door, 0, port, &answer);
    assert_int_equal(door.gate.listeners[0].half_opens.count, 4);
    assert_int_equal(door_find(&door, 0, 2), SLOT_NONE);
    assert_int_not_equal(door_find(&door, 0, 3), SLOT_NONE);
    for (uint16_t port = 1; port <= 4; port++)
        door_syn(&door, 1, port, &answer);
    assert_int_equal(door.gate.listeners[0].half_opens.count, 3);
    assert_int_equal(door.gate.listeners[1].half_opens.count, 3);
    assert_int_equal(door_find(&door, 0, 3), SLOT_NONE); /* the first's oldest, then its own */
    assert_int_equal(gate_half_opens(&door.gate), 6);
    assert_true(door.gate.tell_full);
    door_close(&door);
}

/* A sixteenth of the half-opens for one prefix, but never less than one. */
static void share_of_a_small_cache(void **state)
{
    static const struct {
        uint32_t limit, share;
    } rows[] = {{4, 1}, {16, 1}, {31, 1}, {32, 2}, {256, 16}};

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct door door;

        door_open_with(&door, 256, &(struct hf_listen_options){.half_open_limit = rows[i].limit});
        assert_int_equal(door.gate.listeners[0].source_limit, rows[i].share);
        door_close(&door);
    }
}

static void forget(struct door *door, uint16_t port)
{
    struct flow flow = door_flow(door, 0, port);

    gate_forget(&door->gate, door_find(door, 0, port), flow_hash(&flow));
}

/* A full cache is told once, and again only after a quarter of the limit was free. */
static void full_is_told_once(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 16);
    door.gate.listeners[0].limit = 8;
    for (uint16_t port = 1; port <= 9; port++)
        door_syn(&door, 0, port, &answer);
    assert_true(door.gate.tell_full);
    door.gate.tell_full = false;
    for (uint16_t port = 2; port <= 3; port++) /* six are left: not fewer than three quarters */
        forget(&door, port);
    for (uint16_t port = 11; port <= 13; port++)
        door_syn(&door, 0, port, &answer);
    assert_false(door.gate.tell_full);
    for (uint16_t port = 5; port <= 9; port++)
        forget(&door, port);
    for (uint16_t port = 21; port <= 29; port++)
        door_syn(&door, 0, port, &answer);
    assert_true(door.gate.tell_full);
    door_close(&door);
}

/* A flood never holds more than the limit, and every half-open that is found is the one that was sought.
 * [R4987-01] */
static void flood_stays_within_its_memory(void **state)
{
    struct segment answer;
    struct door door;

    (void)state;
    door_open(&door, 128);
    for (uint32_t i = 0; i < 20000; i++) {
        uint16_t port = (uint16_t)(1 + i % 65535);

        assert_int_equal(door_syn(&door, i % LISTENERS, port, &answer), GATE_ANSWER);
        door.now_us += 10;
    }
    assert_int_equal(gate_half_opens(&door.gate), 128);
    assert_int_equal(door.gate.cache.table.count, 128);
    assert_int_equal(door.stats.syn_cache_evicted, 20000 - 128);
    for (uint32_t i = 20000 - 120; i < 20000; i++)
        assert_int_not_equal(door_find(&door, i % LISTENERS, (uint16_t)(1 + i)), SLOT_NONE);
    door_close(&door);
}

/* The promise: 64 bytes each, and what the table, the counters of prefixes and the filter of tuples add.
 * [R4987-04] */
static void half_opens_cost_what_is_promised(void **state)
{
    struct door door;
    struct arena few = {NULL, 0}, many = {NULL, 0};
    struct gate_config config;

    (void)state;
    door_open(&door, 8);
    config = door.gate.config;
    config.cache.capacity = 10000;
    gate_init(&door.gate, &few, &config, 0);
    config.cache.capacity = 110000;
    gate_init(&door.gate, &many, &config, 0);
    assert_true((double)(many.used - few.used) / 100000 < 64 + 16);
    door_close(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_says_what_was_agreed),
        cmocka_unit_test(bare_syn_agrees_on_nothing),
        cmocka_unit_test(repeated_syn_spoils_the_timing),
        cmocka_unit_test(timestamps_are_checked),
        cmocka_unit_test(iss_lies_above_the_floor),
        cmocka_unit_test(the_largest_holder_gives_way),
        cmocka_unit_test(share_of_a_small_cache),
        cmocka_unit_test(full_is_told_once),
        cmocka_unit_test(flood_stays_within_its_memory),
        cmocka_unit_test(half_opens_cost_what_is_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
