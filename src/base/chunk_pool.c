/* Chunks promised and lent. What is promised and not held stays free: free chunks >= owed, always. */
#include "base/chunk_pool.h"

static uint32_t free_chunks(const struct chunk_pool *chunks)
{
    return chunks->pool.capacity - chunks->pool.count;
}

void chunk_pool_init(struct chunk_pool *chunks, struct arena *arena, uint32_t capacity,
                     uint32_t promise)
{
    pool_init(&chunks->pool, arena, CHUNK_BYTES, capacity);
    chunks->next = arena_take(arena, (size_t)capacity * sizeof *chunks->next);
    chunks->promise = promise;
    chunks->owed = 0;
    chunks->members = 0;
    chunks->refused = 0;
}

bool chunk_pool_join(struct chunk_pool *chunks)
{
    if (free_chunks(chunks) - chunks->owed < chunks->promise)
        return false;
    chunks->owed += chunks->promise;
    chunks->members++;
    return true;
}

void chunk_pool_leave(struct chunk_pool *chunks)
{
    must(chunks->members > 0 && chunks->owed >= chunks->promise);

    chunks->owed -= chunks->promise;
    chunks->members--;
}

uint32_t chunk_take(struct chunk_pool *chunks, uint32_t *held)
{
    uint32_t chunk;

    if (*held >= chunks->promise && free_chunks(chunks) == chunks->owed) {
        chunks->refused++;
        return SLOT_NONE;
    }

    chunk = pool_take(&chunks->pool, NULL);
    must(chunk != SLOT_NONE);
    chunks->owed -= *held < chunks->promise;
    ++*held;
    chunks->next[chunk] = SLOT_NONE;
    return chunk;
}

void chunk_give(struct chunk_pool *chunks, uint32_t chunk, uint32_t *held)
{
    must(*held > 0);

    pool_give(&chunks->pool, chunk);
    --*held;
    chunks->owed += *held < chunks->promise;
}

uint32_t chunk_room(const struct chunk_pool *chunks, uint32_t held)
{
    uint32_t lent = free_chunks(chunks) - chunks->owed;

    return held < chunks->promise ? lent + (chunks->promise - held) : lent;
}
