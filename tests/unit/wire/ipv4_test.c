/* The IPv4 header. [RFC 791 3.1; RFC 1122 3.2.1] */
#include "base/bytes.h"
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/ipv4.h"

#define IP (data_v4 + 14)
#define IP_LENGTH (sizeof data_v4 - 14)

/* A header with these options before 8 bytes of payload, its checksum right. */
static uint32_t with_options(uint8_t *to, const uint8_t *options, uint32_t length)
{
    struct ipv4 header = {
        .source = address_of("192.0.2.1"),
        .destination = address_of("192.0.2.2"),
        .total_length = (uint16_t)(28 + length),
        .header_length = (uint8_t)(20 + length),
        .ttl = 64,
        .protocol = IP_TCP,
        .options = options,
    };
    uint32_t built = ipv4_build(to, &header);

    memset(to + built, 0, 8);
    return built + 8;
}

static void fields_are_read(void **state)
{
    struct ipv4 header = {0};

    (void)state;
    assert_int_equal(ipv4_parse(&header, IP, IP_LENGTH), HF_STAT_none);
    assert_address(header.source, "192.0.2.1");
    assert_address(header.destination, "192.0.2.2");
    assert_int_equal(header.total_length, IP_LENGTH);
    assert_int_equal(header.header_length, 20);
    assert_int_equal(header.id, 0x1c46);
    assert_int_equal(header.ttl, 64);
    assert_int_equal(header.protocol, IP_TCP);
    assert_int_equal(header.traffic_class, 2);
    assert_true(header.dont_fragment);
    assert_false(header.more_fragments);
    assert_int_equal(header.fragment_offset, 0);
}

static void fragments_are_read_in_bytes(void **state)
{
    struct ipv4 header = {0};

    (void)state;
    assert_int_equal(ipv4_parse(&header, fragment_v4 + 14, sizeof fragment_v4 - 14), HF_STAT_none);
    assert_int_equal(header.fragment_offset, 1480);
    assert_true(header.more_fragments);
    assert_false(header.dont_fragment);
    assert_int_equal(header.id, 0xbeef);
}

static void every_header_is_rebuilt(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMES; i++) {
        uint8_t built[60];
        struct ipv4 header = {0};

        if (frames[i].data[12] != 0x08 || frames[i].data[13] != 0)
            continue;
        assert_int_equal(ipv4_parse(&header, frames[i].data + 14, frames[i].length - 14),
                         HF_STAT_none);
        assert_int_equal(ipv4_build(built, &header), 20);
        assert_memory_equal(built, frames[i].data + 14, 20);
    }
}

static void random_headers_are_rebuilt(void **state)
{
    uint64_t seed = 0x0791;

    (void)state;
    for (unsigned round = 0; round < 10000; round++) {
        uint8_t data[60] = {0}, built[60];
        struct ipv4 header = {0};
        uint32_t length = 20 + 4 * (next_random(&seed) % 11);

        for (uint32_t i = 0; i < length; i++)
            data[i] = i < 20 ? (uint8_t)next_random(&seed) : 1;
        data[0] = (uint8_t)(0x40 | length / 4);
        data[6] &= 0x7f; /* the reserved flag is not kept */
        put_be16(data + 2, (uint16_t)length);
        put_be16(data + 10, 0);
        put_be16(data + 10, (uint16_t)~checksum_sum(data, length));
        assert_int_equal(ipv4_parse(&header, data, length), HF_STAT_none);
        assert_int_equal(ipv4_build(built, &header), length);
        assert_memory_equal(built, data, length);
    }
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = 0; length < IP_LENGTH; length++) {
        uint8_t *data = exact_copy(IP, length);
        struct ipv4 header = {0};

        assert_int_equal(ipv4_parse(&header, data, length), HF_STAT_ip_truncated);
        assert_int_equal(ipv4_parse_quoted(&header, data, length),
                         length < 20 ? HF_STAT_ip_truncated : HF_STAT_none);
        free(data);
    }
}

static void padding_of_the_link_is_left(void **state)
{
    uint8_t padded[IP_LENGTH + 20] = {0};
    struct ipv4 header = {0};

    (void)state;
    memcpy(padded, IP, IP_LENGTH);
    assert_int_equal(ipv4_parse(&header, padded, sizeof padded), HF_STAT_none);
    assert_int_equal(header.total_length, IP_LENGTH);
}

