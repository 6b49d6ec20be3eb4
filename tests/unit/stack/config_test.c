/* Every value of a configuration that is impossible is named, with what is accepted. */
#include "peer.h"

#include "stack/config.h"

struct row {
    const char *name;
    void (*spoil)(struct hf_config *);
    const char *starts;
};

#define SPOIL(name, statement)            \
    static void name(struct hf_config *c) \
    {                                     \
        statement;                        \
    }

SPOIL(no_connections, c->max_connections = 0)
SPOIL(many_connections, c->max_connections = (1u << 26) + 1)
SPOIL(no_half_opens, c->max_half_opens = 0)
SPOIL(no_listeners, c->max_listeners = 0)
SPOIL(many_listeners, c->max_listeners = 65536)
SPOIL(no_neighbors, c->max_neighbors = 0)
SPOIL(small_receive, c->receive_bytes = 10)
SPOIL(large_receive, c->receive_bytes = 1073725441)
SPOIL(large_scale, c->window_scale = 15)
SPOIL(small_send, c->send_bytes = 0)
SPOIL(pool_below_promise, c->pool_bytes = 100)
SPOIL(segmentation_alone, c->segmentation_bytes = 9000)
SPOIL(small_mtu, c->mtu = 1279)
SPOIL(tagged_raw, (c->link = HF_RAW_IP, c->vlan = 5))
SPOIL(vlan_4095, c->vlan = 4095)
SPOIL(group_mac, c->mac.bytes[0] = 1)
SPOIL(no_msl, c->msl_ms = 0)
SPOIL(long_delayed_ack, c->delayed_ack_ms = 501)
SPOIL(rto_order, c->max_rto_ms = 999)
SPOIL(initial_rto_order, c->initial_rto_ms = 100)
SPOIL(no_ttl, c->ttl = 0)
SPOIL(many_retries, c->syn_ack_retries = 11)
SPOIL(no_half_open_timeout, c->half_open_timeout_ms = 0)
SPOIL(no_initial_window, c->initial_window = 0)
SPOIL(keepalive_count, (c->keepalive_idle_ms = 1000, c->keepalive_count = 0))
SPOIL(no_addresses, memset(c->addresses, 0, sizeof c->addresses))
SPOIL(multicast, c->addresses[0].address = address_of("224.0.0.1"))
SPOIL(broadcast, c->addresses[0].address = address_of("192.0.2.255"))
SPOIL(twice, c->addresses[2] = c->addresses[0])
SPOIL(long_prefix, c->addresses[0].length = 33)
SPOIL(far_gateway, (c->routes[0].to.address = address_of("0.0.0.0"),
                    c->routes[0].gateway = address_of("198.51.100.1")))
SPOIL(own_gateway, (c->routes[0].to.address = address_of("0.0.0.0"),
                    c->routes[0].gateway = address_of("192.0.2.1")))
SPOIL(other_family, c->routes[0].gateway = address_of("192.0.2.7"))
SPOIL(long_route, (c->routes[0].to.address = address_of("10.0.0.0"), c->routes[0].to.length = 33,
                   c->routes[0].gateway = address_of("192.0.2.7")))
SPOIL(no_ethernet_part, c->parts.ethernet = NULL)
SPOIL(no_ipv6_part, c->parts.ipv6 = NULL)
SPOIL(no_reassembly_part, c->parts.reassembly = NULL)
SPOIL(no_watch_part, c->parts.watch = NULL)
SPOIL(no_scan_part, c->parts.scan = NULL)
SPOIL(no_icmp_part, c->parts.icmp = NULL)
SPOIL(ipv6_alone, (c->answer_ping = false, c->parts.icmp = NULL))
SPOIL(no_link, c->link = (enum hf_link)7)

