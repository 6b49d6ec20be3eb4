/* Prints a configuration so that it reads back to the same: every key in force, defaults too. */
#include "guard/config_value.h"

static void dump_section(const struct config_section *section, const void *values, int indent,
                         FILE *out)
{
    char text[CONFIG_VALUE_TEXT_MAX];

    for (const struct config_key *key = section->keys; key->name != NULL; key++) {
        if (!config_kind_is_list(key->kind)) {
            config_value_format(key, values, 0, text);
            fprintf(out, "%*s%s = %s\n", indent, "", key->name, text);
            continue;
        }
        uint32_t count = config_key_count(key, values);

        fprintf(out, "%*s%s = {", indent, "", key->name);
        for (uint32_t i = 0; i < count; i++) {
            config_value_format(key, values, i, text);
            fprintf(out, "%s %s", i > 0 ? "," : "", text);
        }
        fprintf(out, "%s}\n", count > 0 ? " " : "");
    }
}

static void dump_service(const struct config_service *service, FILE *out)
{
    fprintf(out, "\nservice \"%s\" {\n", service->name);
    dump_section(&config_sections[CONFIG_SERVICE], service, 4, out);
    for (uint32_t i = 0; i < service->backends; i++) {
        fprintf(out, "    backend \"%s\" {\n", service->backend[i].name);
        dump_section(&config_sections[CONFIG_BACKEND], &service->backend[i], 8, out);
        fprintf(out, "    }\n");
    }
    fprintf(out, "}\n");
}

void config_dump(const struct config *config, FILE *out)
{
    dump_section(&config_sections[CONFIG_ROOT], config, 0, out);
    fprintf(out, "\nuplink \"%s\" {\n", config->uplink.name);
    dump_section(&config_sections[CONFIG_UPLINK], &config->uplink, 4, out);
    fprintf(out, "}\n\nlimits {\n");
    dump_section(&config_sections[CONFIG_LIMITS], &config->limits, 4, out);
    fprintf(out, "}\n\nfilter {\n");
    dump_section(&config_sections[CONFIG_FILTER], &config->filter, 4, out);
    fprintf(out, "}\n");
    for (uint32_t i = 0; i < config->services; i++)
        dump_service(&config->service[i], out);
}
