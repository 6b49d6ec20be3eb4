/* Services: their listeners and backends, drained, resumed, changed and removed while they serve. */
#include "guard/service.h"

#include "base/must.h"
#include "guard/relay_life.h"

#include <stdlib.h>
#include <string.h>

#include <handfast/os.h>

/* ---- listeners ---- */

static struct hf_listen_options options_of(const struct config_service *config)
{
    return (struct hf_listen_options){
        .backlog = config->backlog,
        .half_open_limit = config->half_open_limit,
        .half_open_timeout_ms = config->half_open_timeout_ms,
        .syn_ack_retries = config->syn_ack_retries == 0 ? -1 : (int8_t)config->syn_ack_retries,
        .on_timeout = config->on_timeout == CONFIG_RESET ? 1 : -1,
        .source_limit = config->half_open_per_prefix,
        .syn_ack_cap_per_s = config->syn_ack_cap,
        .cookies = (uint8_t)config->cookies, /* the words stand in the order of the enums */
        .without_timestamps = (uint8_t)config->without_timestamps,
        .when_full = (uint8_t)config->when_full,
        .observe = config->enforce == CONFIG_OBSERVE,
        .require_key = config->require_key != 0,
    };
}

static bool same_endpoint(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static struct service_listener *listener_of(struct service *service,
                                            const struct hf_endpoint *local)
{
    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++)
        if (service->listeners[i].socket != HF_NO_SUCH_SOCKET &&
            same_endpoint(&service->listeners[i].local, local))
            return &service->listeners[i];
    return NULL;
}

static int listen_on(struct service *service, struct hf_stack *stack, uint32_t index,
                     const struct config_service *config, const struct hf_endpoint *local)
{
    struct hf_listen_options options = options_of(config);
    uint32_t at = 0;

    while (at < SERVICE_LISTENERS_MAX && service->listeners[at].socket != HF_NO_SUCH_SOCKET)
        at++;
    must(at < SERVICE_LISTENERS_MAX);
    options.local = *local;
    options.user = service_user(index, at);
    service->listeners[at] = (struct service_listener){.local = *local};
    int error = hf_listen_with(stack, &options, &service->listeners[at].socket);

    if (error != HF_OK)
        service->listeners[at].socket = HF_NO_SUCH_SOCKET;
    return error;
}

static void close_listener(struct service_listener *listener, struct hf_stack *stack,
                           int64_t now_us)
{
    if (listener->socket != HF_NO_SUCH_SOCKET)
        hf_close(stack, listener->socket, now_us);
    *listener = (struct service_listener){.socket = HF_NO_SUCH_SOCKET};
}

/* Listens on what `config` has and we have not. At the first error all of that is taken back. */
static int open_listeners(struct service *service, struct hf_stack *stack, uint32_t index,
                          const struct config_service *config, uint32_t *item)
{
    uint64_t added[(CONFIG_LIST_MAX + 63) / 64] = {0};

    for (*item = 0; *item < config->listen.count; ++*item) {
        const struct hf_endpoint *local = &config->listen.items[*item].endpoint;

        if (listener_of(service, local) != NULL)
            continue;
        int error = listen_on(service, stack, index, config, local);
        if (error == HF_OK) {
            added[*item / 64] |= UINT64_C(1) << *item % 64;
            continue;
        }
        for (uint32_t i = 0; i < *item; i++)
            if (added[i / 64] >> i % 64 & 1)
                close_listener(listener_of(service, &config->listen.items[i].endpoint), stack,
                               hf_os_now_us());
        return error;
    }
    return HF_OK;
}

void service_close(struct service *service, struct hf_stack *stack, int64_t now_us)
{
    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++)
        close_listener(&service->listeners[i], stack, now_us);
}

static bool is_listed(const struct config_list *list, const struct hf_endpoint *local)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (same_endpoint(&list->items[i].endpoint, local))
            return true;
    return false;
}

