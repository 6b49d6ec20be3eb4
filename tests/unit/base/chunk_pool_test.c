/* Promised and lent chunks against a ledger. */
#include "model.h"

#include "base/chunk_pool.h"

enum { MEMBERS = 40, CAPACITY = 64, PROMISE = 2, MOST = CAPACITY };

struct member {
    bool joined;
    uint32_t held;
    uint32_t chunks[MOST];
};

struct world {
    struct arena arena;
    struct chunk_pool chunks;
    struct member members[MEMBERS];
};

static void init_world(struct world *w, uint32_t capacity, uint32_t promise)
{
    struct arena measure = {NULL, 0};

    memset(w, 0, sizeof *w);
    chunk_pool_init(&w->chunks, &measure, capacity, promise);
    w->arena = arena_for(measure);
    chunk_pool_init(&w->chunks, &w->arena, capacity, promise);
}

static bool take(struct world *w, struct member *m)
{
    uint32_t room = chunk_room(&w->chunks, m->held), held = m->held;
    uint32_t chunk = chunk_take(&w->chunks, &m->held);

    assert_int_equal(chunk != SLOT_NONE, room > 0);
    if (chunk == SLOT_NONE) {
        assert_true(held >= w->chunks.promise); /* below its promise a member always gets one */
        assert_int_equal(m->held, held);
        return false;
    }
    assert_int_equal(m->held, held + 1);
    assert_int_equal((uintptr_t)chunk_data(&w->chunks, chunk) % CACHE_LINE, 0);
    memset(chunk_data(&w->chunks, chunk), (int)chunk, CHUNK_BYTES);
    m->chunks[held] = chunk;
    return true;
}

static void give(struct world *w, struct member *m, uint32_t index)
{
    uint32_t chunk = m->chunks[index];
    const uint8_t *data = chunk_data(&w->chunks, chunk);

    for (uint32_t i = 0; i < CHUNK_BYTES; i += 97)
        assert_int_equal(data[i], (uint8_t)chunk); /* nobody else wrote here */
    m->chunks[index] = m->chunks[m->held - 1];
    chunk_give(&w->chunks, chunk, &m->held);
}

static void check(const struct world *w)
{
    uint32_t owed = 0, held = 0, members = 0;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        const struct member *m = &w->members[i];

        if (!m->joined)
            continue;
        members++;
        held += m->held;
        owed += m->held < w->chunks.promise ? w->chunks.promise - m->held : 0;
    }
    assert_int_equal(w->chunks.members, members);
    assert_int_equal(w->chunks.pool.count, held);
    assert_int_equal(w->chunks.owed, owed);
    assert_true(w->chunks.pool.capacity - held >= owed);
}

static void the_ledger_agrees(void **state)
{
    struct dice dice = dice_from("the_ledger_agrees", 20);
    struct world *w = malloc(sizeof *w);
    uint32_t refused_joins = 0;

    (void)state;
    init_world(w, CAPACITY, PROMISE);
    for (uint32_t step = 0; step < 100000; step++) {
        struct member *m = &w->members[dice_below(&dice, MEMBERS)];
        uint32_t choice = dice_below(&dice, 100), greed = step / 5000 % 2 ? 30 : 70;

        if (!m->joined) {
            uint32_t lent = w->chunks.pool.capacity - w->chunks.pool.count - w->chunks.owed;

            m->joined = chunk_pool_join(&w->chunks);
            assert_int_equal(m->joined, lent >= PROMISE);
            refused_joins += !m->joined;
        } else if (m->held == 0 && choice < 5) {
            chunk_pool_leave(&w->chunks);
            m->joined = false;
        } else if (choice < greed) {
            take(w, m);
        } else if (m->held > 0) {
            give(w, m, dice_below(&dice, m->held));
        }
        check(w);
    }
    assert_true(refused_joins > 0 && w->chunks.refused > 0);
    free(w->arena.base);
    free(w);
}

static void a_greedy_member_leaves_the_others_their_promise(void **state)
{
    struct world *w = malloc(sizeof *w);
    uint32_t got = 0;

    (void)state;
    init_world(w, CAPACITY, PROMISE);
    for (uint32_t i = 0; i < 8; i++)
        w->members[i].joined = chunk_pool_join(&w->chunks);
    while (take(w, &w->members[0]))
        got++;
    assert_int_equal(got, CAPACITY - 7 * PROMISE);
    for (uint32_t i = 1; i < 8; i++)
        for (uint32_t n = 0; n < PROMISE; n++)
            assert_true(take(w, &w->members[i]));
    assert_false(take(w, &w->members[1]));
    assert_false(chunk_pool_join(&w->chunks));
    check(w);
    free(w->arena.base);
    free(w);
}

static void no_promise_lends_everything(void **state)
{
    struct world *w = malloc(sizeof *w);

    (void)state;
    init_world(w, 3, 0);
    assert_true(chunk_pool_join(&w->chunks));
    assert_true(chunk_pool_join(&w->chunks));
    w->members[0].joined = w->members[1].joined = true;
    for (uint32_t i = 0; i < 3; i++)
        assert_true(take(w, &w->members[0]));
    assert_false(take(w, &w->members[1]));
    give(w, &w->members[0], 1);
    assert_true(take(w, &w->members[1]));
    check(w);
    free(w->arena.base);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger_agrees),
        cmocka_unit_test(a_greedy_member_leaves_the_others_their_promise),
        cmocka_unit_test(no_promise_lends_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
