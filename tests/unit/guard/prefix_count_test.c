/* Connections counted by prefix: against a count kept the slow way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/prefix_count.h"

#define CAPACITY 100u

static struct hf_address address(const char *text)
{
    struct hf_address parsed;

    assert_int_equal(hf_address_parse(&parsed, text), HF_OK);
    return parsed;
}

static uint32_t add(struct prefix_count *count, uint32_t service, const char *text)
{
    struct hf_address parsed = address(text);
    uint32_t entry = prefix_count_add(count, service, &parsed);

    return count->entries[entry].count;
}

static void a_prefix_is_one_v4_address_or_half_a_v6_one(void **state)
{
    struct prefix_count count;

    (void)state;
    assert_int_equal(prefix_count_init(&count, CAPACITY), HF_OK);
    assert_int_equal(add(&count, 0, "192.0.2.1"), 1);
    assert_int_equal(add(&count, 0, "192.0.2.1"), 2);
    assert_int_equal(add(&count, 0, "192.0.2.2"), 1);
    assert_int_equal(add(&count, 1, "192.0.2.1"), 1);
    assert_int_equal(add(&count, 0, "2001:db8::1"), 1);
    assert_int_equal(add(&count, 0, "2001:db8::ffff:1"), 2);
    assert_int_equal(add(&count, 0, "2001:db8:0:1::1"), 1);
    prefix_count_deinit(&count);
}

static void it_is_told_as_it_is_written(void **state)
{
    char text[PREFIX_COUNT_TEXT_MAX];
    struct hf_address v4 = address("192.0.2.1"), v6 = address("2001:db8:1:2:3::9");

    (void)state;
    assert_string_equal(prefix_count_text(text, &v4), "192.0.2.1");
    assert_string_equal(prefix_count_text(text, &v6), "2001:db8:1:2::/64");
}

/* Full, emptied and filled again, in another order each time. */
static void entries_come_back(void **state)
{
    uint32_t entries[CAPACITY], kept[64] = {0};
    struct prefix_count count;

    (void)state;
    assert_int_equal(prefix_count_init(&count, CAPACITY), HF_OK);
    srand(7);
    for (int round = 0; round < 200; round++) {
        for (uint32_t i = 0; i < CAPACITY; i++) {
            struct hf_address client = address("198.51.100.0");

            client.bytes[15] = (uint8_t)(rand() % 64);
            entries[i] = prefix_count_add(&count, 3, &client);
            assert_int_equal(count.entries[entries[i]].count, ++kept[client.bytes[15]]);
        }
        for (uint32_t i = CAPACITY; i > 0; i--) {
            uint32_t pick = (uint32_t)rand() % i, entry = entries[pick];
            uint64_t prefix = count.entries[entry].prefix;

            kept[((const uint8_t *)&prefix)[3]]--;
            prefix_count_remove(&count, entry);
            entries[pick] = entries[i - 1];
        }
    }
    for (int i = 0; i < 64; i++)
        assert_int_equal(kept[i], 0);
    prefix_count_deinit(&count);
}

/* As many prefixes as it may hold, each with one. */
static void every_place_can_be_used(void **state)
{
    uint32_t entries[CAPACITY];
    struct prefix_count count;

    (void)state;
    assert_int_equal(prefix_count_init(&count, CAPACITY), HF_OK);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < CAPACITY; i++) {
            struct hf_address client = address("2001:db8::1");

            client.bytes[7] = (uint8_t)i;
            entries[i] = prefix_count_add(&count, 0, &client);
            assert_int_equal(count.entries[entries[i]].count, 1);
        }
        for (uint32_t i = 0; i < CAPACITY; i++)
            prefix_count_remove(&count, entries[i]);
    }
    prefix_count_deinit(&count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_is_one_v4_address_or_half_a_v6_one),
        cmocka_unit_test(it_is_told_as_it_is_written),
        cmocka_unit_test(entries_come_back),
        cmocka_unit_test(every_place_can_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
