/* What the kernel says of interfaces, addresses and routes, and the rules that transparent backends need, in a network
 * namespace of the test's own. Needs root. [rtnetlink(7)] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/link.h"
#include "guard/network.h"
#include "guard/transparent.h"

/* Runs ip with these words; what it prints goes to `out` unless that is NULL. Its exit code. */
static int run_ip(const char *words, char *out, size_t capacity)
{
    char command[300];
    int pipes[2], status;
    size_t length = 0;
    pid_t child;

    snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin exec ip %s", words);
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (out != NULL)
            dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    for (ssize_t got = 1; out != NULL && got > 0 && length < capacity - 1;) {
        got = read(pipes[0], out + length, capacity - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (out != NULL)
        out[length] = '\0';
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ip(const char *words)
{
    assert_int_equal(run_ip(words, NULL, 0), 0);
}

/* The command's output, all of it. */
static const char *ip_says(const char *words)
{
    static char text[8192];

    assert_int_equal(run_ip(words, text, sizeof text), 0);
    return text;
}

static int make_wire(void **state)
{
    (void)state;
    ip("link set lo up");
    ip("link add w0 address 02:00:00:00:00:77 mtu 1400 type veth peer name w1");
    ip("link set w1 up");
    ip("addr add 192.0.2.1/24 dev w0");
    ip("addr add 2001:db8::1/64 dev w0 nodad");
    ip("link set w0 up");
    return 0;
}

static int remove_wire(void **state)
{
    (void)state;
    ip("link del w0");
    return 0;
}

static bool is_prefix(const struct hf_prefix *prefix, const char *text)
{
    struct hf_prefix wanted;

    assert_int_equal(hf_prefix_parse(&wanted, text), HF_OK);
    return prefix->length == wanted.length &&
           memcmp(&prefix->address, &wanted.address, sizeof wanted.address) == 0;
}

static bool is_address(const struct hf_address *address, const char *text)
{
    struct hf_address wanted;

    assert_int_equal(hf_address_parse(&wanted, text), HF_OK);
    return memcmp(address, &wanted, sizeof wanted) == 0;
}

/* ---- interfaces and addresses ---- */

static void an_interface_is_described(void **state)
{
    struct network_link link;

    (void)state;
    assert_int_equal(network_link("w0", &link), HF_OK);
    assert_true(link.index > 0 && link.up && link.ethernet && !link.loopback);
    assert_int_equal(link.mtu, 1400);
    assert_int_equal(link.master, 0);
    assert_memory_equal(link.mac.bytes, "\2\0\0\0\0\x77", 6);
    assert_int_equal(network_link("lo", &link), HF_OK);
    assert_true(link.loopback && !link.ethernet);
    assert_int_equal(network_link("w7", &link), HF_NO_DEVICE);
    assert_int_equal(link.index, 0);
}

static void a_port_knows_its_bridge(void **state)
{
    struct network_link bridge, port;

    (void)state;
    ip("link add b0 type bridge");
    assert_int_equal(network_link("b0", &bridge), HF_OK);
    assert_int_equal(link_join("w1", bridge.index), HF_OK);
    assert_int_equal(network_link("w1", &port), HF_OK);
    assert_int_equal(port.master, bridge.index);
    assert_int_equal(link_join("w7", bridge.index), HF_NO_DEVICE);
    ip("link del b0");
}

static void addresses_have_their_interface(void **state)
{
    struct network_address addresses[NETWORK_ADDRESSES_MAX];
    struct network_link wire;
    uint32_t count, found = 0;

    (void)state;
    assert_int_equal(network_link("w0", &wire), HF_OK);
    assert_int_equal(network_addresses(addresses, &count), HF_OK);
    for (uint32_t i = 0; i < count; i++)
        found +=
            addresses[i].index == wire.index && (is_prefix(&addresses[i].prefix, "192.0.2.1/24") ||
                                                 is_prefix(&addresses[i].prefix, "2001:db8::1/64"));
    assert_int_equal(found, 2);
}

static void more_addresses_than_we_keep(void **state)
{
    struct network_address addresses[NETWORK_ADDRESSES_MAX];
    char words[64];
    uint32_t count;

    (void)state;
    for (int i = 0; i < NETWORK_ADDRESSES_MAX; i++) {
        snprintf(words, sizeof words, "addr add 10.1.%d.%d/32 dev w0", i / 200, 1 + i % 200);
        ip(words);
    }
    assert_int_equal(network_addresses(addresses, &count), HF_OK);
    assert_int_equal(count, NETWORK_ADDRESSES_MAX);
}

/* ---- routes ---- */

static const struct hf_route *route_to(const struct hf_route *routes, uint32_t count,
                                       const char *prefix)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_prefix(&routes[i].to, prefix))
            return &routes[i];
    return NULL;
}

static void the_best_route_to_each_prefix(void **state)
{
    struct hf_route routes[HF_ROUTES_MAX];
    struct network_link wire;
    uint32_t count, left_out;

    (void)state;
    ip("route add default via 192.0.2.3 metric 20");
    ip("route add default via 192.0.2.2 metric 10");
    ip("-6 route add default via 2001:db8::2");
    ip("route add 198.51.100.0/24 nexthop via 192.0.2.4 dev w0 nexthop via 192.0.2.5 dev w0");
    ip("route add 203.0.113.0/24 dev w0");              /* no gateway */
    ip("route add 10.9.0.0/16 via 192.0.2.9 table 77"); /* another table */
    ip("route add blackhole 10.8.0.0/16");
    assert_int_equal(network_link("w0", &wire), HF_OK);
    assert_int_equal(network_routes(wire.index, routes, &count, &left_out), HF_OK);
    assert_int_equal(count, 3);
    assert_int_equal(left_out, 0);
    assert_true(is_address(&route_to(routes, count, "0.0.0.0/0")->gateway, "192.0.2.2"));
    assert_true(is_address(&route_to(routes, count, "::/0")->gateway, "2001:db8::2"));
    assert_true(is_address(&route_to(routes, count, "198.51.100.0/24")->gateway, "192.0.2.4"));
    assert_int_equal(network_routes(wire.index + 1, routes, &count, &left_out), HF_OK);
    assert_int_equal(count, 0);
    ip("route del blackhole 10.8.0.0/16"); /* of no interface */
}

/* More than there is room for: the default route is among those that are kept. */
static void a_default_route_is_never_left_out(void **state)
{
    struct hf_route routes[HF_ROUTES_MAX];
    struct network_link wire;
    uint32_t count, left_out;
    char words[64];

    (void)state;
    for (int i = 0; i < HF_ROUTES_MAX + 3; i++) {
        snprintf(words, sizeof words, "route add 10.%d.0.0/16 via 192.0.2.9", i);
        ip(words);
    }
    ip("-6 route add default via 2001:db8::2"); /* IPv6 comes last */
    assert_int_equal(network_link("w0", &wire), HF_OK);
    assert_int_equal(network_routes(wire.index, routes, &count, &left_out), HF_OK);
    assert_int_equal(count, HF_ROUTES_MAX);
    assert_int_equal(left_out, 4);
    assert_non_null(route_to(routes, count, "::/0"));
}

/* ---- news ---- */

static bool next_news(int fd, struct network_news *news)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, 5000) == 1 && network_monitor_read(fd, news);
}

