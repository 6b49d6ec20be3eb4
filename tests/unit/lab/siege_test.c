/* Scenes under attack without a network: names, percentiles, counters; and the attacker's frames, read by our own parser. */
#include "unit/os/test.h"

#include <arpa/inet.h>

#include "lab/siege.h"
#include "lab/siege_bout.h"
#include "wire/checksum.h"
#include "wire/packet.h"

#include "lab/forge.c" /* of tests/lab */

static void defences_have_names(void **state)
{
    (void)state;
    assert_int_equal(siege_defence("none"), 1u << DEFENCE_NONE);
    assert_int_equal(siege_defence("all"), 1u << DEFENCE_ALL);
    assert_int_equal(siege_defence("each"), (1u << DEFENCES) - 1);
    assert_int_equal(siege_defence("prayer"), 0);
    assert_int_equal(siege_defence("?"), 0);
    assert_true(siege_has_scene("flood") && siege_has_scene("hold"));
    assert_false(siege_has_scene("handshake"));
}

static void percentiles_are_of_those_that_succeeded(void **state)
{
    static struct siege_client_report report;

    (void)state;
    assert_int_equal(siege_client_percentile(&report, 50), 0);
    assert_true(bout_share(&report) <= 0);
    report.begun = 200;
    report.succeeded = 100;
    for (uint32_t i = 0; i < 100; i++)
        report.connect_us[i] = i;
    assert_int_equal(siege_client_percentile(&report, 50), 50);
    assert_int_equal(siege_client_percentile(&report, 99), 99);
    assert_int_equal(siege_client_percentile(&report, 100), 99);
    assert_true(bout_share(&report) > 0.49 && bout_share(&report) < 0.51);
}

static void counts_are_differences(void **state)
{
    struct siege_count then = {.at_us = 5, .in_packets = 10, .out_bytes = 7, .tap_dropped = 1};
    struct siege_count now = {.at_us = 25, .in_packets = 15, .out_bytes = 7, .tap_dropped = 4};
    struct siege_count during = siege_count_since(&now, &then);

    (void)state;
    assert_int_equal(during.at_us, 20);
    assert_int_equal(during.in_packets, 5);
    assert_int_equal(during.out_bytes, 0);
    assert_int_equal(during.tap_dropped, 3);
}

/* ---- forged frames ---- */

static struct packet parse(uint8_t *bytes, uint32_t length)
{
    static const struct packet_rules rules = {
        .mac = {{2, 0, 0, 0, 0, 0x0a}}, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct hf_frame frame = {.data = bytes, .length = length, .capacity = FORGE_MAX};
    struct packet packet = {0};

    packet_parse(&packet, &rules, &frame);
    return packet;
}

static struct packet forged(const struct forge_plan *plan, const struct forge_segment *segment)
{
    static uint8_t bytes[FORGE_MAX];
    struct forge_template template;

    forge_prepare(&template, plan);
    memcpy(bytes, template.frame, template.length);
    forge_fill(bytes, &template, segment);
    return parse(bytes, template.length);
}

static void forged_segments_are_flawless(void **state)
{
    struct forge_plan plan = {.to_mac = {2, 0, 0, 0, 0, 0x0a},
                              .to = htonl(0xc000020a),
                              .to_port = 7,
                              .flags = FORGE_SYN,
                              .options = true,
                              .window = 64240};
    uint64_t seed = 42;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct forge_segment segment = {.from = htonl(0x0a000001 + (uint32_t)i * 777),
                                        .from_port = (uint16_t)(1024 + i),
                                        .seq = (uint32_t)test_random(&seed),
                                        .timestamp = (uint32_t)test_random(&seed)};
        struct packet packet = forged(&plan, &segment);

        assert_int_equal(packet.kind, PACKET_TCP);
        assert_int_equal(packet.segment.seq.value, segment.seq);
        assert_int_equal(packet.segment.source_port, segment.from_port);
        assert_int_equal(packet.segment.destination_port, 7);
        assert_int_equal(packet.segment.options.mss, 1460);
    }
}

static void forged_resets_questions_and_echoes_too(void **state)
{
    struct forge_plan plan = {
        .to_mac = {2, 0, 0, 0, 0, 0x0a}, .to = htonl(0xc000020a), .flags = FORGE_RST};
    struct forge_segment segment = {htonl(0xc6120102), 41000, 0xffffffff, 0xfffffffe, 0};

    (void)state;
    plan.to_port = 7;
    assert_int_equal(forged(&plan, &segment).kind, PACKET_TCP);
    plan.flags = FORGE_ACK | FORGE_PSH;
    plan.text_bytes = 1000;
    struct packet packet = forged(&plan, &segment);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.segment.length, 1000);
    plan.echo = true;
    assert_int_equal(forged(&plan, &segment).kind, PACKET_ICMPV4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defences_have_names),
        cmocka_unit_test(percentiles_are_of_those_that_succeeded),
        cmocka_unit_test(counts_are_differences),
        cmocka_unit_test(forged_segments_are_flawless),
        cmocka_unit_test(forged_resets_questions_and_echoes_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
