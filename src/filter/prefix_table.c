/* Prefix tables: flattened into ranges, found by a search tree without pointers. See prefix_table.h. */
#include "filter/prefix_table.h"

#include "base/must.h"

#define NODE 16u          /* keys in a node, two cache lines             */
#define FEW (2 * NODE)    /* so few keys lie sorted, and are only counted */
#define DEPTH_MAX 9       /* 17^9 nodes are beyond any memory            */
#define NESTED_MAX 130    /* prefixes that hold one another              */
#define LOWER 0x80000000u /* the value is the number of a lower tree      */

/* Where the keys of a tree begin that may lie from `place` on: nodes are whole lines. */
static uint32_t begin_of(uint32_t place, uint32_t count)
{
    return count > FEW ? (place + NODE - 1) / NODE * NODE : place;
}

static uint32_t places_of(uint32_t count)
{
    return count > FEW ? (count + NODE - 1) / NODE * NODE : count;
}

/* A lower tree lies behind a word that says how large it is and what holds before its first key. */
static uint64_t header_of(uint32_t count, uint32_t below)
{
    return (uint64_t)count << 32 | below;
}

static struct prefix_tree tree_at(const struct prefix_table *table, uint32_t place)
{
    uint32_t count = (uint32_t)(table->keys[place] >> 32);

    return (struct prefix_tree){begin_of(place + 1, count), count, (uint32_t)table->keys[place]};
}

/* ---- finding ---- */

/* A search under way. */
struct probe {
    const uint64_t *keys;
    const uint32_t *values;
    uint64_t key;
    uint32_t count, nodes, node, best, below;
};

/* How many keys are at most `key`: without a branch that a random address would make go wrong. */
static inline uint32_t rank_of(const uint64_t *keys, uint32_t count, uint64_t key)
{
    uint32_t rank = 0;

    for (uint32_t i = 0; i < count; i++)
        rank += keys[i] <= key;
    return rank;
}

static inline void fetch_node(const struct probe *probe)
{
    const uint64_t *keys = probe->keys + probe->node * NODE;

    __builtin_prefetch(keys);
    __builtin_prefetch(keys + NODE / 2);
    __builtin_prefetch(probe->values + probe->node * NODE);
}

static inline void probe_begin(struct probe *probe, const struct prefix_table *table,
                               const struct prefix_tree *tree, uint64_t key)
{
    probe->keys = table->keys + tree->first;
    probe->values = table->values + tree->first;
    probe->key = key;
    probe->count = tree->count;
    probe->nodes = tree->count > FEW ? (tree->count + NODE - 1) / NODE : 0;
    probe->node = 0;
    probe->best = UINT32_MAX;
    probe->below = tree->below;
}

/* One node further down; false: there is none. */
static inline bool probe_step(struct probe *probe)
{
    uint32_t rank;

    if (probe->node >= probe->nodes)
        return false;
    rank = rank_of(probe->keys + probe->node * NODE, NODE, probe->key);
    probe->best = rank ? probe->node * NODE + rank - 1 : probe->best;
    probe->node = probe->node * (NODE + 1) + 1 + rank;
    if (probe->node < probe->nodes)
        fetch_node(probe);
    return true;
}

static inline uint32_t probe_end(struct probe *probe)
{
    uint32_t rank;

    if (probe->nodes)
        return probe->best == UINT32_MAX ? probe->below : probe->values[probe->best];
    rank = rank_of(probe->keys, probe->count, probe->key);
    return rank ? probe->values[rank - 1] : probe->below;
}

static inline void probe_address(struct probe *probe, const struct prefix_table *table,
                                 const struct hf_address *address)
{
    if (hf_address_is_v4(address))
        probe_begin(probe, table, &table->v4, (uint64_t)get_be32(address->bytes + 12) << 32);
    else
        probe_begin(probe, table, &table->v6, get_be64(address->bytes));
}

static inline void probe_lower(struct probe *probe, const struct prefix_table *table,
                               uint32_t place, const struct hf_address *address)
{
    struct prefix_tree tree = tree_at(table, place);

    probe_begin(probe, table, &tree, get_be64(address->bytes + 8));
}

uint32_t prefix_table_find(const struct prefix_table *table, const struct hf_address *address)
{
    struct probe probe;
    uint32_t value;

    probe_address(&probe, table, address);
    while (probe_step(&probe))
        ;
    value = probe_end(&probe);
    if (!(value & LOWER))
        return value;
    probe_lower(&probe, table, value & ~LOWER, address);
    while (probe_step(&probe))
        ;
    return probe_end(&probe);
}

