/* The bytes of all send and receive queues: chunks of one size, promised and lent.
 *
 * Each member (a connection) is promised `promise` chunks; what is promised and not held stays free for it, the rest is lent
 * to whoever asks. A member that is idle holds none.
 */
#ifndef BASE_CHUNK_POOL_H
#define BASE_CHUNK_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

#define CHUNK_BYTES 2048u

struct chunk_pool {
    struct pool pool; /* CHUNK_BYTES each                                           */
    uint32_t *next;   /* the chunk after this one in its queue                      */
    uint32_t promise; /* chunks promised to each member                             */
    uint32_t owed;    /* chunks promised and not held, over all members             */
    uint32_t members;
    uint64_t refused;
};

void chunk_pool_init(struct chunk_pool *chunks, struct arena *arena, uint32_t capacity,
                     uint32_t promise);

/* A member comes or goes (it must hold nothing then). false: its promise cannot be kept. */
bool chunk_pool_join(struct chunk_pool *chunks);
void chunk_pool_leave(struct chunk_pool *chunks);

/* A chunk for a member that holds *held, which is counted up; SLOT_NONE: none for it now. */
uint32_t chunk_take(struct chunk_pool *chunks, uint32_t *held);
void chunk_give(struct chunk_pool *chunks, uint32_t chunk, uint32_t *held);

/* How many chunks a member that holds `held` could take now. */
uint32_t chunk_room(const struct chunk_pool *chunks, uint32_t held);

static inline uint8_t *chunk_data(const struct chunk_pool *chunks, uint32_t chunk)
{
    return pool_at(&chunks->pool, chunk);
}

#endif
