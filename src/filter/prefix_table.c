/* Prefix tables: flattened into ranges, found by a search tree without pointers. See prefix_table.h. */
#include "filter/prefix_table.h"

#include "base/must.h"

#define NODE 16u          /* keys in a node, two cache lines             */
#define FEW (2 * NODE)    /* so few keys lie sorted, and are only counted */
#define DEPTH_MAX 9       /* 17^9 nodes are beyond any memory            */
#define NESTED_MAX 130    /* prefixes that hold one another              */
#define LOWER 0x80000000u /* the value is the number of a lower tree      */

__extension__ typedef unsigned __int128 u128;

/* ---- finding ---- */

/* How many of a node's keys are at most `key`: without a branch that a random address would make go wrong. */
static inline uint32_t rank_of(const uint64_t *keys, uint32_t count, uint64_t key)
{
    uint32_t rank = 0;

    for (uint32_t i = 0; i < count; i++)
        rank += keys[i] <= key;
    return rank;
}

static inline uint32_t find_in(const struct prefix_table *table, const struct prefix_tree *tree,
                               uint64_t key)
{
    const uint64_t *keys = table->keys + tree->first;
    const uint32_t *values = table->values + tree->first;
    uint32_t nodes = (tree->count + NODE - 1) / NODE, best = UINT32_MAX, rank;

    if (tree->count <= FEW) {
        rank = rank_of(keys, tree->count, key);
        return rank ? values[rank - 1] : tree->below;
    }
    for (uint32_t node = 0; node < nodes; node = node * (NODE + 1) + 1 + rank) {
        __builtin_prefetch(values + node * NODE);
        rank = rank_of(keys + node * NODE, NODE, key);
        best = rank ? node * NODE + rank - 1 : best;
    }
    return best == UINT32_MAX ? tree->below : values[best];
}

uint32_t prefix_table_find(const struct prefix_table *table, const struct hf_address *address)
{
    uint32_t value;

    if (hf_address_is_v4(address))
        return find_in(table, &table->v4, (uint64_t)get_be32(address->bytes + 12) << 32);
    value = find_in(table, &table->v6, get_be64(address->bytes));
    return value & LOWER
               ? find_in(table, &table->lower[value & ~LOWER], get_be64(address->bytes + 8))
               : value;
}

/* ---- from prefixes to ranges ---- */