/* [R1122-07] */
static void impossible_headers(void **state)
{
    static const struct {
        const char *name;
        uint8_t first;
        uint16_t total;
        enum hf_stat reason;
    } rows[] = {
        {"version 5", 0x55, 70, HF_STAT_ip_bad_header},
        {"version 6", 0x65, 70, HF_STAT_ip_bad_header},
        {"header length 0", 0x40, 70, HF_STAT_ip_bad_header},
        {"header length 4", 0x44, 70, HF_STAT_ip_bad_header},
        {"total length 0", 0x45, 0, HF_STAT_ip_bad_header},
        {"total length 19", 0x45, 19, HF_STAT_ip_bad_header},
        {"total below the header", 0x46, 23, HF_STAT_ip_bad_header},
        {"total past the frame", 0x45, IP_LENGTH + 1, HF_STAT_ip_truncated},
        {"total 65535", 0x45, 65535, HF_STAT_ip_truncated},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t *data = exact_copy(IP, IP_LENGTH);
        struct ipv4 header = {0};

        data[0] = rows[i].first;
        put_be16(data + 2, rows[i].total);
        put_be16(data + 10, 0);
        put_be16(data + 10, (uint16_t)~checksum_sum(data, (data[0] & 0xf) * 4u));
        if (ipv4_parse(&header, data, IP_LENGTH) != rows[i].reason)
            fail_msg("%s", rows[i].name);
        free(data);
    }
}

static void header_past_the_packet(void **state)
{
    uint8_t data[40] = {0x4f};
    struct ipv4 header = {0};

    (void)state;
    assert_int_equal(ipv4_parse(&header, data, sizeof data), HF_STAT_ip_truncated);
}

/* [R1122-08] */
static void any_flipped_bit_spoils_the_checksum(void **state)
{
    (void)state;
    for (unsigned bit = 32; bit < 160;
         bit++) { /* behind version and length, which are judged before */
        uint8_t *data = exact_copy(IP, IP_LENGTH);
        struct ipv4 header = {0};

        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ipv4_parse(&header, data, IP_LENGTH), HF_STAT_ip_bad_checksum);
        free(data);
    }
}

/* [RFC 9293 MUST-50]: options that TCP does not know are passed over; source routes are refused, MUST-51 to 53 being a
 * recorded deviation. [R1122-16] */
static void options_by_kind(void **state)
{
    static const struct {
        const char *name;
        uint8_t options[8];
        uint32_t length;
        enum hf_stat reason;
    } rows[] = {
        {"end", {0, 0xff, 0xff, 0xff}, 4, HF_STAT_none},
        {"no operation", {1, 1, 1, 1}, 4, HF_STAT_none},
        {"router alert", {148, 4, 0, 0}, 4, HF_STAT_none},
        {"record route", {7, 7, 4, 0, 0, 0, 0, 0}, 8, HF_STAT_none},
        {"timestamp", {68, 8, 5, 0, 0, 0, 0, 0}, 8, HF_STAT_none},
        {"unknown", {200, 2, 200, 2}, 4, HF_STAT_none},
        {"loose route", {131, 7, 4, 192, 0, 2, 9, 0}, 8, HF_STAT_ip_source_route},
        {"strict route", {1, 137, 3, 4}, 4, HF_STAT_ip_source_route},
        {"route behind another", {148, 4, 0, 0, 131, 3, 4, 0}, 8, HF_STAT_ip_source_route},
        {"route behind the end", {0, 0, 0, 0, 131, 3, 4, 0}, 8, HF_STAT_none},
        {"length 0", {7, 0, 0, 0}, 4, HF_STAT_ip_bad_option},
        {"length 1", {7, 1, 0, 0}, 4, HF_STAT_ip_bad_option},
        {"length past the header", {7, 5, 0, 0}, 4, HF_STAT_ip_bad_option},
        {"length cut off", {1, 1, 1, 7}, 4, HF_STAT_ip_bad_option},
        {"route with length 0", {131, 0, 0, 0}, 4, HF_STAT_ip_bad_option},
        {"length 255", {7, 255, 0, 0}, 4, HF_STAT_ip_bad_option},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t data[68];
        uint32_t length = with_options(data, rows[i].options, rows[i].length);
        uint8_t *copy = exact_copy(data, length);
        struct ipv4 header = {0};

        if (ipv4_parse(&header, copy, length) != rows[i].reason)
            fail_msg("%s", rows[i].name);
        free(copy);
    }
}

/* A quoted header may have a stale checksum and be cut behind itself. */
static void quoted_headers(void **state)
{
    uint8_t *data = exact_copy(IP, 28);
    struct ipv4 header = {0};

    (void)state;
    data[8] = 1;
    assert_int_equal(ipv4_parse_quoted(&header, data, 28), HF_STAT_none);
    assert_int_equal(header.total_length, IP_LENGTH);
    put_be16(data + 2, 19);
    assert_int_equal(ipv4_parse_quoted(&header, data, 28), HF_STAT_ip_bad_header);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(fragments_are_read_in_bytes),
        cmocka_unit_test(every_header_is_rebuilt),
        cmocka_unit_test(random_headers_are_rebuilt),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(padding_of_the_link_is_left),
        cmocka_unit_test(impossible_headers),
        cmocka_unit_test(header_past_the_packet),
        cmocka_unit_test(any_flipped_bit_spoils_the_checksum),
        cmocka_unit_test(options_by_kind),
        cmocka_unit_test(quoted_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
