/* Values of a configuration: numbers with units, words, addresses. Parsing and printing share this file. */
#include "guard/config_value.h"

#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first: a number is printed with the first that divides it. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"", 1}};
static const struct unit counts[] = {{"", 1}};

struct units {
    const struct unit *unit;
    size_t count;
};

static struct units units_of(enum config_kind kind)
{
    if (kind == CONFIG_DURATION)
        return (struct units){durations, sizeof durations / sizeof *durations};
    if (kind == CONFIG_SIZE)
        return (struct units){sizes, sizeof sizes / sizeof *sizes};
    return (struct units){counts, sizeof counts / sizeof *counts};
}

static void format_number(const struct config_key *key, uint64_t number, char text[24])
{
    struct units units = units_of(key->kind);

    for (size_t i = 0; i < units.count; i++)
        if ((number > 0 && number % units.unit[i].factor == 0) || i + 1 == units.count) {
            snprintf(text, 24, "%llu%s", (unsigned long long)(number / units.unit[i].factor),
                     number > 0 ? units.unit[i].name : "");
            return;
        }
}

static bool parse_number(const struct config_key *key, const char *text, uint64_t *number)
{
    struct units units = units_of(key->kind);
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 18)
        return false;
    *number = strtoull(text, NULL, 10);
    for (size_t i = 0; i < units.count; i++)
        if (strcmp(text + digits, units.unit[i].name) == 0)
            return !__builtin_mul_overflow(*number, units.unit[i].factor, number) &&
                   *number >= key->low && *number <= key->high;
    return *number == 0 && text[digits] == '\0' && key->low == 0; /* "0" needs no unit */
}

/* The word at a position of "forget | reset". */
static bool word_at(const char *words, uint32_t position, const char **word, size_t *length)
{
    for (;;) {
        *length = strcspn(words, " ");
        *word = words;
        if (position-- == 0)
            return true;
        words += *length;
        if (*words == '\0')
            return false;
        words += strlen(" | ");
    }
}

static bool parse_word(const struct config_key *key, const char *text, uint32_t *value)
{
    const char *word;
    size_t length;

    for (uint32_t i = 0; word_at(key->words, i, &word, &length); i++)
        if (strlen(text) == length && strncmp(word, text, length) == 0) {
            *value = i;
            return true;
        }
    return false;
}

static bool is_any(const struct hf_address *address)
{
    return memcmp(address, &(struct hf_address){{0}}, sizeof *address) == 0;
}

/* "db.example:5432": letters, digits, dots and hyphens, as host names have, and the underscores that some
 * do have. What looks like a number is an address that was mistyped. */
static bool parse_host(const char *text, struct config_target *target)
{
    const char *colon = strrchr(text, ':');
    const char *last = text; /* the label after the last dot */
    char *end;
    unsigned long port;

    if (colon == NULL || colon == text || strlen(text) >= CONFIG_HOST_MAX || text[0] == '-' ||
        text[0] == '.')
        return false;
    for (const char *c = text; c < colon; c++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *c) == NULL)
            return false;
        if (*c == '.' && c + 1 < colon)
            last = c + 1;
    }
    if (strspn(last, "0123456789") == strcspn(last, ".:"))
        return false;
    if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5)
        return false;
    port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || port == 0 || port > UINT16_MAX)
        return false;
    target->endpoint.port = (uint16_t)port;
    snprintf(target->host, sizeof target->host, "%s", text);
    return true;
}

static bool parse_target(const char *text, struct config_target *target)
{
    struct config_target parsed = {.path = ""};

    if (strncmp(text, "unix:", 5) == 0) {
        if (text[5] != '/' || strlen(text + 5) >= sizeof parsed.path)
            return false;
        snprintf(parsed.path, sizeof parsed.path, "%s", text + 5);
    } else if (hf_endpoint_parse(&parsed.endpoint, text) == HF_OK) {
        if (parsed.endpoint.port == 0 || is_any(&parsed.endpoint.address))
            return false;
    } else if (!parse_host(text, &parsed)) {
        return false;
    }
    *target = parsed;
    return true;
}

const char *config_target_host(const struct config_target *target, char host[CONFIG_HOST_MAX])
{
    snprintf(host, CONFIG_HOST_MAX, "%s", target->host);
    host[strcspn(host, ":")] = '\0';
    return host;
}

static bool parse_socket(const char *text, struct hf_endpoint *endpoint)
{
    struct hf_endpoint parsed = {.port = 0};

    if (text[0] != '\0' && (hf_endpoint_parse(&parsed, text) != HF_OK || parsed.port == 0))
        return false;
    *endpoint = parsed;
    return true;
}

/* "10.0.0.0/8 via 203.0.113.2" */
static bool parse_route(const char *text, struct config_item *item)
{
    char prefix[64];
    const char *via = strstr(text, " via ");

    if (via == NULL || via == text || (size_t)(via - text) >= sizeof prefix)
        return false;
    snprintf(prefix, sizeof prefix, "%.*s", (int)(via - text), text);
    return hf_prefix_parse(&item->prefix, prefix) == HF_OK &&
           hf_address_parse(&item->endpoint.address, via + strlen(" via ")) == HF_OK;
}

