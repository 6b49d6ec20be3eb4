/* The TCP header. [RFC 9293 3.1] */
#include "base/bytes.h"
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/tcp_header.h"

static void fields_are_read(void **state)
{
    struct segment seg;

    (void)state;
    assert_int_equal(tcp_header_check(data_v4 + 34, sizeof data_v4 - 34), HF_STAT_none);
    tcp_header_parse(&seg, data_v4 + 34, sizeof data_v4 - 34);
    assert_int_equal(seg.source_port, 43210);
    assert_int_equal(seg.destination_port, 80);
    assert_int_equal(seg.seq.value, 0x2f1d8a3d);
    assert_int_equal(seg.ack.value, 0x9e3779ba);
    assert_int_equal(seg.flags, TCP_PSH | TCP_ACK);
    assert_int_equal(seg.window, 502);
    assert_int_equal(seg.urgent, 0);
    assert_int_equal(seg.data_offset, 32);
    assert_int_equal(seg.length, 18);
    assert_ptr_equal(seg.text, data_v4 + 66);
}

/* [RFC 9293 MUST-1]: the window is unsigned. */
static void a_large_window_is_not_negative(void **state)
{
    uint8_t *data = exact_copy(ack_v4 + 34, 20);
    struct segment seg;

    (void)state;
    put_be16(data + 14, 0xffff);
    tcp_header_parse(&seg, data, 20);
    assert_int_equal(seg.window, 65535);
    free(data);
}

/* [RFC 9293 X-21] */
static void odd_flags_are_visible(void **state)
{
    uint8_t *data = exact_copy(ack_v4 + 34, 20);

    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        struct segment seg;

        data[13] = (uint8_t)flags;
        data[12] |= 0x0f; /* reserved bits are not judged */
        assert_int_equal(tcp_header_check(data, 20), HF_STAT_none);
        tcp_header_parse(&seg, data, 20);
        assert_int_equal(seg.flags, flags);
        assert_int_equal(seg.data_offset, 20);
    }
    free(data);
}

/* [RFC 9293 X-22] */
static void every_data_offset(void **state)
{
    (void)state;
    for (unsigned words = 0; words < 16; words++) {
        uint8_t *data = exact_copy(data_v4 + 34, 40);

        data[12] = (uint8_t)(words << 4);
        assert_int_equal(tcp_header_check(data, 40),
                         words >= 5 && words <= 10 ? HF_STAT_none : HF_STAT_tcp_bad_header);
        free(data);
    }
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = 0; length < 32; length++) {
        uint8_t *data = exact_copy(data_v4 + 34, length);

        assert_int_equal(tcp_header_check(data, length),
                         length < 20 ? HF_STAT_tcp_truncated : HF_STAT_tcp_bad_header);
        free(data);
    }
}

static void port_zero(void **state)
{
    uint8_t *data = exact_copy(ack_v4 + 34, 20);

    (void)state;
    put_be16(data, 0);
    assert_int_equal(tcp_header_check(data, 20), HF_STAT_tcp_port_zero);
    put_be16(data, 1);
    put_be16(data + 2, 0);
    assert_int_equal(tcp_header_check(data, 20), HF_STAT_tcp_port_zero);
    free(data);
}

/* The urgent pointer is only carried here: 0, the length, 65535. */
static void urgent_pointers(void **state)
{
    static const uint16_t pointers[] = {0, 18, 65535};
    uint8_t *data = exact_copy(data_v4 + 34, sizeof data_v4 - 34);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct segment seg;

        put_be16(data + 18, pointers[i]);
        data[13] |= TCP_URG;
        tcp_header_parse(&seg, data, sizeof data_v4 - 34);
        assert_int_equal(seg.urgent, pointers[i]);
    }
    free(data);
}

/* Every header of our frames, but for the checksum that egress fills. [RFC 9293 X-21] */
static void headers_are_rebuilt(void **state)
{
    static const struct {
        const uint8_t *data;
        uint32_t length;
    } rows[] = {{syn_v4 + 34, sizeof syn_v4 - 34},   {ack_v4 + 34, sizeof ack_v4 - 34},
                {data_v4 + 34, sizeof data_v4 - 34}, {sack_v4 + 34, sizeof sack_v4 - 34},
                {syn_v6 + 54, sizeof syn_v6 - 54},   {data_v6 + 54, sizeof data_v6 - 54}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t *data = exact_copy(rows[i].data, rows[i].length);
        uint8_t built[60];
        struct segment seg;

        put_be16(data + TCP_CHECKSUM_OFFSET, 0);
        tcp_header_parse(&seg, data, rows[i].length);
        assert_int_equal(tcp_header_build(built, &seg), seg.data_offset);
        assert_memory_equal(built, data, seg.data_offset);
        free(data);
    }
}

static void lengths_in_sequence_space(void **state)
{
    struct segment seg = {.length = 5};

    (void)state;
    assert_int_equal(segment_length(&seg), 5);
    seg.flags = TCP_SYN | TCP_FIN | TCP_ACK;
    assert_int_equal(segment_length(&seg), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(a_large_window_is_not_negative),
        cmocka_unit_test(odd_flags_are_visible),
        cmocka_unit_test(every_data_offset),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(port_zero),
        cmocka_unit_test(urgent_pointers),
        cmocka_unit_test(headers_are_rebuilt),
        cmocka_unit_test(lengths_in_sequence_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