static void step_all(struct probe *probes, unsigned count)
{
    bool going = true;

    while (going) {
        going = false;
        for (unsigned i = 0; i < count; i++)
            going |= probe_step(&probes[i]);
    }
}

/* In step: while one search waits for memory the others go on. */
void prefix_table_find_group(const struct prefix_table *table,
                             const struct hf_address *const *addresses, unsigned count,
                             uint32_t *values)
{
    struct probe probes[PREFIX_TABLE_GROUP];
    uint32_t asked[PREFIX_TABLE_GROUP], lower = 0;

    must(count <= PREFIX_TABLE_GROUP);
    for (unsigned i = 0; i < count; i++)
        probe_address(&probes[i], table, addresses[i]);
    step_all(probes, count);
    for (unsigned i = 0; i < count; i++) {
        values[i] = probe_end(&probes[i]);
        if (values[i] & LOWER) {
            __builtin_prefetch(&table->keys[values[i] & ~LOWER]);
            __builtin_prefetch(&table->keys[values[i] & ~LOWER] + 2);
            __builtin_prefetch(&table->values[values[i] & ~LOWER] + 1);
            asked[lower++] = i;
        }
    }
    for (unsigned i = 0; i < lower; i++)
        probe_lower(&probes[i], table, values[asked[i]] & ~LOWER, addresses[asked[i]]);
    step_all(probes, lower);
    for (unsigned i = 0; i < lower; i++)
        values[asked[i]] = probe_end(&probes[i]);
}

/* ---- from prefixes to ranges ---- */

/* An address as a number; those of IPv4 are in the upper half of `upper`. */
struct number {
    uint64_t upper, lower;
};

static const struct number last_number = {UINT64_MAX, UINT64_MAX};

static bool number_equal(struct number a, struct number b)
{
    return a.upper == b.upper && a.lower == b.lower;
}

static bool number_less(struct number a, struct number b)
{
    return a.upper < b.upper || (a.upper == b.upper && a.lower < b.lower);
}

static struct number number_next(struct number a)
{
    a.lower++;
    a.upper += a.lower == 0;
    return a;
}

/* Who takes the ranges: each begins at `key` and lasts to the next. */
struct flattening {
    void (*take)(struct flattening *self, struct number key, uint32_t value);
    struct number
        key; /* the range that waits for the next, as a later prefix may begin where it does */
    uint32_t value;
    bool waiting;
    uint32_t last_value; /* of the range taken last */
};

static void flush(struct flattening *to)
{
    if (to->waiting && to->value != to->last_value) {
        to->take(to, to->key, to->value);
        to->last_value = to->value;
    }
    to->waiting = false;
}

static void emit(struct flattening *to, struct number key, uint32_t value)
{
    if (to->waiting && !number_equal(to->key, key))
        flush(to);
    to->key = key;
    to->value = value;
    to->waiting = true;
}

static struct number first_of(const struct hf_filter_entry *entry)
{
    const uint8_t *bytes = entry->prefix.address.bytes;

    if (hf_address_is_v4(&entry->prefix.address))
        return (struct number){(uint64_t)get_be32(bytes + 12) << 32, 0};
    return (struct number){get_be64(bytes), get_be64(bytes + 8)};
}

static struct number last_of(const struct hf_filter_entry *entry)
{
    struct number last = first_of(entry);
    uint32_t length = entry->prefix.length;

    if (length < 64)
        last.upper |= UINT64_MAX >> length;
    if (length <= 64)
        last.lower = UINT64_MAX;
    else if (length < 128)
        last.lower |= UINT64_MAX >> (length - 64);
    return last;
}

struct open_prefix {
    struct number last;
    uint32_t value;
};

/* The innermost ends: what holds it goes on behind it, or nothing does. */
static void end_innermost(struct flattening *to, const struct open_prefix *open, unsigned depth)
{
    if (!number_equal(open[depth - 1].last, last_number))
        emit(to, number_next(open[depth - 1].last),
             depth > 1 ? open[depth - 2].value : PREFIX_TABLE_NONE);
}

