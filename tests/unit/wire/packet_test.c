/* Frames to meaning, once. [RFC 791 3.1; RFC 8200 3; RFC 9293 3.1] */
#include "base/bytes.h"
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* A frame changed at one byte; *packet does not outlive it. */
static void parse_changed(struct packet *packet, const uint8_t *frame, size_t length, size_t at,
                          uint8_t value)
{
    uint8_t *data = exact_copy(frame, length);

    data[at] = value;
    parse_with(packet, &ethernet_rules, data, length);
    free(data);
}

static void assert_refused(const struct packet *packet, enum hf_stat reason)
{
    assert_int_equal(packet->kind, PACKET_REFUSED);
    assert_int_equal(packet->reason, reason);
}

static void kinds_of_known_frames(void **state)
{
    static const struct {
        const char *name;
        enum packet_kind kind;
    } rows[] = {
        {"syn_v4", PACKET_TCP},           {"ack_v4", PACKET_TCP},
        {"data_v4", PACKET_TCP},          {"sack_v4", PACKET_TCP},
        {"tagged_v4", PACKET_REFUSED},    {"syn_v6", PACKET_TCP},
        {"data_v6", PACKET_TCP},          {"extended_v6", PACKET_TCP},
        {"atomic_v6", PACKET_TCP},        {"fragment_v4", PACKET_FRAGMENT},
        {"fragment_v6", PACKET_FRAGMENT}, {"arp_frame", PACKET_ARP},
        {"echo_v4", PACKET_ICMPV4},       {"echo_v6", PACKET_ICMPV6},
        {"too_big_v4", PACKET_ICMPV4},    {"too_big_v6", PACKET_ICMPV6},
        {"solicitation", PACKET_ICMPV6},  {"advertisement", PACKET_ICMPV6},
        {"udp_v4", PACKET_FOREIGN},
    };

    (void)state;
    assert_int_equal(sizeof rows / sizeof *rows, FRAMES);
    for (size_t i = 0; i < FRAMES; i++) {
        uint8_t *data = exact_copy(frames[i].data, frames[i].length);
        struct packet packet;

        parse_with(&packet, &ethernet_rules, data, frames[i].length);
        assert_string_equal(frames[i].name, rows[i].name);
        if (packet.kind != rows[i].kind)
            fail_msg("%s: kind %d, reason %d", rows[i].name, packet.kind, packet.reason);
        free(data);
    }
}

/* An IPv6 packet from or to ::ffff:192.0.2.9 would pass for one of IPv4. [RFC 4291 2.5.5.2] */
static void mapped_addresses_are_not_for_the_wire(void **state)
{
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9};
    static const size_t places[] = {14 + 8, 14 + 24};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t *data = exact_copy(syn_v6, sizeof syn_v6);
        struct packet packet;

        memcpy(data + places[i], mapped, sizeof mapped);
        parse_with(&packet, &ethernet_rules, data, sizeof syn_v6);
        assert_refused(&packet, HF_STAT_ip_bad_source);
        free(data);
    }
}

static void a_syn_whole(void **state)
{
    uint8_t *data = exact_copy(syn_v4, sizeof syn_v4);
    struct packet packet;

    (void)state;
    parse_with(&packet, &ethernet_rules, data, sizeof syn_v4);
    struct flow flow = packet_flow(&packet);

    assert_int_equal(packet.version, 4);
    assert_int_equal(packet.protocol, IP_TCP);
    assert_int_equal(packet.ttl, 64);
    assert_true(packet.dont_fragment);
    assert_false(packet.to_link_group || packet.fragmented || packet.problem);
    assert_address(flow.remote, "192.0.2.1");
    assert_address(flow.local, "192.0.2.2");
    assert_int_equal(flow.remote_port, 43210);
    assert_int_equal(flow.local_port, 80);
    assert_ptr_equal(packet.ip, data + 14);
    assert_int_equal(packet.ip_length, 60);
    assert_int_equal(packet.ip_header_length, 20);
    assert_ptr_equal(packet.payload, data + 34);
    assert_int_equal(packet.payload_length, 40);
    assert_int_equal(packet.segment.flags, TCP_SYN);
    assert_int_equal(packet.segment.length, 0);
    assert_int_equal(packet.segment.options.mss, 1460);
    assert_memory_equal(&packet.link.source, data + 6, 6);
    assert_int_equal(packet.link.header_length, 14);
    free(data);
}

