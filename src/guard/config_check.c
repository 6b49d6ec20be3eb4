/* Whether a configuration makes sense as a whole: nothing missing, nothing twice, every address where it can work. */
#include "guard/config_check.h"

#include "guard/config_parse.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct check {
    const struct config *config;
    const char *file;
    char *error;
};

__attribute__((format(printf, 3, 4))) static bool refuse(const struct check *check, int line,
                                                         const char *format, ...)
{
    va_list arguments;
    int length = snprintf(check->error, CONFIG_ERROR_MAX, "%s:%d: ", check->file, line);

    if (length < CONFIG_ERROR_MAX) {
        va_start(arguments, format);
        vsnprintf(check->error + length, (size_t)(CONFIG_ERROR_MAX - length), format, arguments);
        va_end(arguments);
    }
    return false;
}

/* ---- addresses ---- */

static bool same(const struct hf_address *a, const struct hf_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool is_any(const struct hf_address *address)
{
    return same(address, &(struct hf_address){{0}});
}

/* An address that a host can have on a network: not 0/8, loopback, multicast, reserved. */
static bool is_host(const struct hf_address *address)
{
    const uint8_t *b = address->bytes;
    static const struct hf_address loopback = {{[15] = 1}};

    if (hf_address_is_v4(address))
        return b[12] != 0 && b[12] != 127 && b[12] < 224;
    return !is_any(address) && !same(address, &loopback) && b[0] != 0xff;
}

static bool in_prefix(const struct hf_prefix *prefix, const struct hf_address *address)
{
    unsigned bits = prefix->length + (hf_address_is_v4(&prefix->address) ? 96u : 0u);

    if (hf_address_is_v4(&prefix->address) != hf_address_is_v4(address))
        return false;
    for (unsigned i = 0; i < bits; i++)
        if ((prefix->address.bytes[i / 8] ^ address->bytes[i / 8]) & (0x80u >> i % 8))
            return false;
    return true;
}

static bool is_ours(const struct config *config, const struct hf_address *address)
{
    for (uint32_t i = 0; i < config->uplink.addresses.count; i++)
        if (same(&config->uplink.addresses.items[i].prefix.address, address))
            return true;
    return false;
}

static bool on_link(const struct config *config, const struct hf_address *address)
{
    for (uint32_t i = 0; i < config->uplink.addresses.count; i++)
        if (in_prefix(&config->uplink.addresses.items[i].prefix, address))
            return true;
    return false;
}

/* ---- the uplink ---- */

static bool check_interface(const struct check *check)
{
    const struct config_uplink *uplink = &check->config->uplink;
    const char *name = uplink->name;

    if (name[0] == '\0')
        return refuse(
            check, check->config->last_line,
            "no uplink, accepted is one: uplink \"hf0\" { addresses = { \"203.0.113.10/24\" } }");
    if (strlen(name) >= IF_NAMESIZE || strpbrk(name, "/ \t:%") != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return refuse(check, uplink->line,
                      "uplink \"%s\", accepted is an interface name of 1 to %d characters", name,
                      IF_NAMESIZE - 1);
    if (uplink->addresses.count == 0)
        return refuse(check, uplink->line,
                      "uplink \"%s\" without addresses, accepted is addresses = "
                      "{ \"203.0.113.10/24\" }",
                      name);
    return true;
}

static bool check_prefixes(const struct check *check, const struct config_list *list,
                           const char *key)
{
    const struct config_list *ours = &check->config->uplink.addresses;

    for (uint32_t i = 0; i < list->count; i++) {
        const struct config_item *item = &list->items[i];
        char text[HF_ADDRESS_TEXT_MAX];

        hf_address_format(text, &item->prefix.address);
        if (!is_host(&item->prefix.address))
            return refuse(check, item->line,
                          "%s has %s, accepted is an address that a host can have", key, text);
        for (uint32_t j = 0; j < (list == ours ? i : ours->count); j++)
            if (same(&item->prefix.address, &ours->items[j].prefix.address))
                return refuse(check, item->line,
                              "%s has %s again, accepted is every address once (it is in line %d)",
                              key, text, ours->items[j].line);
    }
    return true;
}

static bool check_next_hop(const struct check *check, const struct config_item *item,
                           const char *key)
{
    const struct hf_address *next_hop = &item->endpoint.address;
    char text[HF_ADDRESS_TEXT_MAX];

    hf_address_format(text, next_hop);
    if (is_ours(check->config, next_hop))
        return refuse(check, item->line, "%s has our own address %s, accepted is another host's",
                      key, text);
    if (!is_host(next_hop) || !on_link(check->config, next_hop))
        return refuse(check, item->line,
                      "%s has %s, accepted is an address within the networks of addresses", key,
                      text);
    return true;
}

static bool check_routes(const struct check *check)
{
    const struct config_uplink *uplink = &check->config->uplink;
    const struct config_list *gateway = &uplink->gateway;
    unsigned seen[2] = {0, 0};

    for (uint32_t i = 0; i < gateway->count; i++) {
        if (!check_next_hop(check, &gateway->items[i], "gateway"))
            return false;
        if (++seen[hf_address_is_v4(&gateway->items[i].endpoint.address)] > 1)
            return refuse(
                check, gateway->items[i].line,
                "a second gateway of one family, accepted are one for IPv4 and one for IPv6");
    }
    for (uint32_t i = 0; i < uplink->routes.count; i++) {
        const struct config_item *route = &uplink->routes.items[i];

        if (!check_next_hop(check, route, "routes"))
            return false;
        if (hf_address_is_v4(&route->prefix.address) != hf_address_is_v4(&route->endpoint.address))
            return refuse(
                check, route->line,
                "a route whose prefix and next hop are of two families, accepted is one family");
    }
    if (gateway->count + uplink->routes.count > HF_ROUTES_MAX)
        return refuse(check, uplink->line, "%u gateways and routes, accepted are %d",
                      gateway->count + uplink->routes.count, HF_ROUTES_MAX);
    return true;
}

/* ---- services ---- */

static bool overlap(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    return a->port == b->port &&
           (is_any(&a->address) || is_any(&b->address) || same(&a->address, &b->address));
}

/* Whether an earlier listener has the address already. */
static bool check_listen_once(const struct check *check, uint32_t service, uint32_t listen)
{
    const struct config_item *item = &check->config->service[service].listen.items[listen];
    char text[HF_ENDPOINT_TEXT_MAX];

    for (uint32_t s = 0; s <= service; s++) {
        const struct config_list *list = &check->config->service[s].listen;

        for (uint32_t i = 0; i < (s == service ? listen : list->count); i++)
            if (overlap(&list->items[i].endpoint, &item->endpoint))
                return refuse(check, item->line,
                              "listen has %s again, accepted is every address and port once (it is "
                              "in line %d)",
                              hf_endpoint_format(text, &item->endpoint), list->items[i].line);
    }
    return true;
}

static bool check_listen(const struct check *check, uint32_t index)
{
    const struct config_service *service = &check->config->service[index];
    char text[HF_ADDRESS_TEXT_MAX];

    if (service->listen.count == 0)
        return refuse(
            check, service->line,
            "service \"%s\" without listen, accepted is listen = { \"203.0.113.10:443\" }",
            service->name);
    for (uint32_t i = 0; i < service->listen.count; i++) {
        const struct config_item *item = &service->listen.items[i];

        if (!is_any(&item->endpoint.address) && !is_ours(check->config, &item->endpoint.address))
            return refuse(check, item->line,
                          "listen has %s, accepted is one of the uplink's addresses",
                          hf_address_format(text, &item->endpoint.address));
        if (!check_listen_once(check, index, i))
            return false;
    }
    return true;
}

static bool check_backend(const struct check *check, const struct config_service *service)
{
    const struct config_backend *backend = &service->backend;
    char text[HF_ADDRESS_TEXT_MAX];

    if (service->backends == 0)
        return refuse(check, service->line,
                      "service \"%s\" without backend, accepted is backend \"NAME\" { to = "
                      "\"127.0.0.1:8080\" }",
                      service->name);
    if (backend->to.path[0] == '\0' && backend->to.endpoint.port == 0)
        return refuse(check, backend->line,
                      "backend \"%s\" without to, accepted is to = \"127.0.0.1:8080\"",
                      backend->name);
    if (backend->to.path[0] == '\0' && is_ours(check->config, &backend->to.endpoint.address))
        return refuse(check, backend->line,
                      "backend \"%s\" is the guard's own address %s, accepted is a server's",
                      backend->name, hf_address_format(text, &backend->to.endpoint.address));
    return true;
}

static bool check_service(const struct check *check, uint32_t index)
{
    const struct config_service *service = &check->config->service[index];

    if (service->max_connections > check->config->limits.max_connections)
        return refuse(
            check, service->line,
            "service \"%s\" with max_connections = %u, accepted are at most the %u of limits",
            service->name, service->max_connections, check->config->limits.max_connections);
    return check_listen(check, index) && check_backend(check, service);
}

bool config_check(struct config *config, const char *file, char error[CONFIG_ERROR_MAX])
{
    const struct check check = {config, file, error};
    struct hf_config stack;
    const char *sentence;

    if (!check_interface(&check) ||
        !check_prefixes(&check, &config->uplink.addresses, "addresses") ||
        !check_prefixes(&check, &config->uplink.host_address, "host_address") ||
        !check_routes(&check))
        return false;
    if (config->services == 0)
        return refuse(&check, config->last_line,
                      "no service, accepted is at least one: service \"web\" { ... }");
    for (uint32_t i = 0; i < config->services; i++) {
        if (config->service[i].max_connections == 0)
            config->service[i].max_connections = config->limits.max_connections;
        if (!check_service(&check, i))
            return false;
    }
    config_stack(config, &stack);
    sentence = hf_config_error(&stack);
    return sentence == NULL || refuse(&check, config->uplink.line, "%s", sentence);
}

struct config *config_read(const char *file, char error[CONFIG_ERROR_MAX])
{
    struct config *config = calloc(1, sizeof *config);

    if (config == NULL) {
        snprintf(error, CONFIG_ERROR_MAX,
                 "%s: no memory to read it, accepted is a machine with more", file);
        return NULL;
    }
    if (config_parse(config, file, error) && config_check(config, file, error))
        return config;
    free(config);
    return NULL;
}

void config_free(struct config *config)
{
    free(config);
}
