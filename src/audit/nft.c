/* What nftables' ruleset says. [libnftables-json(5)] */
#include "audit/nft.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS_MAX 256

/* A chain, and what its rules so far leave over for later ones. */
struct chain {
    const char *family, *table, *name;
    bool input, output, drops; /* hooks; policy or last rule */
    bool ended;                /* a rule without a condition decided: nothing comes behind it */
    json_t *matches;           /* of earlier rules that decide: texts of their conditions     */
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
        .drops = strcmp(text_of(object, "policy"), "drop") == 0,
        .matches = json_array(),
    };
    if (strcmp(hook, "input") == 0 && facts->filter[0] == '\0')
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
};

static void read_statement(struct nft_facts *facts, struct reading *reading,
                           const json_t *statement)
{
    json_t *match = json_object_get(statement, "match");

    facts->synproxy |= json_object_get(statement, "synproxy") != NULL;
    facts->limits |= json_object_get(statement, "limit") != NULL;
    facts->counts_connections |= json_object_get(statement, "ct count") != NULL;
    if (match) {
        facts->addresses |= names_a_source(match);
        json_array_append(reading->conditions, match);
        reading->conditional = true;
    } else if (json_object_get(statement, "limit") || json_object_get(statement, "ct count") ||
               json_object_get(statement, "vmap") || json_object_get(statement, "jump") ||
               json_object_get(statement, "goto")) {
        json_array_append(reading->conditions, (json_t *)(uintptr_t)statement);
        reading->conditional = true;
    }
    reading->decides |= decides(statement);
    reading->refuses |= refuses(statement);
}

/* Whether an earlier rule of the chain decided for all that this one asks for: one without conditions, or one whose conditions
 * are all among this one's. */
static bool is_shadowed(const struct chain *chain, const json_t *conditions)
{
    size_t i, j, k;
    json_t *earlier, *wanted, *had;

    if (chain->ended)
        return true;
    json_array_foreach(chain->matches, i, earlier)
    {
        bool all = true;

        json_array_foreach(earlier, j, wanted)
        {
            bool found = false;

            json_array_foreach(conditions, k, had) found |= json_equal(wanted, had);
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
        if (reading.decides && reading.conditional)
            json_array_append(chain->matches, reading.conditions);
        if (reading.decides && !reading.conditional) {
            chain->ended = true;
            chain->drops = reading.refuses;
        }
        facts->output_drops |= chain->output && reading.refuses;
    }
    json_decref(reading.conditions);
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
            const json_t *rule = json_object_get(item, "rule");
            const json_t *set = json_object_get(item, "set");

            if (chain)
                see_chain(ruleset, chain);
            if (rule)
                see_rule(ruleset, rule);
            facts->addresses |= strstr(text_of(set, "type"), "_addr") != NULL;
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

    *facts = (struct nft_facts){.seen = false};
    if (audit_run(world, list, &output) == 0)
        nft_parse(facts, output);
    free(output);
}