static void ecn_bits_reach_the_segment(void **state)
{
    uint8_t *v4 = exact_copy(data_v4, sizeof data_v4), *v6 = exact_copy(data_v6, sizeof data_v6);
    struct packet packet;

    (void)state;
    parse_with(&packet, &ethernet_rules, v4, sizeof data_v4);
    assert_int_equal(packet.segment.ecn, 2);
    parse_with(&packet, &ethernet_rules, v6, sizeof data_v6);
    assert_int_equal(packet.segment.ecn, 1);
    free(v4);
    free(v6);
}

/* The text ends where the IP packet ends: the rest of a short frame is padding. */
static void padding_is_no_text(void **state)
{
    uint8_t v4[60] = {0}, v6[sizeof data_v6 + 9];
    struct packet packet;

    (void)state;
    memset(v4, 0xee, sizeof v4);
    memcpy(v4, ack_v4, sizeof ack_v4);
    parse_with(&packet, &ethernet_rules, v4, sizeof v4);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.segment.length, 0);
    memset(v6, 0xee, sizeof v6);
    memcpy(v6, data_v6, sizeof data_v6);
    parse_with(&packet, &ethernet_rules, v6, sizeof v6);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.segment.length, 5);
}

static void who_may_talk_to_us(void **state)
{
    static const uint8_t ipv6_group[6] = {0x33, 0x33, 0, 0, 0, 1};
    struct packet packet;
    uint8_t *data = exact_copy(ack_v4, sizeof ack_v4);

    (void)state;
    data[5] ^= 1;
    parse_with(&packet, &ethernet_rules, data, sizeof ack_v4);
    assert_refused(&packet, HF_STAT_frame_other_station);
    memset(data, 0xff, 6);
    parse_with(&packet, &ethernet_rules, data, sizeof ack_v4);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_true(packet.to_link_group);
    memcpy(data, ipv6_group, 6);
    parse_with(&packet, &ethernet_rules, data, sizeof ack_v4);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_true(packet.to_link_group);
    memcpy(data, ack_v4, 6);
    data[6] |= 1; /* a group as the sender */
    parse_with(&packet, &ethernet_rules, data, sizeof ack_v4);
    assert_refused(&packet, HF_STAT_frame_other_station);
    free(data);
}

static void networks_by_tag(void **state)
{
    struct packet_rules rules = ethernet_rules;
    uint8_t *tagged = exact_copy(tagged_v4, sizeof tagged_v4),
            *plain = exact_copy(ack_v4, sizeof ack_v4);
    struct packet packet;

    (void)state;
    parse_with(&packet, &rules, tagged, sizeof tagged_v4);
    assert_refused(&packet, HF_STAT_frame_other_vlan);
    rules.vlan = 7;
    parse_with(&packet, &rules, tagged, sizeof tagged_v4);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.link.header_length, 18);
    assert_int_equal(packet.link.vlan, 7);
    parse_with(&packet, &rules, plain, sizeof ack_v4);
    assert_refused(&packet, HF_STAT_frame_other_vlan);
    rules.vlan = 8;
    parse_with(&packet, &rules, tagged, sizeof tagged_v4);
    assert_refused(&packet, HF_STAT_frame_other_vlan);
    rules.vlan = 0;
    put_be16(tagged + 14, 0x6000); /* only a priority: an untagged frame */
    parse_with(&packet, &rules, tagged, sizeof tagged_v4);
    assert_int_equal(packet.kind, PACKET_TCP);
    free(tagged);
    free(plain);
}

static void raw_ip(void **state)
{
    struct packet_rules rules = {.link = HF_RAW_IP, .checksum = checksum_sum, .ipv6 = packet_ipv6};
    uint8_t *v4 = exact_copy(ack_v4 + 14, 40), *v6 = exact_copy(data_v6 + 14, sizeof data_v6 - 14);
    struct packet packet;

    (void)state;
    parse_with(&packet, &rules, v4, 40);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.link.header_length, 0);
    parse_with(&packet, &rules, v6, sizeof data_v6 - 14);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.version, 6);
    v4[0] = 0x05;
    parse_with(&packet, &rules, v4, 40);
    assert_refused(&packet, HF_STAT_ip_bad_header);
    parse_with(&packet, &rules, v4, 0);
    assert_refused(&packet, HF_STAT_frame_truncated);
    free(v4);
    free(v6);
}

