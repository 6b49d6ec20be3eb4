/* Whether the services of a configuration make sense: who listens where, and who stands behind. */
#include "guard/config_address.h"
#include "guard/config_check.h"
#include "guard/config_keys.h"
#include "guard/config_parse.h"
#include "guard/config_sources.h"

struct check {
    struct config *config;
    char *error;
};

#define refuse(check, line, ...) config_refuse((check)->config, (check)->error, line, __VA_ARGS__)

/* ---- listeners ---- */

static bool overlap(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    return a->port == b->port && (address_is_any(&a->address) || address_is_any(&b->address) ||
                                  address_same(&a->address, &b->address));
}

/* Whether an earlier listener has the address already. */
static bool check_listen_once(const struct check *check, uint32_t service, uint32_t listen)
{
    const struct config_item *item = &check->config->service[service].listen.items[listen];
    char text[HF_ENDPOINT_TEXT_MAX], place[CONFIG_PLACE_MAX];

    for (uint32_t s = 0; s <= service; s++) {
        const struct config_list *list = &check->config->service[s].listen;

        for (uint32_t i = 0; i < (s == service ? listen : list->count); i++)
            if (overlap(&list->items[i].endpoint, &item->endpoint))
                return refuse(
                    check, item->line,
                    "listen has %s again, accepted is every address and port once (it is "
                    "in %s)",
                    hf_endpoint_format(text, &item->endpoint),
                    config_place_from(check->config, item->line, list->items[i].line, place));
    }
    return true;
}

/* In port mode without addresses any of the host's own will do, which it alone knows. */
static bool may_listen(const struct config *config, const struct hf_address *address)
{
    if (address_is_any(address) || config_is_ours(config, address))
        return true;
    return config->uplink.mode == CONFIG_MODE_PORT && config->uplink.addresses.count == 0 &&
           address_is_host(address);
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

        if (!may_listen(check->config, &item->endpoint.address))
            return refuse(check, item->line, "listen has %s, accepted is one of %s",
                          hf_address_format(text, &item->endpoint.address),
                          check->config->uplink.mode == CONFIG_MODE_PORT
                              ? "the host's own addresses on its network"
                              : "the uplink's addresses");
        if (!check_listen_once(check, index, i))
            return false;
    }
    return true;
}

/* A stack has HF_ADDRESSES_MAX addresses. */
static bool check_listen_count(const struct check *check)
{
    const struct hf_address *seen[HF_ADDRESSES_MAX];
    uint32_t count = 0;

    for (uint32_t s = 0; s < check->config->services; s++)
        for (uint32_t i = 0; i < check->config->service[s].listen.count; i++) {
            const struct config_item *item = &check->config->service[s].listen.items[i];
            uint32_t at = 0;

            while (at < count && !address_same(seen[at], &item->endpoint.address))
                at++;
            if (at < count || address_is_any(&item->endpoint.address))
                continue;
            if (count == HF_ADDRESSES_MAX)
                return refuse(check, item->line,
                              "listen has more than %d addresses in all, accepted are %d",
                              HF_ADDRESSES_MAX, HF_ADDRESSES_MAX);
            seen[count++] = &item->endpoint.address;
        }
    return true;
}

/* ---- backends ---- */

bool config_target_is_local(const struct config_target *target)
{
    return target->path[0] != '\0' || address_is_loopback(&target->endpoint.address);
}

static bool check_source(const struct check *check, const struct config_backend *backend)
{
    for (uint32_t i = 0; i < backend->source.count; i++) {
        const struct config_item *item = &backend->source.items[i];
        char text[HF_ADDRESS_TEXT_MAX];

        hf_address_format(text, &item->endpoint.address);
        if (backend->client_address == CONFIG_CLIENT_TRANSPARENT)
            return refuse(check, item->line,
                          "source has %s, accepted is none: client_address = transparent takes the "
                          "client's",
                          text);
        if (backend->to.path[0] != '\0' || hf_address_is_v4(&item->endpoint.address) !=
                                               hf_address_is_v4(&backend->to.endpoint.address))
            return refuse(check, item->line,
                          "source has %s, accepted is an address of the family of to", text);
        if (!address_is_host(&item->endpoint.address) &&
            !address_is_loopback(&item->endpoint.address))
            return refuse(check, item->line,
                          "source has %s, accepted is an address that a host can have", text);
    }
    return true;
}

