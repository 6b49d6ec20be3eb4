/* Who was here lately: two bitmaps that take turns. [Bloom, 1970] */
#include "gate/age_filter.h"

#include <string.h>

#include "base/must.h"

#define WORD_BITS 64u

static size_t bitmap_bytes(const struct age_filter *filter)
{
    return ((size_t)filter->mask + 1) / 8;
}

static uint64_t *bitmap(const struct age_filter *filter, uint32_t which)
{
    return filter->bits + (size_t)which * (((size_t)filter->mask + 1) / WORD_BITS);
}

void age_filter_init(struct age_filter *filter, struct arena *arena, uint32_t bits, int64_t turn_us,
                     int64_t now_us)
{
    must(bits >= WORD_BITS && (bits & (bits - 1)) == 0);

    filter->mask = bits - 1;
    filter->young = 0;
    filter->turn_us = turn_us;
    filter->turns_at_us = now_us + turn_us;
    filter->bits = arena_take(arena, 2 * bitmap_bytes(filter));
    if (filter->bits)
        memset(filter->bits, 0, 2 * bitmap_bytes(filter));
}

/* The older bitmap becomes the younger, empty; both are empty if nobody asked for a whole turn. */
static void turn(struct age_filter *filter, int64_t now_us)
{
    if (now_us < filter->turns_at_us)
        return;
    if (now_us - filter->turns_at_us >= filter->turn_us)
        memset(bitmap(filter, filter->young), 0, bitmap_bytes(filter));
    filter->young ^= 1;
    memset(bitmap(filter, filter->young), 0, bitmap_bytes(filter));
    filter->turns_at_us = now_us + filter->turn_us;
}

static bool is_set(const uint64_t *bits, uint32_t at)
{
    return bits[at / WORD_BITS] >> at % WORD_BITS & 1;
}

void age_filter_add(struct age_filter *filter, uint64_t hash, int64_t now_us)
{
    uint32_t one = (uint32_t)hash & filter->mask, other = (uint32_t)(hash >> 32) & filter->mask;
    uint64_t *bits;

    turn(filter, now_us);
    bits = bitmap(filter, filter->young);
    bits[one / WORD_BITS] |= UINT64_C(1) << one % WORD_BITS;
    bits[other / WORD_BITS] |= UINT64_C(1) << other % WORD_BITS;
}

bool age_filter_has(struct age_filter *filter, uint64_t hash, int64_t now_us)
{
    uint32_t one = (uint32_t)hash & filter->mask, other = (uint32_t)(hash >> 32) & filter->mask;
    const uint64_t *young, *old;

    turn(filter, now_us);
    young = bitmap(filter, filter->young);
    old = bitmap(filter, filter->young ^ 1);
    return (is_set(young, one) && is_set(young, other)) || (is_set(old, one) && is_set(old, other));
}
