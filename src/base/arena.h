/* Carving one block of memory into aligned parts: the same walk measures (base NULL) and gives. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64

struct arena {
    uint8_t *base; /* NULL: only measure */
    size_t used;
};

/* The next `bytes`, aligned to a cache line; NULL while measuring. */
static inline void *arena_take(struct arena *arena, size_t bytes)
{
    void *part = arena->base ? arena->base + arena->used : NULL;

    arena->used += (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    return part;
}

#endif
