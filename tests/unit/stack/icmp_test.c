/* ICMP: what is believed, what is answered, and what is not. [RFC 5927; RFC 1122 3.2.2; RFC 4443 2.4; RFC 1191 7] */
#include "support.h"

#include "base/bytes.h"
#include "stack/icmp.h"
#include "stack/icmp_v6.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

static const struct hf_mac our_mac = {{2, 0, 0, 0, 0, 1}};
static const struct hf_mac peer_mac = {{2, 0, 0, 0, 0, 9}};

struct world {
    struct hf_stats stats;
    struct icmp icmp;
    struct arena arena;
    uint8_t bytes[2048]; /* an ICMP message that arrives */
    uint8_t frame[2048];
};

static void make(struct world *w, uint16_t mtu)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct arena measure = {0};

    memset(w, 0, sizeof *w);
    config.mtu = mtu;
    icmp_init(&w->icmp, &measure, &config, &our_mac, &w->stats);
    w->arena = make_arena(measure.used);
    icmp_init(&w->icmp, &w->arena, &config, &our_mac, &w->stats);
}

static struct packet packet_v4(struct world *w, const struct icmp_message *message)
{
    return (struct packet){
        .kind = PACKET_ICMPV4,
        .version = 4,
        .protocol = IP_ICMPV4,
        .ttl = 60,
        .link = {.source = peer_mac, .destination = our_mac, .header_length = 14},
        .source = address("192.0.2.9"),
        .destination = address("192.0.2.1"),
        .payload = w->bytes,
        .payload_length = icmpv4_build(w->bytes, message),
    };
}

static struct packet packet_v6(struct world *w, const struct icmp_message *message)
{
    struct packet packet = packet_v4(w, message);

    packet.kind = PACKET_ICMPV6;
    packet.version = 6;
    packet.protocol = IP_ICMPV6;
    packet.source = address("2001:db8::9");
    packet.destination = address("2001:db8::1");
    packet.payload_length = icmpv6_build(w->bytes, message, &packet.source, &packet.destination);
    return packet;
}

/* The start of a segment of ours: 192.0.2.1:80 > 192.0.2.9:4000, or the same in IPv6, of `total` bytes. */
static uint32_t quote(uint8_t *to, int version, uint8_t protocol, uint16_t total)
{
    uint32_t header = 0;

    if (version == 4)
        header = ipv4_build(to, &(struct ipv4){
                                    .source = address("192.0.2.1"),
                                    .destination = address("192.0.2.9"),
                                    .total_length = total,
                                    .ttl = 64,
                                    .protocol = protocol,
                                });
    else
        header = ipv6_build(to, &(struct ipv6){
                                    .source = address("2001:db8::1"),
                                    .destination = address("2001:db8::9"),
                                    .payload_length = (uint16_t)(total - IPV6_HEADER),
                                    .hop_limit = 64,
                                    .next_header = protocol,
                                });
    put_be16(to + header, 80);
    put_be16(to + header + 2, 4000);
    put_be32(to + header + 4, 0xcafe);
    return header + 8;
}

