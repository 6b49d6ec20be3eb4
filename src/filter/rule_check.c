/* Rules that are never reached. Exact, as every rule is a box: it is reached if there is a packet in it that none before it
 * takes, and then there is one at a corner of the boxes. */
#include "filter/rule_check.h"

#include "base/must.h"

#define TRIES_MAX \
    200000u /* rules asked for one; beyond it only those that hold all of it by themselves count */

/* ---- one packet, one rule ---- */

static bool in_prefix(bool has, const struct hf_prefix *prefix, const struct hf_address *address)
{
    return !has || prefix_contains(prefix, address);
}

static bool in_ports(const struct hf_filter_rule *rule, uint16_t port)
{
    for (unsigned i = 0; i < rule->port_ranges; i++)
        if (port >= rule->ports[i].first && port <= rule->ports[i].last)
            return true;
    return rule->port_ranges == 0;
}

bool rule_fits(const struct hf_filter_rule *rule, const struct rule_question *question)
{
    if (rule->outward != question->outward)
        return false;
    if (rule->protocol != HF_FILTER_ANY_PROTOCOL && rule->protocol != question->protocol)
        return false;
    if (rule->ttl_below && question->ttl >= rule->ttl_below)
        return false;
    return in_prefix(rule->has_from, &rule->from, &question->from) &&
           in_prefix(rule->has_to, &rule->to, &question->to) &&
           (question->protocol != HF_FILTER_TCP || in_ports(rule, question->port));
}

size_t rule_first(const struct hf_filter_rules *rules, size_t count,
                  const struct rule_question *question)
{
    size_t i = 0;

    while (i < count && !rule_fits(&rules->rules[i], question))
        i++;
    return i;
}

/* ---- a rule within another ---- */

static bool holds_prefix(bool has, const struct hf_prefix *outer, bool inner_has,
                         const struct hf_prefix *inner)
{
    if (!has)
        return true;
    return inner_has && outer->length <= inner->length && prefix_contains(outer, &inner->address);
}

static bool holds_range(const struct hf_filter_rule *outer, const struct hf_port_range *inner)
{
    for (unsigned i = 0; i < outer->port_ranges; i++)
        if (outer->ports[i].first <= inner->first && outer->ports[i].last >= inner->last)
            return true;
    return outer->port_ranges == 0;
}

/* Whether `outer` takes all that `inner` speaks of. */
static bool holds(const struct hf_filter_rule *outer, const struct hf_filter_rule *inner)
{
    static const struct hf_port_range all = {0, 65535};

    if (outer->outward != inner->outward ||
        (outer->protocol != HF_FILTER_ANY_PROTOCOL && outer->protocol != inner->protocol))
        return false;
    if (outer->ttl_below && (inner->ttl_below == 0 || inner->ttl_below > outer->ttl_below))
        return false;
    for (unsigned i = 0; i < inner->port_ranges; i++)
        if (!holds_range(outer, &inner->ports[i]))
            return false;
    if (inner->port_ranges == 0 && !holds_range(outer, &all))
        return false;
    return holds_prefix(outer->has_from, &outer->from, inner->has_from, &inner->from) &&
           holds_prefix(outer->has_to, &outer->to, inner->has_to, &inner->to);
}

/* ---- a rule within several ---- */

/* Where, going down from a packet that no rule before takes, one could stop: at the lowest that the rule itself speaks of, or
 * just behind what one before it takes. */
struct corners {
    uint32_t froms, tos, ports;
    struct hf_address from[HF_FILTER_RULES_MAX + 2], to[HF_FILTER_RULES_MAX + 2];
    uint16_t port[(HF_FILTER_RULES_MAX + 1) * HF_FILTER_PORTS_MAX];
};

/* The address behind a prefix; false: there is none in its family. */
static bool address_behind(const struct hf_prefix *prefix, struct hf_address *address)
{
    unsigned bits = prefix->length + (hf_address_is_v4(&prefix->address) ? 96u : 0u);
    unsigned first = hf_address_is_v4(&prefix->address) ? 12 : 0;

    *address = prefix->address;
    for (unsigned i = bits; i < 128; i++)
        address->bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
    for (unsigned i = 16; i-- > first;)
        if (++address->bytes[i] != 0)
            return true;
    return false;
}

static uint32_t lowest_addresses(bool has, const struct hf_prefix *prefix, struct hf_address *to)
{
    if (has) {
        to[0] = prefix->address;
        for (unsigned i = prefix->length + (hf_address_is_v4(to) ? 96u : 0u); i < 128; i++)
            to[0].bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
        return 1;
    }
    to[0] = address_v4(0);
    to[1] = (struct hf_address){{0}};
    return 2;
}

