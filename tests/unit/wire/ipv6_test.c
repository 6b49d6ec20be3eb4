/* The IPv6 header and the chain of extension headers. [RFC 8200 3, 4] */
#include "base/bytes.h"
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/ipv6.h"

/* A packet whose fixed header names `first` and whose payload is `chain`, to a unicast or a multicast address. */
static uint32_t packet_with(uint8_t *to, uint8_t first, const void *chain, uint32_t length,
                            bool to_group)
{
    struct ipv6 header = {
        .source = address_of("2001:db8::1"),
        .destination = address_of(to_group ? "ff02::1" : "2001:db8::2"),
        .payload_length = (uint16_t)length,
        .next_header = first,
        .hop_limit = 64,
    };

    ipv6_build(to, &header);
    memcpy(to + IPV6_HEADER, chain, length);
    return IPV6_HEADER + length;
}

static enum hf_stat walk(struct ipv6_chain *chain, uint8_t first, const void *data, uint32_t length)
{
    uint8_t *packet = malloc(IPV6_HEADER + length);

    assert_non_null(packet);
    packet_with(packet, first, data, length, false);
    enum hf_stat reason = ipv6_walk(chain, packet, IPV6_HEADER + length);

    free(packet);
    return reason;
}

static void fields_are_read(void **state)
{
    struct ipv6 header;

    (void)state;
    assert_int_equal(ipv6_parse(&header, data_v6 + 14, sizeof data_v6 - 14), HF_STAT_none);
    assert_address(header.source, "2001:db8::1");
    assert_address(header.destination, "2001:db8::2");
    assert_int_equal(header.traffic_class, 1);
    assert_int_equal(header.flow_label, 0x12345);
    assert_int_equal(header.payload_length, sizeof data_v6 - 54);
    assert_int_equal(header.next_header, IP_TCP);
    assert_int_equal(header.hop_limit, 64);
}

static void random_headers_are_rebuilt(void **state)
{
    uint64_t seed = 0x8200;

    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        uint8_t data[IPV6_HEADER], built[IPV6_HEADER];
        struct ipv6 header;

        for (unsigned i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)next_random(&seed);
        data[0] = (uint8_t)(0x60 | (data[0] & 0xf));
        put_be16(data + 4, 0);
        assert_int_equal(ipv6_parse(&header, data, sizeof data), HF_STAT_none);
        assert_int_equal(ipv6_build(built, &header), IPV6_HEADER);
        assert_memory_equal(built, data, sizeof data);
    }
}

/* [R8200-01] */
static void truncated_at_every_byte(void **state)
{
    uint32_t whole = sizeof data_v6 - 14;

    (void)state;
    for (uint32_t length = 0; length < whole; length++) {
        uint8_t *data = exact_copy(data_v6 + 14, length);
        struct ipv6 header;

        assert_int_equal(ipv6_parse(&header, data, length), HF_STAT_ip_truncated);
        free(data);
    }
}

/* [R8200-01] */
static void other_versions(void **state)
{
    uint8_t *data = exact_copy(data_v6 + 14, sizeof data_v6 - 14);
    struct ipv6 header;

    (void)state;
    for (unsigned version = 0; version < 16; version++) {
        data[0] = (uint8_t)(version << 4);
        assert_int_equal(ipv6_parse(&header, data, sizeof data_v6 - 14),
                         version == 6 ? HF_STAT_none : HF_STAT_ip_bad_header);
    }
    free(data);
}

static void a_chain_ends_at_its_payload(void **state)
{
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(ipv6_walk(&chain, extended_v6 + 14, sizeof extended_v6 - 14), HF_STAT_none);
    assert_int_equal(chain.protocol, IP_TCP);
    assert_int_equal(chain.length, 56);
    assert_int_equal(chain.next_header_at, 48);
    assert_false(chain.fragmented);
    assert_int_equal(ipv6_walk(&chain, data_v6 + 14, sizeof data_v6 - 14), HF_STAT_none);
    assert_int_equal(chain.length, IPV6_HEADER);
    assert_int_equal(chain.next_header_at, 6);
}

