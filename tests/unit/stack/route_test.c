/* Routes: source, next hop, broadcasts and groups. [RFC 1122 3.3.1; RFC 6724 5] */
#include "support.h"

#include "stack/route.h"

static void a_host(struct route *route)
{
    struct hf_config config = HF_CONFIG_DEFAULT;

    config.addresses[0] = prefix("192.0.2.1/24");
    config.addresses[2] = prefix("10.1.0.1/16"); /* a gap before it */
    config.addresses[3] = prefix("2001:db8::1/64");
    config.addresses[4] = prefix("fe80::1/64");
    config.addresses[5] = prefix("198.51.100.7/31");
    config.routes[0] = (struct hf_route){prefix("0.0.0.0/0"), address("192.0.2.254")};
    config.routes[1] = (struct hf_route){prefix("172.16.0.0/12"), address("10.1.0.254")};
    config.routes[2] = (struct hf_route){prefix("::/0"), address("fe80::ff")};
    config.routes[3] = (struct hf_route){prefix("10.1.2.0/24"), address("10.1.0.253")};
    route_init(route, &config);
}

/* [RFC 9293 MUST-44; R2827-01, R1122-11, R1122-31] */
static void test_paths(void **state)
{
    static const struct {
        const char *what, *remote, *local, *source, *next_hop;
        int answer;
    } rows[] = {
        {"on-link", "192.0.2.9", NULL, "192.0.2.1", "192.0.2.9", HF_OK},
        {"on the second network", "10.1.9.9", NULL, "10.1.0.1", "10.1.9.9", HF_OK},
        {"default route", "8.8.8.8", NULL, "192.0.2.1", "192.0.2.254", HF_OK},
        {"longer route", "172.16.5.5", NULL, "10.1.0.1", "10.1.0.254", HF_OK},
        {"route longer than our network", "10.1.2.3", NULL, "10.1.0.1", "10.1.0.253", HF_OK},
        {"IPv6 on-link", "2001:db8::9", NULL, "2001:db8::1", "2001:db8::9", HF_OK},
        {"IPv6 far: not from link-local", "2001:db8:1::9", NULL, "2001:db8::1", "fe80::ff", HF_OK},
        {"link-local: from link-local", "fe80::9", NULL, "fe80::1", "fe80::9", HF_OK},
        {"chosen by the user", "8.8.8.8", "10.1.0.1", "10.1.0.1", "192.0.2.254", HF_OK},
        {"unspecified is chosen for him", "8.8.8.8", "0.0.0.0", "192.0.2.1", "192.0.2.254", HF_OK},
        {"not ours", "8.8.8.8", "192.0.2.2", NULL, NULL, HF_NO_ADDRESS},
        {"other family", "8.8.8.8", "2001:db8::1", NULL, NULL, HF_NO_ADDRESS},
        {"link-local never by a router", "169.254.1.1", NULL, NULL, NULL, HF_NO_ROUTE},
        {"ourselves", "10.1.0.1", NULL, "10.1.0.1", "10.1.0.1", HF_OK},
    };
    struct route route;

    (void)state;
    a_host(&route);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_address remote = address(rows[i].remote), local, source, next_hop;
        struct route_path path;

        if (rows[i].local)
            local = rows[i].local[0] == '0' ? (struct hf_address){{0}} : address(rows[i].local);
        int answer = route_find(&route, &remote, rows[i].local ? &local : NULL, &path);

        if (answer != rows[i].answer)
            print_error("row \"%s\"\n", rows[i].what);
        assert_int_equal(answer, rows[i].answer);
        if (answer != HF_OK)
            continue;
        source = address(rows[i].source);
        next_hop = address(rows[i].next_hop);
        if (!address_equal(&path.source, &source) || !address_equal(&path.next_hop, &next_hop))
            print_error("row \"%s\"\n", rows[i].what);
        assert_true(address_equal(&path.source, &source));
        assert_true(address_equal(&path.next_hop, &next_hop));
    }
}

