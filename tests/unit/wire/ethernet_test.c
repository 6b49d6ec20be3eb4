/* Ethernet II with at most one 802.1Q tag. [RFC 894; RFC 2464 3] */
#include "unit/wire/frames.h"
#include "unit/wire/support.h"
#include "wire/ethernet.h"

/* [R1122-04] */
static void every_frame_is_rebuilt(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAMES; i++) {
        struct ethernet header;
        uint8_t built[ETHERNET_HEADER_TAGGED];

        assert_true(ethernet_parse(&header, frames[i].data, frames[i].length));
        assert_int_equal(ethernet_build(built, &header), header.header_length);
        assert_memory_equal(built, frames[i].data, header.header_length);
    }
}

static void a_tag_is_read(void **state)
{
    struct ethernet header;

    (void)state;
    assert_true(ethernet_parse(&header, tagged_v4, sizeof tagged_v4));
    assert_int_equal(header.vlan, 7);
    assert_int_equal(header.priority, 6); /* PCP 3, DEI 0 */
    assert_int_equal(header.header_length, 18);
    assert_int_equal(header.ethertype, ETHERTYPE_IPV4);
}

static void a_second_tag_is_left(void **state)
{
    static const uint8_t twice[] = {2, 0,    0, 0, 0, 1,    2, 0, 0, 0,    0,
                                    2, 0x81, 0, 0, 7, 0x81, 0, 0, 8, 0x08, 0x00};
    struct ethernet header;

    (void)state;
    assert_true(ethernet_parse(&header, twice, sizeof twice));
    assert_int_equal(header.ethertype, ETHERTYPE_VLAN);
    assert_int_equal(header.vlan, 7);
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    for (uint32_t length = 0; length < 18; length++) {
        uint8_t *tagged = exact_copy(tagged_v4, length), *plain = exact_copy(ack_v4, length);
        struct ethernet header;

        assert_false(ethernet_parse(&header, tagged, length));
        assert_int_equal(ethernet_parse(&header, plain, length), length >= 14);
        free(tagged);
        free(plain);
    }
}

static void a_network_number_alone_asks_for_a_tag(void **state)
{
    struct ethernet header = {.vlan = 4094, .ethertype = ETHERTYPE_IPV6}, again;
    uint8_t built[ETHERNET_HEADER_TAGGED];

    (void)state;
    assert_int_equal(ethernet_build(built, &header), 18);
    assert_true(ethernet_parse(&again, built, sizeof built));
    assert_int_equal(again.vlan, 4094);
    assert_int_equal(again.ethertype, ETHERTYPE_IPV6);
}

static void link_addresses_of_groups(void **state)
{
    struct hf_address v4 = address_of("239.129.2.3"), v6 = address_of("ff02::1:ff12:3456");
    struct hf_mac mac = mac_of_multicast(&v4);

    (void)state;
    assert_memory_equal(&mac, ((uint8_t[]){0x01, 0x00, 0x5e, 1, 2, 3}), 6);
    mac = mac_of_multicast(&v6);
    assert_memory_equal(&mac, ((uint8_t[]){0x33, 0x33, 0xff, 0x12, 0x34, 0x56}), 6);
    assert_true(mac_is_group(&mac));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_is_rebuilt),
        cmocka_unit_test(a_tag_is_read),
        cmocka_unit_test(a_second_tag_is_left),
        cmocka_unit_test(truncated_at_every_byte),
        cmocka_unit_test(a_network_number_alone_asks_for_a_tag),
        cmocka_unit_test(link_addresses_of_groups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
