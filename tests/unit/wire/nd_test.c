/* Neighbour discovery. [RFC 4861 4.3, 4.4, 7.1; RFC 6980 5] */
#include "base/bytes.h"
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/ethernet.h"
#include "wire/icmpv6.h"
#include "wire/ipv6.h"
#include "wire/nd.h"

/* The frame changed at one byte (at 0: not changed), its checksum mended, parsed. */
static bool parse_changed(struct nd_message *message, const uint8_t *frame, size_t length,
                          size_t at, uint8_t value)
{
    uint8_t *data = exact_copy(frame, length);
    struct hf_address source, destination;
    struct packet packet;

    if (at)
        data[at] = value;
    memcpy(&source, data + 22, 16);
    memcpy(&destination, data + 38, 16);
    icmpv6_set_checksum(data + 54, (uint32_t)length - 54, &source, &destination);
    parse_with(&packet, &ethernet_rules, data, length);
    assert_int_equal(packet.kind, PACKET_ICMPV6);
    bool ok = nd_parse(message, &packet);

    free(data);
    return ok;
}

static void a_solicitation(void **state)
{
    struct nd_message message;

    (void)state;
    assert_true(parse_changed(&message, solicitation, sizeof solicitation, 0, 0));
    assert_false(message.advertisement);
    assert_address(message.target, "2001:db8::2");
    assert_true(message.has_mac);
    assert_memory_equal(&message.mac, solicitation + 6, 6);
}

static void an_advertisement(void **state)
{
    struct nd_message message;

    (void)state;
    assert_true(parse_changed(&message, advertisement, sizeof advertisement, 0, 0));
    assert_true(message.advertisement && message.solicited && message.override);
    assert_false(message.router);
    assert_address(message.target, "2001:db8::1");
    assert_true(message.has_mac);
}

/* [R4861-06] */
static void both_are_rebuilt(void **state)
{
    struct hf_address source = address_of("2001:db8::1"), us = address_of("2001:db8::2");
    struct hf_address group = ipv6_solicited_node(&us);
    struct nd_message message;
    uint8_t built[ND_LENGTH_MAX];

    (void)state;
    assert_true(parse_changed(&message, solicitation, sizeof solicitation, 0, 0));
    assert_int_equal(nd_build(built, &message, &source, &group), 32);
    assert_memory_equal(built, solicitation + 54, 32);
    assert_true(parse_changed(&message, advertisement, sizeof advertisement, 0, 0));
    assert_int_equal(nd_build(built, &message, &source, &us), 32);
    assert_memory_equal(built, advertisement + 54, 32);
    message.has_mac = false;
    assert_int_equal(nd_build(built, &message, &source, &us), 24);
}

/* [RFC 4861 7.1.1, 7.1.2] [R4861-01, R4861-02, R4861-05] */
static void what_is_discarded(void **state)
{
    static const struct {
        const char *name;
        bool advertisement;
        uint8_t at, value;
    } rows[] = {
        {"hop limit 254", false, 21, 254},
        {"hop limit 254", true, 21, 254},
        {"code 1", false, 55, 1},
        {"code 1", true, 55, 1},
        {"option of length 0", false, 79, 0},
        {"option of length 0", true, 79, 0},
        {"option past the end", false, 79, 2},
        {"option past the end", true, 79, 255},
        {"multicast target", false, 62, 0xff},
        {"multicast target", true, 62, 0xff},
        {"an echo", false, 54, 128},
        {"a redirect", true, 54, 137},
        {"solicited, to a group", true, 38, 0xff},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint8_t *frame = rows[i].advertisement ? advertisement : solicitation;
        struct nd_message message;

        if (parse_changed(&message, frame, sizeof solicitation, rows[i].at, rows[i].value))
            fail_msg("%s", rows[i].name);
    }
}

/* A foreign option is passed over; a link address of another length is not taken. [R4861-05] */
static void other_options(void **state)
{
    struct nd_message message;

    (void)state;
    assert_true(parse_changed(&message, solicitation, sizeof solicitation, 78, 14));
    assert_false(message.has_mac);
    assert_true(parse_changed(&message, solicitation, sizeof solicitation, 78, 2));
    assert_false(message.has_mac);
}

static void flags_of_an_unsolicited_advertisement(void **state)
{
    struct nd_message message;
    uint8_t *data = exact_copy(advertisement, sizeof advertisement);

    (void)state;
    memcpy(data + 38, solicitation + 38, 16);
    assert_true(parse_changed(&message, data, sizeof advertisement, 58, 0xa0));
    assert_true(message.router && message.override);
    assert_false(message.solicited);
    free(data);
}

/* Duplicate address detection: from ::, to a solicited-node group, without a link address. [R4861-01] */
static void from_the_unspecified_address(void **state)
{
    struct hf_address any = {{0}}, us = address_of("2001:db8::2"), group = ipv6_solicited_node(&us);
    struct nd_message message = {.target = us};
    uint8_t data[ND_LENGTH_MAX];
    struct packet packet = {
        .kind = PACKET_ICMPV6, .version = 6, .ttl = 255, .destination = group, .payload = data};

    (void)state;
    packet.payload_length = nd_build(data, &message, &any, &group);
    assert_true(nd_parse(&message, &packet));
    packet.destination = us;
    assert_false(nd_parse(&message, &packet));
    packet.destination = address_of("ff02::1");
    assert_false(nd_parse(&message, &packet));
    packet.destination = group;
    message.has_mac = true;
    packet.payload_length = nd_build(data, &message, &any, &group);
    assert_false(nd_parse(&message, &packet));
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = 8; length <= 32; length++) {
        uint8_t *data = exact_copy(solicitation + 54, length);
        struct packet packet = {
            .kind = PACKET_ICMPV6, .ttl = 255, .payload = data, .payload_length = length};
        struct nd_message message;

        packet.source = address_of("2001:db8::1");
        packet.destination = address_of("2001:db8::2");
        assert_int_equal(nd_parse(&message, &packet), length == 24 || length == 32);
        free(data);
    }
}

/* [RFC 6980 5]: not even an atomic fragment header. [R6980-01] */
static void fragmented_ones_are_discarded(void **state)
{
    uint8_t data[sizeof solicitation + 8];
    struct nd_message message;
    struct packet packet;

    (void)state;
    memcpy(data, solicitation, 54);
    put_be16(data + 18, 40);
    data[20] = IP_FRAGMENT;
    memcpy(data + 54, (uint8_t[]){IP_ICMPV6, 0, 0, 0, 0, 0, 0, 9}, 8);
    memcpy(data + 62, solicitation + 54, 32);
    parse_with(&packet, &ethernet_rules, data, sizeof data);
    assert_int_equal(packet.kind, PACKET_ICMPV6);
    assert_true(packet.fragmented);
    assert_false(nd_parse(&message, &packet));
    packet.fragmented = false;
    assert_true(nd_parse(&message, &packet));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_solicitation),
        cmocka_unit_test(an_advertisement),
        cmocka_unit_test(both_are_rebuilt),
        cmocka_unit_test(what_is_discarded),
        cmocka_unit_test(other_options),
        cmocka_unit_test(flags_of_an_unsolicited_advertisement),
        cmocka_unit_test(from_the_unspecified_address),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(fragmented_ones_are_discarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
