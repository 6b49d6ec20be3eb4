/* Prefix tables against a walk over all prefixes: random ones of IPv4 and IPv6, near one another and nested; edges of the
 * address space; memory in its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filter/prefix_table.h"

#define SEED UINT64_C(0x5eedf117e2)

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* What a table says, the slow way. Of equal prefixes the smallest value. */
static uint32_t naive(const struct hf_filter_entry *entries, size_t count,
                      const struct hf_address *address)
{
    const struct hf_filter_entry *best = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct hf_filter_entry *entry = &entries[i];

        if (!prefix_contains(&entry->prefix, address))
            continue;
        if (!best || entry->prefix.length > best->prefix.length ||
            (entry->prefix.length == best->prefix.length && entry->value < best->value))
            best = entry;
    }
    return best ? best->value : PREFIX_TABLE_NONE;
}

struct built {
    struct hf_filter_entry *entries, *original;
    size_t count, original_count;
    struct prefix_table table;
    void *memory;
    size_t bytes;
};

static void build(struct built *built, const struct hf_filter_entry *entries, size_t count)
{
    built->original = malloc(count * sizeof *entries + 1);
    built->entries = malloc(count * sizeof *entries + 1);
    if (count) {
        memcpy(built->original, entries, count * sizeof *entries);
        memcpy(built->entries, entries, count * sizeof *entries);
    }
    built->original_count = count;
    built->count = prefix_entries_tidy(built->entries, count);
    built->bytes = prefix_table_needed(built->entries, built->count);
    assert_true(built->bytes <= prefix_table_most(count));
    built->memory = aligned_alloc(64, built->bytes + 64);
    memset(built->memory, 0xa5, built->bytes + 64);
    prefix_table_build(&built->table, built->entries, built->count, built->memory);
    for (size_t i = 0; i < 64; i++) /* not a byte more than was said */
        assert_int_equal(((uint8_t *)built->memory)[built->bytes + i], 0xa5);
}

static void drop(struct built *built)
{
    free(built->original);
    free(built->entries);
    free(built->memory);
}

static void assert_same(const struct built *built, const struct hf_address *address)
{
    char text[HF_ADDRESS_TEXT_MAX];
    uint32_t found = prefix_table_find(&built->table, address);
    uint32_t wanted = naive(built->original, built->original_count, address);

    if (found != wanted)
        fail_msg("%s: %u, not %u", hf_address_format(text, address), found, wanted);
}

/* A group is asked as each of it would be. */
static void assert_group(const struct built *built, const struct hf_address *addresses,
                         unsigned count)
{
    const struct hf_address *group[PREFIX_TABLE_GROUP];
    uint32_t values[PREFIX_TABLE_GROUP];

    for (unsigned i = 0; i < count; i++)
        group[i] = &addresses[i];
    prefix_table_find_group(&built->table, group, count, values);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(values[i], prefix_table_find(&built->table, &addresses[i]));
}

/* A step of one either way in the address as a number. */
static struct hf_address step(struct hf_address address, int by)
{
    unsigned last = hf_address_is_v4(&address) ? 12 : 0;

    for (unsigned i = 16; i-- > last;) {
        address.bytes[i] = (uint8_t)(address.bytes[i] + by);
        if (address.bytes[i] != (by > 0 ? 0 : 0xff))
            break;
    }
    return address;
}

static struct hf_address last_of(const struct hf_prefix *prefix)
{
    struct hf_address address = prefix->address;
    unsigned bits = prefix->length + (hf_address_is_v4(&address) ? 96u : 0u);

    for (unsigned i = bits; i < 128; i++)
        address.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return address;
}

/* Both ends of every prefix, and what lies beside them. */
static void assert_edges(const struct built *built)
{
    for (size_t i = 0; i < built->count; i++) {
        const struct hf_prefix *prefix = &built->entries[i].prefix;
        struct hf_address last = last_of(prefix), address;

        assert_same(built, &prefix->address);
        assert_same(built, &last);
        address = step(prefix->address, -1);
        if (hf_address_is_v4(&address) == hf_address_is_v4(&last))
            assert_same(built, &address);
        address = step(last, 1);
        if (hf_address_is_v4(&address) == hf_address_is_v4(&last))
            assert_same(built, &address);
    }
}