static void find_corners(const struct hf_filter_rules *rules, size_t index, struct corners *corners)
{
    const struct hf_filter_rule *rule = &rules->rules[index];

    corners->froms = lowest_addresses(rule->has_from, &rule->from, corners->from);
    corners->tos = lowest_addresses(rule->has_to, &rule->to, corners->to);
    corners->ports = 0;
    for (unsigned k = 0; k < rule->port_ranges; k++)
        corners->port[corners->ports++] = rule->ports[k].first;
    if (rule->port_ranges == 0)
        corners->port[corners->ports++] = 0;
    for (size_t i = 0; i < index; i++) {
        const struct hf_filter_rule *before = &rules->rules[i];

        if (before->outward != rule->outward)
            continue;
        if (before->has_from && address_behind(&before->from, &corners->from[corners->froms]) &&
            in_prefix(rule->has_from, &rule->from, &corners->from[corners->froms]))
            corners->froms++;
        if (before->has_to && address_behind(&before->to, &corners->to[corners->tos]) &&
            in_prefix(rule->has_to, &rule->to, &corners->to[corners->tos]))
            corners->tos++;
        for (unsigned k = 0; k < before->port_ranges; k++)
            if (before->ports[k].last != 65535 &&
                in_ports(rule, (uint16_t)(before->ports[k].last + 1)))
                corners->port[corners->ports++] = (uint16_t)(before->ports[k].last + 1);
    }
}

/* A packet that no rule before takes; or, as the search became too long, the word that there may be one. */
static bool is_reached(const struct hf_filter_rules *rules, size_t index,
                       const struct corners *corners, struct rule_question *question)
{
    const struct hf_filter_rule *rule = &rules->rules[index];
    size_t tries = 0;

    for (uint32_t f = 0; f < corners->froms; f++)
        for (uint32_t t = 0; t < corners->tos; t++) {
            question->from = corners->from[f];
            question->to = corners->to[t];
            if (hf_address_is_v4(&question->from) != hf_address_is_v4(&question->to))
                continue;
            for (uint32_t p = 0; p < corners->ports; p++) {
                question->port = corners->port[p];
                if (!rule_fits(rule, question))
                    continue;
                tries += index + 1;
                if (rule_first(rules, index, question) == index || tries > TRIES_MAX)
                    return true;
                if (question->protocol != HF_FILTER_TCP)
                    break; /* ports are TCP's */
            }
        }
    return false;
}

static bool is_reached_at_all(const struct hf_filter_rules *rules, size_t index,
                              const struct corners *corners)
{
    const struct hf_filter_rule *rule = &rules->rules[index];
    /* The highest TTL is what the fewest rules take. */
    uint8_t ttl = rule->ttl_below ? (uint8_t)(rule->ttl_below - 1) : 255;

    for (uint8_t protocol = HF_FILTER_TCP; protocol <= HF_FILTER_ICMP; protocol++) {
        struct rule_question question = {
            .outward = rule->outward, .protocol = protocol, .ttl = ttl};

        if ((rule->protocol == HF_FILTER_ANY_PROTOCOL || rule->protocol == protocol) &&
            is_reached(rules, index, corners, &question))
            return true;
    }
    return false;
}

/* The rule before that takes the first packet of rule `index`. */
static size_t who_decides(const struct hf_filter_rules *rules, size_t index,
                          const struct corners *corners)
{
    const struct hf_filter_rule *rule = &rules->rules[index];
    struct rule_question question = {
        .outward = rule->outward,
        .protocol = rule->protocol == HF_FILTER_ICMP ? HF_FILTER_ICMP : HF_FILTER_TCP,
        .ttl = rule->ttl_below ? (uint8_t)(rule->ttl_below - 1) : 255,
        .port = corners->port[0],
        .from = corners->from[0],
        .to = corners->to[0],
    };
    bool v4 = rule->has_from ? hf_address_is_v4(&question.from) : hf_address_is_v4(&question.to);

    if (!rule->has_from && !v4)
        question.from = corners->from[1];
    if (!rule->has_to && !v4)
        question.to = corners->to[1];
    return rule_first(rules, index, &question);
}

bool hf_filter_rule_is_shadowed(const struct hf_filter_rules *rules, size_t index, size_t *by)
{
    struct corners corners;

    if (index >= rules->count || rules->count > HF_FILTER_RULES_MAX)
        return false;
    for (*by = 0; *by < index; ++*by)
        if (holds(&rules->rules[*by], &rules->rules[index]))
            return true;
    find_corners(rules, index, &corners);
    if (is_reached_at_all(rules, index, &corners))
        return false;
    *by = who_decides(rules, index, &corners);
    return *by < index;
}