static bool parse_item(const struct config_key *key, const char *text, struct config_item *item)
{
    switch (key->kind) {
    case CONFIG_ENDPOINT:
        return hf_endpoint_parse(&item->endpoint, text) == HF_OK && item->endpoint.port != 0;
    case CONFIG_PREFIX: return hf_prefix_parse(&item->prefix, text) == HF_OK;
    case CONFIG_ADDRESS:
        return hf_address_parse(&item->endpoint.address, text) == HF_OK &&
               !is_any(&item->endpoint.address);
    case CONFIG_GATEWAY:
        return strcmp(text, "auto") == 0 ||
               (hf_address_parse(&item->endpoint.address, text) == HF_OK &&
                !is_any(&item->endpoint.address));
    case CONFIG_ROUTE: return parse_route(text, item);
    case CONFIG_TEXT:
    case CONFIG_NAME:
    case CONFIG_COUNT:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_WORD:
    case CONFIG_TARGET:
    case CONFIG_SOCKET:
    case CONFIG_PATHS: break;
    }
    return false;
}

static bool append_path(struct config_filter *filter, const char *text, int line)
{
    if (filter->deny_files == CONFIG_PATHS_MAX || text[0] != '/' || strlen(text) >= CONFIG_PATH_MAX)
        return false;
    snprintf(filter->deny_file[filter->deny_files], CONFIG_PATH_MAX, "%s", text);
    filter->deny_line[filter->deny_files++] = line;
    return true;
}

static bool append_item(const struct config_key *key, struct config_list *list, const char *text,
                        int line)
{
    struct config_item item = {.line = line};

    if (list->count == CONFIG_LIST_MAX || !parse_item(key, text, &item))
        return false;
    list->items[list->count++] = item;
    return true;
}

bool config_value_parse(const struct config_key *key, void *section, const char *text, int line)
{
    void *value = config_key_value(key, section);
    uint64_t number;

    switch (key->kind) {
    case CONFIG_TEXT:
        if (strlen(text) >= CONFIG_PATH_MAX)
            return false;
        snprintf(value, CONFIG_PATH_MAX, "%s", text);
        return true;
    case CONFIG_NAME:
        if (strlen(text) >= CONFIG_NAME_MAX || strpbrk(text, "/ \t:%\"\\\n") != NULL)
            return false;
        snprintf(value, CONFIG_NAME_MAX, "%s", text);
        return true;
    case CONFIG_COUNT:
    case CONFIG_DURATION:
        if (!parse_number(key, text, &number))
            return false;
        *(uint32_t *)value = (uint32_t)number;
        return true;
    case CONFIG_SIZE: return parse_number(key, text, value);
    case CONFIG_WORD: return parse_word(key, text, value);
    case CONFIG_TARGET: return parse_target(text, value);
    case CONFIG_SOCKET: return parse_socket(text, value);
    case CONFIG_PATHS: return append_path(section, text, line);
    case CONFIG_ENDPOINT:
    case CONFIG_PREFIX:
    case CONFIG_ADDRESS:
    case CONFIG_GATEWAY:
    case CONFIG_ROUTE: return append_item(key, value, text, line);
    }
    return false;
}

static const char *shape(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_ENDPOINT:
        return "an address and a port such as \"203.0.113.10:443\" or \"[2001:db8::10]:443\"";
    case CONFIG_PREFIX:
        return "an address with its prefix length such as \"203.0.113.10/24\" or "
               "\"2001:db8::10/64\"";
    case CONFIG_ADDRESS: return "an address such as \"203.0.113.1\" or \"2001:db8::1\"";
    case CONFIG_GATEWAY: return "auto, or an address such as \"203.0.113.1\" or \"2001:db8::1\"";
    case CONFIG_ROUTE: return "a prefix and its next hop such as \"10.0.0.0/8 via 203.0.113.2\"";
    case CONFIG_TARGET:
        return "\"127.0.0.1:8080\", \"[::1]:8080\", \"db.example:5432\" or \"unix:/run/web.sock\"";
    case CONFIG_SOCKET: return "an address and a port such as \"127.0.0.1:9648\", or \"\" for none";
    case CONFIG_PATHS: return "a path of at most 107 bytes that begins with /";
    case CONFIG_NAME: return "a name of at most 31 characters";
    case CONFIG_TEXT: return "a path of at most 107 bytes";
    case CONFIG_DURATION: return "such as 500ms, 10s, 5m, 2h or 1d";
    case CONFIG_SIZE: return "such as 65536, 64k, 1m or 1g";
    case CONFIG_COUNT:
    case CONFIG_WORD: break;
    }
    return "";
}