static void news_of_interfaces(void **state)
{
    struct network_news news = {0};
    int fd = network_monitor_open(), index = 0;

    (void)state;
    assert_true(fd >= 0);
    ip("link add v0 type veth peer name v1");
    while (strcmp(news.name, "v0") != 0)
        assert_true(next_news(fd, &news));
    assert_false(news.gone);
    index = news.index;
    ip("link del v0");
    do
        assert_true(next_news(fd, &news));
    while (!news.gone || news.index != index);
    assert_string_equal(news.name, "v0");
    while (network_monitor_read(fd, &news))
        ;
    assert_int_equal(errno, EAGAIN);
    close(fd);
}

/* ---- transparent backends ---- */

static struct config *with_backends(const char *first, const char *second)
{
    struct config *config = calloc(1, sizeof *config);
    const char *to[] = {first, second};

    assert_non_null(config);
    snprintf(config->uplink.name, sizeof config->uplink.name, "w0");
    for (int i = 0; i < 2 && to[i] != NULL; i++) {
        struct config_backend *backend = &config->service[i].backend[0];

        config->services++;
        snprintf(config->service[i].name, sizeof config->service[i].name, "s");
        config->service[i].backends = 1;
        backend->client_address = CONFIG_CLIENT_TRANSPARENT;
        assert_int_equal(hf_endpoint_parse(&backend->to.endpoint, to[i]), HF_OK);
    }
    return config;
}

