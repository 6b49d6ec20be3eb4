/* The keyed table against a flat map, and the numbers that src/base/table.c argues with. */
#include "model.h"

#include <math.h>

#include "base/table.h"

enum { SLOTS = 120000 };

struct world {
    struct arena arena;
    struct table table;
    uint64_t *hashes;
    bool *inside;
    uint32_t count;
};

static uint64_t hash_of(const void *context, uint32_t slot)
{
    const uint64_t *hashes = context;

    return hashes[slot];
}

static struct world make_world(struct dice *dice, uint32_t capacity)
{
    struct world w = {.hashes = malloc(SLOTS * sizeof(uint64_t)),
                      .inside = calloc(SLOTS, sizeof(bool))};
    struct arena measure = {NULL, 0};

    for (uint32_t i = 0; i < SLOTS; i++)
        w.hashes[i] = dice_u64(dice);
    table_init(&w.table, &measure, capacity, hash_of, w.hashes);
    w.arena = arena_for(measure);
    table_init(&w.table, &w.arena, capacity, hash_of, w.hashes);
    assert_int_equal(w.arena.used, measure.used);
    return w;
}

static void free_world(struct world *w)
{
    free(w->arena.base);
    free(w->hashes);
    free(w->inside);
}

/* How often the walk for a slot's hash shows the slot. */
static uint32_t seen(const struct world *w, uint32_t slot)
{
    struct table_cursor cursor = table_find(&w->table, w->hashes[slot]);
    uint32_t times = 0;

    for (uint32_t found; (found = table_next(&w->table, &cursor)) != SLOT_NONE;) {
        assert_true(w->inside[found]);
        times += found == slot;
    }
    return times;
}

static void insert(struct world *w, uint32_t slot)
{
    table_insert(&w->table, w->hashes[slot], slot);
    w->inside[slot] = true;
    w->count++;
}

static void take_out(struct world *w, uint32_t slot)
{
    table_remove(&w->table, w->hashes[slot], slot);
    w->inside[slot] = false;
    w->count--;
}

static void check_all(const struct world *w)
{
    assert_int_equal(w->table.count, w->count);
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        assert_int_equal(seen(w, slot), w->inside[slot]);
}

/* Overflow buckets that a dense table needs for what is in it now. */
static uint32_t overflow_needed(const struct world *w)
{
    uint32_t *length = calloc(w->table.max_buckets, sizeof *length), needed = 0;

    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (w->inside[slot])
            length[table_bucket_of(&w->table, w->hashes[slot]) - w->table.buckets]++;
    for (uint32_t i = 0; i < w->table.max_buckets; i++)
        needed += length[i] > 10 ? (length[i] - 1) / 10 : 0;
    free(length);
    return needed;
}

static void grows_to_100k_like_a_map(void **state)
{
    struct dice dice = dice_from("grows_to_100k_like_a_map", 4);
    struct world w = make_world(&dice, 100000);

    (void)state;
    for (uint32_t slot = 0; slot < 100000; slot++) {
        insert(&w, slot);
        assert_int_equal(seen(&w, slot), 1);
        if (slot % 9973 == 0)
            assert_int_equal(w.table.overflow.count, overflow_needed(&w));
    }
    check_all(&w);
    assert_int_equal(w.table.used, w.table.max_buckets);
    for (uint32_t slot = 0; slot < 100000; slot++)
        take_out(&w, slot);
    check_all(&w);
    assert_int_equal(w.table.overflow.count, 0);
    free_world(&w);
}

static void random_inserts_and_removals(void **state)
{
    struct dice dice = dice_from("random_inserts_and_removals", 5);
    static const uint32_t capacities[] = {1, 2, 7, 8, 64, 100, 1000, 5000};

    (void)state;
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        uint32_t capacity = capacities[i];
        struct world w = make_world(&dice, capacity);

        for (uint32_t step = 0; step < 30000; step++) {
            uint32_t slot = dice_below(&dice, capacity * 3 / 2 + 1);

            assert_int_equal(seen(&w, slot), w.inside[slot]);
            if (w.inside[slot])
                take_out(&w, slot);
            else if (w.count < capacity)
                insert(&w, slot);
            if (step % 2999 == 0)
                assert_int_equal(w.table.overflow.count, overflow_needed(&w));
        }
        check_all(&w);
        free_world(&w);
    }
}

/* What no keyed hash does: small tables have memory even for that. */
static void one_chain_of_all(void **state)
{
    struct dice dice = dice_from("one_chain_of_all", 6);
    struct world w = make_world(&dice, 64);

    (void)state;
    memset(w.hashes, 0, SLOTS * sizeof w.hashes[0]);
    for (uint32_t slot = 0; slot < 64; slot++)
        insert(&w, slot);
    for (uint32_t slot = 0; slot < 64; slot++)
        assert_int_equal(seen(&w, slot), 1);
    for (uint32_t slot = 63; slot > 0; slot--) {
        take_out(&w, slot / 2 * 2 == slot ? slot : 64 - slot);
        assert_int_equal(w.table.overflow.count, overflow_needed(&w));
    }
    free_world(&w);
}

