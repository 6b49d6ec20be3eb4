/* Kinds of addresses, and prefixes. [RFC 6890; RFC 4291 2.4] */
#include "unit/wire/support.h"

/* [R1122-10] */
static void kinds(void **state)
{
    static const struct {
        const char *text;
        enum address_kind kind;
    } rows[] = {
        {"0.0.0.0", ADDRESS_UNSPECIFIED},
        {"0.255.255.255", ADDRESS_UNSPECIFIED},
        {"1.0.0.0", ADDRESS_UNICAST},
        {"126.255.255.255", ADDRESS_UNICAST},
        {"127.0.0.0", ADDRESS_LOOPBACK},
        {"127.255.255.255", ADDRESS_LOOPBACK},
        {"128.0.0.0", ADDRESS_UNICAST},
        {"223.255.255.255", ADDRESS_UNICAST},
        {"224.0.0.0", ADDRESS_MULTICAST},
        {"239.255.255.255", ADDRESS_MULTICAST},
        {"240.0.0.0", ADDRESS_RESERVED},
        {"255.255.255.254", ADDRESS_RESERVED},
        {"255.255.255.255", ADDRESS_BROADCAST},
        {"::", ADDRESS_UNSPECIFIED},
        {"::1", ADDRESS_LOOPBACK},
        {"::2", ADDRESS_UNICAST},
        {"2001:db8::1", ADDRESS_UNICAST},
        {"fe80::1", ADDRESS_UNICAST},
        {"feff::", ADDRESS_UNICAST},
        {"ff00::", ADDRESS_MULTICAST},
        {"ff02::1", ADDRESS_MULTICAST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_address address = address_of(rows[i].text);

        if (address_kind(&address) != rows[i].kind)
            fail_msg("%s", rows[i].text);
    }
}

static void link_local(void **state)
{
    static const char *yes[] = {"169.254.0.0", "169.254.255.255", "fe80::", "febf:ffff::1"};
    static const char *no[] = {"169.253.255.255", "169.255.0.0", "fec0::", "fe7f::", "::"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(address_is_link_local(&(struct hf_address[]){address_of(yes[i])}[0]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(address_is_link_local(&(struct hf_address[]){address_of(no[i])}[0]));
}

static void prefixes(void **state)
{
    static const struct {
        const char *prefix, *address;
        bool contains;
    } rows[] = {
        {"192.0.2.1/24", "192.0.2.255", true},
        {"192.0.2.1/24", "192.0.3.0", false},
        {"192.0.2.0/23", "192.0.3.0", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"0.0.0.0/1", "128.0.0.0", false},
        {"128.0.0.0/1", "255.0.0.1", true},
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.1", false},
        {"2001:db8::/32", "2001:db8:ffff::", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::1/128", "2001:db8::1", true},
        {"2001:db8::1/128", "2001:db8::", false},
        {"2001:db8::1/127", "2001:db8::", true},
        {"fe80::/10", "febf::1", true},
        {"192.0.2.1/31", "192.0.2.0", true},
        {"192.0.2.1/31", "192.0.2.2", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_prefix prefix;
        struct hf_address address = address_of(rows[i].address);

        assert_int_equal(hf_prefix_parse(&prefix, rows[i].prefix), HF_OK);
        if (prefix_contains(&prefix, &address) != rows[i].contains)
            fail_msg("%s %s", rows[i].prefix, rows[i].address);
    }
}

/* A length that no prefix has contains nothing, and reads nothing past the address. */
static void an_impossible_length_contains_nothing(void **state)
{
    struct hf_address v4 = address_of("192.0.2.1"), v6 = address_of("2001:db8::1");

    (void)state;
    assert_false(prefix_contains(&(struct hf_prefix){v4, 33}, &v4));
    assert_false(prefix_contains(&(struct hf_prefix){v6, 129}, &v6));
    assert_false(prefix_contains(&(struct hf_prefix){v6, 255}, &v6));
}

static void flows_are_equal_in_all_four(void **state)
{
    struct flow a = {address_of("192.0.2.1"), address_of("192.0.2.2"), 1, 2}, b = a;

    (void)state;
    assert_true(flow_equal(&a, &b));
    b.local_port = 3;
    assert_false(flow_equal(&a, &b));
    b = a;
    b.remote.bytes[15]++;
    assert_false(flow_equal(&a, &b));
}

/* The glance sees what the long look sees. */
static void unicast_at_a_glance(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < 256; first++)
        for (uint32_t rest = 0; rest < 3; rest++) {
            struct hf_address v4 = address_v4(first << 24 | (rest == 2 ? 0xffffff : rest)), v6 = v4;

            assert_int_equal(address_is_v4_unicast(&v4), address_kind(&v4) == ADDRESS_UNICAST);
            v6.bytes[0] = 0x20;
            assert_false(address_is_v4_unicast(&v6));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(link_local),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(an_impossible_length_contains_nothing),
        cmocka_unit_test(flows_are_equal_in_all_four),
        cmocka_unit_test(unicast_at_a_glance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
