/* Building a filter in the caller's memory: the same walk measures and makes. */
#include "filter/ruleset.h"

#include "base/arena.h"
#include "base/must.h"
#include "filter/bogons.h"
#include "filter/rule_check.h"

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

static const char *rules_error(const struct hf_filter_setup *setup)
{
    if (setup->rules.count > HF_FILTER_RULES_MAX)
        return "a filter holds 1024 rules at most";
    for (size_t i = 0; i < setup->rules.count; i++) {
        const struct hf_filter_rule *rule = &setup->rules.rules[i];

        if ((rule->has_from && !is_possible(&rule->from)) ||
            (rule->has_to && !is_possible(&rule->to)))
            return "a rule's prefix is longer than its addresses";
        if (rule->port_ranges > HF_FILTER_PORTS_MAX ||
            (rule->port_ranges && rule->protocol != HF_FILTER_TCP) ||
            rule->protocol > HF_FILTER_ICMP)
            return "a rule has 8 ranges of ports at most, and only for TCP";
        for (unsigned k = 0; k < rule->port_ranges; k++)
            if (rule->ports[k].first > rule->ports[k].last)
                return "a rule's range of ports goes backwards";
    }
    for (size_t i = 0; i < setup->inside_count; i++)
        if (!is_possible(&setup->inside[i]))
            return "a network of ours is longer than its addresses";
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
    error = services_error(setup);
    return error ? error : rules_error(setup);
}

/* ---- services ---- */

/* A few prefixes as a table; they are put in order beside it. */
static void build_few(struct prefix_table *table, struct arena *arena,
                      const struct hf_prefix *prefixes, size_t count)
{
    struct hf_filter_entry *entries = arena_take(arena, count * sizeof *entries);
    void *memory = arena_take(arena, prefix_table_most(count));

    if (!memory)
        return;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct hf_filter_entry){prefixes[i], 1};
    count = prefix_entries_tidy(entries, count);
    prefix_table_build(table, entries, count, memory);
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

        *service = (struct filter_service){
            .restricted = setup->services[i].allows > 0,
            .observe = setup->services[i].observe,
        };
        build_few(&service->allow, arena, setup->services[i].allow, setup->services[i].allows);
    }
    if (!endpoints)
        return;
    filter->services = services;
    build_endpoints(filter, setup, endpoints);
}

/* ---- rules ---- */

static void build_bogons(struct hf_filter *filter, struct arena *arena)
{
    struct hf_filter_entry entries[BOGONS_ENTRIES];
    size_t count = bogons_entries(entries);
    void *memory = arena_take(arena, prefix_table_needed(entries, count));

    if (memory)
        prefix_table_build(&filter->bogons, entries, count, memory);
}

static void build_rules(struct hf_filter *filter, struct arena *arena,
                        const struct hf_filter_rules *rules)
{
    struct hf_filter_rule *copies = arena_take(arena, rules->count * sizeof *copies);
    uint64_t *packets = arena_take(arena, rules->count * sizeof *packets);

    rulebook_build(&filter->inward, arena, rules);
    if (!packets)
        return;
    if (rules->count)
        memcpy(copies, rules->rules, rules->count * sizeof *copies);
    memset(packets, 0, rules->count * sizeof *packets);
    filter->rules = *rules;
    filter->rules.rules = copies;
    filter->rule_packets = packets;
}

/* ---- the whole ---- */

static void set_values(struct hf_filter *filter, const struct hf_filter_setup *setup)
{
    memcpy(filter->lists, setup->lists, sizeof filter->lists);
    filter->deny_sharing = setup->deny_sharing;
    filter->check_bogons = setup->bogons;
    filter->reverse_path = setup->reverse_path;
    filter->asks_rules =
        filter->inward.count > 0 || setup->rules.deny_inward || setup->deny_sharing;
}

/* `filter` is scratch while the arena only measures. */
static void build(struct hf_filter *filter, struct arena *arena,
                  const struct hf_filter_setup *setup)
{
    const struct hf_filter_entry *entries = setup->entries;
    void *memory = arena_take(arena, prefix_table_needed(entries, setup->entry_count));

    if (memory)
        prefix_table_build(&filter->sources, entries, setup->entry_count, memory);
    build_services(filter, arena, setup);
    build_few(&filter->inside, arena, setup->inside, setup->inside_count);
    build_bogons(filter, arena);
    build_rules(filter, arena, &setup->rules);
    if (memory)
        set_values(filter, setup);
}

size_t hf_filter_needed(struct hf_filter_setup *setup)
{
    struct arena arena = {NULL, 0};
    struct hf_filter scratch = {.endpoint_count = 0};

    if (hf_filter_error(setup))
        return 0;
    setup->entry_count = prefix_entries_tidy(setup->entries, setup->entry_count);
    (void)arena_take(&arena, sizeof(struct hf_filter));
    build(&scratch, &arena, setup);
    return arena.used;
}

int hf_filter_build(struct hf_filter **filter, const struct hf_filter_setup *setup, void *memory,
                    size_t bytes)
{
    struct arena measured = {NULL, 0}, arena = {memory, 0};
    struct hf_filter scratch = {.endpoint_count = 0};

    if (!memory || (uintptr_t)memory % CACHE_LINE != 0)
        return HF_INVALID;
    (void)arena_take(&measured, sizeof **filter);
    build(&scratch, &measured, setup);
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

bool hf_filter_rule_at(const struct hf_filter *filter, size_t rule, struct hf_filter_rule *copy)
{
    if (rule >= filter->rules.count)
        return false;
    *copy = filter->rules.rules[rule];
    return true;
}

uint64_t hf_filter_rule_packets(const struct hf_filter *filter, size_t rule)
{
    return rule < filter->rules.count ? filter->rule_packets[rule] : 0;
}

bool hf_filter_may_open(struct hf_filter *filter, const struct hf_address *local,
                        const struct hf_endpoint *remote)
{
    struct rule_question question = {
        .outward = true,
        .protocol = HF_FILTER_TCP,
        .ttl = 255,
        .port = remote->port,
        .from = *local,
        .to = remote->address,
    };
    size_t rule = rule_first(&filter->rules, filter->rules.count, &question);

    if (rule == filter->rules.count)
        return !filter->rules.deny_outward;
    filter->rule_packets[rule]++;
    return filter->rules.rules[rule].allow;
}
