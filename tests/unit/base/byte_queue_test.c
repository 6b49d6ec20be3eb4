/* Byte queues against a flat array. */
#include "model.h"

#include "base/byte_queue.h"

enum { CAPACITY = 24, MOST = CAPACITY * CHUNK_BYTES };

struct world {
    struct arena arena;
    struct chunk_pool chunks;
    struct byte_queue queue;
    uint32_t held;
    uint8_t model[MOST];
    uint32_t length;
    uint64_t written; /* bytes ever, from which their values come */
};

static struct world *make_world(void)
{
    struct world *w = calloc(1, sizeof *w);
    struct arena measure = {NULL, 0};

    chunk_pool_init(&w->chunks, &measure, CAPACITY, 0);
    w->arena = arena_for(measure);
    chunk_pool_init(&w->chunks, &w->arena, CAPACITY, 0);
    assert_true(chunk_pool_join(&w->chunks));
    byte_queue_init(&w->queue);
    return w;
}

static void free_world(struct world *w)
{
    byte_queue_clear(&w->queue, &w->chunks, &w->held);
    assert_int_equal(w->held, 0);
    assert_int_equal(w->chunks.pool.count, 0);
    free(w->arena.base);
    free(w);
}

static void new_bytes(struct world *w, uint8_t *to, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        to[i] = (uint8_t)((w->written + i) * 167 >> 3);
}

static void added(struct world *w, uint32_t length)
{
    new_bytes(w, w->model + w->length, length);
    w->length += length;
    w->written += length;
}

static void append(struct world *w, uint32_t length)
{
    uint8_t bytes[MOST];
    uint32_t room = byte_queue_tail_room(&w->queue) + chunk_room(&w->chunks, w->held) * CHUNK_BYTES;
    uint32_t taken;

    new_bytes(w, bytes, length);
    taken = byte_queue_append(&w->queue, &w->chunks, bytes, length, &w->held);
    assert_true(taken == length || taken >= room);
    added(w, taken);
}

static void consume(struct world *w, uint32_t length)
{
    byte_queue_consume(&w->queue, &w->chunks, length, &w->held);
    w->length -= length;
    memmove(w->model, w->model + length, w->length);
}

static void reserve_and_commit(struct world *w, struct dice *dice)
{
    struct byte_run runs[6];
    struct byte_room room = {runs, 1 + dice_below(dice, 6), dice_below(dice, 5 * CHUNK_BYTES)};
    uint32_t count = byte_queue_reserve(&w->queue, &w->chunks, &room, &w->held), total = 0, use;
    uint8_t bytes[MOST];

    assert_true(count <= room.count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(runs[i].length > 0);
        total += runs[i].length;
    }
    assert_true(total <= room.limit);
    if (dice_below(dice, 4) == 0)
        return; /* its user forgot it: whoever comes next takes it over */

    use = dice_below(dice, total + 1);
    new_bytes(w, bytes, use);
    for (uint32_t i = 0, at = 0; i < count && at < use; at += runs[i++].length)
        memcpy(runs[i].data, bytes + at, use - at < runs[i].length ? use - at : runs[i].length);
    byte_queue_commit(&w->queue, &w->chunks, use, &w->held);
    added(w, use);
}

/* As reassembly does: bytes ahead in a chunk of its own, the gap in front of it filled, the chunk adopted. */
static void adopt(struct world *w, struct dice *dice)
{
    uint32_t gap = byte_queue_tail_room(&w->queue), ahead = 1 + dice_below(dice, CHUNK_BYTES);
    uint32_t chunk = chunk_take(&w->chunks, &w->held);

    if (chunk == SLOT_NONE)
        return;
    append(w, gap);
    new_bytes(w, chunk_data(&w->chunks, chunk), ahead);
    byte_queue_adopt(&w->queue, &w->chunks, chunk);
    byte_queue_grow(&w->queue, ahead);
    added(w, ahead);
}

static void check_reads(struct world *w, uint32_t offset, uint32_t length)
{
    while (length > 0) {
        struct byte_run run = byte_queue_at(&w->queue, &w->chunks, offset, length);

        assert_true(run.length > 0 && run.length <= length);
        assert_memory_equal(run.data, w->model + offset, run.length);
        offset += run.length;
        length -= run.length;
    }
}

