/* Slots of one size by number: where they lie. */
#include "base/pool.h"

void pool_init(struct pool *pool, struct arena *arena, uint32_t stride, uint32_t capacity)
{
    must(stride >= sizeof pool->free && capacity < SLOT_NONE);

    pool->slots = arena_take(arena, (size_t)stride * capacity);
    pool->stride = stride;
    pool->capacity = capacity;
    pool->high = 0;
    pool->free = SLOT_NONE;
    pool->count = 0;
}
