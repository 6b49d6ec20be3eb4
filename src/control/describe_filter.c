/* What a guard's filter has decided. */
#include "control/describe_filter.h"

#include <handfast/filter.h>

static json_t *lists(const struct config *config, const struct hf_filter *filter)
{
    json_t *array = json_array();

    for (unsigned i = 0; filter && i < config->filter.deny_files; i++)
        json_array_append_new(array,
                              json_pack("{s:s, s:I}", "file", config->filter.deny_file[i],
                                        "packets", (json_int_t)hf_filter_list_packets(filter, i)));
    return array;
}

/* What comes from egress stands behind those of the file, and is no rule of the operator's. */
static json_t *rules(const struct hf_filter *filter, size_t count)
{
    json_t *array = json_array();
    struct hf_filter_rule rule;

    for (size_t i = 0; filter && i < count && hf_filter_rule_at(filter, i, &rule); i++)
        json_array_append_new(array, json_pack("{s:i, s:I}", "line", (int)rule.line, "packets",
                                               (json_int_t)hf_filter_rule_packets(filter, i)));
    return array;
}

json_t *describe_filter(const struct guard *guard)
{
    const struct filter_image *image = &guard->filter.configured;
    size_t egress = guard->config->filter.egress.count;
    size_t of_file = image->rules > egress ? image->rules - egress : 0;

    return json_pack("{s:I, s:I, s:I, s:o, s:o}", "prefixes", (json_int_t)image->prefixes,
                     "memory_bytes", (json_int_t)image->bytes, "blocks",
                     (json_int_t)guard->filter.blocks.count, "lists",
                     lists(guard->config, image->filter), "rules", rules(image->filter, of_file));
}