/* [R1122-31] */
static void test_no_route(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct hf_address remote = address("8.8.8.8");
    struct route_path path;
    struct route route;

    (void)state;
    config.addresses[0] = prefix("192.0.2.1/24");
    route_init(&route, &config);
    assert_int_equal(route_find(&route, &remote, NULL, &path), HF_NO_ROUTE);
    remote = address("2001:db8::9");
    assert_int_equal(route_find(&route, &remote, NULL, &path), HF_NO_ROUTE);

    /* A link without link addresses needs no next hop. */
    config.link = HF_RAW_IP;
    route_init(&route, &config);
    remote = address("8.8.8.8");
    assert_int_equal(route_find(&route, &remote, NULL, &path), HF_OK);
    assert_true(address_equal(&path.next_hop, &remote));
}

/* [RFC 1122 3.2.1.3] [R1122-40] */
static void test_broadcast(void **state)
{
    static const struct {
        const char *address;
        bool broadcast;
    } rows[] = {
        {"255.255.255.255", true}, {"192.0.2.255", true},   {"192.0.2.0", true},
        {"192.0.2.254", false},    {"10.1.255.255", true},  {"10.1.0.0", true},
        {"10.1.0.255", false},     {"10.2.255.255", false}, {"198.51.100.7", false},
        {"198.51.100.6", false},   {"2001:db8::", false},   {"2001:db8::ffff", false},
    };
    struct route route;

    (void)state;
    a_host(&route);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_address a = address(rows[i].address);

        if (route_is_broadcast(&route, &a) != rows[i].broadcast)
            print_error("%s\n", rows[i].address);
        assert_int_equal(route_is_broadcast(&route, &a), rows[i].broadcast);
    }
}

/* [RFC 4291 2.8] [R4861-07] */
static void test_groups_and_ours(void **state)
{
    static const char *const ours[] = {"ff02::1", "ff02::1:ff00:1", "224.0.0.1"};
    static const char *const others[] = {"ff02::2",   "ff02::1:ff00:2", "ff05::1",
                                         "224.0.0.2", "192.0.2.1",      "2001:db8::1"};
    struct hf_address a;
    struct route route;

    (void)state;
    a_host(&route);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        a = address(ours[i]);
        assert_true(route_is_our_group(&route, &a));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        a = address(others[i]);
        assert_false(route_is_our_group(&route, &a));
    }
    a = address("fe80::1");
    assert_true(route_is_ours(&route, &a));
    assert_int_equal(route_our_index(&route, &a), 3);
    assert_true(address_equal(&route.ours[3].address, &a));
    a = address("fe80::2");
    assert_false(route_is_ours(&route, &a));
    assert_true(route_is_on_link(&route, &a));
    a = address("8.8.8.8");
    assert_false(route_is_on_link(&route, &a));
}

/* A stranger is who lies in none of our networks: seen at a glance as by comparing bit by bit, for every length of prefix. */
static void test_strangers(void **state)
{
    uint64_t seed = 0x5742;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)seed);
    for (int i = 0; i < 20000; i++) {
        struct hf_config config = HF_CONFIG_DEFAULT;
        bool v4 = i % 2;
        struct hf_address remote = v4 ? address("10.9.8.7") : address("2001:db8:1:2:3:4:5:6");
        uint32_t bit = chance_below(&seed, v4 ? 32 : 128), at = (v4 ? 12 : 0) + bit / 8;
        struct route route;

        config.addresses[0] =
            (struct hf_prefix){remote, (uint8_t)chance_below(&seed, v4 ? 33 : 129)};
        config.addresses[1] = prefix("198.51.100.7/24");
        route_init(&route, &config);
        assert_false(route_is_stranger(&route, &remote));
        remote.bytes[at] ^= (uint8_t)(0x80 >> bit % 8);
        assert_int_equal(route_is_stranger(&route, &remote), !route_is_on_link(&route, &remote));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),     cmocka_unit_test(test_no_route),
        cmocka_unit_test(test_broadcast), cmocka_unit_test(test_groups_and_ours),
        cmocka_unit_test(test_strangers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
