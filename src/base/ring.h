/* A fixed ring of records of one size: first in, first out; full is an answer, and what it refused is counted. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct ring {
    uint8_t *records;
    uint32_t stride, mask; /* mask + 1 records, a power of two */
    uint32_t written, taken;
    uint64_t dropped;
};

/* At least `capacity` records. */
void ring_init(struct ring *ring, struct arena *arena, uint32_t stride, uint32_t capacity);

static inline uint32_t ring_count(const struct ring *ring)
{
    return ring->written - ring->taken;
}

/* Where to write the next record, which is thereby in the ring; NULL: full, counted. */
static inline void *ring_push(struct ring *ring)
{
    if (ring_count(ring) > ring->mask) {
        ring->dropped++;
        return NULL;
    }
    return ring->records + (size_t)(ring->written++ & ring->mask) * ring->stride;
}

/* The oldest record, still in the ring; NULL: empty. ring_drop takes it off. */
static inline void *ring_peek(const struct ring *ring)
{
    return ring_count(ring) ? ring->records + (size_t)(ring->taken & ring->mask) * ring->stride
                            : NULL;
}

static inline void ring_drop(struct ring *ring)
{
    ring->taken++;
}

#endif