/* The ranges of tidy entries of one family, in order. Two for each prefix at most. */
static void flatten(const struct hf_filter_entry *entries, size_t count, struct flattening *to)
{
    struct open_prefix open[NESTED_MAX];
    unsigned depth = 0;

    for (size_t i = 0; i < count; i++) {
        struct number first = first_of(&entries[i]);

        for (; depth > 0 && number_less(open[depth - 1].last, first); depth--)
            end_innermost(to, open, depth);
        emit(to, first, entries[i].value);
        must(depth < NESTED_MAX);
        open[depth++] = (struct open_prefix){last_of(&entries[i]), entries[i].value};
    }
    for (; depth > 0; depth--)
        end_innermost(to, open, depth);
    flush(to);
}

/* ---- from ranges to trees ---- */

/* Where the next key in order belongs: the path down to its node. */
struct tree_filler {
    uint32_t first, nodes;
    uint32_t filled, count;
    uint32_t node[DEPTH_MAX];
    uint8_t slot[DEPTH_MAX];
    unsigned depth; /* of the path, 0: the keys lie sorted */
};

static void go_down(struct tree_filler *filler, uint32_t node)
{
    for (; node < filler->nodes; node = node * (NODE + 1) + 1) {
        must(filler->depth < DEPTH_MAX);
        filler->node[filler->depth] = node;
        filler->slot[filler->depth++] = 0;
    }
}

static void filler_init(struct tree_filler *filler, uint32_t first, uint32_t count)
{
    *filler = (struct tree_filler){.first = first, .count = count};
    filler->nodes = count > FEW ? (count + NODE - 1) / NODE : 0;
    if (filler->nodes)
        go_down(filler, 0);
}

static uint32_t filler_next(struct tree_filler *filler)
{
    uint32_t node, slot;

    if (filler->nodes == 0)
        return filler->first + filler->filled++;
    while (filler->slot[filler->depth - 1] == NODE)
        filler->depth--;
    node = filler->node[filler->depth - 1];
    slot = filler->slot[filler->depth - 1]++;
    filler->filled++;
    go_down(filler, node * (NODE + 1) + 2 + slot);
    return filler->first + node * NODE + slot;
}

/* Ranges in, trees out. The first walk counts, the second writes; both make the same choices. */
struct building {
    struct flattening ranges; /* first: it knows its owner */
    uint64_t *sizes;          /* the keys, for headers of lower trees; NULL: only measuring */
    uint64_t *keys;           /* NULL: the first walk */
    uint32_t *values;
    uint32_t places; /* taken so far, by lower trees */
    uint32_t lower_keys;
    uint32_t upper_count, upper_value; /* keys of the first half, and the last one's value */
    uint64_t upper;                    /* the first half under way ... */
    bool in_upper;                     /* ... is there one, ... */
    bool in_lower;                     /* ... and has it a lower tree? */
    uint32_t value;                    /* that holds now */
    struct tree_filler upper_filler, lower_filler;
};

static void put(struct building *building, struct tree_filler *filler, uint64_t key, uint32_t value)
{
    uint32_t place = filler_next(filler);

    building->keys[place] = key;
    building->values[place] = value;
}

/* Keys behind the last one fill the last node: who finds them learns what the last one says. */
static void pad(struct building *building, struct tree_filler *filler, uint32_t value)
{
    while (building->keys && filler->filled < filler->nodes * NODE)
        put(building, filler, UINT64_MAX, value);
}

static void put_upper(struct building *building, uint64_t upper, uint32_t value)
{
    building->upper_count++;
    building->upper_value = value;
    if (building->keys)
        put(building, &building->upper_filler, upper, value);
}

/* The lower tree of `upper` begins; `value` holds before its first key. */
static void open_lower(struct building *building, uint64_t upper)
{
    uint32_t place = building->places;

    put_upper(building, upper, LOWER | place);
    if (building->keys) {
        uint32_t count = (uint32_t)(building->keys[place] >> 32);

        building->keys[place] = header_of(count, building->value);
        building->values[place] = PREFIX_TABLE_NONE;
        filler_init(&building->lower_filler, begin_of(place + 1, count), count);
    }
    building->upper = upper;
    building->in_upper = building->in_lower = true;
    building->lower_keys = 0;
}

static void close_lower(struct building *building)
{
    uint32_t count = building->lower_keys, place = building->places;

    pad(building, &building->lower_filler, building->value);
    if (building->sizes && !building->keys)
        building->sizes[place] = header_of(count, 0);
    building->places = begin_of(place + 1, count) + places_of(count);
}