/* Addresses that are alike: of few different bytes, so that prefixes hold one another. `crowded`: IPv6 in few /64. */
static struct hf_address random_address(uint64_t *state, bool v6, unsigned crowded)
{
    struct hf_address address = address_v4(0);
    static const uint8_t bytes[4] = {0, 1, 0x80, 0xff};
    unsigned first = v6 ? 0 : 12;

    if (next(state) % 16 == 0) { /* anywhere at all */
        for (unsigned i = first; i < 16; i++)
            address.bytes[i] = (uint8_t)next(state);
        return address;
    }
    for (unsigned i = first; i < 16; i++)
        address.bytes[i] = bytes[next(state) % 4];
    for (unsigned i = first; v6 && i < crowded; i++)
        address.bytes[i] = i == 0 ? 0x20 : 0;
    return address;
}

static void random_tables(void **unused)
{
    uint64_t state = SEED;

    (void)unused;
    print_message("seed %#llx\n", (unsigned long long)state);
    for (unsigned round = 0; round < 400; round++) {
        struct hf_filter_entry entries[300];
        size_t count = next(&state) % 300;
        unsigned crowded = (unsigned)(next(&state) % 13), v6_in_8 = (unsigned)(next(&state) % 9);
        struct built built;

        for (size_t i = 0; i < count; i++) {
            bool v6 = next(&state) % 8 < v6_in_8;
            uint64_t most = v6 ? 128 : 32, least = v6 ? crowded * 8 : 0;

            entries[i].prefix.address = random_address(&state, v6, crowded);
            entries[i].prefix.length = (uint8_t)(least + next(&state) % (most - least + 1));
            if (next(&state) % 64 == 0)
                entries[i].prefix.length = (uint8_t)(next(&state) % (most + 1));
            entries[i].value = (uint32_t)(1 + next(&state) % (round % 2 ? 3 : 1000));
        }
        build(&built, entries, count);
        assert_edges(&built);
        for (unsigned i = 0; i < 25; i++) {
            struct hf_address addresses[PREFIX_TABLE_GROUP];

            for (unsigned j = 0; j < PREFIX_TABLE_GROUP; j++) {
                addresses[j] = random_address(&state, next(&state) % 2, crowded);
                assert_same(&built, &addresses[j]);
            }
            assert_group(&built, addresses, (unsigned)(next(&state) % (PREFIX_TABLE_GROUP + 1)));
        }
        drop(&built);
    }
}

/* So many that trees have several levels: in IPv4, in the first half of IPv6, and all in one /64. */
static void large_tables(void **unused)
{
    enum { MANY = 12000 };
    struct hf_filter_entry *entries = malloc(MANY * sizeof *entries);
    uint64_t state = SEED + 1;

    (void)unused;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct built built;

        for (unsigned i = 0; i < MANY; i++) {
            struct hf_address address = address_v4((uint32_t)next(&state));

            if (kind)
                for (unsigned j = kind == 2 ? 8 : 0; j < 16; j++)
                    address.bytes[j] = (uint8_t)next(&state);
            if (kind == 2)
                memcpy(address.bytes, "\x20\x01\x0d\xb8\0\0\0\7", 8);
            entries[i].prefix.address = address;
            entries[i].prefix.length = (uint8_t)(kind == 0   ? 8 + next(&state) % 25
                                                 : kind == 1 ? 20 + next(&state) % 45
                                                             : 128 - next(&state) % 30);
            entries[i].value = 1 + i % 7;
        }
        build(&built, entries, MANY);
        assert_true(built.bytes <= MANY * 60 + 4096);
        for (unsigned i = 0; i < 2000; i++) {
            struct hf_address addresses[PREFIX_TABLE_GROUP];
            unsigned at = i % PREFIX_TABLE_GROUP;

            addresses[at] = entries[next(&state) % MANY].prefix.address;
            for (uint64_t j = next(&state) % 4; j > 0; j--)
                addresses[at].bytes[15 - next(&state) % 4] ^= (uint8_t)(1 << next(&state) % 8);
            assert_same(&built, &addresses[at]);
            if (at == PREFIX_TABLE_GROUP - 1)
                assert_group(&built, addresses, PREFIX_TABLE_GROUP);
        }
        drop(&built);
    }
    free(entries);
}

