/* Conversations find their packets, room is bounded, floods are told from crowds, and no byte of a file is trusted. */
#include "explain/observer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

static struct observer observer;

static int set_up(void **state)
{
    (void)state;
    return observer_init(&observer, 1000, (struct siphash_key){1, 2}) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    observer_free(&observer);
    return 0;
}

static struct dissected packet(uint32_t client, bool to_server, uint8_t flags, uint32_t number,
                               uint32_t ack)
{
    struct dissected dissected = {.ttl = 64};
    struct hf_address a = address_v4(0x0a000000 + client), s = address_v4(0xc0000201);

    dissected.flow = to_server ? (struct flow){a, s, 40000, 80} : (struct flow){s, a, 80, 40000};
    dissected.segment = (struct segment){.seq = seq_of(number),
                                         .ack = seq_of(ack),
                                         .flags = flags,
                                         .window = 1000,
                                         .source_port = to_server ? 40000 : 80,
                                         .destination_port = to_server ? 80 : 40000};
    return dissected;
}

static struct observation see(struct dissected dissected, int64_t at_us)
{
    struct observation seen;

    observer_see(&observer, &dissected, at_us, &seen);
    return seen;
}

static void shake_hands(uint32_t client, int64_t at_us)
{
    assert_true(see(packet(client, true, TCP_SYN, 9, 0), at_us).begins);
    assert_int_equal(see(packet(client, false, TCP_SYN | TCP_ACK, 5, 10), at_us).from, 1);
    struct observation seen = see(packet(client, true, TCP_ACK, 10, 6), at_us);

    assert_false(seen.begins);
    assert_true(seen.conversation->completed);
}

static void test_both_ways(void **state)
{
    (void)state;
    shake_hands(1, 0);
    shake_hands(2, 0);
    assert_int_equal(observer.conversations, 2);
    observer_finish(&observer);
    assert_int_equal(observer.counts[__builtin_ctz(ANOMALY_HALF_OPEN)], 0);
}

static void test_room_is_bounded(void **state)
{
    (void)state;
    shake_hands(500000, 0);
    for (uint32_t i = 0; i < 50000; i++)
        see(packet(i, true, TCP_SYN, i, 0), 2000 * (int64_t)i);
    assert_int_equal(observer.pool.count, 1000);
    assert_true(observer.gave_way >= 49000);
    assert_false(see(packet(500000, true, TCP_ACK, 10, 6), 0).begins); /* it stayed */
    observer_finish(&observer);
    assert_int_equal(observer.counts[__builtin_ctz(ANOMALY_HALF_OPEN)], 50000);
}

static void test_a_flood(void **state)
{
    struct hf_endpoint server = {address_v4(0xc0000201), 80};
    uint64_t began = 0;

    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        struct observation seen = see(packet(i, true, TCP_SYN, i, 0), 100 * (int64_t)i);

        began += (seen.odd & ANOMALY_SYN_FLOOD) != 0;
        assert_int_equal(seen.of_flood, i >= FLOOD_SYNS - 1);
    }
    assert_int_equal(began, 1);
    shake_hands(100000, 600000);
    observer_finish(&observer);
    struct flooded *flooded = floods_find(&observer.floods, &server);

    assert_true(flooded->ever);
    assert_int_equal(flooded->total, 5001);
    assert_int_equal(flooded->half_opens, 5000);
    assert_in_range(flooded_sources(flooded), 4700, 4900); /* counted from its beginning on */
    memset(flooded->sources, 0xff, FLOOD_SOURCE_BITS / 8);
    assert_int_equal(flooded_sources(flooded), FLOOD_SOURCES_MOST); /* or more: so it is said */
}

static void test_a_crowd_is_no_flood(void **state)
{
    struct hf_endpoint server = {address_v4(0xc0000201), 80};

    (void)state;
    for (uint32_t i = 0; i < 3000; i++)
        shake_hands(i, 100 * (int64_t)i);
    assert_false(floods_find(&observer.floods, &server)->ever);
}

