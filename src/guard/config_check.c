/* Whether a configuration makes sense as a whole: nothing missing, nothing twice, every address where it can work. */
#include "guard/config_check.h"

#include "guard/config_address.h"
#include "guard/config_keys.h"
#include "guard/config_parse.h"
#include "guard/config_resolve.h"
#include "guard/config_sources.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>

#define MTU_MIN_V6 1280 /* [RFC 8200 5] */

struct check {
    struct config *config;
    char *error;
};

bool config_refuse(const struct config *config, char error[CONFIG_ERROR_MAX], int line,
                   const char *format, ...)
{
    char place[CONFIG_PLACE_MAX];
    va_list arguments;
    int length = snprintf(error, CONFIG_ERROR_MAX, "%s: ", config_place(config, line, place));

    if (length < CONFIG_ERROR_MAX) {
        va_start(arguments, format);
        vsnprintf(error + length, (size_t)(CONFIG_ERROR_MAX - length), format, arguments);
        va_end(arguments);
    }
    return false;
}

#define refuse(check, line, ...) config_refuse((check)->config, (check)->error, line, __VA_ARGS__)

bool config_is_ours(const struct config *config, const struct hf_address *address)
{
    for (uint32_t i = 0; i < config->uplink.addresses.count; i++)
        if (address_same(&config->uplink.addresses.items[i].prefix.address, address))
            return true;
    return false;
}

static bool on_link(const struct config *config, const struct hf_address *address)
{
    for (uint32_t i = 0; i < config->uplink.addresses.count; i++)
        if (address_in_prefix(&config->uplink.addresses.items[i].prefix, address))
            return true;
    return config->uplink.mode == CONFIG_MODE_PORT && config->uplink.addresses.count == 0;
}

/* ---- the root ---- */

static bool check_root(const struct check *check)
{
    const struct config *config = check->config;
    char text[HF_ENDPOINT_TEXT_MAX];

    if (config->metrics.port != 0 && !address_is_loopback(&config->metrics.address))
        return refuse(check, config_key_line(config, CONFIG_ROOT, "metrics"),
                      "metrics = \"%s\", accepted is a loopback address such as "
                      "\"127.0.0.1:9648\", as nobody who asks there is asked who he is",
                      hf_endpoint_format(text, &config->metrics));
    if (config->control[0] != '\0' && config->control[0] != '/')
        return refuse(check, config_key_line(config, CONFIG_ROOT, "control"),
                      "control = \"%s\", accepted is a path that begins with /, or \"\"",
                      config->control);
    if (config->journal[0] != '\0' && config->journal[0] != '/')
        return refuse(check, config_key_line(config, CONFIG_ROOT, "journal"),
                      "journal = \"%s\", accepted is a path that begins with /, or \"\"",
                      config->journal);
    if (config->state_directory[0] != '\0' && config->state_directory[0] != '/')
        return refuse(check, config_key_line(config, CONFIG_ROOT, "state_directory"),
                      "state_directory = \"%s\", accepted is a path that begins with /, or \"\"",
                      config->state_directory);
    return true;
}

/* ---- the uplink ---- */

static bool is_interface(const char *name)
{
    return name[0] != '\0' && strlen(name) < IF_NAMESIZE && strpbrk(name, "/ \t:%") == NULL &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool check_interface(const struct check *check, const char *key, const char *name)
{
    return is_interface(name) ||
           refuse(check, check->config->uplink.line,
                  "%s \"%s\", accepted is an interface name of 1 to %d characters", key, name,
                  IF_NAMESIZE - 1);
}

/* What only one mode knows. */
static bool check_mode(const struct check *check)
{
    const struct config_uplink *uplink = &check->config->uplink;
    bool port = uplink->mode == CONFIG_MODE_PORT;
    const struct {
        bool found;
        const char *key, *mode;
    } keys[] = {
        {port && uplink->host_address.count > 0, "host_address", "address"},
        {port && uplink->routes.count > 0, "routes", "address"},
        {port && uplink->bridge[0] != '\0', "bridge", "address"},
        {!port && uplink->tap[0] != '\0', "tap", "port"},
        {!port && uplink->when_stopped != CONFIG_STOPPED_PASS, "when_stopped = drop", "port"},
    };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].found)
            return refuse(check, uplink->line,
                          "uplink \"%s\" with %s, accepted is that in mode = %s", uplink->name,
                          keys[i].key, keys[i].mode);
    return true;
}

