/* The rules of a guard's filter. */
#include "guard/filter_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/config_keys.h"
#include "guard/config_sources.h"
#include "guard/text_file.h"

_Static_assert(FILTER_RULES_ERROR_MAX == TEXT_FILE_ERROR_MAX, "one takes the other's");

__attribute__((format(printf, 2, 3))) static bool refuse(char error[FILTER_RULES_ERROR_MAX],
                                                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, FILTER_RULES_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- egress ---- */

/* "127.0.0.1:443" as a rule. */
static struct hf_filter_rule rule_of(const struct config_item *item)
{
    static const struct hf_address any;
    struct hf_filter_rule rule = {
        .allow = true,
        .outward = true,
        .protocol = HF_FILTER_TCP,
        .port_ranges = 1,
        .ports = {{item->endpoint.port, item->endpoint.port}},
        .line = (uint32_t)item->line,
    };

    rule.has_to = memcmp(&item->endpoint.address, &any, sizeof any) != 0;
    rule.to = (struct hf_prefix){item->endpoint.address,
                                 hf_address_is_v4(&item->endpoint.address) ? 32 : 128};
    return rule;
}

static bool is_in(const struct config_list *egress, const struct hf_endpoint *to)
{
    for (uint32_t i = 0; i < egress->count; i++) {
        struct hf_filter_rule rule = rule_of(&egress->items[i]);

        if (rule.ports[0].first == to->port &&
            (!rule.has_to || memcmp(&rule.to.address, &to->address, sizeof to->address) == 0))
            return true;
    }
    return false;
}

/* Backends are all that the relay opens, and they do not change between two configurations: what is not in the list is
 * refused when it is read. A unix socket leads nowhere. */
static bool check_backends(const struct config *config, char error[FILTER_RULES_ERROR_MAX])
{
    char place[CONFIG_PLACE_MAX], text[HF_ENDPOINT_TEXT_MAX];

    for (uint32_t i = 0; i < config->services; i++)
        for (uint32_t j = 0; j < config->service[i].backends; j++) {
            const struct config_backend *backend = &config->service[i].backend[j];

            if (backend->to.path[0] == '\0' &&
                !is_in(&config->filter.egress, &backend->to.endpoint))
                return refuse(error, "%s: backend \"%s\" goes to %s, accepted is what egress lists",
                              config_place(config, backend->line, place), backend->name,
                              hf_endpoint_format(text, &backend->to.endpoint));
        }
    return true;
}

static bool add_egress(struct hf_filter_rules *rules, const struct config *config,
                       char error[FILTER_RULES_ERROR_MAX])
{
    const struct config_list *egress = &config->filter.egress;

    if (egress->count == 0)
        return true;
    rules->deny_outward = true;
    for (uint32_t i = 0; i < egress->count; i++)
        rules->rules[rules->count++] = rule_of(&egress->items[i]);
    return check_backends(config, error);
}

/* ---- the file ---- */

/* Rules that nothing reaches: one that says the opposite of what decides is a mistake, one that says the same is told. */
static bool check_shadows(const struct hf_filter_rules *rules, const char *file,
                          char note[FILTER_RULES_NOTE_MAX], char error[FILTER_RULES_ERROR_MAX])
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct hf_filter_rule *rule = &rules->rules[i];
        size_t by;

        if (!hf_filter_rule_is_shadowed(rules, i, &by))
            continue;
        if (rule->allow != rules->rules[by].allow)
            return refuse(error,
                          "%s:%u: a rule that contradicts line %u and is never reached, accepted "
                          "is the narrower rule first",
                          file, rule->line, rules->rules[by].line);
        if (note[0] == '\0')
            snprintf(note, FILTER_RULES_NOTE_MAX,
                     "%.300s:%u: a rule that is never reached: line %u says the same before", file,
                     rule->line, rules->rules[by].line);
    }
    return true;
}

static bool read_file(struct hf_filter_rules *rules, const char *file,
                      char note[FILTER_RULES_NOTE_MAX], char error[FILTER_RULES_ERROR_MAX])
{
    struct hf_filter_complaint complaint;
    size_t length;
    char *text;
    int result;

    if (file[0] != '/')
        return refuse(error, "rules = \"%s\", accepted is a path that begins with /", file);
    text = text_file_read(file, FILTER_RULES_FILE_MAX, &length, error);
    if (text == NULL)
        return false;
    result = hf_filter_rules_parse(rules, text, length, &complaint);
    free(text);
    if (result != HF_OK)
        return refuse(error, "%s:%u: \"%s\", accepted is %s", file, complaint.line, complaint.found,
                      complaint.accepted);
    return check_shadows(rules, file, note, error);
}

bool filter_rules_read(struct hf_filter_rules *rules, const struct config *config,
                       char note[FILTER_RULES_NOTE_MAX], char error[FILTER_RULES_ERROR_MAX])
{
    bool good;

    note[0] = '\0';
    *rules = (struct hf_filter_rules){.capacity = HF_FILTER_RULES_MAX - CONFIG_LIST_MAX};
    rules->rules = malloc(HF_FILTER_RULES_MAX * sizeof *rules->rules);
    if (rules->rules == NULL)
        return refuse(error, "filter: no memory for rules");
    good = config->filter.rules[0] == '\0' || read_file(rules, config->filter.rules, note, error);
    if (!good)
        config_say_where(config, config_key_line(config, CONFIG_FILTER, "rules"),
                         config->filter.rules, error, FILTER_RULES_ERROR_MAX);
    good = good && add_egress(rules, config, error);
    if (!good) {
        free(rules->rules);
        *rules = (struct hf_filter_rules){.count = 0};
    }
    return good;
}