/* A bridge shows a packet at each of its interfaces: that is no retransmission, and no second SYN. A TCP that says the same
 * again gives it another identification, or takes its time. */
static void test_seen_twice(void **state)
{
    struct dissected syn = packet(1, true, TCP_SYN, 9, 0), ack = packet(1, true, TCP_ACK, 10, 6);

    (void)state;
    syn.id = 77;
    assert_int_equal(see(syn, 0).odd, 0);
    assert_int_equal(see(syn, 30).odd, ANOMALY_SEEN_TWICE);
    assert_int_equal(see(syn, 900).odd, ANOMALY_SEEN_TWICE);
    assert_int_equal(see(syn, 5000).odd, ANOMALY_RETRANSMISSION);
    syn.id = 78;
    assert_int_equal(see(syn, 5100).odd, ANOMALY_RETRANSMISSION);
    syn.id = 0;
    assert_int_equal(see(syn, 6000).odd, ANOMALY_RETRANSMISSION);
    assert_int_equal(see(syn, 6050).odd, ANOMALY_SEEN_TWICE);
    assert_int_equal(see(syn, 6101).odd, ANOMALY_RETRANSMISSION);

    assert_int_equal(see(packet(1, false, TCP_SYN | TCP_ACK, 5, 10), 7000).odd, 0);
    assert_int_equal(see(ack, 7010).odd, 0);
    assert_int_equal(see(ack, 7011).odd, 0); /* two equal ACKs: nothing tells */
    ack.segment.length = 20;
    assert_int_equal(see(ack, 7020).odd, 0);
    assert_int_equal(see(ack, 7021).odd, ANOMALY_SEEN_TWICE);
    ack.segment.length = 10;
    assert_int_equal(see(ack, 7022).odd, ANOMALY_RETRANSMISSION);
}

/* Who gives up and tries anew leaves a half-open behind. */
static void test_another_try(void **state)
{
    (void)state;
    assert_true(see(packet(1, true, TCP_SYN, 9, 0), 0).begins);
    assert_true(see(packet(1, true, TCP_SYN, 90000, 0), 9000000).begins);
    assert_int_equal(observer.conversations, 2);
    assert_int_equal(observer.counts[__builtin_ctz(ANOMALY_HALF_OPEN)], 1);
    assert_int_equal(see(packet(1, false, TCP_SYN | TCP_ACK, 5, 90001), 9000010).odd, 0);
    assert_true(see(packet(1, true, TCP_ACK, 90001, 6), 9000020).conversation->completed);
    observer_finish(&observer);
    assert_int_equal(observer.counts[__builtin_ctz(ANOMALY_HALF_OPEN)], 1);
    assert_int_equal(observer.left_count, 1); /* and which one it was */
    assert_int_equal(observer.left[0].number, 1);
}

/* ---- packets as they are captured ---- */