/* The first half under way is over; `next`: where the next one begins, if there is one. */
static void close_upper(struct building *building, const uint64_t *next)
{
    if (!building->in_upper)
        return;
    if (!building->in_lower) {
        put_upper(building, building->upper, building->value);
    } else {
        close_lower(building);
        if (building->upper != UINT64_MAX && !(next && *next == building->upper + 1))
            put_upper(building, building->upper + 1, building->value);
    }
    building->in_upper = building->in_lower = false;
}

static void take_range(struct flattening *self, struct number key, uint32_t value)
{
    struct building *building = (struct building *)(void *)self;

    if (building->in_upper && building->upper != key.upper)
        close_upper(building, &key.upper);
    if (key.lower == 0) {
        building->upper = key.upper;
        building->in_upper = true;
    } else {
        if (!building->in_lower)
            open_lower(building, key.upper);
        building->lower_keys++;
        if (building->keys)
            put(building, &building->lower_filler, key.lower, value);
    }
    building->value = value;
}

static void walk(struct building *building, const struct hf_filter_entry *entries, size_t count)
{
    building->ranges = (struct flattening){.take = take_range};
    building->value = PREFIX_TABLE_NONE;
    building->upper_count = 0;
    flatten(entries, count, &building->ranges);
    close_upper(building, NULL);
}

/* What the counting walks find. Lower trees lie first, so that their places are known before the others' sizes are. */
struct layout {
    size_t v4_entries;
    uint32_t v4_keys, v6_keys;
    uint32_t v4_first, v6_first, lower_places, places;
    size_t values_at, bytes;
};

static size_t line_after(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* `memory`: where the sizes of lower trees go, or NULL. */
static void measure(struct layout *layout, const struct hf_filter_entry *entries, size_t count,
                    void *memory)
{
    struct building building = {.sizes = NULL};

    *layout = (struct layout){0};
    while (layout->v4_entries < count &&
           hf_address_is_v4(&entries[layout->v4_entries].prefix.address))
        layout->v4_entries++;
    walk(&building, entries, layout->v4_entries);
    layout->v4_keys = building.upper_count;
    building = (struct building){.sizes = memory};
    if (count > 0) /* entries may be NULL otherwise */
        entries += layout->v4_entries;
    walk(&building, entries, count - layout->v4_entries);
    layout->v6_keys = building.upper_count;
    layout->lower_places = building.places;

    layout->v4_first = begin_of(layout->lower_places, layout->v4_keys);
    layout->v6_first = begin_of(layout->v4_first + places_of(layout->v4_keys), layout->v6_keys);
    layout->places = layout->v6_first + places_of(layout->v6_keys);
    layout->values_at = line_after(layout->places * sizeof(uint64_t));
    layout->bytes = line_after(layout->values_at + layout->places * sizeof(uint32_t));
}

size_t prefix_table_needed(const struct hf_filter_entry *entries, size_t count)
{
    struct layout layout;

    measure(&layout, entries, count, NULL);
    return layout.bytes;
}

/* A prefix makes two keys of the first half and two of the second at most, and one lower tree; that one is filled up to
 * whole nodes, and begins with one, once it has FEW keys. */
size_t prefix_table_most(size_t count)
{
    return count * (7 * (sizeof(uint64_t) + sizeof(uint32_t))) +
           (4 * NODE) * (sizeof(uint64_t) + sizeof(uint32_t)) + 256;
}

static void fill(struct building *building, const struct prefix_tree *tree,
                 const struct hf_filter_entry *entries, size_t count)
{
    filler_init(&building->upper_filler, tree->first, tree->count);
    walk(building, entries, count);
    pad(building, &building->upper_filler, building->upper_value);
    must(building->upper_count == tree->count);
}

void prefix_table_build(struct prefix_table *table, const struct hf_filter_entry *entries,
                        size_t count, void *memory)
{
    struct layout layout;
    struct building building = {.sizes = memory, .keys = memory};

    measure(&layout, entries, count, memory);
    building.values = (uint32_t *)(void *)((uint8_t *)memory + layout.values_at);
    *table = (struct prefix_table){
        .v4 = {.first = layout.v4_first, .count = layout.v4_keys},
        .v6 = {.first = layout.v6_first, .count = layout.v6_keys},
        .keys = building.keys,
        .values = building.values,
    };
    fill(&building, &table->v4, entries, layout.v4_entries);
    fill(&building, &table->v6, count > 0 ? entries + layout.v4_entries : entries,
         count - layout.v4_entries);
    must(building.places == layout.lower_places);
}
