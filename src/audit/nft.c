/* What nftables' ruleset says. [libnftables-json(5)] */
#include "audit/nft.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/flow.h"

#define CHAINS_MAX 256

/* A chain, and what its rules so far leave over for later ones. */
struct chain {
    const char *family, *table, *name;
    bool input, output, drops; /* hooks; policy or last rule */
    bool leaves;     /* what goes out comes by: of that hook, or jumped to from one that is */
    bool ended;      /* a rule without a condition decided: nothing comes behind it */
    json_t *matches; /* of earlier rules that decide: texts of their conditions     */
};

struct ruleset {
    struct nft_facts *facts;
    struct chain chains[CHAINS_MAX];
    unsigned count;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static struct chain *find(struct ruleset *ruleset, const json_t *rule)
{
    for (unsigned i = 0; i < ruleset->count; i++) {
        struct chain *chain = &ruleset->chains[i];

        if (strcmp(chain->family, text_of(rule, "family")) == 0 &&
            strcmp(chain->table, text_of(rule, "table")) == 0 &&
            strcmp(chain->name, text_of(rule, "chain")) == 0)
            return chain;
    }
    return NULL;
}

static void see_chain(struct ruleset *ruleset, const json_t *object)
{
    const char *hook = text_of(object, "hook");
    struct nft_facts *facts = ruleset->facts;

    if (ruleset->count == CHAINS_MAX)
        return;
    struct chain *chain = &ruleset->chains[ruleset->count++];

    *chain = (struct chain){
        .family = text_of(object, "family"),
        .table = text_of(object, "table"),
        .name = text_of(object, "name"),
        .input = strcmp(hook, "input") == 0 || strcmp(hook, "ingress") == 0,
        .output = strcmp(hook, "output") == 0 || strcmp(hook, "egress") == 0,
        .leaves = strcmp(hook, "output") == 0 || strcmp(hook, "egress") == 0,
        .drops = strcmp(text_of(object, "policy"), "drop") == 0,
        .matches = json_array(),
    };
    if (strcmp(hook, "input") == 0 && facts->filter[0] == '\0' &&
        strcmp(text_of(object, "type"), "filter") == 0)
        snprintf(facts->filter, sizeof facts->filter, "%s %s %s", chain->family, chain->table,
                 chain->name);
}

/* Whether a verdict ends the evaluation of this chain. */
static bool decides(const json_t *statement)
{
    return json_object_get(statement, "accept") || json_object_get(statement, "drop") ||
           json_object_get(statement, "reject");
}

static bool refuses(const json_t *statement)
{
    return json_object_get(statement, "drop") || json_object_get(statement, "reject");
}

static bool names_a_source(const json_t *match)
{
    const json_t *payload = json_object_get(json_object_get(match, "left"), "payload");

    return strcmp(text_of(payload, "field"), "saddr") == 0;
}

static void note_fix(char fixes[NFT_NAMED_MAX][NFT_NAME_MAX], unsigned *count,
                     const struct chain *chain, const json_t *rule)
{
    if (*count < NFT_NAMED_MAX)
        snprintf(fixes[*count], NFT_NAME_MAX, "nft delete rule %s %s %s handle %lld", chain->family,
                 chain->table, chain->name,
                 (long long)json_integer_value(json_object_get(rule, "handle")));
    ++*count;
}

/* What a rule asks for and what it then does. */
struct reading {
    json_t *conditions;
    bool conditional, decides, refuses;
    bool
        unsure; /* it also depends on what no condition says: a rate, a count, chance, words of iptables */
};

static bool has_deep(const json_t *value, const char *key)
{
    const char *name;
    json_t *item;
    size_t i;

    json_array_foreach(value, i, item) if (has_deep(item, key)) return true;
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
    {
        if (strcmp(name, key) == 0 || has_deep(item, key))
            return true;
    }
    return false;
}

/* Statements that say nothing of which packets are meant. */
static bool is_neutral(const json_t *statement)
{
    static const char *const neutral[] = {"accept", "drop",    "reject", "counter", "log",
                                          "mangle", "notrack", "tproxy", "comment"};

    for (size_t i = 0; i < sizeof neutral / sizeof *neutral; i++)
        if (json_object_get(statement, neutral[i]))
            return true;
    return false;
}

static void read_statement(struct nft_facts *facts, struct reading *reading,
                           const json_t *statement)
{
    json_t *match = json_object_get(statement, "match");

    facts->synproxy |= json_object_get(statement, "synproxy") != NULL;
    facts->limits |= has_deep(statement, "limit");
    facts->counts_connections |= has_deep(statement, "ct count");
    if (match) {
        facts->addresses |= names_a_source(match);
        json_array_append(reading->conditions, match);
        reading->conditional = true;
        reading->unsure |= has_deep(match, "numgen");
    } else if (!is_neutral(statement)) {
        reading->conditional = reading->unsure = true;
    }
    reading->decides |= decides(statement);
    reading->refuses |= refuses(statement);
}

/* ---- what is within what ---- */

static bool as_prefix(const json_t *value, struct hf_prefix *prefix)
{
    const json_t *named = json_object_get(value, "prefix");
    const char *address = named ? text_of(named, "addr") : json_string_value(value);
    char text[HF_ADDRESS_TEXT_MAX + 8];

    if (!address)
        return false;
    if (named)
        snprintf(text, sizeof text, "%s/%d", address,
                 (int)json_integer_value(json_object_get(named, "len")));
    else
        snprintf(text, sizeof text, "%s", address);
    return hf_prefix_parse(prefix, text) == HF_OK;
}

static bool as_range(const json_t *value, json_int_t *first, json_int_t *last)
{
    const json_t *range = json_object_get(value, "range");
    const json_t *low = range ? json_array_get(range, 0) : value;
    const json_t *high = range ? json_array_get(range, 1) : value;

    *first = json_integer_value(low);
    *last = json_integer_value(high);
    return json_is_integer(low) && json_is_integer(high);
}

/* The elements of a set, or of the words of "ct state". */
static const json_t *elements(const json_t *value)
{
    return json_is_array(value) ? value : json_object_get(value, "set");
}

static bool is_within(const json_t *inner, const json_t *outer)
{
    json_int_t first, last, from, to;
    struct hf_prefix narrow, wide;
    const json_t *several;
    json_t *item;
    size_t i;

    if (json_equal(inner, outer))
        return true;
    if ((several = elements(inner))) {
        json_array_foreach(several, i, item) if (!is_within(item, outer)) return false;
        return json_array_size(several) > 0;
    }
    if ((several = elements(outer))) {
        json_array_foreach(several, i, item) if (is_within(inner, item)) return true;
        return false;
    }
    if (as_range(inner, &first, &last) && as_range(outer, &from, &to))
        return from <= first && last <= to;
    return as_prefix(inner, &narrow) && as_prefix(outer, &wide) && narrow.length >= wide.length &&
           prefix_contains(&wide, &narrow.address);
}

/* Whether a packet that fits `wanted` fits `had` for certain. */
static bool implies(const json_t *wanted, const json_t *had)
{
    const char *op = text_of(had, "op");

    if (json_equal(wanted, had))
        return true;
    return (strcmp(op, "==") == 0 || strcmp(op, "in") == 0) &&
           strcmp(op, text_of(wanted, "op")) == 0 &&
           json_equal(json_object_get(wanted, "left"), json_object_get(had, "left")) &&
           is_within(json_object_get(wanted, "right"), json_object_get(had, "right"));
}

/* Whether an earlier rule of the chain decided for all that this one asks for: one without conditions, or one each of whose
 * conditions is implied by one of this one's. */
static bool is_shadowed(const struct chain *chain, const json_t *conditions)
{
    size_t i, j, k;
    json_t *earlier, *had, *wanted;

    if (chain->ended)
        return true;
    json_array_foreach(chain->matches, i, earlier)
    {
        bool all = true;

        json_array_foreach(earlier, j, had)
        {
            bool found = false;

            json_array_foreach(conditions, k, wanted) found |= implies(wanted, had);
            all &= found;
        }
        if (all)
            return true;
    }
    return false;
}

static void see_rule(struct ruleset *ruleset, const json_t *rule)
{
    struct nft_facts *facts = ruleset->facts;
    struct chain *chain = find(ruleset, rule);
    struct reading reading = {.conditions = json_array()};
    json_t *statement;
    size_t i;

    json_array_foreach(json_object_get(rule, "expr"), i, statement)
        read_statement(facts, &reading, statement);
    facts->rules++;
    if (chain) {
        if (is_shadowed(chain, reading.conditions))
            note_fix(facts->shadowed_fix, &facts->shadowed, chain, rule);
        else if (reading.decides && !reading.conditional && !reading.refuses && chain->input)
            note_fix(facts->wide_fix, &facts->wide, chain, rule);
        if (reading.decides && reading.conditional && !reading.unsure)
            json_array_append(chain->matches, reading.conditions);
        if (reading.decides && !reading.conditional) {
            chain->ended = true;
            chain->drops = reading.refuses;
        }
        facts->output_drops |= chain->leaves && reading.refuses;
    }
    json_decref(reading.conditions);
}

/* ---- jumps ---- */

static bool reach(struct ruleset *ruleset, const json_t *rule, const char *target)
{
    for (unsigned i = 0; i < ruleset->count; i++) {
        struct chain *chain = &ruleset->chains[i];

        if (strcmp(chain->family, text_of(rule, "family")) == 0 &&
            strcmp(chain->table, text_of(rule, "table")) == 0 && strcmp(chain->name, target) == 0 &&
            !chain->leaves)
            return chain->leaves = true;
    }
    return false;
}

/* All that a statement jumps to, in the verdicts of a map too. True: a chain that was not reached before. */
static bool follow(struct ruleset *ruleset, const json_t *rule, const json_t *value)
{
    const char *name;
    json_t *item;
    size_t i;
    bool more = false;

    json_array_foreach(value, i, item) more |= follow(ruleset, rule, item);
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
    {
        if (strcmp(name, "jump") == 0 || strcmp(name, "goto") == 0)
            more |= reach(ruleset, rule, text_of(item, "target"));
        else
            more |= follow(ruleset, rule, item);
    }
    return more;
}

static void follow_jumps(struct ruleset *ruleset, const json_t *list)
{
    bool more = true;
    json_t *item;
    size_t i;

    while (more) {
        more = false;
        json_array_foreach(list, i, item)
        {
            const json_t *rule = json_object_get(item, "rule");
            const struct chain *chain = rule ? find(ruleset, rule) : NULL;

            if (chain && chain->leaves)
                more |= follow(ruleset, rule, json_object_get(rule, "expr"));
        }
    }
}

static void conclude(struct ruleset *ruleset)
{
    struct nft_facts *facts = ruleset->facts;

    for (unsigned i = 0; i < ruleset->count; i++) {
        struct chain *chain = &ruleset->chains[i];

        facts->input |= chain->input;
        facts->input_drops |= chain->input && chain->drops;
        facts->output |= chain->output;
        facts->output_drops |= chain->output && chain->drops;
        json_decref(chain->matches);
    }
}

/* Addresses that somebody wrote down, not those that packets leave behind in it. */
static bool is_list(const json_t *set)
{
    const json_t *flags = json_object_get(set, "flags");
    json_t *flag;
    size_t i;

    json_array_foreach(flags, i, flag)
    {
        if (strcmp(json_string_value(flag) ? json_string_value(flag) : "", "dynamic") == 0)
            return false;
    }
    return strstr(text_of(set, "type"), "_addr") != NULL;
}

bool nft_parse(struct nft_facts *facts, const char *text)
{
    json_t *whole = json_loads(text, 0, NULL), *item;
    const json_t *list = json_object_get(whole, "nftables");
    struct ruleset *ruleset = calloc(1, sizeof *ruleset);
    size_t i;

    *facts = (struct nft_facts){.seen = ruleset && json_is_array(list)};
    if (facts->seen) {
        ruleset->facts = facts;
        json_array_foreach(list, i, item)
        {
            const json_t *chain = json_object_get(item, "chain");

            if (chain)
                see_chain(ruleset, chain);
        }
        follow_jumps(ruleset, list);
        json_array_foreach(list, i, item)
        {
            const json_t *rule = json_object_get(item, "rule");
            const json_t *set = json_object_get(item, "set");

            if (rule)
                see_rule(ruleset, rule);
            facts->addresses |= set && is_list(set);
        }
        conclude(ruleset);
    }
    free(ruleset);
    json_decref(whole);
    return facts->seen;
}

void nft_read(const struct audit_world *world, struct nft_facts *facts)
{
    static const char *const list[] = {"nft", "-j", "list", "ruleset", NULL};
    char *output = NULL;

    if (world->nft) {
        *facts = *world->nft;
        return;
    }
    *facts = (struct nft_facts){.seen = false};
    if (audit_run(world, list, &output) == 0)
        nft_parse(facts, output);
    free(output);
}
