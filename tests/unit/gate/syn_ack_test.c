/* When a SYN-ACK is repeated, and what a half-open says. [RFC 6298 2.1, 5.5; RFC 9293 3.5] */
#include "door.h"

static void intervals_double_and_end_in_time(void **state)
{
    static const struct {
        const char *name;
        uint32_t timeout_ms;
        uint8_t retries, flags;
        uint32_t intervals_ms[6];
    } rows[] = {
        {"default", 10000, 2, 0, {1000, 2000, 7000}},
        {"textbook", 10000, 0, 0, {10000}},
        {"no time for the second", 2500, 5, 0, {1000, 1500}},
        {"exactly one interval", 1000, 5, 0, {1000}},
        {"shorter than one", 300, 5, 0, {300}},
        {"an hour", 3600000, 4, 0, {1000, 2000, 4000, 8000, 3585000}},
        {"under pressure", 10000, 2, HALF_OPEN_HURRIED, {3000}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gate_listener listener = {.timeout_ms = rows[i].timeout_ms,
                                         .retries = rows[i].retries};
        struct half_open half_open = {.sent = 1, .flags = rows[i].flags};
        uint32_t total = 0;

        print_message("%s\n", rows[i].name);
        for (;; half_open.sent++) {
            uint32_t wanted = rows[i].intervals_ms[half_open.sent - 1];

            assert_int_equal(syn_ack_interval_ms(&listener, &half_open), wanted);
            total += wanted;
            if (!syn_ack_is_repeated(&listener, &half_open))
                break;
        }
        assert_int_equal(total, rows[i].flags ? 3000 : rows[i].timeout_ms);
        assert_int_equal(rows[i].intervals_ms[half_open.sent], 0);
    }
}

/* Bytes of options that are sent never exceed those that came, beside our MSS. [R7323-13] */
static void nothing_is_offered_that_was_not_asked(void **state)
{
    struct door door;

    (void)state;
    door_open(&door, 2);
    for (unsigned bits = 0; bits < 16; bits++) {
        uint16_t present =
            (uint16_t)((bits & 1 ? TCP_OPTION_MSS : 0) | (bits & 2 ? TCP_OPTION_SCALE : 0) |
                       (bits & 4 ? TCP_OPTION_SACK_PERMITTED : 0) |
                       (bits & 8 ? TCP_OPTION_TIMESTAMPS : 0));
        struct segment syn = {.flags = TCP_SYN, .options = {.present = present, .mss = 1}}, answer;
        struct syn_terms terms = syn_ack_agree(&door.gate.config, &syn, true);
        struct half_open half_open = {.remote = door.addresses[0], .flags = terms.flags};

        syn_ack_describe_half_open(&door.gate.config, &half_open, 9, &answer, 5000);
        assert_int_equal(answer.options.present, present | TCP_OPTION_MSS);
        assert_int_equal(terms.mss, bits & 1 ? 216 : 536);
        if (bits & 8)
            assert_int_equal(answer.options.ts_value, 5 + 9);
    }
    door_close(&door);
}

/* What the configuration switches off is not agreed, whoever asks. */
static void configuration_has_the_last_word(void **state)
{
    struct gate_config config = {.mtu = 1280, .announced_window = 1000};
    struct half_open half_open;
    struct segment syn = {.options = {.present = TCP_OPTION_SCALE | TCP_OPTION_SACK_PERMITTED |
                                                 TCP_OPTION_TIMESTAMPS}};
    struct syn_terms terms = syn_ack_agree(&config, &syn, false);
    struct segment answer;

    (void)state;
    half_open = (struct half_open){.flags = terms.flags};
    assert_int_equal(hf_address_parse(&half_open.remote, "2001:db8::2"), HF_OK);
    syn_ack_describe_half_open(&config, &half_open, 0, &answer, 0);
    assert_int_equal(answer.options.present, TCP_OPTION_MSS);
    assert_int_equal(answer.options.mss, 1220);
    assert_int_equal(terms.mss, 1220); /* the default of IPv6 */
    assert_int_equal(answer.window, 1000);
}

/* Outside of a SYN the window is scaled. [RFC 7323 2.2, 2.3] [R7323-03] */
static void window_is_scaled_after_the_syn(void **state)
{
    struct gate_config config = {.announced_window = 32768, .receive_scale = 4};
    struct half_open half_open = {.iss = {10}, .irs = {20}, .flags = HALF_OPEN_SCALING};
    struct segment answer;

    (void)state;
    syn_ack_describe_ack(&config, &half_open, 0, &answer, 0);
    assert_int_equal(answer.window, 2048);
    assert_int_equal(answer.seq.value, 11);
    assert_int_equal(answer.ack.value, 21);
    half_open.flags = 0; /* not agreed on: never */
    syn_ack_describe_ack(&config, &half_open, 0, &answer, 0);
    assert_int_equal(answer.window, 32768);
    syn_ack_describe_reset(&half_open, &answer);
    assert_int_equal(answer.flags, TCP_RST | TCP_ACK);
    assert_int_equal(answer.seq.value, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_double_and_end_in_time),
        cmocka_unit_test(nothing_is_offered_that_was_not_asked),
        cmocka_unit_test(configuration_has_the_last_word),
        cmocka_unit_test(window_is_scaled_after_the_syn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
