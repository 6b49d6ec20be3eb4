/* A configuration for machines: handfast guard --dump --json FILE. */
#include "app/config_json.h"

#include <stdlib.h>
#include <string.h>

#include "guard/config_keys.h"
#include "guard/config_value.h"

/* "a \"b\"" without what the syntax of the file put around and into it. */
static json_t *unquoted(char *text)
{
    char *to = text;

    if (text[0] != '"')
        return json_string(text);
    for (const char *from = text + 1; from[0] != '\0' && from[0] != '"'; from++) {
        if (from[0] == '\\' && from[1] != '\0')
            from++;
        *to++ = *from;
    }
    *to = '\0';
    return json_string(text);
}

static json_t *value_json(const struct config_key *key, const void *section, uint32_t index)
{
    char text[CONFIG_VALUE_TEXT_MAX];

    if (key->kind == CONFIG_SIZE)
        return json_integer((json_int_t) * (const uint64_t *)config_key_value(key, section));
    if (key->kind == CONFIG_COUNT)
        return json_integer((json_int_t) * (const uint32_t *)config_key_value(key, section));
    config_value_format(key, section, index, text);
    return unquoted(text);
}

static json_t *section_json(enum config_section_id id, const char *name, const void *section)
{
    json_t *object = json_object();

    if (name != NULL)
        json_object_set_new(object, "name", json_string(name));
    for (const struct config_key *key = config_sections[id].keys; key->name != NULL; key++) {
        json_t *value = json_array();

        if (!config_kind_is_list(key->kind)) {
            json_decref(value);
            value = value_json(key, section, 0);
        } else {
            for (uint32_t i = 0; i < config_key_count(key, section); i++)
                json_array_append_new(value, value_json(key, section, i));
        }
        json_object_set_new(object, key->name, value);
    }
    return object;
}

static json_t *service_json(const struct config_service *service)
{
    json_t *object = section_json(CONFIG_SERVICE, service->name, service);
    json_t *backends = json_array();

    for (uint32_t i = 0; i < service->backends; i++)
        json_array_append_new(
            backends, section_json(CONFIG_BACKEND, service->backend[i].name, &service->backend[i]));
    json_object_set_new(object, "backends", backends);
    return object;
}

json_t *config_json(const struct config *config)
{
    json_t *object = section_json(CONFIG_ROOT, NULL, config);
    json_t *services = json_array();

    json_object_set_new(object, "uplink",
                        section_json(CONFIG_UPLINK, config->uplink.name, &config->uplink));
    json_object_set_new(object, "limits", section_json(CONFIG_LIMITS, NULL, &config->limits));
    json_object_set_new(object, "filter", section_json(CONFIG_FILTER, NULL, &config->filter));
    for (uint32_t i = 0; i < config->services; i++)
        json_array_append_new(services, service_json(&config->service[i]));
    json_object_set_new(object, "services", services);
    return object;
}