/* Who takes the ranges: each begins at `key` and lasts to the next. */
struct flattening {
    void (*take)(struct flattening *self, u128 key, uint32_t value);
    u128 key; /* the range that waits for the next, as a later prefix may begin where it does */
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

static void emit(struct flattening *to, u128 key, uint32_t value)
{
    if (to->waiting && to->key != key)
        flush(to);
    to->key = key;
    to->value = value;
    to->waiting = true;
}

static u128 first_of(const struct hf_filter_entry *entry)
{
    const uint8_t *bytes = entry->prefix.address.bytes;

    if (hf_address_is_v4(&entry->prefix.address))
        return (u128)get_be32(bytes + 12) << 96;
    return (u128)get_be64(bytes) << 64 | get_be64(bytes + 8);
}

static u128 last_of(const struct hf_filter_entry *entry)
{
    u128 all = ~(u128)0;

    return first_of(entry) | (entry->prefix.length < 128 ? all >> entry->prefix.length : 0);
}

struct open_prefix {
    u128 last;
    uint32_t value;
};

/* The innermost ends: what holds it goes on behind it, or nothing does. */
static void end_innermost(struct flattening *to, const struct open_prefix *open, unsigned depth)
{
    if (open[depth - 1].last != ~(u128)0)
        emit(to, open[depth - 1].last + 1, depth > 1 ? open[depth - 2].value : PREFIX_TABLE_NONE);
}

/* The ranges of tidy entries of one family, in order. Two for each prefix at most. */
static void flatten(const struct hf_filter_entry *entries, size_t count, struct flattening *to)
{
    struct open_prefix open[NESTED_MAX];
    unsigned depth = 0;

    for (size_t i = 0; i < count; i++) {
        u128 first = first_of(&entries[i]);

        for (; depth > 0 && open[depth - 1].last < first; depth--)
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

static uint32_t places_of(uint32_t count)
{
    return count > FEW ? (count + NODE - 1) / NODE * NODE : count;
}

static uint32_t begin_of(uint32_t places, uint32_t count)
{
    return count > FEW ? (places + NODE - 1) / NODE * NODE : places; /* nodes are whole lines */
}

/* Ranges in, trees out. The first walk counts, the second writes; both make the same choices. */
struct building {
    struct flattening ranges;  /* first: it knows its owner */
    struct prefix_tree *lower; /* NULL: only measuring */
    uint64_t *keys;            /* NULL: the first walk */
    uint32_t *values;
    uint32_t places; /* taken so far by lower trees, and what came before them */
    uint32_t lower_count, lower_keys;
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
    put_upper(building, upper, LOWER | building->lower_count);
    if (building->keys) {
        struct prefix_tree *tree = &building->lower[building->lower_count];

        tree->first = begin_of(building->places, tree->count);
        tree->below = building->value;
        filler_init(&building->lower_filler, tree->first, tree->count);
    }
    building->upper = upper;
    building->in_upper = building->in_lower = true;
    building->lower_keys = 0;
}

static void close_lower(struct building *building)
{
    uint32_t count = building->lower_keys;

    pad(building, &building->lower_filler, building->value);
    if (building->lower)
        building->lower[building->lower_count].count = count;
    building->places = begin_of(building->places, count) + places_of(count);
    building->lower_count++;
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

static void take_range(struct flattening *self, u128 key, uint32_t value)
{
    struct building *building = (struct building *)(void *)self;
    uint64_t upper = (uint64_t)(key >> 64), lower = (uint64_t)key;

    if (building->in_upper && building->upper != upper)
        close_upper(building, &upper);
    if (lower == 0) {
        building->upper = upper;
        building->in_upper = true;
    } else {
        if (!building->in_lower)
            open_lower(building, upper);
        building->lower_keys++;
        if (building->keys)
            put(building, &building->lower_filler, lower, value);
    }
    building->value = value;
}

static void walk(struct building *building, const struct hf_filter_entry *entries, size_t count)
{
    building->ranges = (struct flattening){.take = take_range};
    building->value = PREFIX_TABLE_NONE;
    building->lower_count = building->upper_count = 0;
    flatten(entries, count, &building->ranges);
    close_upper(building, NULL);
}

/* What the counting walks find. */
struct layout {
    size_t v4_entries;
    uint32_t v4_keys, v6_keys, lower_trees;
    uint32_t v6_first, lower_first, places;
    size_t keys_at, values_at, bytes;
};

static size_t line_after(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

/* `lower`: where the numbers of keys of lower trees go, or NULL. */
static void measure(struct layout *layout, const struct hf_filter_entry *entries, size_t count,
                    struct prefix_tree *lower)
{
    struct building building = {.lower = NULL};

    *layout = (struct layout){0};
    while (layout->v4_entries < count &&
           hf_address_is_v4(&entries[layout->v4_entries].prefix.address))
        layout->v4_entries++;
    walk(&building, entries, layout->v4_entries);
    layout->v4_keys = building.upper_count;
    building = (struct building){.lower = lower};
    walk(&building, entries + layout->v4_entries, count - layout->v4_entries);
    layout->v6_keys = building.upper_count;
    layout->lower_trees = building.lower_count;

    layout->v6_first = begin_of(places_of(layout->v4_keys), layout->v6_keys);
    layout->lower_first = (layout->v6_first + places_of(layout->v6_keys) + NODE - 1) / NODE * NODE;
    layout->places = layout->lower_first + building.places;
    layout->keys_at = line_after(layout->lower_trees * sizeof(struct prefix_tree));
    layout->values_at = line_after(layout->keys_at + layout->places * sizeof(uint64_t));
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
    return count * (6 * (sizeof(uint64_t) + sizeof(uint32_t)) + sizeof(struct prefix_tree)) +
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
    uint8_t *bytes = memory;
    struct layout layout;
    struct building building = {.lower = memory};

    measure(&layout, entries, count, memory);
    building.keys = (uint64_t *)(void *)(bytes + layout.keys_at);
    building.values = (uint32_t *)(void *)(bytes + layout.values_at);
    *table = (struct prefix_table){
        .v4 = {.count = layout.v4_keys},
        .v6 = {.first = layout.v6_first, .count = layout.v6_keys},
        .lower = memory,
        .keys = building.keys,
        .values = building.values,
    };
    fill(&building, &table->v4, entries, layout.v4_entries);
    building.places = layout.lower_first;
    fill(&building, &table->v6, entries + layout.v4_entries, count - layout.v4_entries);
    must(building.lower_count == layout.lower_trees && building.places == layout.places);
}
