/* Passes over all connections, for `handfast top`. */
#include "control/top_walk.h"

#include <stdlib.h>
#include <string.h>

const char *top_order_name(enum top_order order)
{
    static const char *const names[TOP_ORDERS] = {"rtt", "bytes", "age"};

    return order < TOP_ORDERS ? names[order] : "?";
}

/* ---- the largest ---- */

static void sink(struct top_list *list, uint32_t place, struct top_entry entry)
{
    for (uint32_t child; (child = 2 * place + 1) < list->count; place = child) {
        if (child + 1 < list->count && list->entry[child + 1].key < list->entry[child].key)
            child++;
        if (list->entry[child].key >= entry.key)
            break;
        list->entry[place] = list->entry[child];
    }
    list->entry[place] = entry;
}

void top_list_add(struct top_list *list, struct top_entry entry)
{
    if (list->count == TOP_LISTED) {
        if (entry.key > list->entry[0].key)
            sink(list, 0, entry);
        return;
    }
    uint32_t place = list->count++;
    for (; place > 0 && list->entry[(place - 1) / 2].key > entry.key; place = (place - 1) / 2)
        list->entry[place] = list->entry[(place - 1) / 2];
    list->entry[place] = entry;
}

static int by_key(const void *a, const void *b)
{
    const struct top_entry *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

uint32_t top_list_sorted(const struct top_list *list, struct top_entry sorted[TOP_LISTED])
{
    memcpy(sorted, list->entry, list->count * sizeof sorted[0]);
    qsort(sorted, list->count, sizeof sorted[0], by_key);
    return list->count;
}

/* ---- prefixes ---- */

static struct hf_prefix prefix_of(const struct hf_address *address)
{
    struct hf_prefix prefix = {.address = *address, .length = 32};

    if (!hf_address_is_v4(address)) {
        memset(prefix.address.bytes + 8, 0, 8);
        prefix.length = 64;
    }
    return prefix;
}

static uint32_t place_of(const struct hf_prefix *prefix)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < sizeof prefix->address.bytes; i++)
        hash = (hash ^ prefix->address.bytes[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* Whoever aims at one place of the table hides in what is called "about", and gains nothing else. */
void top_prefix_add(struct top_result *result, const struct relay_view *view)
{
    struct hf_prefix prefix = prefix_of(&view->client.address);
    uint32_t hash = place_of(&prefix);
    struct top_prefix *smallest = NULL, *place = NULL;

    for (uint32_t i = 0; i < TOP_PREFIX_PROBES && !place; i++) {
        struct top_prefix *at = &result->prefix[(hash + i) % TOP_PREFIXES];

        if (at->connections == 0 || memcmp(&at->prefix, &prefix, sizeof prefix) == 0)
            place = at;
        else if (!smallest || at->connections < smallest->connections)
            smallest = at;
    }
    if (!place) {
        result->prefixes_missed++;
        if (smallest->connections > 1)
            return;
        place = smallest;
        place->connections = 0;
    }
    if (place->connections == 0)
        *place = (struct top_prefix){.prefix = prefix};
    place->connections++;
    place->bytes_in += view->bytes_in;
    place->bytes_out += view->bytes_out;
}

static bool is_larger(const struct top_prefix *a, const struct top_prefix *b)
{
    if (a->connections != b->connections)
        return a->connections > b->connections;
    return a->bytes_in + a->bytes_out > b->bytes_in + b->bytes_out;
}

uint32_t top_prefixes_sorted(const struct top_result *result, struct top_prefix *sorted,
                             uint32_t count)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < TOP_PREFIXES; i++) {
        const struct top_prefix *prefix = &result->prefix[i];
        uint32_t place = found;

        if (prefix->connections == 0)
            continue;
        while (place > 0 && is_larger(prefix, &sorted[place - 1]))
            place--;
        if (place == count)
            continue;
        if (found < count)
            found++;
        memmove(&sorted[place + 1], &sorted[place], (found - 1 - place) * sizeof sorted[0]);
        sorted[place] = *prefix;
    }
    return found;
}

/* ---- a pass ---- */

static void look(struct top_result *result, const struct relay_view *view)
{
    uint64_t keys[TOP_ORDERS] = {
        [TOP_BY_RTT] = view->rtt_us,
        [TOP_BY_BYTES] = view->bytes_in + view->bytes_out,
        [TOP_BY_AGE] = view->age_us > 0 ? (uint64_t)view->age_us : 0,
    };

    result->seen++;
    for (unsigned order = 0; order < TOP_ORDERS; order++)
        top_list_add(&result->list[order], (struct top_entry){keys[order], view->id, view->slot});
    top_prefix_add(result, view);
}

bool top_walk_step(struct top_walk *walk, const struct relays *relays, int64_t now_us)
{
    struct relay_view view;

    for (uint32_t i = 0; i < TOP_STEP; i++, walk->slot++) {
        if (walk->slot >= relays->unused) {
            walk->done = walk->under_way;
            walk->slot = 0;
            walk->passes++;
            memset(&walk->under_way, 0, sizeof walk->under_way);
            return true;
        }
        if (relays_view(relays, walk->slot, &view, now_us))
            look(&walk->under_way, &view);
    }
    return false;
}
