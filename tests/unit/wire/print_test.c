/* Packets as text, in packetdrill's notation. */
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/print.h"

static void assert_printed(const uint8_t *frame, size_t length, const struct print_bases *bases,
                           const char *expected)
{
    uint8_t *data = exact_copy(frame, length);
    struct packet packet;
    char text[PRINT_MAX];

    parse_with(&packet, &ethernet_rules, data, length);
    if (packet.kind == PACKET_TCP)
        assert_int_equal(print_segment(text, sizeof text, &packet.segment, bases),
                         strlen(expected));
    else
        assert_int_equal(print_packet(text, sizeof text, &packet, bases), strlen(expected));
    assert_string_equal(text, expected);
    free(data);
}

static const struct print_bases bases = {{0x2f1d8a3c}, {0x9e3779b9}, true};

static void segments(void **state)
{
    (void)state;
    assert_printed(syn_v4, sizeof syn_v4, &bases,
                   "S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1245391901 ecr 0,nop,wscale 7>");
    assert_printed(ack_v4, sizeof ack_v4, &bases, ". 1:1(0) ack 1 win 502");
    assert_printed(data_v4, sizeof data_v4, &bases,
                   "P. 1:19(18) ack 1 win 502 <nop,nop,TS val 1245391901 ecr 12345678>");
}

static void sack_blocks_are_relative_too(void **state)
{
    struct print_bases own = {{0x2f1d8a3c}, {0x11223300}, true};

    (void)state;
    assert_printed(sack_v4, sizeof sack_v4, &own,
                   ". 1:1(0) ack 2366981818 win 502 "
                   "<nop,nop,TS val 1245391901 ecr 12345678,nop,nop,sack 68:2048>");
}

static void without_bases_numbers_are_absolute(void **state)
{
    (void)state;
    assert_printed(ack_v4, sizeof ack_v4, NULL, ". 790465085:790465085(0) ack 2654435770 win 502");
    assert_printed(ack_v4, sizeof ack_v4, &(struct print_bases){.known = false},
                   ". 790465085:790465085(0) ack 2654435770 win 502");
}

static void every_flag(void **state)
{
    struct segment seg = {.flags = 0xff, .urgent = 5, .window = 1, .length = 2};
    char text[PRINT_MAX];

    (void)state;
    print_segment(text, sizeof text, &seg, NULL);
    assert_string_equal(text, "SFRP.UEW 0:2(2) ack 0 win 1 urg 5");
    seg.flags = 0;
    print_segment(text, sizeof text, &seg, NULL);
    assert_string_equal(text, "- 0:2(2) win 1");
}

static void every_option(void **state)
{
    struct segment seg = {
        .flags = TCP_SYN,
        .options = {.present = 0x3ff, .mss = 1, .scale = 2, .ao_length = 16, .sack_count = 4}};
    char text[PRINT_MAX];

    (void)state;
    print_segment(text, sizeof text, &seg, NULL);
    assert_string_equal(
        text, "S 0:0(0) win 0 <ao 16,nop,nop,md5,mss 1,sackOK,TS val 0 ecr 0,nop,wscale 2,"
              "nop,nop,sack 0:0 0:0 0:0 0:0,FO,unknown,malformed>");
}

static void other_packets(void **state)
{
    (void)state;
    assert_printed(arp_frame, sizeof arp_frame, NULL, "arp who-has 192.0.2.2 tell 192.0.2.1");
    assert_printed(echo_v4, sizeof echo_v4, NULL, "192.0.2.1 > 192.0.2.2 icmp echo request");
    assert_printed(too_big_v4, sizeof too_big_v4, NULL,
                   "198.51.100.1 > 192.0.2.2 icmp too big mtu 1400");
    assert_printed(solicitation, sizeof solicitation, NULL,
                   "2001:db8::1 > ff02::1:ff00:2 icmp neighbor solicitation");
    assert_printed(fragment_v4, sizeof fragment_v4, NULL,
                   "192.0.2.1 > 192.0.2.2 fragment id 48879 1480:1504+");
    assert_printed(udp_v4, sizeof udp_v4, NULL, "foreign");
    assert_printed(tagged_v4, sizeof tagged_v4, NULL, "refused");
}

static void a_packet_with_its_ends(void **state)
{
    uint8_t *data = exact_copy(syn_v6, sizeof syn_v6);
    struct packet packet;
    char text[PRINT_MAX];

    (void)state;
    parse_with(&packet, &ethernet_rules, data, sizeof syn_v6);
    print_packet(text, sizeof text, &packet, &bases);
    assert_string_equal(text, "[2001:db8::1]:43210 > [2001:db8::2]:443 S 0:0(0) win 64800 "
                              "<mss 1440,sackOK,TS val 1245391901 ecr 0,nop,wscale 7>");
    free(data);
}

/* Whatever the room: the start of the line and a final zero, nothing past the end. */
static void every_size_of_buffer(void **state)
{
    uint8_t *data = exact_copy(syn_v4, sizeof syn_v4);
    struct packet packet;
    char whole[PRINT_MAX];

    (void)state;
    parse_with(&packet, &ethernet_rules, data, sizeof syn_v4);
    uint32_t length = print_packet(whole, sizeof whole, &packet, &bases);

    assert_int_equal(print_packet(NULL, 0, &packet, &bases), 0);
    for (uint32_t size = 1; size <= length + 1; size++) {
        char *text = malloc(size);

        assert_non_null(text);
        assert_int_equal(print_packet(text, size, &packet, &bases), size - 1);
        assert_memory_equal(text, whole, size - 1);
        assert_int_equal(text[size - 1], 0);
        free(text);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments),
        cmocka_unit_test(sack_blocks_are_relative_too),
        cmocka_unit_test(without_bases_numbers_are_absolute),
        cmocka_unit_test(every_flag),
        cmocka_unit_test(every_option),
        cmocka_unit_test(other_packets),
        cmocka_unit_test(a_packet_with_its_ends),
        cmocka_unit_test(every_size_of_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
