/* A keyed hash table from 64-bit hashes to slot numbers, in buckets of one cache line, grown by linear hashing.
 *
 * The table holds short tags and slot numbers only; what a slot means, and whether it is really the one that is sought, the
 * caller decides while it walks the candidates. Hashes come from a keyed function, so nobody outside can choose a bucket.
 * Small use touches little memory: buckets are split one at a time as entries come. An attacker cannot lengthen a chain;
 * chance alone fills overflow buckets.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

#define TABLE_BUCKET_ENTRIES 10

struct table_bucket {
    uint16_t tags[TABLE_BUCKET_ENTRIES]; /* 0: the entry is empty */
    uint32_t slots[TABLE_BUCKET_ENTRIES];
    uint32_t overflow; /* another bucket, or SLOT_NONE */
};

_Static_assert(sizeof(struct table_bucket) == CACHE_LINE, "a bucket is one cache line");

/* The hash of the entry in a slot, needed when a bucket is split. */
typedef uint64_t table_hash_of(const void *context, uint32_t slot);

struct table {
    struct table_bucket *buckets;
    struct pool overflow;
    uint32_t count;     /* entries                                    */
    uint32_t used;      /* buckets in use: a power of two plus `split` */
    uint32_t base_mask; /* mask of the round that is finished         */
    uint32_t max_buckets;
    table_hash_of *hash_of;
    const void *context;
};

/* Memory for up to `capacity` entries. context is given to hash_of. */
void table_init(struct table *table, struct arena *arena, uint32_t capacity, table_hash_of *hash_of,
                const void *context);

/* Must not be called with more than `capacity` entries inside. */
void table_insert(struct table *table, uint64_t hash, uint32_t slot);
void table_remove(struct table *table, uint64_t hash, uint32_t slot);

/* Walks the entries that may have this hash:
 *   struct table_cursor c = table_find(t, hash); for (uint32_t s; (s = table_next(t, &c)) != SLOT_NONE;) if (is it s) ...
 */
struct table_cursor {
    uint32_t bucket, entry;
    uint16_t tag;
    bool in_overflow;
};

struct table_cursor table_find(const struct table *table, uint64_t hash);
uint32_t table_next(const struct table *table, struct table_cursor *cursor);

/* Brings the bucket of a hash near before it is needed. */
void table_prefetch(const struct table *table, uint64_t hash);

#endif