/* [RFC 9293 MUST-3]: any flipped bit of header, text or pseudo-header. [R8200-18] */
static void any_flipped_bit_spoils_the_tcp_checksum(void **state)
{
    (void)state;
    for (size_t bit = 34 * 8; bit < sizeof data_v4 * 8; bit++) {
        struct packet packet;

        if (bit / 8 == 46)
            continue; /* data offset and reserved bits are judged before */
        parse_changed(&packet, data_v4, sizeof data_v4, bit / 8,
                      (uint8_t)(data_v4[bit / 8] ^ 1 << bit % 8));
        assert_refused(&packet, HF_STAT_tcp_bad_checksum);
    }
    for (size_t at = 22; at < 54; at++) {
        struct packet packet;

        parse_changed(&packet, data_v6, sizeof data_v6, at, (uint8_t)(data_v6[at] ^ 0x10));
        assert_refused(&packet, HF_STAT_tcp_bad_checksum);
    }
}

static void a_checksum_that_others_verified(void **state)
{
    uint8_t *data = exact_copy(data_v4, sizeof data_v4);
    struct hf_frame frame = {.data = data, .length = sizeof data_v4};
    struct packet packet;

    (void)state;
    data[50] ^= 0xff;
    packet_parse(&packet, &ethernet_rules, &frame);
    assert_refused(&packet, HF_STAT_tcp_bad_checksum);
    frame.checksum = HF_CHECKSUM_VERIFIED;
    packet_parse(&packet, &ethernet_rules, &frame);
    assert_int_equal(packet.kind, PACKET_TCP);
    frame.checksum = HF_CHECKSUM_PARTIAL;
    packet_parse(&packet, &ethernet_rules, &frame);
    assert_int_equal(packet.kind, PACKET_TCP);
    free(data);
}

static void refusals_of_tcp(void **state)
{
    struct packet packet;

    (void)state;
    parse_changed(&packet, ack_v4, sizeof ack_v4, 46, 0x40);
    assert_refused(&packet, HF_STAT_tcp_bad_header);
    parse_changed(&packet, ack_v4, sizeof ack_v4, 46, 0x60);
    assert_refused(&packet, HF_STAT_tcp_bad_header);
    uint8_t *data = exact_copy(ack_v4, sizeof ack_v4);

    put_be16(data + 36, 0);
    parse_with(&packet, &ethernet_rules, data, sizeof ack_v4);
    assert_refused(&packet, HF_STAT_tcp_port_zero);
    put_be16(data + 16, 39);
    put_be16(data + 24, checksum_update(get_be16(data + 24), 40, 39));
    parse_with(&packet, &ethernet_rules, data, sizeof ack_v4);
    assert_refused(&packet, HF_STAT_tcp_truncated);
    free(data);
}

/* Options that cannot be do not refuse the segment; the stack counts them. [RFC 9293 MUST-7] */
static void malformed_options_are_only_marked(void **state)
{
    uint8_t *data = exact_copy(syn_v4, sizeof syn_v4);
    struct packet packet;

    (void)state;
    data[55] = 0;
    put_be16(data + 50, checksum_update(get_be16(data + 50), 0x0204, 0x0200));
    parse_with(&packet, &ethernet_rules, data, sizeof syn_v4);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.segment.options.present, TCP_OPTION_MALFORMED);
    free(data);
}

/* [R4443-03] */
static void refusals_of_icmp(void **state)
{
    struct packet packet;

    (void)state;
    parse_changed(&packet, echo_v4, sizeof echo_v4, 45, 0xff);
    assert_refused(&packet, HF_STAT_icmp_malformed);
    parse_changed(&packet, echo_v6, sizeof echo_v6, 70, 0xff);
    assert_refused(&packet, HF_STAT_icmp_malformed);
    uint8_t *data = exact_copy(echo_v6, 61);

    put_be16(data + 18, 7);
    parse_with(&packet, &ethernet_rules, data, 61);
    assert_refused(&packet, HF_STAT_icmp_malformed);
    free(data);
}