/* Those that `config` has no more, with who waits there accepted; the others get its options. */
static void change_listeners(struct relays *relays, struct service *service,
                             const struct config_service *config, int64_t now_us)
{
    struct hf_listen_options options = options_of(config);

    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++) {
        struct service_listener *listener = &service->listeners[i];

        if (listener->socket == HF_NO_SUCH_SOCKET)
            continue;
        if (!is_listed(&config->listen, &listener->local))
            close_listener(listener, relays->stack, now_us);
        else
            hf_listen_change(relays->stack, listener->socket, &options, now_us);
    }
}

/* ---- backends ---- */

static void set_backend(struct service_backend *backend, const struct config_backend *config)
{
    *backend = (struct service_backend){.config = config, .active = backend->active};
    memcpy(backend->name, config->name, sizeof backend->name);
    health_init(&backend->health);
}

static struct service_backend *backend_called(struct service *service, const char *name)
{
    for (uint32_t i = 0; i < SERVICE_BACKEND_FORGOTTEN; i++)
        if (strcmp(service->backends[i].name, name) == 0)
            return &service->backends[i];
    return NULL;
}

static bool same_target(const struct config_target *a, const struct config_target *b)
{
    return strcmp(a->path, b->path) == 0 && same_endpoint(&a->endpoint, &b->endpoint);
}

/* A slot for a new one: of those that only finish, the relays of one forget its name. */
static struct service_backend *backend_slot(struct relays *relays, struct service *service)
{
    struct service_backend *slot = backend_called(service, "");
    struct service_backend *forgotten = &service->backends[SERVICE_BACKEND_FORGOTTEN];

    if (slot != NULL)
        return slot;
    for (slot = service->backends; slot->config != NULL; slot++)
        ;
    must(slot < forgotten);
    for (uint32_t i = 0; i < relays->unused; i++) {
        struct relay *relay = &relays->slots[i];

        if (relay->state != RELAY_FREE && relay->service == service &&
            relay->server == slot - service->backends)
            relay->server = SERVICE_BACKEND_FORGOTTEN;
    }
    forgotten->active += slot->active;
    memcpy(forgotten->name, "(removed)", sizeof "(removed)");
    *slot = (struct service_backend){0};
    return slot;
}

/* True: it was there under this name, at the same place. */
static bool keeps(struct service_backend *backend, const struct config_backend *config)
{
    return backend->config != NULL && same_target(&backend->config->to, &config->to);
}

static void change_backends(struct relays *relays, struct service *service,
                            const struct config_service *config)
{
    const struct config_backend *next[SERVICE_BACKENDS_MAX] = {0};

    for (uint32_t i = 0; i < config->backends; i++) {
        struct service_backend *backend = backend_called(service, config->backend[i].name);

        if (backend != NULL)
            next[backend - service->backends] = &config->backend[i];
    }
    for (uint32_t i = 0; i < SERVICE_BACKEND_FORGOTTEN; i++) {
        struct service_backend *backend = &service->backends[i];

        if (next[i] != NULL && keeps(backend, next[i])) {
            backend->config = next[i];
            backend->source = 0;
            continue;
        }
        if (backend->config != NULL)
            health_stop(&backend->health);
        if (next[i] != NULL)
            set_backend(backend, next[i]);
        else if (backend->active == 0)
            *backend = (struct service_backend){0};
        backend->config = next[i];
    }
    for (uint32_t i = 0; i < config->backends; i++)
        if (backend_called(service, config->backend[i].name) == NULL)
            set_backend(backend_slot(relays, service), &config->backend[i]);
}

void service_leave_backend(struct service_backend *backend)
{
    must(backend->active > 0);
    if (--backend->active == 0 && backend->config == NULL)
        backend->name[0] = '\0';
}

uint32_t service_backends_up(const struct service *service)
{
    uint32_t up = 0;

    for (uint32_t i = 0; i < SERVICE_BACKENDS_MAX; i++)
        up += service->backends[i].config != NULL && service->backends[i].health.up;
    return up;
}

/* ---- life ---- */

int service_open(struct service *service, struct hf_stack *stack, uint32_t index, uint32_t *item)
{
    const struct config_service *config = service->config;

    *service = (struct service){.config = config};
    list_init(&service->connecting);
    list_init(&service->idle);
    list_init(&service->ages);
    int error = open_listeners(service, stack, index, config, item);

    if (error != HF_OK)
        return error;
    for (uint32_t i = 0; i < config->backends; i++)
        set_backend(&service->backends[i], &config->backend[i]);
    service->life = SERVICE_OPEN;
    return HF_OK;
}

