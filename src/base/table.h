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
#include <string.h>

#include "base/pool.h"
#include "base/shared.h"

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
    uint32_t inserted;  /* ever, wrapping: nothing new is there while it stands still */
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
 *   struct table_cursor c = table_find(t, hash);
 *   for (uint32_t s; (s = table_next(t, &c)) != SLOT_NONE;)
 *       if (is it s) ...
 * The table must not change during the walk.
 */
struct table_cursor {
    const struct table_bucket *bucket;
    uint64_t matches; /* a bit for each entry of the bucket that is still to be looked at */
    uint16_t tag;
};

/* The low 32 bits of a flow's hash are on the wire as its timestamp offset and the nine above leak through its cookies, so
 * the bucket comes from bit 41 on. A tag that a peer could choose would let him make every entry of a bucket a candidate,
 * so the highest bits go into it too. */
static inline uint32_t table_index(uint64_t hash)
{
    return (uint32_t)(hash >> 41 | hash << 23);
}

static inline uint16_t table_tag(uint64_t hash)
{
    uint16_t tag = (uint16_t)(hash >> 48 ^ hash);

    return tag ? tag : 1;
}

static inline struct table_bucket *table_bucket_of(const struct table *table, uint64_t hash)
{
    uint32_t index = table_index(hash) & (2 * table->base_mask + 1);

    return &table->buckets[index < table->used ? index : index & table->base_mask];
}

#define TAG_LANES (~UINT64_C(0) / 0xffff)

/* The top bit of each of four 16-bit lanes that is zero. */
static inline uint64_t table_zero_lanes(uint64_t lanes)
{
    uint64_t low = TAG_LANES * 0x7fff;

    return ~(((lanes & low) + low) | lanes | low);
}

/* Four tags from `first` on, and the last two. */
static inline uint64_t table_tags(const struct table_bucket *bucket, uint32_t first)
{
    uint64_t lanes;

    memcpy(&lanes, bucket->tags + first, sizeof lanes);
    return lanes;
}

static inline uint64_t table_last_tags(const struct table_bucket *bucket)
{
    return (uint64_t)bucket->tags[8] | (uint64_t)bucket->tags[9] << 16;
}

#ifdef __OPTIMIZE_SIZE__
uint64_t table_matches(const struct table_bucket *bucket, uint16_t tag);
#endif
#ifndef SHARED_ELSEWHERE
/* The entries of a bucket with this tag: of each 16-bit lane, bit 15 is entry `lane`, bit 14 entry 4 + lane, bit 13 entry
 * 8 + lane. */
SHARED uint64_t table_matches(const struct table_bucket *bucket, uint16_t tag)
{
    uint64_t pattern = TAG_LANES * tag;
    uint64_t a = table_tags(bucket, 0), b = table_tags(bucket, 4);
    uint64_t c = table_last_tags(bucket);
    return table_zero_lanes(a ^ pattern) | table_zero_lanes(b ^ pattern) >> 1 |
           table_zero_lanes(c ^ pattern) >> 2;
}
#endif

static inline uint32_t table_place(uint64_t matches)
{
    uint32_t bit = (uint32_t)__builtin_ctzll(matches);
    uint32_t group = 15 - bit % 16;
    uint32_t lane = bit / 16;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    lane = group == 2 ? lane : 3 - lane; /* the third group was put together by value */
#endif
    return group * 4 + lane;
}

#ifdef __OPTIMIZE_SIZE__
struct table_cursor table_find(const struct table *table, uint64_t hash);
uint32_t table_next(const struct table *table, struct table_cursor *cursor);
#endif
#ifndef SHARED_ELSEWHERE
SHARED struct table_cursor table_find(const struct table *table, uint64_t hash)
{
    const struct table_bucket *bucket = table_bucket_of(table, hash);
    uint16_t tag = table_tag(hash);

    return (struct table_cursor){bucket, table_matches(bucket, tag), tag};
}

SHARED uint32_t table_next(const struct table *table, struct table_cursor *cursor)
{
    while (!cursor->matches) {
        if (cursor->bucket->overflow == SLOT_NONE)
            return SLOT_NONE;
        cursor->bucket = pool_at(&table->overflow, cursor->bucket->overflow);
        cursor->matches = table_matches(cursor->bucket, cursor->tag);
    }

    uint32_t place = table_place(cursor->matches);
    cursor->matches &= cursor->matches - 1;
    return cursor->bucket->slots[place];
}
#endif

/* Brings the bucket of a hash near before it is needed. */
static inline void table_prefetch(const struct table *table, uint64_t hash)
{
    __builtin_prefetch(table_bucket_of(table, hash));
}

#endif
