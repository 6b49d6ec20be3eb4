/* Inward rules as sets of bits. */
#include "filter/rulebook.h"

#include "base/must.h"

#define PORTS 65536u

static void add_to(uint64_t *set, uint32_t rule)
{
    set[rule / 64] |= UINT64_C(1) << rule % 64;
}

/* ---- addresses ---- */

static bool has_prefix(const struct hf_filter_rule *rule, bool to)
{
    return to ? rule->has_to : rule->has_from;
}

static const struct hf_prefix *prefix_of(const struct hf_filter_rule *rule, bool to)
{
    return to ? &rule->to : &rule->from;
}

/* The rules that fit every address of a prefix; NULL: any address. */
static void fill_set(const struct rulebook *book, uint64_t *set, const struct hf_prefix *prefix,
                     bool to)
{
    memset(set, 0, book->words * sizeof *set);
    for (uint32_t i = 0; i < book->count; i++) {
        const struct hf_filter_rule *rule = &book->rules[i];
        const struct hf_prefix *own = prefix_of(rule, to);

        if (!has_prefix(rule, to) ||
            (prefix && own->length <= prefix->length && prefix_contains(own, &prefix->address)))
            add_to(set, i);
    }
}

static void build_addresses(struct rulebook *book, struct arena *arena, uint32_t count, bool to)
{
    struct rulebook_addresses *addresses = to ? &book->to : &book->from;
    struct hf_filter_entry *entries = arena_take(arena, count * sizeof *entries);
    void *memory = arena_take(arena, prefix_table_most(count));
    size_t used = 0;

    addresses->sets =
        arena_take(arena, (count + 1) * (size_t)book->words * sizeof *addresses->sets);
    if (!memory)
        return;
    fill_set(book, addresses->sets, NULL, to);
    for (uint32_t i = 0; i < count; i++)
        if (has_prefix(&book->rules[i], to))
            entries[used++] = (struct hf_filter_entry){*prefix_of(&book->rules[i], to), i + 1};
    used = prefix_entries_tidy(entries, used);
    for (size_t i = 0; i < used; i++)
        fill_set(book, addresses->sets + (size_t)entries[i].value * book->words, &entries[i].prefix,
                 to);
    prefix_table_build(&addresses->table, entries, used, memory);
}

/* ---- ports ---- */

static bool is_marked(const uint64_t marks[PORTS / 64], uint32_t port)
{
    return marks[port / 64] >> port % 64 & 1;
}

/* Ports at which the set of rules may change. How many. */
static uint32_t mark_ports(const struct hf_filter_rules *rules, uint64_t marks[PORTS / 64])
{
    uint32_t count = 0;

    memset(marks, 0, PORTS / 8);
    add_to(marks, 0);
    for (size_t i = 0; i < rules->count; i++)
        for (unsigned k = 0; k < rules->rules[i].port_ranges; k++) {
            const struct hf_port_range *range = &rules->rules[i].ports[k];

            add_to(marks, range->first);
            if (range->last != PORTS - 1)
                add_to(marks, range->last + 1u);
        }
    for (uint32_t i = 0; i < PORTS / 64; i++)
        count += (uint32_t)__builtin_popcountll(marks[i]);
    return count;
}

static bool fits_port(const struct hf_filter_rule *rule, uint32_t port)
{
    for (unsigned k = 0; k < rule->port_ranges; k++)
        if (port >= rule->ports[k].first && port <= rule->ports[k].last)
            return true;
    return rule->port_ranges == 0;
}

static void fill_port_set(const struct rulebook *book, uint64_t *set, uint32_t port)
{
    memset(set, 0, book->words * sizeof *set);
    for (uint32_t i = 0; i < book->count; i++)
        if (fits_port(&book->rules[i], port))
            add_to(set, i);
}

static void build_ports(struct rulebook *book, struct arena *arena,
                        const struct hf_filter_rules *rules)
{
    uint64_t marks[PORTS / 64];
    uint32_t count = mark_ports(rules, marks), filled = 0;

    book->port_starts = arena_take(arena, count * sizeof *book->port_starts);
    book->port_sets = arena_take(arena, (size_t)count * book->words * sizeof *book->port_sets);
    book->port_count = count;
    if (!book->port_sets)
        return;
    for (uint32_t port = 0; port < PORTS; port++)
        if (is_marked(marks, port)) {
            fill_port_set(book, book->port_sets + (size_t)filled * book->words, port);
            book->port_starts[filled++] = port;
        }
}

static const uint64_t *set_of_port(const struct rulebook *book, uint16_t port)
{
    uint32_t low = 0, high = book->port_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (book->port_starts[middle] <= port)
            low = middle;
        else
            high = middle;
    }
    return book->port_sets + (size_t)low * book->words;
}

/* ---- the book ---- */

static void build_protocols(struct rulebook *book, struct arena *arena)
{
    book->tcp = arena_take(arena, book->words * sizeof *book->tcp);
    book->icmp = arena_take(arena, book->words * sizeof *book->icmp);
    if (!book->icmp)
        return;
    memset(book->tcp, 0, book->words * sizeof *book->tcp);
    memset(book->icmp, 0, book->words * sizeof *book->icmp);
    for (uint32_t i = 0; i < book->count; i++) {
        if (book->rules[i].protocol != HF_FILTER_ICMP)
            add_to(book->tcp, i);
        if (book->rules[i].protocol != HF_FILTER_TCP)
            add_to(book->icmp, i);
    }
}

void rulebook_build(struct rulebook *book, struct arena *arena, const struct hf_filter_rules *rules)
{
    uint32_t inward = 0;

    for (size_t i = 0; i < rules->count; i++)
        inward += !rules->rules[i].outward;
    *book = (struct rulebook){.count = inward, .words = (inward + 63) / 64};
    if (inward == 0)
        return;
    book->rules = arena_take(arena, inward * sizeof *book->rules);
    book->numbers = arena_take(arena, inward * sizeof *book->numbers);
    inward = 0;
    for (size_t i = 0; i < rules->count && book->numbers; i++)
        if (!rules->rules[i].outward) {
            book->rules[inward] = rules->rules[i];
            book->numbers[inward++] = (uint32_t)i;
        }
    build_addresses(book, arena, book->count, false);
    build_addresses(book, arena, book->count, true);
    build_ports(book, arena, rules);
    build_protocols(book, arena);
}

static const uint64_t *set_of_address(const struct rulebook *book,
                                      const struct rulebook_addresses *addresses,
                                      const struct hf_address *address)
{
    return addresses->sets + (size_t)prefix_table_find(&addresses->table, address) * book->words;
}

uint32_t rulebook_first(const struct rulebook *book, const struct packet *packet)
{
    bool tcp = packet->kind == PACKET_TCP;
    const uint64_t *from, *to, *protocol = tcp ? book->tcp : book->icmp, *port = protocol;

    if (book->count == 0)
        return RULEBOOK_NONE;
    from = set_of_address(book, &book->from, &packet->source);
    to = set_of_address(book, &book->to, &packet->destination);
    if (tcp)
        port = set_of_port(book, packet->segment.destination_port);
    for (uint32_t i = 0; i < book->words; i++)
        for (uint64_t fit = from[i] & to[i] & protocol[i] & port[i]; fit; fit &= fit - 1) {
            uint32_t rule = i * 64 + (uint32_t)__builtin_ctzll(fit);

            if (book->rules[rule].ttl_below == 0 || packet->ttl < book->rules[rule].ttl_below)
                return rule;
        }
    return RULEBOOK_NONE;
}