static uint32_t build(uint8_t *to, bool v6, unsigned tags)
{
    struct segment seg = {.seq = seq_of(7),
                          .flags = TCP_SYN,
                          .window = 1000,
                          .source_port = 4711,
                          .destination_port = 80,
                          .options = {.present = TCP_OPTION_MSS, .mss = 1460}};
    uint8_t *at = to + 12;

    memset(to, 2, 12);
    for (unsigned i = 0; i < tags; i++, at += 4) {
        put_be16(at, ETHERTYPE_VLAN);
        put_be16(at + 2, 7);
    }
    put_be16(at, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    at += 2;
    if (v6) {
        struct ipv6 ip = {.payload_length = 24 + 100, .next_header = IP_TCP, .hop_limit = 60};

        ip.source.bytes[15] = 1;
        ip.destination.bytes[15] = 2;
        at += ipv6_build(at, &ip);
    } else {
        struct ipv4 ip = {.source = address_v4(0x0a000001),
                          .destination = address_v4(0x0a000002),
                          .total_length = 20 + 24 + 100,
                          .ttl = 60,
                          .protocol = IP_TCP};

        at += ipv4_build(at, &ip);
    }
    at += tcp_header_build(at, &seg);
    memset(at, 'x', 100);
    return (uint32_t)(at - to) + 100;
}

static void test_cut_anywhere(void **state)
{
    uint8_t bytes[300];

    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned tags = 0; tags < 3; tags++) {
            uint32_t length = build(bytes, v6, tags), headers = length - 100;

            for (uint32_t cut = 0; cut <= length; cut++) {
                uint8_t *exact = malloc(cut + 1); /* a sanitizer sees each byte too many */
                struct dissected dissected;

                assert_non_null(exact);
                memcpy(exact, bytes, cut);
                enum dissect_kind kind = dissect(&dissected, DISSECT_ETHERNET, exact, cut, cut);

                assert_int_equal(kind, cut < headers ? DISSECTED_SHORT : DISSECTED_TCP);
                if (kind == DISSECTED_TCP) {
                    assert_int_equal(dissected.segment.length, 100);
                    assert_int_equal(dissected.cut, cut < length);
                    assert_int_equal(dissected.flow.remote_port, 4711);
                    assert_int_equal(dissected.segment.options.mss, 1460);
                    assert_int_equal(dissected.ttl, 60);
                }
                free(exact);
            }
        }
}

/* A network card cuts later what the stack gives it in one piece: the length in the IP header is 0 then. */
static void test_a_length_of_zero(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        uint8_t bytes[300];
        uint32_t length = build(bytes, v6, 0), headers = length - 100;

        put_be16(bytes + ETHERNET_HEADER + (v6 ? 4 : 2), 0);
        for (uint32_t cut = headers; cut <= length; cut++) {
            struct dissected dissected;

            assert_int_equal(dissect(&dissected, DISSECT_ETHERNET, bytes, cut, length),
                             DISSECTED_TCP);
            assert_int_equal(dissected.segment.length, 100);
            assert_int_equal(dissected.cut, cut < length);
        }
    }
}

/* Of a datagram in fragments only the first says what it is of: what follows it was there, and is no gap. */
static void test_fragments(void **state)
{
    struct dissected piece = packet(1, true, TCP_ACK, 10, 6), next;
    uint8_t bytes[300];
    uint32_t length = build(bytes, false, 0);

    (void)state;
    put_be16(bytes + ETHERNET_HEADER + 6, IPV4_MORE_FRAGMENTS);
    assert_int_equal(dissect(&next, DISSECT_ETHERNET, bytes, length, length), DISSECTED_TCP);
    assert_true(next.is_piece);

    shake_hands(1, 0);
    piece.segment.length = 344;
    piece.is_piece = true;
    next = piece;
    next.segment.seq = seq_of(10 + 500);
    assert_int_equal(see(piece, 10).odd, 0);
    assert_int_equal(see(next, 20).odd, 0);
    assert_int_equal(see(packet(1, false, TCP_ACK, 6, 10 + 1000), 30).odd, 0);
    next.segment.seq = seq_of(10 + 1000);
    next.is_piece = false;
    assert_int_equal(see(next, 40).odd, 0);
    next.segment.seq = seq_of(10 + 1500);
    assert_int_equal(see(next, 50).odd, ANOMALY_GAP);
}

