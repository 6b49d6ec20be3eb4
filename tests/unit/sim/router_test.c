/* A network in between with a smaller MTU. [RFC 791 3.2; RFC 1191 4; RFC 8201 3] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "sim/router.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/packet.h"

#define PAYLOAD 1000

/* An IPv4 packet with PAYLOAD bytes behind its header. */
static uint32_t build_v4(uint8_t *to, bool dont_fragment)
{
    struct ipv4 header = {
        .source = address_v4(0xc0000201),
        .destination = address_v4(0xc0000202),
        .total_length = IPV4_HEADER + PAYLOAD,
        .id = 77,
        .ttl = 64,
        .protocol = IP_TCP,
        .dont_fragment = dont_fragment,
    };

    ipv4_build(to, &header);
    for (int i = 0; i < PAYLOAD; i++)
        to[IPV4_HEADER + i] = (uint8_t)(i * 7);
    return IPV4_HEADER + PAYLOAD;
}

static struct packet parse(uint8_t *data, uint32_t length)
{
    const struct packet_rules rules = {
        .link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct hf_frame frame = {.data = data, .length = length, .link = HF_RAW_IP};
    struct packet packet = {0};

    packet_parse(&packet, &rules, &frame);
    return packet;
}

static void test_fits(void **state)
{
    uint8_t data[1500];
    struct router router = {.link = HF_RAW_IP, .mtu = IPV4_HEADER + PAYLOAD};

    (void)state;
    assert_int_equal(router_look(&router, data, build_v4(data, true)), ROUTER_FITS);
    data[0] = 0x00; /* no IP at all */
    assert_int_equal(router_look(&router, data, 1400), ROUTER_FITS);
}

/* The pieces are fragments that fit, in order, without a gap. */
static void test_cut(void **state)
{
    uint8_t data[1500], piece[1500];
    struct router router = {.link = HF_RAW_IP, .mtu = 400};
    uint32_t length, next = 0, pieces = 0;

    (void)state;
    assert_int_equal(router_look(&router, data, build_v4(data, false)), ROUTER_FRAGMENTS);
    while ((length = router_cut(&router, piece)) > 0) {
        struct packet packet = parse(piece, length);

        assert_int_equal(packet.kind, PACKET_FRAGMENT);
        assert_int_equal(packet.fragment_id, 77);
        assert_int_equal(packet.fragment_offset, next);
        assert_true(length <= 400);
        assert_memory_equal(packet.payload, data + IPV4_HEADER + next, packet.payload_length);
        next += packet.payload_length;
        assert_int_equal(packet.fragment_more, next < PAYLOAD);
        pieces++;
    }
    assert_int_equal(next, PAYLOAD);
    assert_int_equal(pieces, 3);
}

/* With DF, and for IPv6, the sender hears of the MTU, and of which packet it was. */
static void test_complaint(void **state)
{
    uint8_t data[1500] = {0}, answer[ROUTER_COMPLAINT_MAX];
    struct router router = {.link = HF_RAW_IP, .mtu = 600};

    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct icmp_message message;
        struct icmp_quote quote;
        uint32_t length = build_v4(data, true);

        if (v6) {
            struct ipv6 header = {
                .payload_length = PAYLOAD, .next_header = IP_TCP, .hop_limit = 64};

            header.source.bytes[0] = header.destination.bytes[0] = 0x20;
            header.source.bytes[15] = 1;
            length = ipv6_build(data, &header) + PAYLOAD;
        }
        assert_int_equal(router_look(&router, data, length), ROUTER_TOO_BIG);
        length = router_complaint(&router, answer);
        struct packet packet = parse(answer, length);
        assert_int_equal(packet.kind, v6 ? PACKET_ICMPV6 : PACKET_ICMPV4);
        if (v6)
            assert_true(icmpv6_parse(&message, packet.payload, packet.payload_length));
        else
            assert_true(icmpv4_parse(&message, packet.payload, packet.payload_length));
        assert_int_equal(message.kind, ICMP_TOO_BIG);
        assert_int_equal(message.mtu, 600);
        assert_true(icmp_quote_parse(&quote, packet.version, &message));
        assert_int_equal(quote.protocol, IP_TCP);
        assert_true(address_equal(&quote.flow.local, &packet.destination));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_complaint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
