/* Building a filter in the caller's memory: the same walk measures and makes. */
#include "filter/ruleset.h"

#include "base/arena.h"
#include "base/must.h"

static bool is_possible(const struct hf_prefix *prefix)
{
    return prefix->length <= (hf_address_is_v4(&prefix->address) ? 32 : 128);
}

static const char *entries_error(const struct hf_filter_setup *setup)
{
    if (setup->entry_count > PREFIX_TABLE_ENTRIES_MAX)
        return "a filter holds 67108864 prefixes at most";
    for (size_t i = 0; i < setup->entry_count; i++) {
        const struct hf_filter_entry *entry = &setup->entries[i];

        if (!is_possible(&entry->prefix))
            return "an entry's prefix is longer than its addresses";
        if (entry->value < 1 || entry->value > HF_FILTER_LISTS_MAX)
            return "an entry's value is the number of its list, plus one";
    }
    return NULL;
}

static const char *services_error(const struct hf_filter_setup *setup)
{
    if (setup->service_count > HF_FILTER_SERVICES_MAX)
        return "a filter holds 256 services at most";
    for (size_t i = 0; i < setup->service_count; i++) {
        const struct hf_filter_service *service = &setup->services[i];

        for (size_t j = 0; j < service->allows; j++)
            if (!is_possible(&service->allow[j]))
                return "a prefix that a service allows is longer than its addresses";
    }
    return NULL;
}

const char *hf_filter_error(const struct hf_filter_setup *setup)
{
    const char *error = entries_error(setup);

    if (error)
        return error;
    for (unsigned i = 0; i < HF_FILTER_LISTS_MAX; i++)
        if ((unsigned)setup->lists[i].counter >= HF_STAT_COUNT)
            return "a list's counter is none";
    return services_error(setup);
}

/* ---- services ---- */

/* A service's allow list as a table; its prefixes are put in order beside it. */
static void build_allow(struct arena *arena, const struct hf_filter_service *from,
                        struct filter_service *to)
{
    struct hf_filter_entry *entries = arena_take(arena, from->allows * sizeof *entries);
    void *memory = arena_take(arena, prefix_table_most(from->allows));
    size_t count;

    if (!memory)
        return;
    for (size_t i = 0; i < from->allows; i++)
        entries[i] = (struct hf_filter_entry){from->allow[i], 1};
    count = prefix_entries_tidy(entries, from->allows);
    prefix_table_build(&to->allow, entries, count, memory);
    to->restricted = true;
}

/* By port; an endpoint for any address stands behind those for one. */
static bool stands_before(const struct filter_endpoint *a, const struct filter_endpoint *b)
{
    if (a->port != b->port)
        return a->port < b->port;
    return !address_is_any(&a->address) && address_is_any(&b->address);
}

static void insert_endpoint(struct filter_endpoint *endpoints, size_t count,
                            const struct filter_endpoint *endpoint)
{
    for (; count > 0 && stands_before(endpoint, &endpoints[count - 1]); count--)
        endpoints[count] = endpoints[count - 1];
    endpoints[count] = *endpoint;
}

static size_t count_listens(const struct hf_filter_setup *setup)
{
    size_t count = 0;

    for (size_t i = 0; i < setup->service_count; i++)
        count += setup->services[i].listens;
    return count;
}

static void build_endpoints(struct hf_filter *filter, const struct hf_filter_setup *setup,
                            struct filter_endpoint *endpoints)
{
    for (size_t i = 0; i < setup->service_count; i++)
        for (size_t j = 0; j < setup->services[i].listens; j++) {
            const struct hf_endpoint *listen = &setup->services[i].listen[j];
            struct filter_endpoint endpoint = {listen->address, listen->port, (uint16_t)i};

            insert_endpoint(endpoints, filter->endpoint_count++, &endpoint);
        }
    filter->endpoints = endpoints;
}

static void build_services(struct hf_filter *filter, struct arena *arena,
                           const struct hf_filter_setup *setup)
{
    size_t count = setup->service_count;
    struct filter_service *services = arena_take(arena, count * sizeof *services);
    struct filter_endpoint *endpoints = arena_take(arena, count_listens(setup) * sizeof *endpoints);
    struct filter_service unused = {.restricted = false};

    for (size_t i = 0; i < count; i++) {
        struct filter_service *service = services ? &services[i] : &unused;

        *service = (struct filter_service){.observe = setup->services[i].observe};
        if (setup->services[i].allows)
            build_allow(arena, &setup->services[i], service);
    }
    if (!filter)
        return;
    filter->services = services;
    build_endpoints(filter, setup, endpoints);
}

/* ---- the whole ---- */

static void build(struct hf_filter *filter, struct arena *arena,
                  const struct hf_filter_setup *setup)
{
    const struct hf_filter_entry *entries = setup->entries;
    void *memory = arena_take(arena, prefix_table_needed(entries, setup->entry_count));

    if (filter) {
        prefix_table_build(&filter->sources, entries, setup->entry_count, memory);
        memcpy(filter->lists, setup->lists, sizeof filter->lists);
    }
    build_services(filter, arena, setup);
}

size_t hf_filter_needed(struct hf_filter_setup *setup)
{
    struct arena arena = {NULL, 0};

    if (hf_filter_error(setup))
        return 0;
    setup->entry_count = prefix_entries_tidy(setup->entries, setup->entry_count);
    (void)arena_take(&arena, sizeof(struct hf_filter));
    build(NULL, &arena, setup);
    return arena.used;
}

int hf_filter_build(struct hf_filter **filter, const struct hf_filter_setup *setup, void *memory,
                    size_t bytes)
{
    struct arena measured = {NULL, 0}, arena = {memory, 0};

    if (!memory || (uintptr_t)memory % CACHE_LINE != 0)
        return HF_INVALID;
    (void)arena_take(&measured, sizeof **filter);
    build(NULL, &measured, setup);
    if (bytes < measured.used)
        return HF_TOO_SMALL;
    *filter = arena_take(&arena, sizeof **filter);
    memset(*filter, 0, sizeof **filter);
    build(*filter, &arena, setup);
    must(arena.used == measured.used);
    return HF_OK;
}

uint64_t hf_filter_list_packets(const struct hf_filter *filter, unsigned list)
{
    return list < HF_FILTER_LISTS_MAX ? filter->list_packets[list] : 0;
}