static bool check_uplink(const struct check *check)
{
    struct config_uplink *uplink = &check->config->uplink;

    if (uplink->name[0] == '\0')
        return refuse(
            check, check->config->last_line,
            "no uplink, accepted is one: uplink \"hf0\" { addresses = { \"203.0.113.10/24\" } }");
    if (uplink->mode == CONFIG_WORD_UNSAID) /* who names addresses means to own them */
        uplink->mode = uplink->addresses.count > 0 ? CONFIG_MODE_ADDRESS : CONFIG_MODE_PORT;
    if (!check_interface(check, "uplink", uplink->name) || !check_mode(check))
        return false;
    if (uplink->addresses.count == 0 && uplink->mode == CONFIG_MODE_ADDRESS)
        return refuse(check, uplink->line,
                      "uplink \"%s\" without addresses, accepted is addresses = "
                      "{ \"203.0.113.10/24\" }",
                      uplink->name);
    for (uint32_t i = 0; i < uplink->addresses.count && uplink->mtu < MTU_MIN_V6; i++)
        if (!hf_address_is_v4(&uplink->addresses.items[i].prefix.address))
            return refuse(check, config_key_line(check->config, CONFIG_UPLINK, "mtu"),
                          "mtu = %u, accepted are %d to 65521 with IPv6 addresses", uplink->mtu,
                          MTU_MIN_V6);
    if (uplink->mode == CONFIG_MODE_PORT && uplink->tap[0] == '\0')
        snprintf(uplink->tap, sizeof uplink->tap, "hf-%.*s", IF_NAMESIZE - 1 - 3, uplink->name);
    if (uplink->mode == CONFIG_MODE_PORT && uplink->gateway.count == 0)
        uplink->gateway.items[uplink->gateway.count++] = (struct config_item){.line = uplink->line};
    if (uplink->mode == CONFIG_MODE_PORT && strcmp(uplink->tap, uplink->name) == 0)
        return refuse(check, uplink->line,
                      "tap \"%s\" is the uplink's own name, accepted is another", uplink->tap);
    return (uplink->tap[0] == '\0' || check_interface(check, "tap", uplink->tap)) &&
           (uplink->bridge[0] == '\0' || check_interface(check, "bridge", uplink->bridge));
}

static bool check_prefixes(const struct check *check, const struct config_list *list,
                           const char *key)
{
    const struct config_list *ours = &check->config->uplink.addresses;

    for (uint32_t i = 0; i < list->count; i++) {
        const struct config_item *item = &list->items[i];
        char text[HF_ADDRESS_TEXT_MAX], place[CONFIG_PLACE_MAX];

        hf_address_format(text, &item->prefix.address);
        if (!address_is_host(&item->prefix.address))
            return refuse(check, item->line,
                          "%s has %s, accepted is an address that a host can have", key, text);
        for (uint32_t j = 0; j < (list == ours ? i : ours->count); j++)
            if (address_same(&item->prefix.address, &ours->items[j].prefix.address))
                return refuse(
                    check, item->line,
                    "%s has %s again, accepted is every address once (it is in %s)", key, text,
                    config_place_from(check->config, item->line, ours->items[j].line, place));
    }
    return true;
}

static bool check_next_hop(const struct check *check, const struct config_item *item,
                           const char *key)
{
    const struct hf_address *next_hop = &item->endpoint.address;
    char text[HF_ADDRESS_TEXT_MAX];

    hf_address_format(text, next_hop);
    if (config_is_ours(check->config, next_hop))
        return refuse(check, item->line, "%s has our own address %s, accepted is another host's",
                      key, text);
    if (!address_is_host(next_hop) || !on_link(check->config, next_hop))
        return refuse(check, item->line,
                      "%s has %s, accepted is an address within the networks of addresses", key,
                      text);
    return true;
}