static void little_use_touches_little_memory(void **state)
{
    struct dice dice = dice_from("little_use_touches_little_memory", 7);
    struct world w = make_world(&dice, 100000);

    (void)state;
    for (uint32_t slot = 0; slot < 70; slot++)
        insert(&w, slot);
    assert_int_equal(w.table.used, 10);
    for (uint8_t *byte = (uint8_t *)&w.table.buckets[11]; byte < (uint8_t *)&w.table.buckets[500];
         byte++)
        assert_int_equal(*byte, 0xa5);
    free_world(&w);
}

/* The timestamp offset shows a peer the low 32 bits of his tuple's hash, cookies nine more. */
static void leaked_bits_choose_no_bucket(void **state)
{
    struct dice dice = dice_from("leaked_bits_choose_no_bucket", 8);

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t secret = dice_u64(&dice) << 41, leaked = dice_u64(&dice) >> 23;

        assert_int_equal(table_index(secret) & 0x7fffff, table_index(secret | leaked) & 0x7fffff);
    }
}

/* ---- the numbers: entries in a bucket are Poisson, overflow buckets are ceil((x - 10) / 10) ---- */

struct moments {
    double mean, square, exponential; /* of the overflow of one bucket; E exp(t overflow) */
};

static struct moments overflow_of(double load, double t)
{
    struct moments m = {0, 0, 0};
    double p = exp(-load);

    for (uint32_t x = 0; x < 150; x++) {
        double overflow = x > 10 ? (x - 1) / 10 : 0;

        m.mean += p * overflow;
        m.square += p * overflow * overflow;
        m.exponential += p * exp(t * overflow);
        p *= load / (x + 1);
    }
    return m;
}

static void chains_cost_at_most_18_percent(void **state)
{
    (void)state;
    for (double split = 0; split < 1;
         split += 0.005) { /* of the round's buckets, this part is split */
        struct moments whole = overflow_of(7 * (1 + split), 0);
        struct moments half = overflow_of(3.5 * (1 + split), 0);
        double mean = ((1 - split) * whole.mean + 2 * split * half.mean) / (1 + split);
        double variance = ((1 - split) * (whole.square - whole.mean * whole.mean) +
                           2 * split * (half.square - half.mean * half.mean)) /
                          (1 + split);

        assert_true(mean < 0.18);
        assert_true(variance < 0.12);
    }
}

/* Chernoff's bound of log2 P(more than `pool` overflow buckets) for n entries in `used` buckets. The entries of a table are
 * n exactly and not Poisson in number: that costs a factor of at most e sqrt(n). */
static double log2_chance(uint32_t used, uint32_t n, uint32_t pool)
{
    uint32_t base = 1;
    double best = 0;

    while (2 * base <= used)
        base *= 2;
    for (double t = 0.1; t < 6; t += 0.1) {
        double whole = log(overflow_of((double)n / base, t).exponential);
        double half = log(overflow_of((double)n / base / 2, t).exponential);
        double bound = (2 * base - used) * whole + 2.0 * (used - base) * half - t * pool;

        best = bound < best ? bound : best;
    }
    return (best + 1 + log(n) / 2) / log(2);
}

static void overflow_practically_never_runs_out(void **state)
{
    static const uint32_t capacities[] = {64,    1000,   2000,   4096,    10000,    16384,   30000,
                                          65536, 100000, 300000, 1000000, 10000000, 1u << 26};

    (void)state;
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct arena measure = {NULL, 0};
        struct table table;

        table_init(&table, &measure, capacities[i], hash_of, NULL);
        if (table.overflow.capacity >= capacities[i] / 10)
            continue; /* enough for one chain of all */
        for (uint32_t part = 32; part <= 64; part++) {
            uint32_t used = (uint32_t)((uint64_t)table.max_buckets * part / 64);
            uint32_t n = used * 7 < capacities[i] ? used * 7 : capacities[i];

            assert_true(log2_chance(used, n, table.overflow.capacity) < -100);
        }
        if (capacities[i] >= 10000)
            assert_true((double)measure.used / capacities[i] < 12); /* bytes an entry */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_100k_like_a_map),
        cmocka_unit_test(random_inserts_and_removals),
        cmocka_unit_test(one_chain_of_all),
        cmocka_unit_test(little_use_touches_little_memory),
        cmocka_unit_test(leaked_bits_choose_no_bucket),
        cmocka_unit_test(chains_cost_at_most_18_percent),
        cmocka_unit_test(overflow_practically_never_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