static void test_links(void **state)
{
    uint8_t bytes[300], cooked[320] = {0};
    struct dissected dissected;

    (void)state;
    uint32_t length = build(bytes, false, 0) - ETHERNET_HEADER;
    const uint8_t *ip = bytes + ETHERNET_HEADER;

    assert_int_equal(dissect(&dissected, DISSECT_RAW_IP, ip, length, length), DISSECTED_TCP);
    memcpy(cooked + 4, ip, length);
    assert_int_equal(dissect(&dissected, DISSECT_NULL, cooked, length + 4, length + 4),
                     DISSECTED_TCP);
    put_be16(cooked + 14, ETHERTYPE_IPV4);
    memcpy(cooked + 16, ip, length);
    assert_int_equal(dissect(&dissected, DISSECT_COOKED, cooked, length + 16, length + 16),
                     DISSECTED_TCP);
    put_be16(cooked, ETHERTYPE_IPV4);
    memcpy(cooked + 20, ip, length);
    assert_int_equal(dissect(&dissected, DISSECT_COOKED2, cooked, length + 20, length + 20),
                     DISSECTED_TCP);
    put_be16(cooked, ETHERTYPE_ARP);
    assert_int_equal(dissect(&dissected, DISSECT_COOKED2, cooked, length + 20, length + 20),
                     DISSECTED_OTHER);
}

/* What carriers and access lines put between Ethernet and IP: cut at each byte, and whole. See RFC 3032 2.1 and RFC 2516 4. */
static void test_what_lies_between(void **state)
{
    static const struct {
        const char *name;
        uint8_t between[20];
        uint32_t length;
        enum dissect_kind kind;
    } rows[] = {
        {"802.1ad", {0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0}, 10, DISSECTED_TCP},
        {"before it", {0x91, 0, 0, 5, 0x81, 0, 0, 6, 8, 0}, 10, DISSECTED_TCP},
        {"three tags", {0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7, 8, 0}, 14, DISSECTED_TCP},
        {"PPPoE", {0x88, 0x64, 0x11, 0, 0, 1, 0, 66, 0, 0x21}, 10, DISSECTED_TCP},
        {"PPPoE, its own words",
         {0x88, 0x64, 0x11, 0, 0, 1, 0, 66, 0xc0, 0x21},
         10,
         DISSECTED_OTHER},
        {"a label", {0x88, 0x47, 0, 1, 1, 64}, 6, DISSECTED_TCP},
        {"two labels in a VLAN",
         {0x81, 0, 0, 9, 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64},
         14,
         DISSECTED_TCP},
        {"neither", {0x88, 0xcc, 0, 1, 1, 64}, 6, DISSECTED_OTHER},
    };
    uint8_t plain[300];
    uint32_t length = build(plain, false, 0) - ETHERNET_HEADER;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t before = 12 + rows[i].length, cut;
        struct dissected dissected;

        for (cut = 0; cut <= before + length; cut++) {
            uint8_t *exact = calloc(1, cut + 1), whole[400];

            assert_non_null(exact);
            memcpy(whole, plain, 12);
            memcpy(whole + 12, rows[i].between, rows[i].length);
            memcpy(whole + before, plain + ETHERNET_HEADER, length);
            memcpy(exact, whole, cut);
            enum dissect_kind kind = dissect(&dissected, DISSECT_ETHERNET, exact, cut, cut);

            free(exact);
            if (kind != rows[i].kind && (kind != DISSECTED_SHORT || cut == before + length))
                fail_msg("%s, %u bytes: %d", rows[i].name, cut, (int)kind);
        }
    }
}

static void test_nonsense(void **state)
{
    uint64_t seed = 0x6578706c61696eu, random = seed;
    struct observation seen;

    (void)state;
    print_message("seed 0x%llx\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t bytes[120];
        struct dissected dissected;
        for (unsigned i = 0; i < sizeof bytes; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(random >> 56);
        }
        bytes[0] = round & 1 ? 0x45 : 0x60;
        bytes[round & 1 ? 9 : 6] = IP_TCP;
        if (dissect(&dissected, DISSECT_RAW_IP, bytes, sizeof bytes, sizeof bytes) == DISSECTED_TCP)
            observer_see(&observer, &dissected, round, &seen);
    }
    assert_true(observer.packets > 1000);
    observer_finish(&observer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_room_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_seen_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_try, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_crowd_is_no_flood, set_up, tear_down),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_a_length_of_zero),
        cmocka_unit_test_setup_teardown(test_fragments, set_up, tear_down),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_what_lies_between),
        cmocka_unit_test_setup_teardown(test_nonsense, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