static const struct {
    const char *what;
    int version;
    uint8_t type, code;
    uint32_t word;
    uint8_t protocol;
    uint32_t cut; /* bytes of the quote that are missing */
    enum icmp_verdict verdict;
    enum tcp_end hard;
    uint32_t mtu;
    enum hf_stat reason;
} error_rows[] = {
    {"net", 4, 3, 0, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"host", 4, 3, 1, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"protocol", 4, 3, 2, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_REFUSED, 0, HF_STAT_none},
    {"port", 4, 3, 3, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_REFUSED, 0, HF_STAT_none},
    {"source route", 4, 3, 5, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"net prohibited", 4, 3, 9, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_UNREACHABLE, 0,
     HF_STAT_none},
    {"host prohibited", 4, 3, 10, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_UNREACHABLE, 0,
     HF_STAT_none},
    {"for this service", 4, 3, 12, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"prohibited", 4, 3, 13, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_UNREACHABLE, 0,
     HF_STAT_none},
    {"time", 4, 11, 0, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"parameter", 4, 12, 0, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"too big", 4, 3, 4, 1400, IP_TCP, 0, ICMP_VERDICT_TOO_BIG, TCP_END_NONE, 1400, HF_STAT_none},
    {"no MTU named", 4, 3, 4, 0, IP_TCP, 0, ICMP_VERDICT_TOO_BIG, TCP_END_NONE, 1492, HF_STAT_none},
    {"not smaller", 4, 3, 4, 1500, IP_TCP, 0, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0,
     HF_STAT_icmp_ignored},
    {"no sequence number", 4, 3, 1, 0, IP_TCP, 4, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0,
     HF_STAT_icmp_ignored},
    {"no ports", 4, 3, 1, 0, IP_TCP, 7, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0, HF_STAT_icmp_ignored},
    {"no header", 4, 3, 1, 0, IP_TCP, 20, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0,
     HF_STAT_icmp_ignored},
    {"UDP is the caller's", 4, 3, 3, 0, IP_UDP, 0, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0,
     HF_STAT_frame_foreign},
    {"about ICMP", 4, 3, 3, 0, IP_ICMPV4, 0, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0,
     HF_STAT_icmp_ignored},
    {"source quench", 4, 4, 0, 0, IP_TCP, 0, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0, HF_STAT_none},
    {"redirect", 4, 5, 1, 0, IP_TCP, 0, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0, HF_STAT_none},
    {"v6 no route", 6, 1, 0, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"v6 prohibited", 6, 1, 1, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_UNREACHABLE, 0,
     HF_STAT_none},
    {"v6 address", 6, 1, 3, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"v6 port", 6, 1, 4, 0, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_REFUSED, 0, HF_STAT_none},
    {"v6 too big", 6, 2, 0, 1400, IP_TCP, 0, ICMP_VERDICT_TOO_BIG, TCP_END_NONE, 1400,
     HF_STAT_none},
    {"v6 parameter", 6, 4, 1, 6, IP_TCP, 0, ICMP_VERDICT_ERROR, TCP_END_NONE, 0, HF_STAT_none},
    {"v6 redirect", 6, 137, 0, 0, IP_TCP, 0, ICMP_VERDICT_IGNORE, TCP_END_NONE, 0, HF_STAT_none},
};

/* [RFC 9293 MUST-54; R5927-02, R5927-07, R1122-21, R1122-24, R1122-25, R4443-10, R4443-14] [RFC 9293 MUST-56] */
static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof error_rows / sizeof *error_rows; i++) {
        uint8_t body[64];
        struct icmp_message message = {.type = error_rows[i].type, .code = error_rows[i].code};
        struct icmp_finding finding;
        struct world w;

        make(&w, 1500);
        message.word = error_rows[i].word;
        message.body = body;
        message.body_length =
            quote(body, error_rows[i].version, error_rows[i].protocol, 1500) - error_rows[i].cut;
        struct packet packet =
            error_rows[i].version == 4 ? packet_v4(&w, &message) : packet_v6(&w, &message);
        enum icmp_verdict verdict = icmp_classify(&w.icmp, &packet, &finding);

        if (verdict != error_rows[i].verdict || finding.reason != error_rows[i].reason)
            print_error("row \"%s\"\n", error_rows[i].what);
        assert_int_equal(verdict, error_rows[i].verdict);
        assert_int_equal(finding.reason, error_rows[i].reason);
        if (verdict == ICMP_VERDICT_ERROR || verdict == ICMP_VERDICT_TOO_BIG) {
            assert_int_equal(finding.hard, error_rows[i].hard);
            assert_int_equal(finding.mtu, error_rows[i].mtu);
            assert_int_equal(finding.quoted.value, 0xcafe);
            assert_int_equal(finding.flow.local_port, 80);
            assert_int_equal(finding.flow.remote_port, 4000);
            assert_true(address_equal(&finding.flow.local, &packet.destination));
            assert_true(address_equal(&finding.flow.remote, &packet.source));
        }
        free(w.arena.base);
    }
}

