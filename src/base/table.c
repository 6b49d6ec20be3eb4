/* The keyed hash table: growing, inserting, removing. [Litwin, 1980: linear hashing]
 *
 * A round doubles the buckets one at a time: buckets below `split` of the round's old ones have already given half of
 * their entries to a new one. Entries in a chain lie densely: only its last bucket has empty places, so a chain of x
 * entries has exactly ceil((x - 10) / 10) overflow buckets.
 */
#include "base/must.h"
#include "base/table.h"

/* Entries for each bucket, on average, before another is split off: 70 % of its places. Between the powers of two the
 * buckets not yet split hold up to twice what the others do; the chains that this makes cost at most 18 % more buckets
 * (tests/unit/base/table_test.c computes it). */
#define LOAD 7

/* The overflow buckets needed are a sum over all buckets under a hash that nobody outside can aim: on average at most 0.18
 * a bucket, with a variance below 0.12. Twelve standard deviations (four roots) and twelve buckets more leave a chance
 * below 2^-100 that a set of entries needs more (the same test bounds it), and no set at all needs more than a tenth of its
 * entries. So running out is a broken hash, and must() may say so. */
static uint32_t overflow_buckets(uint32_t capacity, uint32_t buckets)
{
    uint32_t certain = capacity / TABLE_BUCKET_ENTRIES;
    uint32_t likely = buckets / 100 * 18 + buckets % 100 * 18 / 100 + 12;
    uint32_t root = 0;

    while ((uint64_t)root * root < buckets)
        root++;
    likely += root * 4;
    return likely < certain ? likely : certain;
}

static void bucket_clear(struct table_bucket *bucket)
{
    memset(bucket->tags, 0, sizeof bucket->tags);
    bucket->overflow = SLOT_NONE;
}

void table_init(struct table *table, struct arena *arena, uint32_t capacity, table_hash_of *hash_of,
                const void *context)
{
    table->max_buckets = capacity / LOAD + (capacity % LOAD != 0);
    if (table->max_buckets == 0)
        table->max_buckets = 1;
    table->buckets = arena_take(arena, (size_t)table->max_buckets * sizeof *table->buckets);
    pool_init(&table->overflow, arena, sizeof *table->buckets,
              overflow_buckets(capacity, table->max_buckets));
    table->count = table->inserted = 0;
    table->used = 1;
    table->base_mask = 0;
    table->hash_of = hash_of;
    table->context = context;
    if (table->buckets)
        bucket_clear(&table->buckets[0]);
}

/* Entries of a bucket. Without a branch: nobody could foretell it. Its third word has two lanes that are always zero. */
static uint32_t entries_of(const struct table_bucket *bucket)
{
    uint64_t zero = (table_zero_lanes(table_tags(bucket, 0)) >> 15) +
                    (table_zero_lanes(table_tags(bucket, 4)) >> 15) +
                    (table_zero_lanes(table_last_tags(bucket)) >> 15);

    return TABLE_BUCKET_ENTRIES + 2 - (uint32_t)(zero * TAG_LANES >> 48);
}

static struct table_bucket *bucket_after(const struct table *table,
                                         const struct table_bucket *bucket)
{
    return pool_at(&table->overflow, bucket->overflow);
}

static void chain_append(struct table *table, struct table_bucket *bucket, uint16_t tag,
                         uint32_t slot)
{
    uint32_t place;

    while (bucket->overflow != SLOT_NONE)
        bucket = bucket_after(table, bucket);

    place = entries_of(bucket);
    if (place == TABLE_BUCKET_ENTRIES) {
        bucket->overflow = pool_take(&table->overflow, NULL);
        must(bucket->overflow != SLOT_NONE);
        bucket = bucket_after(table, bucket);
        bucket_clear(bucket);
        place = 0;
    }
    bucket->tags[place] = tag;
    bucket->slots[place] = slot;
}

/* Splits the next bucket of the round. Each bucket of its chain is given back before its entries go to their new chains,
 * so splitting never needs more overflow buckets than there were. */
static void split_next(struct table *table)
{
    struct table_bucket *old = &table->buckets[table->used - table->base_mask - 1];
    struct table_bucket *new = &table->buckets[table->used];
    uint32_t high_bit = table->base_mask + 1;
    struct table_bucket moving = *old;

    bucket_clear(old);
    bucket_clear(new);
    for (;;) {
        for (uint32_t i = 0; i < TABLE_BUCKET_ENTRIES && moving.tags[i]; i++) {
            uint64_t hash = table->hash_of(table->context, moving.slots[i]);
            struct table_bucket *to = table_index(hash) & high_bit ? new : old;

            chain_append(table, to, moving.tags[i], moving.slots[i]);
        }
        if (moving.overflow == SLOT_NONE)
            break;
        uint32_t next = moving.overflow;
        moving = *(struct table_bucket *)pool_at(&table->overflow, next);
        pool_give(&table->overflow, next);
    }

    if (++table->used == 2 * high_bit)
        table->base_mask = table->used - 1;
}

void table_insert(struct table *table, uint64_t hash, uint32_t slot)
{
    if (table->count >= table->used * LOAD && table->used < table->max_buckets)
        split_next(table);
    chain_append(table, table_bucket_of(table, hash), table_tag(hash), slot);
    table->count++;
    table->inserted++;
}

/* Where an entry of the chain lies. */
struct spot {
    struct table_bucket *bucket;
    uint32_t place;
};

static struct spot chain_find(const struct table *table, uint64_t hash, uint32_t slot)
{
    struct table_bucket *bucket = table_bucket_of(table, hash);

    for (;; bucket = bucket_after(table, bucket)) {
        uint64_t matches = table_matches(bucket, table_tag(hash));

        for (; matches; matches &= matches - 1) {
            uint32_t place = table_place(matches);

            if (bucket->slots[place] == slot)
                return (struct spot){bucket, place};
        }
        must(bucket->overflow != SLOT_NONE); /* what is removed was inserted */
    }
}

/* Takes the last entry off the chain, moving it to where a hole is to be. */
static void chain_fill(struct table *table, struct table_bucket *bucket, struct spot hole)
{
    struct table_bucket *before = NULL;
    uint32_t last = 0;

    while (bucket->overflow != SLOT_NONE) {
        before = bucket;
        bucket = bucket_after(table, bucket);
    }
    last = entries_of(bucket) - 1;
    hole.bucket->tags[hole.place] = bucket->tags[last];
    hole.bucket->slots[hole.place] = bucket->slots[last];
    bucket->tags[last] = 0;
    if (last == 0 && before) {
        pool_give(&table->overflow, before->overflow);
        before->overflow = SLOT_NONE;
    }
}

void table_remove(struct table *table, uint64_t hash, uint32_t slot)
{
    must(table->count > 0);

    chain_fill(table, table_bucket_of(table, hash), chain_find(table, hash, slot));
    table->count--;
}
