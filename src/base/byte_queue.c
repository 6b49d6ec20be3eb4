/* A queue of bytes in a chain of chunks.
 *
 * The chain may be longer than the bytes in it: chunks behind `last` were reserved and hold nothing yet (last is SLOT_NONE
 * while the queue has no chunk of its own). Whoever needs a chunk next takes those first.
 */
#include "base/byte_queue.h"

#include "base/bytes.h"
#include "base/must.h"

void byte_queue_init(struct byte_queue *queue)
{
    *queue = (struct byte_queue){.first = SLOT_NONE, .last = SLOT_NONE, .cursor = SLOT_NONE};
}

/* Where the number of the chunk behind `last` is kept. */
static uint32_t *behind_last(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t last)
{
    return last == SLOT_NONE ? &queue->first : &chunks->next[last];
}

/* The chunk behind the one given, a new one if there is none reserved; SLOT_NONE if none can be had. */
static uint32_t chunk_behind(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t last,
                             uint32_t *held)
{
    uint32_t *link = behind_last(queue, chunks, last);

    if (*link == SLOT_NONE)
        *link = chunk_take(chunks, held);
    return *link;
}

static void give_chain(struct chunk_pool *chunks, uint32_t chunk, uint32_t *held)
{
    while (chunk != SLOT_NONE) {
        uint32_t next = chunks->next[chunk];

        chunk_give(chunks, chunk, held);
        chunk = next;
    }
}

uint32_t byte_queue_append(struct byte_queue *queue, struct chunk_pool *chunks, const void *data,
                           uint32_t length, uint32_t *held)
{
    const uint8_t *from = data;
    uint32_t done = 0;

    while (done < length) {
        uint32_t room = byte_queue_tail_room(queue);

        if (room == 0) {
            uint32_t chunk = chunk_behind(queue, chunks, queue->last, held);

            if (chunk == SLOT_NONE)
                break;
            queue->last = chunk;
            room = CHUNK_BYTES;
        }
        uint32_t part = min_u32(room, length - done);
        memcpy(chunk_data(chunks, queue->last) + (CHUNK_BYTES - room), from + done, part);
        queue->length += part;
        done += part;
    }
    return done;
}

/* Gives back the first chunk, all of whose bytes are gone. */
static void drop_first(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t *held)
{
    uint32_t chunk = queue->first;

    queue->first = chunks->next[chunk];
    if (queue->last == chunk)
        queue->last = SLOT_NONE;
    if (queue->cursor == chunk)
        queue->cursor = SLOT_NONE;
    chunk_give(chunks, chunk, held);
}

void byte_queue_consume(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t length,
                        uint32_t *held)
{
    must(length <= queue->length);

    queue->length -= length;
    queue->head += length;
    queue->cursor_at -= length;
    while (queue->head >= CHUNK_BYTES) {
        drop_first(queue, chunks, held);
        queue->head -= CHUNK_BYTES;
    }
}

void byte_queue_rest(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t *held)
{
    if (queue->length == 0)
        byte_queue_clear(queue, chunks, held);
}

void byte_queue_clear(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t *held)
{
    give_chain(chunks, queue->first, held);
    byte_queue_init(queue);
}

void byte_queue_adopt(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t chunk)
{
    uint32_t *link = behind_last(queue, chunks, queue->last);

    must(byte_queue_tail_room(queue) == 0 && *link == SLOT_NONE);

    *link = chunk;
    chunks->next[chunk] = SLOT_NONE;
    queue->last = chunk;
}

void byte_queue_grow(struct byte_queue *queue, uint32_t length)
{
    uint32_t room = byte_queue_tail_room(queue);

    must(length <= (room ? room : CHUNK_BYTES) && (length == 0 || queue->last != SLOT_NONE));

    queue->length += length;
}

struct byte_run byte_queue_at(struct byte_queue *queue, const struct chunk_pool *chunks,
                              uint32_t offset, uint32_t length)
{
    must(offset < queue->length);

    if (queue->cursor == SLOT_NONE || (int32_t)(offset - queue->cursor_at) < 0) {
        queue->cursor = queue->first;
        queue->cursor_at = 0 - queue->head;
    }
    while (offset - queue->cursor_at >= CHUNK_BYTES) {
        queue->cursor = chunks->next[queue->cursor];
        queue->cursor_at += CHUNK_BYTES;
    }

    uint32_t within = offset - queue->cursor_at;
    length = min_u32(length, min_u32(CHUNK_BYTES - within, queue->length - offset));
    return (struct byte_run){chunk_data(chunks, queue->cursor) + within, length};
}

uint32_t byte_queue_reserve(struct byte_queue *queue, struct chunk_pool *chunks,
                            const struct byte_room *room, uint32_t *held)
{
    uint32_t here = byte_queue_tail_room(queue);
    uint32_t chunk = queue->last, limit = room->limit, runs = 0;

    while (runs < room->count && limit > 0) {
        if (here == 0) {
            chunk = chunk_behind(queue, chunks, chunk, held);
            if (chunk == SLOT_NONE)
                break;
            here = CHUNK_BYTES;
        }
        room->runs[runs].data = chunk_data(chunks, chunk) + (CHUNK_BYTES - here);
        room->runs[runs].length = min_u32(here, limit);
        limit -= room->runs[runs].length;
        runs++;
        here = 0;
    }
    return runs;
}

void byte_queue_commit(struct byte_queue *queue, struct chunk_pool *chunks, uint32_t length,
                       uint32_t *held)
{
    uint32_t here = byte_queue_tail_room(queue), *link;

    queue->length += length;
    while (length > here) {
        queue->last = *behind_last(queue, chunks, queue->last);
        must(queue->last != SLOT_NONE); /* no more than was reserved */
        length -= here;
        here = CHUNK_BYTES;
    }

    link = behind_last(queue, chunks, queue->last);
    give_chain(chunks, *link, held);
    *link = SLOT_NONE;
}
