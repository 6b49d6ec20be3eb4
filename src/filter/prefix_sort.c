/* Sorting prefixes in place: by family, address and length; a radix sort from the first byte, as there may be a million. */
#include "filter/prefix_table.h"

#include "base/must.h"

#define SMALL 24 /* so few are sorted by insertion */
#define KEY_BYTES 18

/* The byte at `depth` of the sort key: the address, 16 bytes (IPv4 is mapped, but to stand first it is told apart before);
 * its length; its value, which only serves to find the smallest. */
static uint8_t key_byte(const struct hf_filter_entry *entry, unsigned depth)
{
    if (depth == 0)
        return !hf_address_is_v4(&entry->prefix.address);
    return depth <= 16 ? entry->prefix.address.bytes[depth - 1] : entry->prefix.length;
}

static int compare(const struct hf_filter_entry *a, const struct hf_filter_entry *b)
{
    int v6 = !hf_address_is_v4(&a->prefix.address) - !hf_address_is_v4(&b->prefix.address);

    if (v6)
        return v6;
    v6 = memcmp(&a->prefix, &b->prefix, sizeof a->prefix);
    if (v6)
        return v6;
    return (a->value > b->value) - (a->value < b->value);
}

static void sort_few(struct hf_filter_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct hf_filter_entry entry = entries[i];
        size_t j = i;

        for (; j > 0 && compare(&entry, &entries[j - 1]) < 0; j--)
            entries[j] = entries[j - 1];
        entries[j] = entry;
    }
}

/* One byte: counts, then puts every entry into its bucket by swapping. [McIlroy, Bostic and McIlroy, 1993: the American flag
 * sort] */
static void flag_sort(struct hf_filter_entry *entries, size_t count, unsigned depth,
                      uint32_t ends[256])
{
    uint32_t next[256], sizes[256] = {0}, start = 0;

    for (size_t i = 0; i < count; i++)
        sizes[key_byte(&entries[i], depth)]++;
    for (unsigned b = 0; b < 256; b++) {
        next[b] = start;
        start += sizes[b];
        ends[b] = start;
    }
    for (unsigned b = 0; b < 256; b++)
        while (next[b] < ends[b]) {
            struct hf_filter_entry entry = entries[next[b]];
            uint8_t home;

            while ((home = key_byte(&entry, depth)) != b) {
                struct hf_filter_entry other = entries[next[home]];

                entries[next[home]++] = entry;
                entry = other;
            }
            entries[next[b]++] = entry;
        }
}

/* At the last byte all are equal but for their values: the smallest goes first, the order of the others is nothing. */
static void smallest_first(struct hf_filter_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (entries[i].value < entries[0].value) {
            struct hf_filter_entry entry = entries[0];

            entries[0] = entries[i];
            entries[i] = entry;
        }
}

static void sort(struct hf_filter_entry *entries, size_t count, unsigned depth)
{
    uint32_t ends[256], start = 0;

    if (count <= SMALL) {
        sort_few(entries, count);
        return;
    }
    if (depth == KEY_BYTES) {
        smallest_first(entries, count);
        return;
    }
    flag_sort(entries, count, depth, ends);
    for (unsigned b = 0; b < 256; b++) {
        if (ends[b] - start > 1)
            sort(entries + start, ends[b] - start, depth + 1);
        start = ends[b];
    }
}

static void clear_behind(struct hf_prefix *prefix)
{
    uint32_t bits = prefix->length + (hf_address_is_v4(&prefix->address) ? 96u : 0u);

    must(bits <= 128);
    for (uint32_t i = bits / 8; i < 16; i++) {
        uint32_t kept = i == bits / 8 ? bits % 8 : 0;

        prefix->address.bytes[i] &= (uint8_t)(0xff00u >> kept);
    }
}

static bool same_prefix(const struct hf_filter_entry *a, const struct hf_filter_entry *b)
{
    return memcmp(&a->prefix, &b->prefix, sizeof a->prefix) == 0;
}

size_t prefix_entries_tidy(struct hf_filter_entry *entries, size_t count)
{
    size_t left = 0;

    must(count <= PREFIX_TABLE_ENTRIES_MAX);
    for (size_t i = 0; i < count; i++) {
        must(entries[i].value >= 1 && entries[i].value <= PREFIX_TABLE_VALUE_MAX);
        clear_behind(&entries[i].prefix);
    }
    sort(entries, count, 0);
    for (size_t i = 0; i < count; i++)
        if (left == 0 || !same_prefix(&entries[left - 1], &entries[i]))
            entries[left++] = entries[i];
    return left;
}
