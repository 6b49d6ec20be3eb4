/* The words of port mode's tables: what is in which set, what is left out, and what each rule is for. [nft(8)] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "guard/netfilter.h"

static struct hf_endpoint endpoint(const char *text)
{
    struct hf_endpoint made;

    assert_int_equal(hf_endpoint_parse(&made, text), HF_OK);
    return made;
}

/* The table without line ends' surroundings, so that one look finds a phrase. Freed by the next. */
static const char *words(void (*print)(FILE *, const struct netfilter_ports *),
                         const struct netfilter_ports *ports)
{
    static char *text;
    size_t length = 0;
    FILE *out;

    free(text);
    text = NULL;
    out = open_memstream(&text, &length);
    assert_non_null(out);
    print(out, ports);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void redirect(FILE *out, const struct netfilter_ports *ports)
{
    netfilter_print_redirect(out, ports, true);
}

static void redirect_unowned(FILE *out, const struct netfilter_ports *ports)
{
    netfilter_print_redirect(out, ports, false);
}

static void no_drop(FILE *out, const struct netfilter_ports *ports)
{
    netfilter_print_no_drop(out, ports->interface);
}

#define HAS(text, phrase) assert_non_null(strstr(text, phrase))
#define HAS_NOT(text, phrase) assert_null(strstr(text, phrase))

static void elements_are_named_once(void **state)
{
    const struct hf_endpoint at[] = {
        endpoint("192.0.2.1:80"),     endpoint("192.0.2.1:443"), endpoint("192.0.2.2:80"),
        endpoint("[2001:db8::1]:80"), endpoint("192.0.2.1:80"),
    };
    const char *text = words(
        redirect,
        &(struct netfilter_ports){.interface = "eth0", .tap = "hf-eth0", .at = at, .count = 5});

    (void)state;
    HAS(text, "elements = { 192.0.2.1 . 80, 192.0.2.1 . 443, 192.0.2.2 . 80 }");
    HAS(text, "elements = { 192.0.2.1, 192.0.2.2 }");
    HAS(text, "elements = { 2001:db8::1 . 80 }");
    HAS(text, "@th,224,16 { 80, 443 }");
    HAS(text, "@th,384,16 { 80 }");
}

static void one_family_has_no_words_of_the_other(void **state)
{
    const struct hf_endpoint v4 = endpoint("192.0.2.1:80"), v6 = endpoint("[2001:db8::1]:80");
    struct netfilter_ports ports = {.interface = "eth0", .tap = "hf-eth0", .at = &v4, .count = 1};
    const char *text = words(redirect, &ports);

    (void)state;
    HAS(text, "ip daddr . tcp dport @served4 fwd to \"hf-eth0\"");
    HAS(text, "arp operation reply dup to");
    HAS_NOT(text, "ip6");
    HAS_NOT(text, "served6");
    ports.at = &v6;
    text = words(redirect, &ports);
    HAS(text, "ip6 daddr . tcp dport @served6 fwd to \"hf-eth0\"");
    HAS(text, "icmpv6 type nd-neighbor-advert dup to");
    HAS_NOT(text, "ip daddr");
    HAS_NOT(text, "arp");
}

static void a_table_replaces_the_one_that_is_there(void **state)
{
    const struct hf_endpoint at = endpoint("192.0.2.1:80");
    struct netfilter_ports ports = {.interface = "eth0", .tap = "hf-eth0", .at = &at, .count = 1};
    const char *text = words(redirect, &ports);

    (void)state;
    assert_ptr_equal(strstr(text, "add table netdev handfast-eth0 { flags owner; }\n"
                                  "delete table netdev handfast-eth0\n"
                                  "table netdev handfast-eth0 {\n    flags owner\n"),
                     text);
    HAS_NOT(words(redirect_unowned, &ports), "owner");
    text = words(netfilter_print_drop, &ports);
    HAS(text, "table netdev handfast-eth0-stopped {");
    HAS(text, "@served4 drop");
    HAS_NOT(text, "owner");
    assert_string_equal(words(no_drop, &ports), "add table netdev handfast-eth0-stopped\n"
                                                "delete table netdev handfast-eth0-stopped\n");
}

static void names_of_interfaces_may_be_odd(void **state)
{
    const struct hf_endpoint at = endpoint("192.0.2.1:80");
    const char *text =
        words(redirect,
              &(struct netfilter_ports){.interface = "br@0.7+", .tap = "t", .at = &at, .count = 1});

    (void)state;
    HAS(text, "table netdev handfast-br_0.7_ {");
    HAS(text, "device \"br@0.7+\"");
}

/* A guard that drains redirects nothing but what it has. */
static void connections_are_exceptions(void **state)
{
    const struct hf_endpoint at = endpoint("192.0.2.1:80");
    const struct netfilter_flow held[] = {
        {endpoint("198.51.100.7:4711"), endpoint("192.0.2.1:22")},
        {endpoint("198.51.100.8:4711"), endpoint("192.0.2.1:22")},
    };
    const struct netfilter_flow kept[] = {
        {endpoint("[2001:db8::7]:99"), endpoint("[2001:db8::1]:80")},
    };
    struct netfilter_ports ports = {
        .interface = "eth0",
        .tap = "hf-eth0",
        .at = &at,
        .count = 1,
        .held = held,
        .kept = kept,
        .held_count = 2,
        .kept_count = 1,
    };
    const char *text = words(redirect, &ports);

    (void)state;
    HAS(text, "elements = { 198.51.100.7 . 4711 . 192.0.2.1 . 22, "
              "198.51.100.8 . 4711 . 192.0.2.1 . 22 }");
    HAS(text, "ip saddr . tcp sport . ip daddr . tcp dport @held4 fwd to \"hf-eth0\"");
    HAS(text, "ip6 saddr . tcp sport . ip6 daddr . tcp dport @kept6 accept");
    assert_true(strstr(text, "@kept6 accept") < strstr(text, "@served4 fwd"));
    HAS(words(netfilter_print_drop, &ports), "@kept6 accept");
    ports.count = 0;
    text = words(redirect, &ports);
    HAS_NOT(text, "served");
    HAS(text, "@held4 fwd to");
    HAS(text, "arp operation reply");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_named_once),
        cmocka_unit_test(one_family_has_no_words_of_the_other),
        cmocka_unit_test(a_table_replaces_the_one_that_is_there),
        cmocka_unit_test(names_of_interfaces_may_be_odd),
        cmocka_unit_test(connections_are_exceptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