static void check(struct world *w, bool reserved)
{
    uint32_t chain = 0;

    assert_int_equal(w->queue.length, w->length);
    for (uint32_t chunk = w->queue.first; chunk != SLOT_NONE; chunk = w->chunks.next[chunk])
        chain++;
    assert_int_equal(chain, w->held);
    assert_int_equal(w->chunks.pool.count, w->held);
    assert_true(w->queue.head < CHUNK_BYTES);
    if (!reserved && w->length > 0)
        assert_int_equal(w->held, (w->queue.head + w->length - 1) / CHUNK_BYTES + 1);
}

static void like_a_flat_array(void **state)
{
    struct dice dice = dice_from("like_a_flat_array", 30);
    struct world *w = make_world();
    bool reserved = false;

    (void)state;
    for (uint32_t step = 0; step < 60000; step++) {
        uint32_t choice = dice_below(&dice, 100), grow = step / 500 % 2 ? 25 : 45;
        uint32_t size = dice_below(&dice, 2) ? 5000 : 300;

        if (choice < grow) {
            append(w, dice_below(&dice, size));
        } else if (choice < 75) {
            consume(w, dice_below(&dice, (w->length < size ? w->length : size) + 1));
        } else if (choice < 85) {
            reserve_and_commit(w, &dice);
            reserved = true;
        } else if (choice < 90) {
            byte_queue_rest(&w->queue, &w->chunks, &w->held);
            assert_true(w->length > 0 || w->held == 0);
        } else if (choice < 95) {
            byte_queue_commit(&w->queue, &w->chunks, 0, &w->held);
            reserved = false;
            adopt(w, &dice);
        } else if (choice < 96) {
            byte_queue_clear(&w->queue, &w->chunks, &w->held);
            w->length = 0;
            assert_int_equal(w->held, 0);
        }
        check(w, reserved);
        if (w->length > 0) {
            uint32_t offset = dice_below(&dice, w->length);

            check_reads(w, offset, 1 + dice_below(&dice, w->length - offset));
            if (step % 50 == 0)
                check_reads(w, 0, w->length);
        }
    }
    free_world(w);
}

static void positions_keep_their_place(void **state)
{
    struct world *w = make_world();

    (void)state;
    append(w, 100);
    consume(w, 100);
    assert_int_equal(w->held, 1); /* room at its end */
    assert_int_equal(byte_queue_tail_room(&w->queue), CHUNK_BYTES - 100);
    append(w, CHUNK_BYTES - 100);
    assert_int_equal(w->held, 1);
    assert_int_equal(byte_queue_tail_room(&w->queue), 0);
    consume(w, CHUNK_BYTES - 100);
    assert_int_equal(w->held, 0);
    append(w, 1);
    consume(w, 1);
    byte_queue_rest(&w->queue, &w->chunks, &w->held);
    assert_int_equal(w->held, 0); /* an idle connection holds nothing */
    assert_int_equal(byte_queue_tail_room(&w->queue), 0);
    free_world(w);
}

static void takes_what_fits(void **state)
{
    struct world *w = make_world();
    uint8_t *bytes = calloc(1, MOST + 100);

    (void)state;
    assert_int_equal(byte_queue_append(&w->queue, &w->chunks, bytes, MOST + 100, &w->held), MOST);
    assert_int_equal(byte_queue_append(&w->queue, &w->chunks, bytes, 1, &w->held), 0);
    assert_int_equal(w->chunks.refused, 2);
    free(bytes);
    free_world(w);
}

static void reading_on_does_not_walk_from_the_start(void **state)
{
    struct world *w = make_world();

    (void)state;
    append(w, MOST);
    for (uint32_t at = 0; at < MOST; at += 100) {
        byte_queue_at(&w->queue, &w->chunks, at, 100);
        assert_true(at - w->queue.cursor_at < CHUNK_BYTES);
    }
    consume(w, CHUNK_BYTES + 5);
    assert_int_not_equal(w->queue.cursor, SLOT_NONE); /* still where it was */
    check_reads(w, w->length - 10, 10);
    consume(w, w->length);
    assert_int_equal(w->queue.cursor, SLOT_NONE);
    free_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_flat_array),
        cmocka_unit_test(positions_keep_their_place),
        cmocka_unit_test(takes_what_fits),
        cmocka_unit_test(reading_on_does_not_walk_from_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