static void fragments(void **state)
{
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(ipv6_walk(&chain, fragment_v6 + 14, sizeof fragment_v6 - 14), HF_STAT_none);
    assert_true(chain.fragment && chain.fragmented && chain.fragment_more);
    assert_int_equal(chain.fragment_offset, 1480);
    assert_int_equal(chain.fragment_id, 0xdeadbeef);
    assert_int_equal(chain.protocol, IP_TCP);
    assert_int_equal(chain.length, 48);
}

/* [RFC 6946]: an atomic fragment is a whole packet, and is marked [RFC 6980 5]. [R8200-14, R6946-01] */
static void atomic_fragments(void **state)
{
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(ipv6_walk(&chain, atomic_v6 + 14, sizeof atomic_v6 - 14), HF_STAT_none);
    assert_false(chain.fragment);
    assert_true(chain.fragmented);
    assert_int_equal(chain.protocol, IP_TCP);
    assert_int_equal(chain.length, 48);
}

static void two_fragment_headers_are_refused(void **state)
{
    static const uint8_t twice[] = {IP_FRAGMENT, 0, 0, 0, 0, 0, 0, 1, IP_TCP, 0, 0, 1, 0, 0, 0, 2};
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(walk(&chain, IP_FRAGMENT, twice, sizeof twice), HF_STAT_ip_bad_extension);
}

/* What lies behind the header of a real fragment is not interpreted. */
static void a_fragment_ends_the_walk(void **state)
{
    static const uint8_t data[] = {
        IP_DESTINATION_OPTIONS, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(walk(&chain, IP_FRAGMENT, data, sizeof data), HF_STAT_none);
    assert_true(chain.fragment);
    assert_int_equal(chain.protocol, IP_DESTINATION_OPTIONS);
    assert_int_equal(chain.length, 48);
}

static void chains_truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = IPV6_HEADER; length < 56; length++) {
        uint8_t *data = exact_copy(extended_v6 + 14, length);
        struct ipv6_chain chain;

        assert_int_equal(ipv6_walk(&chain, data, length), HF_STAT_ip_bad_extension);
        free(data);
    }
}

static void a_length_past_the_packet(void **state)
{
    static const uint8_t data[] = {IP_TCP, 1, 1, 4, 0, 0, 0, 0};
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(walk(&chain, IP_DESTINATION_OPTIONS, data, sizeof data),
                     HF_STAT_ip_bad_extension);
}

/* Hop-by-hop options come first or not at all. [RFC 8200 4.1] [R8200-03] */
static void hop_by_hop_elsewhere(void **state)
{
    static const uint8_t data[] = {IP_HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0, IP_TCP, 0, 1, 4, 0, 0, 0, 0};
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(walk(&chain, IP_DESTINATION_OPTIONS, data, sizeof data),
                     HF_STAT_ip_bad_extension);
    assert_int_equal(walk(&chain, IP_HOP_BY_HOP, data, sizeof data), HF_STAT_ip_bad_extension);
}

/* [R8200-05] */
static void chains_have_a_limit(void **state)
{
    uint8_t data[8 * 9];
    struct ipv6_chain chain;

    (void)state;
    for (unsigned i = 0; i < 9; i++)
        memcpy(data + 8 * i, (uint8_t[]){IP_DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0}, 8);
    data[8 * 7] = IP_TCP;
    assert_int_equal(walk(&chain, IP_DESTINATION_OPTIONS, data, 64), HF_STAT_none);
    assert_int_equal(chain.length, 40 + 64);
    data[8 * 7] = IP_DESTINATION_OPTIONS;
    data[8 * 8] = IP_TCP;
    assert_int_equal(walk(&chain, IP_DESTINATION_OPTIONS, data, 72), HF_STAT_ip_bad_extension);
}

/* [R8200-07, R8504-02] */
static void options_have_a_limit(void **state)
{
    uint8_t data[24] = {IP_TCP, 2}; /* the rest is Pad1: 22 of them */
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(walk(&chain, IP_HOP_BY_HOP, data, sizeof data), HF_STAT_ip_bad_extension);
    memcpy(data + 2, (uint8_t[]){1, 6}, 2); /* PadN over 8 of them */
    assert_int_equal(walk(&chain, IP_HOP_BY_HOP, data, sizeof data), HF_STAT_none);
}

