/* A fixed ring of records: its memory. */
#include "base/must.h"
#include "base/ring.h"

void ring_init(struct ring *ring, struct arena *arena, uint32_t stride, uint32_t capacity)
{
    uint32_t records = 1;

    must(stride > 0 && capacity <= UINT32_C(1) << 31);

    while (records < capacity)
        records *= 2;
    ring->records = arena_take(arena, (size_t)stride * records);
    ring->stride = stride;
    ring->mask = records - 1;
    ring->written = ring->taken = 0;
    ring->dropped = 0;
}