static void fragments_whole(void **state)
{
    uint8_t *v4 = exact_copy(fragment_v4, sizeof fragment_v4),
            *v6 = exact_copy(fragment_v6, sizeof fragment_v6);
    struct packet packet;

    (void)state;
    parse_with(&packet, &ethernet_rules, v4, sizeof fragment_v4);
    assert_int_equal(packet.fragment_id, 0xbeef);
    assert_int_equal(packet.fragment_offset, 1480);
    assert_true(packet.fragment_more);
    assert_int_equal(packet.payload_length, 24);
    assert_int_equal(packet.protocol, IP_TCP);
    parse_with(&packet, &ethernet_rules, v6, sizeof fragment_v6);
    assert_int_equal(packet.fragment_id, 0xdeadbeef);
    assert_int_equal(packet.fragment_offset, 1480);
    assert_true(packet.fragment_more && packet.fragmented);
    assert_int_equal(packet.payload_length, 24);
    assert_int_equal(packet.ip_header_length, 48);
    assert_int_equal(packet.protocol, IP_TCP);
    v4[23] = IP_UDP; /* others' datagrams are not reassembled */
    put_be16(v4 + 24, checksum_update(get_be16(v4 + 24), IP_TCP, IP_UDP));
    parse_with(&packet, &ethernet_rules, v4, sizeof fragment_v4);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
    v6[54] = 200; /* an unknown protocol in pieces: foreign, and not worth an answer a piece */
    parse_with(&packet, &ethernet_rules, v6, sizeof fragment_v6);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
    assert_false(packet.problem);
    free(v4);
    free(v6);
}

static void a_datagram_made_whole(void **state)
{
    uint8_t *v4 = exact_copy(data_v4 + 14, sizeof data_v4 - 14),
            *v6 = exact_copy(data_v6 + 14, sizeof data_v6 - 14);
    struct packet packet = {.link.header_length = 14};

    (void)state;
    packet_parse_ip(&packet, &ethernet_rules, v4, sizeof data_v4 - 14, HF_CHECKSUM_NONE);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.segment.length, 18);
    assert_true(packet.fragmented);
    assert_int_equal(packet.link.header_length, 14);
    packet_parse_ip(&packet, &ethernet_rules, v6, sizeof data_v6 - 14, HF_CHECKSUM_NONE);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_int_equal(packet.version, 6);
    packet_parse_ip(&packet, &ethernet_rules, v6, 0, HF_CHECKSUM_NONE);
    assert_refused(&packet, HF_STAT_ip_truncated);
    free(v4);
    free(v6);
}

/* An unknown next header is foreign and gets a Parameter Problem; UDP may be the caller's. [RFC 8200 4]
 * [R8200-04, R8200-16] */
static void foreign_protocols_v6(void **state)
{
    struct packet packet;

    (void)state;
    parse_changed(&packet, data_v6, sizeof data_v6, 20, 200);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
    assert_true(packet.problem);
    assert_int_equal(packet.problem_code, 1);
    assert_int_equal(packet.problem_offset, 6);
    parse_changed(&packet, data_v6, sizeof data_v6, 20, IP_UDP);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
    assert_false(packet.problem);
    parse_changed(&packet, data_v6, sizeof data_v6, 20, IP_NO_NEXT_HEADER);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
    assert_false(packet.problem);
    parse_changed(&packet, data_v6, sizeof data_v6, 20, IP_ICMPV4);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
}

static void a_problem_is_forgotten_by_the_next(void **state)
{
    struct packet packet;

    (void)state;
    parse_changed(&packet, extended_v6, sizeof extended_v6, 56, 0x9e);
    assert_refused(&packet, HF_STAT_ip_bad_extension);
    assert_true(packet.problem);
    assert_int_equal(packet.problem_code, 2);
    assert_int_equal(packet.problem_offset, 42);
    assert_address(packet.source, "2001:db8::1");
    parse_changed(&packet, data_v6, sizeof data_v6, 0, data_v6[0]);
    assert_int_equal(packet.kind, PACKET_TCP);
    assert_false(packet.problem);
}