void service_drain(struct relays *relays, struct service *service, int64_t now_us)
{
    if (service->life != SERVICE_OPEN)
        return;
    relay_accept_waiting(relays, service, now_us);
    service_close(service, relays->stack, now_us);
    service->life = SERVICE_DRAINED;
    log_about(relays->log, now_us,
              &(struct log_about){
                  .event = "drained", .service = service->config->name, .count = service->active},
              "service %s: drained: no new connections, %u go on", service->config->name,
              service->active);
}

int service_resume(struct relays *relays, struct service *service, int64_t now_us)
{
    uint32_t item;

    if (service->life != SERVICE_DRAINED)
        return HF_OK;
    int error = open_listeners(service, relays->stack, (uint32_t)(service - relays->services),
                               service->config, &item);

    if (error != HF_OK)
        return error;
    service->life = SERVICE_OPEN;
    log_about(relays->log, now_us,
              &(struct log_about){.event = "resumed", .service = service->config->name},
              "service %s: resumed", service->config->name);
    return HF_OK;
}

int service_reconfigure(struct relays *relays, struct service *service,
                        const struct config_service *config, int64_t now_us)
{
    uint32_t item;

    must(service->life == SERVICE_OPEN || service->life == SERVICE_DRAINED);
    if (service->life == SERVICE_OPEN) {
        int error = open_listeners(service, relays->stack, (uint32_t)(service - relays->services),
                                   config, &item);

        if (error != HF_OK)
            return error;
        relay_accept_waiting(relays, service, now_us);
        change_listeners(relays, service, config, now_us);
    }
    change_backends(relays, service, config);
    service->config = config;
    service->acceptable = relays->accepting = true; /* limits may be higher, listeners be others' */
    relays->health_at_us = 0;
    return HF_OK;
}

/* What the relays that are left need of a configuration that its owner gives up. */
static bool keep_copy(struct service *service)
{
    const struct config_service *config = service->config;
    struct config_service *copy = malloc(sizeof *copy);

    if (copy == NULL)
        return false;
    *copy = *config;
    for (uint32_t i = 0; i < SERVICE_BACKEND_FORGOTTEN; i++)
        if (service->backends[i].config != NULL)
            service->backends[i].config =
                copy->backend + (service->backends[i].config - config->backend);
    service->kept = copy;
    service->config = copy;
    return true;
}

void service_remove(struct relays *relays, struct service *service, int64_t now_us)
{
    struct log_about about = {
        .event = "service-removed", .service = service->config->name, .count = service->active};

    if (service->life == SERVICE_OPEN)
        relay_accept_waiting(relays, service, now_us);
    service_close(service, relays->stack, now_us);
    for (uint32_t i = 0; i < SERVICE_BACKEND_FORGOTTEN; i++)
        if (service->backends[i].config != NULL)
            health_stop(&service->backends[i].health);
    log_about(relays->log, now_us, &about, "service %s: removed; %u connection%s on",
              service->config->name, service->active, service->active == 1 ? " goes" : "s go");
    service->life = SERVICE_REMOVED;
    if (service->active > 0 && !keep_copy(service))
        relays_cut_service(relays, service, now_us);
    else if (service->active == 0)
        service_release(service);
}

void service_release(struct service *service)
{
    free(service->kept);
    *service = (struct service){0};
}

struct service *service_find(const struct relays *relays, const char *name)
{
    for (uint32_t i = 0; i < relays->service_count; i++) {
        struct service *service = &relays->services[i];

        if ((service->life == SERVICE_OPEN || service->life == SERVICE_DRAINED) &&
            strcmp(service->config->name, name) == 0)
            return service;
    }
    return NULL;
}

struct service *service_free_slot(struct relays *relays)
{
    for (uint32_t i = 0; i < CONFIG_SERVICES_MAX; i++)
        if (relays->services[i].life == SERVICE_FREE) {
            if (i >= relays->service_count)
                relays->service_count = i + 1;
            return &relays->services[i];
        }
    return NULL;
}