void config_value_accepted(const struct config_key *key, char words[CONFIG_VALUE_TEXT_MAX])
{
    char low[24], high[24];

    format_number(key, key->low, low);
    format_number(key, key->high, high);
    switch (key->kind) {
    case CONFIG_COUNT:
        snprintf(words, CONFIG_VALUE_TEXT_MAX, "a number from %s to %s", low, high);
        return;
    case CONFIG_DURATION:
        snprintf(words, CONFIG_VALUE_TEXT_MAX, "a duration from %s to %s, %s", low, high,
                 shape(key->kind));
        return;
    case CONFIG_SIZE:
        snprintf(words, CONFIG_VALUE_TEXT_MAX, "a size from %s to %s, %s", low, high,
                 shape(key->kind));
        return;
    case CONFIG_WORD: snprintf(words, CONFIG_VALUE_TEXT_MAX, "%s", key->words); return;
    case CONFIG_TEXT:
    case CONFIG_NAME:
    case CONFIG_TARGET:
    case CONFIG_SOCKET:
    case CONFIG_PATHS:
    case CONFIG_ENDPOINT:
    case CONFIG_PREFIX:
    case CONFIG_ADDRESS:
    case CONFIG_GATEWAY:
    case CONFIG_ROUTE: snprintf(words, CONFIG_VALUE_TEXT_MAX, "%s", shape(key->kind)); return;
    }
}

static void format_prefix(const struct hf_prefix *prefix, char text[CONFIG_VALUE_TEXT_MAX])
{
    char address[HF_ADDRESS_TEXT_MAX];

    snprintf(text, CONFIG_VALUE_TEXT_MAX, "%s/%u", hf_address_format(address, &prefix->address),
             prefix->length);
}

static void format_item(const struct config_key *key, const struct config_item *item,
                        char text[CONFIG_VALUE_TEXT_MAX])
{
    bool is_auto = is_any(&item->endpoint.address);
    char prefix[CONFIG_VALUE_TEXT_MAX], endpoint[HF_ENDPOINT_TEXT_MAX],
        address[HF_ADDRESS_TEXT_MAX];

    format_prefix(&item->prefix, prefix);
    hf_endpoint_format(endpoint, &item->endpoint);
    hf_address_format(address, &item->endpoint.address);
    if (key->kind == CONFIG_ENDPOINT)
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "\"%s\"", endpoint);
    else if (key->kind == CONFIG_PREFIX)
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "\"%.60s\"", prefix);
    else if (key->kind == CONFIG_GATEWAY && is_auto)
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "auto");
    else if (key->kind == CONFIG_ADDRESS || key->kind == CONFIG_GATEWAY)
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "\"%s\"", address);
    else
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "\"%.60s via %s\"", prefix, address);
}

/* A path as a string of the syntax. */
static void quote(const char *from, char text[CONFIG_VALUE_TEXT_MAX])
{
    size_t length = 0;

    text[length++] = '"';
    for (; *from != '\0' && length + 4 < CONFIG_VALUE_TEXT_MAX; from++) {
        if (*from == '"' || *from == '\\')
            text[length++] = '\\';
        text[length++] = *from;
    }
    text[length++] = '"';
    text[length] = '\0';
}

static void format_target(const struct config_target *target, char text[CONFIG_VALUE_TEXT_MAX])
{
    char plain[CONFIG_HOST_MAX];

    if (target->path[0] != '\0')
        snprintf(plain, sizeof plain, "unix:%s", target->path);
    else if (target->host[0] != '\0')
        snprintf(plain, sizeof plain, "%s", target->host);
    else
        hf_endpoint_format(plain, &target->endpoint);
    quote(plain, text);
}

static void format_socket(const struct hf_endpoint *endpoint, char text[CONFIG_VALUE_TEXT_MAX])
{
    char plain[HF_ENDPOINT_TEXT_MAX] = "";

    if (endpoint->port != 0)
        hf_endpoint_format(plain, endpoint);
    quote(plain, text);
}

void config_value_format(const struct config_key *key, const void *section, uint32_t index,
                         char text[CONFIG_VALUE_TEXT_MAX])
{
    const void *value = config_key_value(key, section);
    const char *word = "";
    size_t length = 0;

    switch (key->kind) {
    case CONFIG_TEXT:
    case CONFIG_NAME: quote(value, text); return;
    case CONFIG_COUNT:
    case CONFIG_DURATION: format_number(key, *(const uint32_t *)value, text); return;
    case CONFIG_SIZE: format_number(key, *(const uint64_t *)value, text); return;
    case CONFIG_WORD:
        word_at(key->words, *(const uint32_t *)value, &word, &length);
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "%.*s", (int)length, word);
        return;
    case CONFIG_TARGET: format_target(value, text); return;
    case CONFIG_SOCKET: format_socket(value, text); return;
    case CONFIG_PATHS:
        quote(((const struct config_filter *)section)->deny_file[index], text);
        return;
    case CONFIG_ENDPOINT:
    case CONFIG_PREFIX:
    case CONFIG_ADDRESS:
    case CONFIG_GATEWAY:
    case CONFIG_ROUTE:
        format_item(key, &((const struct config_list *)value)->items[index], text);
        return;
    }
}
