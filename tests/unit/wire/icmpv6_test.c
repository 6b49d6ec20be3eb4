/* ICMPv6. [RFC 4443] */
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/icmpv6.h"

static void rebuild(const uint8_t *frame, size_t length)
{
    struct hf_address source, destination;
    struct icmp_message message;
    uint8_t *built = malloc(length);

    assert_non_null(built);
    memcpy(&source, frame + 22, 16);
    memcpy(&destination, frame + 38, 16);
    assert_true(icmpv6_parse(&message, frame + 54, (uint32_t)length - 54));
    assert_int_equal(icmpv6_build(built, &message, &source, &destination), length - 54);
    assert_memory_equal(built, frame + 54, length - 54);
    free(built);
}

static void messages_are_rebuilt(void **state)
{
    (void)state;
    rebuild(echo_v6, sizeof echo_v6);
    rebuild(too_big_v6, sizeof too_big_v6);
    rebuild(solicitation, sizeof solicitation);
}

static void kinds_by_type(void **state)
{
    static const struct {
        uint8_t type;
        enum icmp_kind kind;
    } rows[] = {
        {1, ICMP_UNREACHABLE},       {2, ICMP_TOO_BIG},        {3, ICMP_TIME_EXCEEDED},
        {4, ICMP_PARAMETER_PROBLEM}, {128, ICMP_ECHO_REQUEST}, {129, ICMP_ECHO_REPLY},
        {130, ICMP_OTHER},           {134, ICMP_OTHER},        {135, ICMP_NEIGHBOR},
        {136, ICMP_NEIGHBOR},        {137, ICMP_OTHER},        {143, ICMP_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t data[8] = {rows[i].type, 0, 0, 0, 0, 1, 0x11, 0x70};
        struct icmp_message message;

        assert_true(icmpv6_parse(&message, data, sizeof data));
        assert_int_equal(message.kind, rows[i].kind);
        assert_int_equal(message.mtu, rows[i].kind == ICMP_TOO_BIG ? 70000 : 0);
    }
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= 24; length++) {
        uint8_t *data = exact_copy(echo_v6 + 54, length);
        struct icmp_message message;

        assert_int_equal(icmpv6_parse(&message, data, length), length >= 8);
        free(data);
    }
}

/* [RFC 4443 2.4]: as much of the packet as fits without the error exceeding 1280 bytes. [R4443-05] */
static void errors_quote_what_fits(void **state)
{
    static const uint8_t packet[1500] = {0x60};
    struct hf_address a = address_of("2001:db8::1"), b = address_of("2001:db8::2");
    struct icmp_message small = icmpv6_error(1, 4, 0, packet, 60),
                        large = icmpv6_error(4, 1, 6, packet, 1500);
    uint8_t built[1500];

    (void)state;
    assert_int_equal(small.body_length, 60);
    assert_int_equal(40 + icmpv6_build(built, &large, &a, &b), 1280);
    assert_int_equal(
        checksum_add(checksum_pseudo_header(&a, &b, 58, 1240), checksum_sum(built, 1240)), 0xffff);
}

static void the_checksum_is_set_in_place(void **state)
{
    struct hf_address a = address_of("2001:db8::1"), b = address_of("2001:db8::2");
    uint8_t *data = exact_copy(echo_v6 + 54, sizeof echo_v6 - 54);

    (void)state;
    data[2] ^= 0x55;
    icmpv6_set_checksum(data, sizeof echo_v6 - 54, &a, &b);
    assert_memory_equal(data, echo_v6 + 54, sizeof echo_v6 - 54);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_rebuilt),         cmocka_unit_test(kinds_by_type),
        cmocka_unit_test(truncated_at_every_byte),      cmocka_unit_test(errors_quote_what_fits),
        cmocka_unit_test(the_checksum_is_set_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