static void options_past_their_header(void **state)
{
    static const uint8_t long_one[] = {IP_TCP, 0, 1, 5, 0, 0, 0, 0};
    static const uint8_t cut_off[] = {IP_TCP, 0, 1, 3, 0, 0, 0, 1};
    struct ipv6_chain chain;

    (void)state;
    assert_int_equal(walk(&chain, IP_HOP_BY_HOP, long_one, 8), HF_STAT_ip_bad_extension);
    assert_int_equal(walk(&chain, IP_HOP_BY_HOP, cut_off, 8), HF_STAT_ip_bad_extension);
    assert_false(chain.problem);
}

/* The two highest bits of an unknown option say what to do. [RFC 8200 4.2] [R8200-06, R4443-11] */
static void unknown_options_by_their_action(void **state)
{
    static const struct {
        uint8_t kind;
        bool to_group;
        enum hf_stat reason;
        bool problem;
    } rows[] = {
        {0x1e, false, HF_STAT_none, false},
        {0x5e, false, HF_STAT_ip_bad_extension, false},
        {0x9e, false, HF_STAT_ip_bad_extension, true},
        {0x9e, true, HF_STAT_ip_bad_extension, true},
        {0xc2, false, HF_STAT_ip_bad_extension, true},
        {0xc2, true, HF_STAT_ip_bad_extension, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t packet[48], options[8] = {IP_TCP, 0, 0, 0, rows[i].kind, 2, 0, 0};
        struct ipv6_chain chain;
        uint32_t length =
            packet_with(packet, IP_DESTINATION_OPTIONS, options, sizeof options, rows[i].to_group);

        assert_int_equal(ipv6_walk(&chain, packet, length), rows[i].reason);
        assert_int_equal(chain.problem, rows[i].problem);
        if (chain.problem) {
            assert_int_equal(chain.problem_code, 2);
            assert_int_equal(chain.problem_offset, 44);
        }
    }
}

/* [R8200-08] */
static void routing_headers(void **state)
{
    struct ipv6_chain chain;

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t data[24] = {IP_TCP, 2, (uint8_t)type, 0};

        assert_int_equal(walk(&chain, IP_ROUTING, data, sizeof data),
                         type == 0 ? HF_STAT_ip_source_route : HF_STAT_none);
        assert_false(chain.problem);
        data[3] = 1;
        assert_int_equal(walk(&chain, IP_ROUTING, data, sizeof data), HF_STAT_ip_source_route);
        assert_true(chain.problem);
        assert_int_equal(chain.problem_code, 0);
        assert_int_equal(chain.problem_offset, 42); /* the routing type [RFC 8200 4.4] */
    }
}

static void foreign_protocols_end_the_walk(void **state)
{
    static const uint8_t others[] = {IP_AH, IP_ESP, IP_NO_NEXT_HEADER, IP_UDP, 135, 253};
    struct ipv6_chain chain;

    (void)state;
    for (size_t i = 0; i < sizeof others; i++) {
        assert_int_equal(walk(&chain, others[i], "", 0), HF_STAT_none);
        assert_int_equal(chain.protocol, others[i]);
        assert_int_equal(chain.length, IPV6_HEADER);
    }
}

static void solicited_node_groups(void **state)
{
    struct hf_address address = address_of("2001:db8::12:3456:789a");
    struct hf_address group = ipv6_solicited_node(&address);

    (void)state;
    assert_address(group, "ff02::1:ff56:789a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(random_headers_are_rebuilt),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(other_versions),
        cmocka_unit_test(a_chain_ends_at_its_payload),
        cmocka_unit_test(fragments),
        cmocka_unit_test(atomic_fragments),
        cmocka_unit_test(two_fragment_headers_are_refused),
        cmocka_unit_test(a_fragment_ends_the_walk),
        cmocka_unit_test(chains_truncated_at_every_byte),
        cmocka_unit_test(a_length_past_the_packet),
        cmocka_unit_test(hop_by_hop_elsewhere),
        cmocka_unit_test(chains_have_a_limit),
        cmocka_unit_test(options_have_a_limit),
        cmocka_unit_test(options_past_their_header),
        cmocka_unit_test(unknown_options_by_their_action),
        cmocka_unit_test(routing_headers),
        cmocka_unit_test(foreign_protocols_end_the_walk),
        cmocka_unit_test(solicited_node_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