static void other_ethertypes_are_foreign(void **state)
{
    struct packet packet;

    (void)state;
    parse_changed(&packet, ack_v4, sizeof ack_v4, 12, 0x88);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
    assert_int_equal(packet.reason, HF_STAT_frame_foreign);
    parse_changed(&packet, ack_v4, sizeof ack_v4, 12, 0x00);
    assert_int_equal(packet.kind, PACKET_FOREIGN);
}

/* No prefix of a frame passes for the frame, and none is read past its end. */
static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMES; i++) {
        uint32_t needed = frames[i].data == arp_frame ? 42 : frames[i].length;

        for (uint32_t length = 0; length < needed; length++) {
            uint8_t *data = exact_copy(frames[i].data, length);
            struct packet packet;

            parse_with(&packet, &ethernet_rules, data, length);
            if (packet.kind != PACKET_REFUSED)
                fail_msg("%s cut to %u: kind %d", frames[i].name, length, packet.kind);
            free(data);
        }
    }
}

/* What must hold of whatever came out. */
static void check(const struct packet *packet, const uint8_t *data, uint32_t length)
{
    switch (packet->kind) {
    case PACKET_REFUSED:
    case PACKET_FOREIGN: assert_true(packet->reason != HF_STAT_none); return;
    case PACKET_TCP:
        assert_true(packet->segment.text >= data &&
                    packet->segment.text + packet->segment.length <= data + length);
        break;
    case PACKET_ICMPV4:
    case PACKET_ICMPV6:
    case PACKET_ARP:
    case PACKET_FRAGMENT: break;
    }
    assert_int_equal(packet->reason, HF_STAT_none);
    assert_true(packet->payload >= data &&
                packet->payload + packet->payload_length <= data + length);
}

/* Whole frames of every kind with bytes changed, cut and repeated; checksums taken as verified so that the layers behind
 * them are met too. */
static void random_mutations(void **state)
{
    uint64_t seed = 0x3a11ce;

    (void)state;
    print_message("seed %llx\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 100000; round++) {
        size_t i = next_random(&seed) % FRAMES;
        uint32_t length = frames[i].length;
        uint8_t *data = exact_copy(frames[i].data, length);
        struct hf_frame frame = {.data = data, .checksum = round % 2};
        struct packet packet;

        for (unsigned changes = 1 + next_random(&seed) % 4; changes; changes--) {
            uint32_t at = 12 + next_random(&seed) % (length - 12);

            data[at] = next_random(&seed) % 2 ? (uint8_t)next_random(&seed)
                                              : (uint8_t)(data[at] ^ 1 << next_random(&seed) % 8);
        }
        if (data[12] == 0x08 && data[13] == 0 && (data[14] & 0xf) >= 5 &&
            (data[14] & 0xfu) * 4 + 14 <= length) {
            put_be16(data + 24, 0);
            put_be16(data + 24, (uint16_t)~checksum_sum(data + 14, (data[14] & 0xf) * 4u));
        }
        frame.length = next_random(&seed) % 8 ? length : next_random(&seed) % (length + 1);
        uint8_t *cut = exact_copy(data, frame.length);

        frame.data = cut;
        packet_parse(&packet, &ethernet_rules, &frame);
        check(&packet, cut, frame.length);
        free(cut);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_known_frames),
        cmocka_unit_test(mapped_addresses_are_not_for_the_wire),
        cmocka_unit_test(a_syn_whole),
        cmocka_unit_test(ecn_bits_reach_the_segment),
        cmocka_unit_test(padding_is_no_text),
        cmocka_unit_test(who_may_talk_to_us),
        cmocka_unit_test(networks_by_tag),
        cmocka_unit_test(raw_ip),
        cmocka_unit_test(any_flipped_bit_spoils_the_tcp_checksum),
        cmocka_unit_test(a_checksum_that_others_verified),
        cmocka_unit_test(refusals_of_tcp),
        cmocka_unit_test(malformed_options_are_only_marked),
        cmocka_unit_test(refusals_of_icmp),
        cmocka_unit_test(fragments_whole),
        cmocka_unit_test(a_datagram_made_whole),
        cmocka_unit_test(foreign_protocols_v6),
        cmocka_unit_test(a_problem_is_forgotten_by_the_next),
        cmocka_unit_test(other_ethertypes_are_foreign),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(random_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
