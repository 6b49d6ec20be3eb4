/* The largest of many, and the prefixes that have most, in fixed memory. */
#include "unit/os/test.h"

#include <stdlib.h>

#include "control/top_walk.h"

static void the_largest_are_kept_in_order(void **state)
{
    struct top_list *list = calloc(1, sizeof *list);
    struct top_entry sorted[TOP_LISTED];

    (void)state;
    for (uint64_t i = 0; i < 10007; i++) /* 5003 is prime to it: every key once, in no order */
        top_list_add(list, (struct top_entry){.key = i * 5003 % 10007, .id = i});
    assert_int_equal(top_list_sorted(list, sorted), TOP_LISTED);
    for (uint64_t i = 0; i < TOP_LISTED; i++)
        assert_int_equal(sorted[i].key, 10006 - i);
    free(list);
}

static void fewer_than_fit_are_all_kept(void **state)
{
    struct top_list *list = calloc(1, sizeof *list);
    struct top_entry sorted[TOP_LISTED];

    (void)state;
    for (uint64_t i = 0; i < 3; i++)
        top_list_add(list, (struct top_entry){.key = 7, .id = 3 - i});
    assert_int_equal(top_list_sorted(list, sorted), 3);
    assert_int_equal(sorted[0].id, 1); /* equal keys: the oldest first */
    free(list);
}

static struct relay_view from(const char *client, uint64_t bytes)
{
    struct relay_view view = {.bytes_in = bytes, .bytes_out = 1};

    assert_int_equal(hf_endpoint_parse(&view.client, client), HF_OK);
    return view;
}

static void prefixes_are_hosts_or_networks_of_64(void **state)
{
    static const char *const clients[] = {
        "192.0.2.1:1",     "192.0.2.1:2",     "192.0.2.2:1",        "[2001:db8::1]:1",
        "[2001:db8::2]:1", "[2001:db8::3]:1", "[2001:db8:0:1::1]:1"};
    struct top_result *result = calloc(1, sizeof *result);
    struct top_prefix sorted[4];

    (void)state;
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        struct relay_view view = from(clients[i], 10);

        top_prefix_add(result, &view);
    }
    assert_int_equal(top_prefixes_sorted(result, sorted, 4), 4);
    assert_int_equal(sorted[0].connections, 3);
    assert_int_equal(sorted[0].prefix.length, 64);
    assert_int_equal(sorted[0].bytes_in, 30);
    assert_int_equal(sorted[1].connections, 2);
    assert_int_equal(sorted[1].prefix.length, 32);
    assert_int_equal(top_prefixes_sorted(result, sorted, 1), 1);
    assert_int_equal(sorted[0].connections, 3);
    free(result);
}

/* A hundred thousand prefixes of one connection do not hide one that has many. */
static void a_crowd_does_not_hide_the_largest(void **state)
{
    struct top_result *result = calloc(1, sizeof *result);
    struct relay_view large = from("198.51.100.7:1", 1), small = from("10.0.0.0:1", 1);
    struct top_prefix sorted[2];

    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        if (i % 100 == 0)
            top_prefix_add(result, &large);
        small.client.address.bytes[13] = (uint8_t)(i >> 16);
        small.client.address.bytes[14] = (uint8_t)(i >> 8);
        small.client.address.bytes[15] = (uint8_t)i;
        top_prefix_add(result, &small);
    }
    assert_int_equal(top_prefixes_sorted(result, sorted, 2), 2);
    assert_memory_equal(&sorted[0].prefix.address, &large.client.address, 16);
    assert_in_range(sorted[0].connections, 990, 1000);
    assert_true(result->prefixes_missed > 0);
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_are_kept_in_order),
        cmocka_unit_test(fewer_than_fit_are_all_kept),
        cmocka_unit_test(prefixes_are_hosts_or_networks_of_64),
        cmocka_unit_test(a_crowd_does_not_hide_the_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
