/* ICMP for IPv4. [RFC 792; RFC 1122 3.2.2] */
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/icmpv4.h"

static void an_echo_is_read_and_rebuilt(void **state)
{
    struct icmp_message message;
    uint8_t built[64];

    (void)state;
    assert_true(icmpv4_parse(&message, echo_v4 + 34, sizeof echo_v4 - 34));
    assert_int_equal(message.kind, ICMP_ECHO_REQUEST);
    assert_int_equal(icmp_echo_id(&message), 0x0d5b);
    assert_int_equal(icmp_echo_sequence(&message), 1);
    assert_int_equal(message.body_length, 16);
    assert_int_equal(icmpv4_build(built, &message), sizeof echo_v4 - 34);
    assert_memory_equal(built, echo_v4 + 34, sizeof echo_v4 - 34);
}

/* [RFC 1191 4]: the MTU is the lower half of the second word. */
static void too_big_is_a_kind_of_its_own(void **state)
{
    struct icmp_message message;
    uint8_t built[64];

    (void)state;
    assert_true(icmpv4_parse(&message, too_big_v4 + 34, sizeof too_big_v4 - 34));
    assert_int_equal(message.kind, ICMP_TOO_BIG);
    assert_int_equal(message.mtu, 1400);
    assert_true(icmp_is_error(&message));
    assert_int_equal(icmpv4_build(built, &message), sizeof too_big_v4 - 34);
    assert_memory_equal(built, too_big_v4 + 34, sizeof too_big_v4 - 34);
}

/* [R1122-18, R1122-30] */
static void kinds_by_type(void **state)
{
    static const struct {
        uint8_t type, code;
        enum icmp_kind kind;
    } rows[] = {
        {0, 0, ICMP_ECHO_REPLY},
        {8, 0, ICMP_ECHO_REQUEST},
        {3, 0, ICMP_UNREACHABLE},
        {3, 3, ICMP_UNREACHABLE},
        {3, 4, ICMP_TOO_BIG},
        {3, 13, ICMP_UNREACHABLE},
        {4, 0, ICMP_OTHER},
        {5, 1, ICMP_OTHER},
        {9, 0, ICMP_OTHER},
        {11, 0, ICMP_TIME_EXCEEDED},
        {12, 0, ICMP_PARAMETER_PROBLEM},
        {13, 0, ICMP_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t data[8] = {rows[i].type, rows[i].code};
        struct icmp_message message;

        assert_true(icmpv4_parse(&message, data, sizeof data));
        assert_int_equal(message.kind, rows[i].kind);
    }
}

/* [RFC 9293 MUST-55]: a source quench is of no kind that anyone acts upon. [R5927-06, R6633-01] */
static void source_quench_is_nothing(void **state)
{
    uint8_t data[36] = {ICMPV4_SOURCE_QUENCH};
    struct icmp_message message;

    (void)state;
    assert_true(icmpv4_parse(&message, data, sizeof data));
    assert_int_equal(message.kind, ICMP_OTHER);
    assert_false(icmp_is_error(&message));
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= 24; length++) {
        uint8_t *data = exact_copy(echo_v4 + 34, length);
        struct icmp_message message;

        assert_int_equal(icmpv4_parse(&message, data, length), length >= 8);
        free(data);
    }
}

static void errors_quote_what_fits(void **state)
{
    static const uint8_t packet[1500] = {0x45};
    struct icmp_message small = icmpv4_error(3, 3, 0, packet, 28),
                        large = icmpv4_error(3, 3, 0, packet, 1500);
    uint8_t built[1500];

    (void)state;
    assert_int_equal(small.body_length, 28);
    assert_int_equal(20 + icmpv4_build(built, &large), 576);
    assert_int_equal(checksum_sum(built, 556), 0xffff);
    assert_int_equal(large.kind, ICMP_UNREACHABLE);
}

static void a_message_without_a_body(void **state)
{
    struct icmp_message message = {.type = ICMPV4_ECHO_REPLY, .word = 0x12345678};
    uint8_t built[ICMP_HEADER];

    (void)state;
    assert_int_equal(icmpv4_build(built, &message), 8);
    assert_int_equal(checksum_sum(built, 8), 0xffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_echo_is_read_and_rebuilt),
        cmocka_unit_test(too_big_is_a_kind_of_its_own),
        cmocka_unit_test(kinds_by_type),
        cmocka_unit_test(source_quench_is_nothing),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(errors_quote_what_fits),
        cmocka_unit_test(a_message_without_a_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