/* [RFC 1191 7.1] [R1191-04] */
static void test_plateaus(void **state)
{
    static const uint32_t rows[][2] = {{65535, 32000}, {32001, 32000}, {32000, 17914}, {9000, 8166},
                                       {1500, 1492},   {1492, 1006},   {576, 508},     {300, 296},
                                       {296, 68},      {68, 68}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(icmp_mtu_plateau(rows[i][0]), rows[i][1]);
}

/* The frame that waits, as its receiver reads it. */
static uint32_t take(struct world *w, struct packet *packet)
{
    struct packet_rules rules = {.mac = peer_mac, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    struct hf_frame frame = {.data = w->frame};

    frame.length = icmp_next_message(&w->icmp, w->frame, sizeof w->frame);
    if (frame.length)
        packet_parse(packet, &rules, &frame);
    return frame.length;
}

/* [R1122-26, R4443-02, R4443-12] */
static void test_echo(void **state)
{
    static const uint8_t text[] = "the very same bytes";
    struct world w;

    (void)state;
    make(&w, 1500);
    for (int version = 4; version <= 6; version += 2) {
        struct icmp_message request = {.type = version == 4 ? 8 : 128,
                                       .word = 0x12345678,
                                       .body = text,
                                       .body_length = sizeof text},
                            reply;
        struct packet packet = version == 4 ? packet_v4(&w, &request) : packet_v6(&w, &request);
        struct icmp_finding finding;
        struct packet answer;

        packet.traffic_class = 0x23;
        assert_int_equal(icmp_classify(&w.icmp, &packet, &finding), ICMP_VERDICT_ECHO);
        assert_false(icmp_wants_output(&w.icmp));
        icmp_answer_echo(&w.icmp, &packet, &finding.message);
        assert_true(icmp_wants_output(&w.icmp));
        assert_int_not_equal(take(&w, &answer), 0);
        assert_int_equal(answer.kind, version == 4 ? PACKET_ICMPV4 : PACKET_ICMPV6);
        assert_true(address_equal(&answer.source, &packet.destination));
        assert_true(address_equal(&answer.destination, &packet.source));
        assert_int_equal(answer.traffic_class, 0x20); /* type of service, not its ECN bits */
        assert_int_equal(answer.ttl, 64);
        if (version == 4)
            assert_true(icmpv4_parse(&reply, answer.payload, answer.payload_length));
        else
            assert_true(icmpv6_parse(&reply, answer.payload, answer.payload_length));
        assert_int_equal(reply.kind, ICMP_ECHO_REPLY);
        assert_int_equal(reply.word, request.word);
        assert_int_equal(reply.body_length, sizeof text);
        assert_memory_equal(reply.body, text, sizeof text);
        assert_int_equal(take(&w, &answer), 0);
    }
    assert_int_equal(w.stats.icmp_out, 2);
    free(w.arena.base);
}

/* Never to more than one station. [RFC 1122 3.2.2.6] [R1122-27] */
static void test_echo_to_all(void **state)
{
    struct icmp_message request = {.type = 8};
    struct icmp_finding finding;
    struct world w;

    (void)state;
    make(&w, 1500);
    struct packet packet = packet_v4(&w, &request);

    packet.to_link_group = true;
    assert_int_equal(icmp_classify(&w.icmp, &packet, &finding), ICMP_VERDICT_IGNORE);
    assert_int_equal(finding.reason, HF_STAT_ip_broadcast);
    packet.to_link_group = false;
    packet.destination = address("224.0.0.1");
    assert_int_equal(icmp_classify(&w.icmp, &packet, &finding), ICMP_VERDICT_IGNORE);
    packet.payload_length = 7;
    assert_int_equal(icmp_classify(&w.icmp, &packet, &finding), ICMP_VERDICT_IGNORE);
    assert_int_equal(finding.reason, HF_STAT_icmp_malformed);
    free(w.arena.base);
}

/* A few answers wait, the rest is dropped and counted; one larger than the MTU is not made. */
static void test_bounds(void **state)
{
    static uint8_t text[2000];
    struct icmp_message request = {.type = 8, .body = text, .body_length = 1472};
    struct packet answer;
    struct world w;
    uint32_t answers = 0;

    (void)state;
    make(&w, 1500);
    struct packet packet = packet_v4(&w, &request);

    for (int i = 0; i < 100; i++)
        icmp_answer_echo(&w.icmp, &packet, &request);
    assert_int_equal(w.stats.outbox_dropped, 84);
    assert_int_equal(icmp_next_message(&w.icmp, w.frame, 1000), 0); /* slots too small: all gone */
    assert_int_equal(w.stats.outbox_dropped, 100);

    request.body_length = 1473;
    icmp_answer_echo(&w.icmp, &packet, &request);
    assert_int_equal(w.stats.outbox_dropped, 101);
    request.body_length = 1472;
    icmp_answer_echo(&w.icmp, &packet, &request);
    while (take(&w, &answer))
        answers++;
    assert_int_equal(answers, 1);
    assert_int_equal(answer.ip_length, 1500);
    free(w.arena.base);
}

/* [R8200-04, R4443-05] */
static void test_problem(void **state)
{
    uint8_t ip[1400] = {0};
    struct icmp_message message;
    struct packet answer;
    struct world w;

    (void)state;
    make(&w, 1500);
    struct packet packet = {
        .kind = PACKET_FOREIGN,
        .version = 6,
        .protocol = 200,
        .link = {.source = peer_mac},
        .source = address("2001:db8::9"),
        .destination = address("2001:db8::1"),
        .ip = ip,
        .ip_length = sizeof ip,
        .problem = true,
        .problem_code = ICMPV6_UNKNOWN_NEXT_HEADER,
        .problem_offset = 6,
    };

    assert_true(icmp_error_allowed(&packet));
    icmp_v6_send_problem(&w.icmp, &packet);
    assert_int_not_equal(take(&w, &answer), 0);
    assert_int_equal(answer.ip_length, 1280); /* [RFC 4443 2.4] */
    assert_true(icmpv6_parse(&message, answer.payload, answer.payload_length));
    assert_int_equal(message.type, ICMPV6_PARAMETER_PROBLEM);
    assert_int_equal(message.code, ICMPV6_UNKNOWN_NEXT_HEADER);
    assert_int_equal(message.word, 6);
    assert_memory_equal(message.body, ip, message.body_length);
    free(w.arena.base);
}

/* [RFC 1122 3.2.2; RFC 4443 2.4] [R4443-07] */
static void test_error_allowed(void **state)
{
    uint8_t error[8] = {1}, echo[8] = {128};
    const struct packet good = {
        .version = 6,
        .protocol = 200,
        .source = address("2001:db8::9"),
        .destination = address("2001:db8::1"),
        .payload = error,
        .payload_length = 8,
    };
    struct packet packet = good;

    (void)state;
    assert_true(icmp_error_allowed(&packet));
    packet.protocol = IP_ICMPV6;
    assert_false(icmp_error_allowed(&packet));
    packet.payload = echo;
    assert_true(icmp_error_allowed(&packet));

    packet = good;
    packet.to_link_group = true;
    assert_false(icmp_error_allowed(&packet));
    packet = good;
    packet.destination = address("ff02::1");
    assert_false(icmp_error_allowed(&packet));
    packet = good;
    packet.source = address("ff02::1");
    assert_false(icmp_error_allowed(&packet));
    packet = good;
    memset(&packet.source, 0, sizeof packet.source);
    assert_false(icmp_error_allowed(&packet));
    packet = good;
    packet.fragmented = true;
    packet.fragment_offset = 8;
    assert_false(icmp_error_allowed(&packet));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_plateaus),
        cmocka_unit_test(test_echo),          cmocka_unit_test(test_echo_to_all),
        cmocka_unit_test(test_bounds),        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_error_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