static bool check_backend(const struct check *check, struct config_backend *backend)
{
    const struct config_target *to = &backend->to;
    char text[HF_ADDRESS_TEXT_MAX];

    if (to->path[0] == '\0' && to->endpoint.port == 0)
        return refuse(check, backend->line,
                      "backend \"%s\" without to, accepted is to = \"127.0.0.1:8080\"",
                      backend->name);
    if (to->path[0] == '\0' && check->config->uplink.mode == CONFIG_MODE_ADDRESS &&
        config_is_ours(check->config, &to->endpoint.address))
        return refuse(check, backend->line,
                      "backend \"%s\" is the guard's own address %s, accepted is a server's",
                      backend->name, hf_address_format(text, &to->endpoint.address));
    if (backend->client_address == CONFIG_WORD_UNSAID)
        backend->client_address =
            to->path[0] == '\0' && config_target_is_local(to) && backend->source.count == 0
                ? CONFIG_CLIENT_TRANSPARENT
                : CONFIG_CLIENT_NONE;
    if (backend->client_address == CONFIG_CLIENT_TRANSPARENT && to->path[0] != '\0')
        return refuse(check, backend->line,
                      "backend \"%s\" with client_address = transparent, accepted is none | "
                      "proxy-v2: a unix socket has no addresses",
                      backend->name);
    if (backend->client_address == CONFIG_CLIENT_TRANSPARENT && !config_target_is_local(to))
        return refuse(check, backend->line,
                      "backend \"%s\" with client_address = transparent to %s, accepted is that to "
                      "a server on 127.0.0.0/8 or ::1; none | proxy-v2 to others",
                      backend->name, hf_address_format(text, &to->endpoint.address));
    return check_source(check, backend);
}

static bool check_service(const struct check *check, uint32_t index)
{
    struct config_service *service = &check->config->service[index];

    if (service->require_key && service->key_file[0] == '\0')
        return refuse(check, service->line,
                      "service \"%s\" with require_key = yes and without key_file, accepted are "
                      "both: nobody could connect",
                      service->name);
    if (service->max_connections == 0)
        service->max_connections = check->config->limits.max_connections;
    if (service->max_connections > check->config->limits.max_connections)
        return refuse(
            check, service->line,
            "service \"%s\" with max_connections = %u, accepted are at most the %u of limits",
            service->name, service->max_connections, check->config->limits.max_connections);
    if (!check_listen(check, index))
        return false;
    if (service->backends == 0)
        return refuse(check, service->line,
                      "service \"%s\" without backend, accepted is backend \"NAME\" { to = "
                      "\"127.0.0.1:8080\" }",
                      service->name);
    for (uint32_t i = 0; i < service->backends; i++)
        if (!check_backend(check, &service->backend[i]))
            return false;
    return true;
}

/* A service that may have more connections than all together by default means what it says. */
static void fit_limits(struct config *config)
{
    uint32_t *limit = &config->limits.max_connections;

    if (config_key_is_written(config, CONFIG_LIMITS, "max_connections"))
        return;
    for (uint32_t i = 0; i < config->services; i++)
        if (config->service[i].max_connections > *limit)
            *limit = config->service[i].max_connections;
}

bool config_check_services(struct config *config, char error[CONFIG_ERROR_MAX])
{
    const struct check check = {config, error};

    fit_limits(config);

    if (config->services == 0)
        return refuse(&check, config->last_line,
                      "no service, accepted is at least one: service \"web\" { ... }");
    for (uint32_t i = 0; i < config->services; i++)
        if (!check_service(&check, i))
            return false;
    return check_listen_count(&check);
}