static const struct row rows[] = {
    {"max_connections 0", no_connections, "max_connections"},
    {"max_connections 2^26 + 1", many_connections, "max_connections"},
    {"max_half_opens 0", no_half_opens, "max_half_opens"},
    {"max_listeners 0", no_listeners, "max_listeners"},
    {"max_listeners 65536", many_listeners, "max_listeners"},
    {"max_neighbors 0 on Ethernet", no_neighbors, "max_neighbors"},
    {"HF_ETHERNET without its part", no_ethernet_part, "link"},
    {"an IPv6 address without its part", no_ipv6_part, "addresses"},
    {"fragments without their part", no_reassembly_part, "max_reassemblies"},
    {"a stall timeout without the watch", no_watch_part, "stall_timeout_ms"},
    {"scans told without their part", no_scan_part, "scan_ports"},
    {"pings answered without their part", no_icmp_part, "answer_ping"},
    {"IPv6 without ICMP", ipv6_alone, "parts.ipv6"},
    {"receive_bytes 10", small_receive, "receive_bytes"},
    {"receive_bytes beyond a scaled window", large_receive, "receive_bytes"},
    {"window_scale 15 [RFC 7323 2.3]", large_scale, "window_scale"},
    {"send_bytes 0", small_send, "send_bytes"},
    {"pool_bytes below the promise", pool_below_promise, "pool_bytes"},
    {"segmentation without checksum offload", segmentation_alone, "segmentation_bytes"},
    {"mtu 1279 with IPv6", small_mtu, "mtu"},
    {"vlan on raw IP", tagged_raw, "vlan"},
    {"vlan 4095", vlan_4095, "vlan"},
    {"mac of a group", group_mac, "mac"},
    {"msl_ms 0", no_msl, "msl_ms"},
    {"delayed_ack_ms 501 [RFC 9293 MUST-40]", long_delayed_ack, "delayed_ack_ms"},
    {"max_rto_ms below initial_rto_ms", rto_order, "max_rto_ms"},
    {"initial_rto_ms below min_rto_ms", initial_rto_order, "initial_rto_ms"},
    {"ttl 0", no_ttl, "ttl"},
    {"syn_ack_retries 11", many_retries, "syn_ack_retries"},
    {"half_open_timeout_ms 0", no_half_open_timeout, "half_open_timeout_ms"},
    {"initial_window 0", no_initial_window, "initial_window"},
    {"keepalive_count 0", keepalive_count, "keepalive_count"},
    {"no address", no_addresses, "addresses"},
    {"multicast address", multicast, "addresses"},
    {"broadcast address", broadcast, "addresses"},
    {"the same address twice", twice, "addresses"},
    {"IPv4 prefix of 33", long_prefix, "addresses"},
    {"gateway off the link", far_gateway, "routes"},
    {"ourselves as gateway", own_gateway, "routes"},
    {"gateway of the other family", other_family, "routes"},
    {"route of an IPv4 prefix of 33", long_route, "routes"},
    {"a link that is none", no_link, "link"},
};

/* [R1122-11, R1122-15] [RFC 9293 MUST-49] */
static void impossible_values_are_named(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hf_config config = peer_config();
        struct hf_env env = {.memory = NULL};
        struct hf_stack *stack;
        const char *error;

        print_message("%s\n", rows[i].name);
        assert_null(hf_config_error(&config));
        rows[i].spoil(&config);
        error = hf_config_error(&config);
        assert_non_null(error);
        print_message("  %s\n", error);
        assert_int_equal(strncmp(error, rows[i].starts, strlen(rows[i].starts)), 0);
        assert_int_equal(hf_memory_needed(&config), 0);
        assert_int_equal(hf_init(&stack, &config, &env, 0), HF_INVALID);
    }
}

/* [R1122-38, R8200-17] */
static void only_ipv4_may_have_a_small_mtu(void **state)
{
    struct hf_config config = peer_config();

    (void)state;
    config.mtu = 576;
    assert_non_null(hf_config_error(&config));
    memset(&config.addresses[1], 0, sizeof config.addresses[1]);
    assert_null(hf_config_error(&config));
    config.mtu = 575;
    assert_non_null(hf_config_error(&config));
}

static void pool_follows_the_promise(void **state)
{
    struct hf_config config = peer_config();

    (void)state;
    config.max_connections = 100;
    assert_int_equal(config_chunks(&config), 250);
    config.promise_bytes = 4097;
    assert_int_equal(config_chunks(&config), 500); /* both directions alike */
    config.pool_bytes = 1 << 20;
    assert_int_equal(config_chunks(&config), 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_values_are_named),
        cmocka_unit_test(only_ipv4_may_have_a_small_mtu),
        cmocka_unit_test(pool_follows_the_promise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
