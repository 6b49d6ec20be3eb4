/* A queue of bytes in a chain of chunks: appended at the end, read anywhere, removed from the front.
 *
 * Chunks are cut by position: the first starts `head` bytes into its chunk, and all but the last are filled to their end.
 * An empty queue may keep its last chunk (byte_queue_rest gives it back).
 */
#ifndef BASE_BYTE_QUEUE_H
#define BASE_BYTE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/chunk_pool.h"

struct byte_queue {
    uint32_t first, last; /* chunks, SLOT_NONE if none                                   */
    uint32_t head;        /* bytes of the first chunk that are already gone              */
    uint32_t length;      /* bytes                                                       */
    uint32_t cursor;      /* chunk last read from, SLOT_NONE if none ...                 */
    uint32_t
        cursor_at; /* ... and the offset from the queue's first byte at which it begins: may be "negative" (wraps)
                             for the first chunk */
};

void byte_queue_init(struct byte_queue *queue);

/* Takes length bytes (a queue holds less than 2^31); returns how many fitted into chunks that could be had. held: the member's count. */
uint32_t byte_queue_append(struct byte_queue *queue, struct chunk_pool *chunks, const void *data,
                           uint32_t length, uint32_t *held);

/* Removes length bytes (no more than there are) and gives back chunks that are wholly gone. The last chunk stays while it
 * has room at its end, so that positions keep their place in their chunk; byte_queue_rest gives it back if the queue is
 * empty (an idle connection holds nothing). */
void byte_queue_consume(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t length,
                        uint32_t *held);
void byte_queue_rest(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t *held);
void byte_queue_clear(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t *held);

/* For bytes that are already in place (reassembly): a chunk that the member holds becomes the next one, allowed only when the
 * last is filled to its end; then, at once, length grows by one to CHUNK_BYTES bytes that were written there. */
void byte_queue_adopt(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t chunk);
void byte_queue_grow(struct byte_queue *queue, uint32_t length);

/* Bytes of room behind the last byte in the last chunk: 0 to CHUNK_BYTES - 1. */
static inline uint32_t byte_queue_tail_room(const struct byte_queue *queue)
{
    return (CHUNK_BYTES - (queue->head + queue->length) % CHUNK_BYTES) % CHUNK_BYTES;
}

/* A run of contiguous bytes. */
struct byte_run {
    uint8_t *data;
    uint32_t length;
};

/* The contiguous bytes at `offset` (below length), at most `length` of them. Sequential reads are O(1) each: the queue
 * remembers where it was. */
struct byte_run byte_queue_at(struct byte_queue *queue, const struct chunk_pool *chunks,
                              uint32_t offset, uint32_t length);

/* Where byte_queue_reserve may write what it found. */
struct byte_room {
    struct byte_run *runs;
    uint32_t count; /* places in runs                  */
    uint32_t limit; /* bytes the runs may hold together */
};

/* Free room at the end without copying; takes chunks as needed and returns the number of runs. byte_queue_commit makes the
 * first `length` bytes of it part of the queue; chunks not used by it are given back. */
uint32_t byte_queue_reserve(struct byte_queue *queue, struct chunk_pool *chunks,
                            const struct byte_room *room, uint32_t *held);
void byte_queue_commit(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t length,
                       uint32_t *held);

#endif
