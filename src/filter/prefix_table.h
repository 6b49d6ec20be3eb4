/* Prefix tables: which of a million prefixes of IPv4 and IPv6 holds an address, the longest one. Built once, then only read.
 *
 * The prefixes are flattened into ranges: sorted 64-bit keys, each with the value that holds from it to the next. IPv4 and
 * the first half of IPv6 have a tree of such keys each; where prefixes are longer than /64 the value names one more tree for
 * the second half. A tree is an implicit search tree of 17 branches whose nodes are two cache lines of 16 keys each: a
 * million prefixes make two million keys at most, six nodes to look at, whoever chose the prefixes. Memory: 24 bytes a
 * prefix, 60 where each of them is longer than /64 and in a /64 of its own. docs/decisions/prefix_table.md has the numbers.
 */
#ifndef FILTER_PREFIX_TABLE_H
#define FILTER_PREFIX_TABLE_H

#include <handfast/filter.h>

#include "wire/flow.h"

#define PREFIX_TABLE_NONE 0u /* no prefix holds the address                */
#define PREFIX_TABLE_VALUE_MAX 0x7ffffffeu
#define PREFIX_TABLE_ENTRIES_MAX (1u << 26)

/* Keys at keys[first ...], their values at the same places. */
struct prefix_tree {
    uint32_t first, count;
    uint32_t below; /* the value before the first key */
};

struct prefix_table {
    struct prefix_tree v4, v6; /* v6: of the first half of addresses */
    const uint64_t *keys;
    const uint32_t *values;
};

/* Sorts and tidies entries: bits behind a prefix's length become zero, of equal prefixes the one with the smallest value
 * stays. Returns how many are left, at the front. Values must be 1 to PREFIX_TABLE_VALUE_MAX, lengths possible. */
size_t prefix_entries_tidy(struct hf_filter_entry *entries, size_t count);

/* Bytes that a table of these tidy entries takes. */
size_t prefix_table_needed(const struct hf_filter_entry *entries, size_t count);

/* ... and at most, for any entries of this number: for few of them. */
size_t prefix_table_most(size_t count);

/* Makes the table in `memory` (aligned to 64, prefix_table_needed bytes or more), which it keeps. */
void prefix_table_build(struct prefix_table *table, const struct hf_filter_entry *entries,
                        size_t count, void *memory);

/* The value of the longest prefix that holds the address, or PREFIX_TABLE_NONE. */
uint32_t prefix_table_find(const struct prefix_table *table, const struct hf_address *address);

#define PREFIX_TABLE_GROUP 8u

/* The same for up to PREFIX_TABLE_GROUP addresses, which costs little more than for one where the table is beyond the caches. */
void prefix_table_find_group(const struct prefix_table *table,
                             const struct hf_address *const *addresses, unsigned count,
                             uint32_t *values);

#endif
