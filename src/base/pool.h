/* Slots of one size by number: fresh ones from a high-water mark, used ones from a free list, so that memory that was
 * never needed is never touched. O(1); full is an answer. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/shared.h"

#define SLOT_NONE UINT32_MAX

struct pool {
    uint8_t *slots;
    uint32_t stride;   /* bytes from one slot to the next                                 */
    uint32_t capacity; /* slots                                                           */
    uint32_t high;     /* slots below were used at least once                             */
    uint32_t free;     /* first of the free list, linked through each slot's first 4 bytes */
    uint32_t count;    /* in use                                                          */
};

void pool_init(struct pool *pool, struct arena *arena, uint32_t stride, uint32_t capacity);

static inline void *pool_at(const struct pool *pool, uint32_t slot)
{
    return pool->slots + (size_t)slot * pool->stride;
}

#ifdef __OPTIMIZE_SIZE__
uint32_t pool_take(struct pool *pool, bool *fresh);
void pool_give(struct pool *pool, uint32_t slot);
#endif
#ifndef SHARED_ELSEWHERE
/* A slot whose content is whatever it was (zero or its former user's, but for the first 4 bytes), or SLOT_NONE. *fresh (may
 * be NULL) says that it was never used before. */
SHARED uint32_t pool_take(struct pool *pool, bool *fresh)
{
    uint32_t slot = pool->free;

    if (fresh)
        *fresh = slot == SLOT_NONE;
    if (slot != SLOT_NONE) {
        __builtin_memcpy(&pool->free, pool_at(pool, slot), sizeof pool->free);
    } else {
        if (pool->high == pool->capacity)
            return SLOT_NONE;
        slot = pool->high++;
    }
    pool->count++;
    return slot;
}

SHARED void pool_give(struct pool *pool, uint32_t slot)
{
    must(slot < pool->high && pool->count > 0);

    __builtin_memcpy(pool_at(pool, slot), &pool->free, sizeof pool->free);
    pool->free = slot;
    pool->count--;
}
#endif

#endif
