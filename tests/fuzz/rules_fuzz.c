/* Fuzzer of a filter's rules: any text. What is refused adds nothing and is named; what is accepted is built, and the quick way of
 * finding the first rule that fits says the same as the plain one. [RFC 2827; RFC 5082] */
#include <stdlib.h>

#include "base/must.h"
#include "filter/match.h"
#include "filter/rule_check.h"
#include "fuzz/input.h"

#define ROOM 24u

static struct hf_address near(const struct hf_prefix *prefix, unsigned choice)
{
    struct hf_address address = prefix->address;

    address.bytes[15 - choice % 4] ^= (uint8_t)(choice >> 4);
    return address;
}

/* A packet that lies at or beside what a rule speaks of. */
static struct packet packet_about(const struct hf_filter_rule *rule, unsigned choice)
{
    static const struct hf_prefix any = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3}},
                                         32};
    const struct hf_prefix *from = rule->has_from ? &rule->from : rule->has_to ? &rule->to : &any;
    const struct hf_prefix *to = rule->has_to ? &rule->to : from;
    bool v4 = hf_address_is_v4(&from->address), tcp = rule->protocol != HF_FILTER_ICMP;

    return (struct packet){
        .kind = tcp  ? PACKET_TCP
                : v4 ? PACKET_ICMPV4
                     : PACKET_ICMPV6,
        .source = near(from, choice),
        .destination = near(to, choice / 3),
        .ttl = (uint8_t)(rule->ttl_below ? rule->ttl_below - (choice & 1) : choice),
        .segment.destination_port =
            (uint16_t)(rule->port_ranges
                           ? rule->ports[choice % rule->port_ranges].last + (choice >> 6 & 1)
                           : choice),
    };
}

static void check_book(const struct hf_filter_rules *rules)
{
    struct arena measured = {NULL, 0}, arena;
    struct rulebook book;

    rulebook_build(&book, &measured, rules);
    arena = (struct arena){aligned_alloc(CACHE_LINE, measured.used + CACHE_LINE), 0};
    must(arena.base);
    memset(arena.base, 0xa5, measured.used + CACHE_LINE);
    rulebook_build(&book, &arena, rules);
    must(arena.used == measured.used && arena.base[measured.used] == 0xa5);
    for (unsigned i = 0; i < 8 * rules->count; i++) {
        struct packet packet = packet_about(&rules->rules[i % rules->count], i * 37);
        struct rule_question question = {
            .protocol = packet.kind == PACKET_TCP ? HF_FILTER_TCP : HF_FILTER_ICMP,
            .ttl = packet.ttl,
            .port = packet.segment.destination_port,
            .from = packet.source,
            .to = packet.destination,
        };
        uint32_t found = rulebook_first(&book, &packet);

        must((found == RULEBOOK_NONE ? rules->count : book.numbers[found]) ==
             rule_first(rules, rules->count, &question));
    }
    free(arena.base);
}

/* A rule that is never reached decides nothing: without it every packet about it meets the same answer. */
static void check_shadows(const struct hf_filter_rules *rules)
{
    size_t by;

    for (size_t i = 0; i < rules->count; i++)
        if (hf_filter_rule_is_shadowed(rules, i, &by))
            must(by < i && rules->rules[by].outward == rules->rules[i].outward);
}

static void check_filter(const struct hf_filter_rules *rules)
{
    struct hf_filter_setup setup = {.rules = *rules};
    size_t bytes = hf_filter_needed(&setup);
    struct hf_filter *filter;
    struct hf_filter_rule copy;
    void *memory;

    must(bytes > 0 && !hf_filter_error(&setup));
    memory = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    must(memory);
    memset(memory, 0xa5, bytes);
    must(hf_filter_build(&filter, &setup, memory, bytes) == HF_OK);
    for (size_t i = 0; i < rules->count; i++) {
        struct hf_endpoint remote = {rules->rules[i].to.address, rules->rules[i].ports[0].first};

        must(hf_filter_rule_at(filter, i, &copy) && copy.line == rules->rules[i].line);
        hf_filter_may_open(filter, &rules->rules[i].from.address, &remote);
    }
    must(!hf_filter_rule_at(filter, rules->count, &copy));
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_filter_rule room[ROOM];
    struct hf_filter_rules rules = {.rules = room, .capacity = ROOM};
    struct hf_filter_complaint complaint = {0};
    int result = hf_filter_rules_parse(&rules, (const char *)data, size, &complaint);

    if (result != HF_OK) {
        must(rules.count == 0 && !rules.deny_inward && !rules.deny_outward);
        must(complaint.line > 0 && complaint.accepted &&
             memchr(complaint.found, 0, sizeof complaint.found));
        return 0;
    }
    must(rules.count <= ROOM);
    check_book(&rules);
    check_shadows(&rules);
    check_filter(&rules);
    return 0;
}