static struct hf_filter_entry entry(const char *text, uint32_t value)
{
    struct hf_filter_entry made = {.value = value};

    assert_int_equal(hf_prefix_parse(&made.prefix, text), HF_OK);
    return made;
}

static uint32_t find(const struct built *built, const char *text)
{
    struct hf_address address;

    assert_int_equal(hf_address_parse(&address, text), HF_OK);
    return prefix_table_find(&built->table, &address);
}

static void no_entries(void **unused)
{
    struct built built;

    (void)unused;
    build(&built, NULL, 0);
    assert_int_equal(find(&built, "192.0.2.1"), PREFIX_TABLE_NONE);
    assert_int_equal(find(&built, "2001:db8::1"), PREFIX_TABLE_NONE);
    drop(&built);
}

static void everything_and_the_last_address(void **unused)
{
    struct hf_filter_entry entries[] = {
        entry("0.0.0.0/0", 1),
        entry("255.255.255.255", 2),
        entry("::/0", 3),
        entry("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 4),
        entry("ffff:ffff:ffff:ffff::/64", 5),
        entry("::/64", 6),
    };
    struct built built;

    (void)unused;
    build(&built, entries, 6);
    assert_edges(&built);
    assert_int_equal(find(&built, "0.0.0.0"), 1);
    assert_int_equal(find(&built, "255.255.255.254"), 1);
    assert_int_equal(find(&built, "255.255.255.255"), 2);
    assert_int_equal(find(&built, "2001:db8::1"), 3);
    assert_int_equal(find(&built, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 4);
    assert_int_equal(find(&built, "ffff:ffff:ffff:ffff::1"), 5);
    assert_int_equal(find(&built, "::1"), 6);
    drop(&built);
}

/* ::/0 holds no IPv4 address, although those are written within it. */
static void families_are_apart(void **unused)
{
    struct hf_filter_entry entries[] = {entry("::/0", 1)};
    struct built built;

    (void)unused;
    build(&built, entries, 1);
    assert_int_equal(find(&built, "192.0.2.1"), PREFIX_TABLE_NONE);
    drop(&built);
}

static void bits_behind_the_length_do_not_count(void **unused)
{
    struct hf_filter_entry entries[] = {entry("192.0.2.77/24", 3), entry("192.0.2.0/24", 2),
                                        entry("2001:db8::7/65", 4)};

    (void)unused;
    assert_int_equal(prefix_entries_tidy(entries, 3), 2);
    assert_int_equal(entries[0].value, 2);
    assert_int_equal(entries[0].prefix.address.bytes[15], 0);
    assert_int_equal(entries[1].prefix.address.bytes[15], 0);
}

/* The same entry a thousand times goes through every byte of the sort. */
static void many_equal_entries(void **unused)
{
    struct hf_filter_entry entries[1000];

    (void)unused;
    for (unsigned i = 0; i < 1000; i++)
        entries[i] = entry("2001:db8::/48", 1000 - i);
    assert_int_equal(prefix_entries_tidy(entries, 1000), 1);
    assert_int_equal(entries[0].value, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_entries),         cmocka_unit_test(everything_and_the_last_address),
        cmocka_unit_test(families_are_apart), cmocka_unit_test(bits_behind_the_length_do_not_count),
        cmocka_unit_test(many_equal_entries), cmocka_unit_test(random_tables),
        cmocka_unit_test(large_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