static void a_rule_and_a_route_for_each_backend(void **state)
{
    struct config *config = with_backends("127.0.0.1:80", "[::1]:443");
    char error[TRANSPARENT_ERROR_MAX] = "";

    (void)state;
    assert_true(transparent_up(config, TRANSPARENT_GUARD, error));
    assert_true(transparent_up(config, TRANSPARENT_GUARD, error)); /* twice does no harm */
    assert_non_null(strstr(ip_says("rule"), "from 127.0.0.1 iif lo ipproto tcp sport 80 lookup"));
    assert_non_null(strstr(ip_says("-6 rule"), "from ::1 iif lo ipproto tcp sport 443 lookup"));
    assert_non_null(strstr(ip_says("route show table all"), "local default dev lo table"));
    transparent_down(config, TRANSPARENT_OPERATOR); /* not his */
    assert_non_null(strstr(ip_says("rule"), "sport 80"));
    transparent_down(config, TRANSPARENT_GUARD);
    assert_null(strstr(ip_says("rule"), "sport"));
    assert_null(strstr(ip_says("-6 rule"), "sport"));
    assert_null(strstr(ip_says("route show table all"), "local default"));
    free(config);
}

static void what_a_dead_guard_left_is_replaced(void **state)
{
    struct config *dead = with_backends("127.0.0.1:80", "127.0.0.1:81");
    struct config *next = with_backends("127.0.0.1:81", "127.0.0.1:82");
    struct config *other = with_backends("127.0.0.1:99", NULL);
    char error[TRANSPARENT_ERROR_MAX] = "";

    (void)state;
    snprintf(other->uplink.name, sizeof other->uplink.name, "w9"); /* a guard beside it */
    assert_true(transparent_up(dead, TRANSPARENT_GUARD, error));
    assert_true(transparent_up(other, TRANSPARENT_GUARD, error));
    assert_true(transparent_up(next, TRANSPARENT_GUARD, error));
    assert_null(strstr(ip_says("rule"), "sport 80"));
    assert_non_null(strstr(ip_says("rule"), "sport 81"));
    assert_non_null(strstr(ip_says("rule"), "sport 82"));
    assert_non_null(strstr(ip_says("rule"), "sport 99"));
    assert_true(transparent_add(dead, error)); /* a reload: old ones stay */
    assert_non_null(strstr(ip_says("rule"), "sport 82"));
    assert_non_null(strstr(ip_says("rule"), "sport 80"));
    transparent_down(next, TRANSPARENT_GUARD);
    transparent_down(other, TRANSPARENT_GUARD);
    assert_null(strstr(ip_says("rule"), "sport"));
    free(dead);
    free(next);
    free(other);
}

static void only_loopback_servers(void **state)
{
    struct config *config = with_backends("192.0.2.1:80", NULL);
    char error[TRANSPARENT_ERROR_MAX] = "";

    (void)state;
    assert_false(transparent_up(config, TRANSPARENT_GUARD, error));
    assert_non_null(strstr(error, "192.0.2.1:80, accepted are servers on 127.0.0.0/8 and ::1"));
    config->service[0].backend[0].client_address = CONFIG_CLIENT_NONE;
    assert_true(transparent_up(config, TRANSPARENT_GUARD, error));
    assert_null(strstr(ip_says("rule"), "sport"));
    free(config);
}

#define WIRED(test) cmocka_unit_test_setup_teardown(test, make_wire, remove_wire)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRED(an_interface_is_described),
        WIRED(a_port_knows_its_bridge),
        WIRED(addresses_have_their_interface),
        WIRED(more_addresses_than_we_keep),
        WIRED(the_best_route_to_each_prefix),
        WIRED(a_default_route_is_never_left_out),
        WIRED(news_of_interfaces),
        WIRED(a_rule_and_a_route_for_each_backend),
        WIRED(what_a_dead_guard_left_is_replaced),
        WIRED(only_loopback_servers),
    };

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        printf("skipped: network namespaces need root: %s\n",
               geteuid() ? "not root" : strerror(errno));
        return 77;
    }
    if (run_ip("link set lo up", NULL, 0) != 0) {
        printf("skipped: there is no ip\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