static bool check_gateway(const struct check *check)
{
    const struct config_uplink *uplink = &check->config->uplink;
    const struct config_list *gateway = &uplink->gateway;
    unsigned seen[2] = {0, 0};

    for (uint32_t i = 0; i < gateway->count; i++) {
        const struct config_item *item = &gateway->items[i];

        if (address_is_any(&item->endpoint.address)) {
            if (uplink->mode != CONFIG_MODE_PORT || gateway->count > 1)
                return refuse(check, item->line, "gateway has auto, accepted is %s",
                              uplink->mode != CONFIG_MODE_PORT ? "that in mode = port"
                                                               : "auto or addresses");
            continue;
        }
        if (!check_next_hop(check, item, "gateway"))
            return false;
        if (++seen[hf_address_is_v4(&item->endpoint.address)] > 1)
            return refuse(
                check, item->line,
                "a second gateway of one family, accepted are one for IPv4 and one for IPv6");
    }
    return true;
}

static bool check_routes(const struct check *check)
{
    const struct config_uplink *uplink = &check->config->uplink;

    for (uint32_t i = 0; i < uplink->routes.count; i++) {
        const struct config_item *route = &uplink->routes.items[i];

        if (!check_next_hop(check, route, "routes"))
            return false;
        if (hf_address_is_v4(&route->prefix.address) != hf_address_is_v4(&route->endpoint.address))
            return refuse(
                check, route->line,
                "a route whose prefix and next hop are of two families, accepted is one family");
    }
    if (uplink->gateway.count + uplink->routes.count > HF_ROUTES_MAX)
        return refuse(check, uplink->line, "%u gateways and routes, accepted are %d",
                      uplink->gateway.count + uplink->routes.count, HF_ROUTES_MAX);
    return true;
}

/* ---- the whole ---- */

/* What the stack itself would say. In port mode the uplink learns its addresses: any will do here. */
static bool check_stack(const struct check *check)
{
    const struct config *config = check->config;
    struct hf_config stack;
    const char *sentence;

    config_stack(config, &stack);
    if (config->uplink.mode == CONFIG_MODE_PORT && config->uplink.addresses.count == 0) {
        memset(stack.addresses, 0, sizeof stack.addresses);
        memset(stack.routes, 0, sizeof stack.routes);
        hf_prefix_parse(&stack.addresses[0], "192.0.2.1/24");
    }
    sentence = hf_config_error(&stack);
    return sentence == NULL || refuse(check, config->uplink.line, "%s", sentence);
}

bool config_check(struct config *config, char error[CONFIG_ERROR_MAX])
{
    const struct check check = {config, error};

    return check_root(&check) && check_uplink(&check) &&
           check_prefixes(&check, &config->uplink.addresses, "addresses") &&
           check_prefixes(&check, &config->uplink.host_address, "host_address") &&
           check_gateway(&check) && check_routes(&check) && config_check_services(config, error) &&
           check_stack(&check);
}

struct config *config_read(const char *file, char error[CONFIG_ERROR_MAX])
{
    struct config *config = calloc(1, sizeof *config);

    if (config == NULL) {
        snprintf(error, CONFIG_ERROR_MAX,
                 "%s: no memory to read it, accepted is a machine with more", file);
        return NULL;
    }
    if (config_parse(config, file, error) && config_resolve(config, error) &&
        config_check(config, error)) {
        memcpy(config->as_read.control, config->control, sizeof config->control);
        memcpy(config->as_read.state_directory, config->state_directory,
               sizeof config->state_directory);
        config->as_read.limits = config->limits;
        return config;
    }
    config_free(config);
    return NULL;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    config_sources_free(config->sources);
    free(config);
}
