/* Whose frame is it. */
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/steer.h"

static enum steer_kind steer(struct flow *flow, const uint8_t *frame, uint32_t length)
{
    uint8_t *data = exact_copy(frame, length);
    enum steer_kind kind = steer_frame(flow, &(struct hf_frame){.data = data, .length = length});

    free(data);
    return kind;
}

static void kinds_of_known_frames(void **state)
{
    static const enum steer_kind kinds[FRAMES] = {
        STEER_FLOW,      STEER_FLOW, STEER_FLOW,      STEER_FLOW,      STEER_FLOW,
        STEER_FLOW,      STEER_FLOW, STEER_FLOW,      STEER_FLOW,      STEER_ADDRESSES,
        STEER_ADDRESSES, STEER_ALL,  STEER_ADDRESSES, STEER_ADDRESSES, STEER_FLOW,
        STEER_FLOW,      STEER_ALL,  STEER_ALL,       STEER_FLOW,
    };

    (void)state;
    for (size_t i = 0; i < FRAMES; i++) {
        struct flow flow;

        if (steer(&flow, frames[i].data, frames[i].length) != kinds[i])
            fail_msg("%s", frames[i].name);
    }
}

static void the_flow_is_that_of_the_packet(void **state)
{
    static const struct {
        const uint8_t *data;
        uint32_t length;
    } rows[] = {
        {ack_v4, sizeof ack_v4}, {syn_v6, sizeof syn_v6}, {extended_v6, sizeof extended_v6}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t *data = exact_copy(rows[i].data, rows[i].length);
        struct packet packet;
        struct flow flow, parsed;

        parse_with(&packet, &ethernet_rules, data, rows[i].length);
        parsed = packet_flow(&packet);
        assert_int_equal(steer(&flow, rows[i].data, rows[i].length), STEER_FLOW);
        assert_true(flow_equal(&flow, &parsed));
        free(data);
    }
}

/* An error about a segment of ours goes where the connection's segments go. */
static void errors_follow_what_they_quote(void **state)
{
    struct flow of_error, of_segment;

    (void)state;
    steer(&of_error, too_big_v4, sizeof too_big_v4);
    steer(&of_segment, ack_v4, sizeof ack_v4);
    assert_true(flow_equal(&of_error, &of_segment));
    steer(&of_error, too_big_v6, sizeof too_big_v6);
    steer(&of_segment, data_v6, sizeof data_v6);
    assert_true(flow_equal(&of_error, &of_segment));
}

static void fragments_have_no_ports(void **state)
{
    struct flow flow;

    (void)state;
    steer(&flow, fragment_v4, sizeof fragment_v4);
    assert_int_equal(flow.local_port, 0);
    assert_address(flow.remote, "192.0.2.1");
}

static void raw_ip(void **state)
{
    uint8_t *data = exact_copy(ack_v4 + 14, 40);
    struct flow flow;

    (void)state;
    assert_int_equal(
        steer_frame(&flow, &(struct hf_frame){.data = data, .length = 40, .link = HF_RAW_IP}),
        STEER_FLOW);
    assert_int_equal(flow.local_port, 80);
    assert_int_equal(
        steer_frame(&flow, &(struct hf_frame){.data = data, .length = 0, .link = HF_RAW_IP}),
        STEER_NONE);
    free(data);
}

static void truncated_at_every_byte_and_mutated(void **state)
{
    uint64_t seed = 0x57ee7;

    (void)state;
    print_message("seed %llx\n", (unsigned long long)seed);
    for (size_t i = 0; i < FRAMES; i++) {
        for (uint32_t length = 0; length < frames[i].length; length++) {
            struct flow flow;

            steer(&flow, frames[i].data, length);
        }
        for (unsigned round = 0; round < 2000; round++) {
            uint8_t *data = exact_copy(frames[i].data, frames[i].length);
            struct flow flow;

            for (unsigned changes = 0; changes < 3; changes++)
                data[12 + next_random(&seed) % (frames[i].length - 12)] =
                    (uint8_t)next_random(&seed);
            if (steer(&flow, data, frames[i].length) == STEER_NONE)
                assert_int_equal(flow.local_port, 0);
            free(data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_known_frames),
        cmocka_unit_test(the_flow_is_that_of_the_packet),
        cmocka_unit_test(errors_follow_what_they_quote),
        cmocka_unit_test(fragments_have_no_ports),
        cmocka_unit_test(raw_ip),
        cmocka_unit_test(truncated_at_every_byte_and_mutated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
