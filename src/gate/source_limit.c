/* Whose half-opens these are: two rows of shared counters. [Cormode and Muthukrishnan, 2005] */
#include "gate/source_limit.h"

#include <string.h>

#include "base/bytes.h"
#include "base/must.h"

#define WIDTH_LEAST 32u
#define WIDTH_ROOMY 256u /* up to here a counter for each */
#define WIDTH_MOST 65536u
#define EACH 4u /* half-opens that share a counter, on average */

static size_t width_of(const struct source_limit *limit)
{
    return (size_t)limit->mask + 1;
}

void source_limit_init(struct source_limit *limit, struct arena *arena, struct siphash_key key,
                       uint32_t half_opens)
{
    uint32_t width = WIDTH_LEAST;

    while (width < WIDTH_MOST && width < (width < WIDTH_ROOMY ? half_opens : half_opens / EACH))
        width *= 2;
    limit->key = key;
    limit->mask = width - 1;
    limit->counters = arena_take(arena, 2 * width_of(limit) * sizeof *limit->counters);
    if (limit->counters)
        memset(limit->counters, 0, 2 * width_of(limit) * sizeof *limit->counters);
}

static uint32_t *first_of(const struct source_limit *limit, uint64_t hash)
{
    return &limit->counters[(uint32_t)hash & limit->mask];
}

static uint32_t *second_of(const struct source_limit *limit, uint64_t hash)
{
    return &limit->counters[width_of(limit) + ((uint32_t)(hash >> 32) & limit->mask)];
}

uint32_t source_limit_count(const struct source_limit *limit, uint64_t hash)
{
    return min_u32(*first_of(limit, hash), *second_of(limit, hash));
}

void source_limit_add(struct source_limit *limit, uint64_t hash)
{
    ++*first_of(limit, hash);
    ++*second_of(limit, hash);
}

void source_limit_remove(struct source_limit *limit, uint64_t hash)
{
    must(source_limit_count(limit, hash) > 0);

    --*first_of(limit, hash);
    --*second_of(limit, hash);
}
