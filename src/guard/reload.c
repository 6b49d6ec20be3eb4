/* Putting a configuration in force: everything that can be refused is tried first, and only then something changes. */
#include "guard/reload.h"

#include "guard/config_keys.h"
#include "guard/config_value.h"
#include "guard/reload_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static bool refuse(char error[GUARD_ERROR_MAX],
                                                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, GUARD_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- what needs a restart ---- */

static const char *value_text(const struct config_key *key, const void *section,
                              char text[CONFIG_VALUE_TEXT_MAX])
{
    uint32_t count = config_key_count(key, section);

    if (count == 1 || !config_kind_is_list(key->kind))
        config_value_format(key, section, 0, text);
    else
        snprintf(text, CONFIG_VALUE_TEXT_MAX, "%u values", count);
    return text;
}

struct sections {
    const struct config *config;
    const void *section;
};

static bool check_keys(enum config_section_id id, const struct sections *old,
                       const struct sections *new, char error[GUARD_ERROR_MAX])
{
    char place[CONFIG_PLACE_MAX], before[CONFIG_VALUE_TEXT_MAX];

    for (const struct config_key *key = config_sections[id].keys; key->name != NULL; key++)
        if (key->change == CONFIG_RESTART && !config_key_equal(key, old->section, new->section))
            return refuse(
                error, "%s: %s is another than %s, accepted is that after a restart",
                config_place(new->config, config_key_line(new->config, id, key->name), place),
                key->name, value_text(key, old->section, before));
    return true;
}

/* The root as the file had it: `control` and `state_directory` may have been changed by a start. */
static bool check_root(const struct config *old, const struct config *new,
                       char error[GUARD_ERROR_MAX])
{
    struct config *as_read = malloc(sizeof *as_read);
    bool ok;

    if (as_read == NULL)
        return refuse(error, "no memory to reload");
    memcpy(as_read, old, offsetof(struct config, service)); /* root keys lie before it */
    memcpy(as_read->control, old->as_read.control, sizeof as_read->control);
    memcpy(as_read->state_directory, old->as_read.state_directory, sizeof as_read->state_directory);
    ok = check_keys(CONFIG_ROOT, &(struct sections){old, as_read}, &(struct sections){new, new},
                    error);
    free(as_read);
    return ok;
}

/* What the start made room for is the most that there can be. */
static bool check_room(const struct config *first, const struct config *new,
                       char error[GUARD_ERROR_MAX])
{
    char place[CONFIG_PLACE_MAX];
    int line = config_key_line(new, CONFIG_LIMITS, "max_connections");

    if (!config_key_is_written(new, CONFIG_LIMITS, "max_connections"))
        for (uint32_t i = 0; i < new->services; i++) /* then a service asks for so many */
            if (new->service[i].max_connections == new->as_read.limits.max_connections)
                line = new->service[i].line;
    return new->as_read.limits.max_connections <= first->as_read.limits.max_connections ||
           refuse(error,
                  "%s: max_connections = %u, accepted are at most the %u of the start until "
                  "a restart",
                  config_place(new, line, place), new->as_read.limits.max_connections,
                  first->as_read.limits.max_connections);
}

static bool check_restart(const struct guard *guard, const struct config *new,
                          char error[GUARD_ERROR_MAX])
{
    const struct config *old = guard->config;
    char place[CONFIG_PLACE_MAX];

    if (strcmp(old->uplink.name, new->uplink.name) != 0)
        return refuse(error,
                      "%s: uplink \"%s\" is another than \"%s\", accepted is that after a "
                      "restart",
                      config_place(new, new->uplink.line, place), new->uplink.name,
                      old->uplink.name);
    return check_root(old, new, error) &&
           check_keys(CONFIG_UPLINK, &(struct sections){old, &old->uplink},
                      &(struct sections){new, &new->uplink}, error) &&
           check_keys(CONFIG_LIMITS, &(struct sections){old, &old->as_read.limits},
                      &(struct sections){new, &new->as_read.limits}, error) &&
           check_room(guard->first, new, error);
}

/* What the start made of its file is in force still. */
static void keep_start(const struct config *first, struct config *new)
{
    memcpy(new->control, first->control, sizeof new->control);
    memcpy(new->as_read.control, first->as_read.control, sizeof new->as_read.control);
    memcpy(new->state_directory, first->state_directory, sizeof new->state_directory);
    memcpy(new->as_read.state_directory, first->as_read.state_directory,
           sizeof new->as_read.state_directory);
    new->limits.receive_buffer = first->limits.receive_buffer;
    new->limits.send_buffer = first->limits.send_buffer;
    new->limits.buffer_memory = first->limits.buffer_memory;
    if (new->limits.max_connections > first->limits.max_connections)
        new->limits.max_connections = first->limits.max_connections;
    for (uint32_t i = 0; i < new->services; i++)
        if (new->service[i].max_connections > new->limits.max_connections)
            new->service[i].max_connections = new->limits.max_connections;
}

/* ---- listeners ---- */

static bool same_endpoint(const struct hf_endpoint *a, const struct hf_endpoint *b)
{
    return a->port == b->port && memcmp(&a->address, &b->address, sizeof a->address) == 0;
}

static struct service_listener *listener_of(struct service *service, const struct hf_endpoint *at)
{
    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++)
        if (service->listeners[i].socket != HF_NO_SUCH_SOCKET &&
            same_endpoint(&service->listeners[i].local, at))
            return &service->listeners[i];
    return NULL;
}

/* Whoever listens there now. */
static struct service_listener *holder_of(struct guard *guard, const struct hf_endpoint *at,
                                          struct service **holder)
{
    for (uint32_t i = 0; i < CONFIG_SERVICES_MAX; i++) {
        struct service_listener *listener = listener_of(&guard->services[i], at);

        if (listener != NULL) {
            *holder = &guard->services[i];
            return listener;
        }
    }
    return NULL;
}

struct trial {
    hf_socket sockets[CONFIG_SERVICES_MAX * CONFIG_LIST_MAX];
    uint32_t count;
};

static bool try_listen(struct guard *guard, struct trial *trial,
                       const struct config_service *service, char error[GUARD_ERROR_MAX])
{
    char text[HF_ENDPOINT_TEXT_MAX];
    struct service *holder;

    for (uint32_t i = 0; i < service->listen.count; i++) {
        const struct hf_endpoint *at = &service->listen.items[i].endpoint;
        int result;

        if (holder_of(guard, at, &holder) != NULL)
            continue;
        result = hf_listen(guard->stack, at, &trial->sockets[trial->count]);
        if (result != HF_OK)
            return refuse(error, "service \"%s\": cannot listen on %s: %s", service->name,
                          hf_endpoint_format(text, at),
                          result == HF_NO_ROOM
                              ? "there are too many listeners for what the start made room for; "
                                "accepted is that after a restart"
                              : hf_error_text(result));
        trial->count++;
    }
    return true;
}

/* Whether all of it could be listened on, beside what is listened on now: nobody's packets come meanwhile. */
static bool check_listeners(struct guard *guard, const struct config *config, int64_t now_us,
                            char error[GUARD_ERROR_MAX])
{
    struct trial *trial = calloc(1, sizeof *trial);
    bool ok = trial != NULL || refuse(error, "no memory to reload");

    for (uint32_t i = 0; ok && i < config->services; i++) {
        struct service *service = service_find(&guard->relays, config->service[i].name);

        ok = (service != NULL && service->life == SERVICE_DRAINED) ||
             try_listen(guard, trial, &config->service[i], error);
    }
    while (trial != NULL && trial->count > 0)
        hf_close(guard->stack, trial->sockets[--trial->count], now_us);
    free(trial);
    return ok;
}

/* Slots of services that are gone are free once their last connection has ended. */
static bool check_slots(struct guard *guard, const struct config *config,
                        char error[GUARD_ERROR_MAX])
{
    uint32_t wanted = 0, there = 0;

    for (uint32_t i = 0; i < config->services; i++)
        wanted += service_find(&guard->relays, config->service[i].name) == NULL;
    for (uint32_t i = 0; i < CONFIG_SERVICES_MAX; i++)
        there += guard->services[i].life == SERVICE_FREE;
    return wanted <= there ||
           refuse(error,
                  "%u new services, but only %u of %d places are free until connections of removed "
                  "services have ended",
                  wanted, there, CONFIG_SERVICES_MAX);
}

/* ---- services ---- */

/* A new service without listeners: the ones it shall have may be others' still. */
static void open_empty(struct guard *guard, const struct config_service *config,
                       struct config_service *empty)
{
    struct service *service = service_free_slot(&guard->relays);
    uint32_t item;

    empty->listen.count = 0;
    empty->backends = 0;
    memcpy(empty->name, config->name, sizeof empty->name);
    service->config = empty;
    service_open(service, guard->stack, (uint32_t)(service - guard->services), &item);
}

/* A listener changes hands with all its half-opens and those who wait there. */
static void move_listener(struct guard *guard, struct service_listener *from, struct service *to)
{
    uint32_t at = 0;

    while (to->listeners[at].socket != HF_NO_SUCH_SOCKET)
        at++;
    to->listeners[at] = *from;
    to->listeners[at].acceptable = true; /* somebody may wait there: it is asked once */
    *from = (struct service_listener){.socket = HF_NO_SUCH_SOCKET};
    hf_set_user(guard->stack, to->listeners[at].socket,
                service_user((uint32_t)(to - guard->services), at));
}

static void take_listeners(struct guard *guard, struct service *service,
                           const struct config_service *config)
{
    if (service->life != SERVICE_OPEN)
        return;
    for (uint32_t i = 0; i < config->listen.count; i++) {
        struct service *holder;
        struct service_listener *listener =
            holder_of(guard, &config->listen.items[i].endpoint, &holder);

        if (listener != NULL && holder != service)
            move_listener(guard, listener, service);
    }
}

static bool is_in(const struct config *config, const struct service *service)
{
    for (uint32_t i = 0; i < config->services; i++)
        if (strcmp(config->service[i].name, service->config->name) == 0)
            return true;
    return false;
}

static void say_new(struct guard *guard, const struct config_service *service, int64_t now_us)
{
    char text[HF_ENDPOINT_TEXT_MAX];

    log_about(&guard->log, now_us,
              &(struct log_about){.event = "service-added", .service = service->name},
              "service %s: new, on %s%s", service->name,
              hf_endpoint_format(text, &service->listen.items[0].endpoint),
              service->listen.count > 1 ? " and more" : "");
}

/* Nothing here is refused any more. False: a service kept its old configuration all the same. */
static bool change_services(struct guard *guard, const struct config *config,
                            struct config_service *empty, int64_t now_us)
{
    uint32_t added = 0;
    bool complete = true;

    for (uint32_t i = 0; i < config->services; i++) {
        const struct config_service *service = &config->service[i];

        if (service_find(&guard->relays, service->name) != NULL)
            continue;
        open_empty(guard, service, &empty[added++]);
        say_new(guard, service, now_us);
    }
    for (uint32_t i = 0; i < config->services; i++)
        take_listeners(guard, service_find(&guard->relays, config->service[i].name),
                       &config->service[i]);
    for (uint32_t i = 0; i < CONFIG_SERVICES_MAX; i++) {
        struct service *service = &guard->services[i];

        if ((service->life != SERVICE_OPEN && service->life != SERVICE_DRAINED) ||
            is_in(config, service))
            continue;
        service_remove(&guard->relays, service, now_us);
    }
    for (uint32_t i = 0; i < config->services; i++) {
        struct service *service = service_find(&guard->relays, config->service[i].name);
        int result = service_reconfigure(&guard->relays, service, &config->service[i], now_us);

        complete &= result == HF_OK;
        if (result != HF_OK)
            log_warn(&guard->log, now_us, "service %s: does not listen everywhere: %s",
                     config->service[i].name, hf_error_text(result));
    }
    return complete;
}

static void change_limits(struct guard *guard, const struct config_limits *limits)
{
    const struct hf_limits change = {
        .reset_budget_per_s = limits->reset_budget,
        .challenge_budget_per_s = limits->challenge_budget,
        .icmp_budget_per_s = limits->icmp_budget,
        .stall_timeout_ms = limits->stall_timeout_ms,
        .scan_ports = (uint8_t)limits->scan_ports,
    };

    relays_set_limit(&guard->relays, limits->max_connections);
    hf_change_limits(guard->stack, &change); /* config_check knows the same ranges */
}

static bool has_transparent(const struct config *config)
{
    for (uint32_t i = 0; i < config->services; i++)
        for (uint32_t j = 0; j < config->service[i].backends; j++)
            if (config->service[i].backend[j].client_address == CONFIG_CLIENT_TRANSPARENT)
                return true;
    return false;
}

/* Ports, and rules for transparent backends. A start without any of those gave up the right to make them. */
static bool change_uplink(struct guard *guard, const struct config *config,
                          char error[GUARD_ERROR_MAX])
{
    static const char hint[] = "; the guard began without transparent backends: accepted is the "
                               "first of them after a restart";
    size_t length;

    if (guard->uplink.config == NULL || uplink_reconfigure(&guard->uplink, config, error))
        return true;
    length = strlen(error);
    if (has_transparent(config) && !has_transparent(guard->first) &&
        length + sizeof hint <= GUARD_ERROR_MAX)
        memcpy(error + length, hint, sizeof hint);
    return false;
}

/* Connections whose key stays go on; those whose key is replaced by one that the peer has too go over to it. */
static void change_keys(struct guard *guard, struct reload_prepared *prepared, int64_t now_us)
{
    int result = guard_keys_install(&guard->keys, &prepared->keys, guard->stack);

    if (result != HF_OK)
        log_warn(&guard->log, now_us, "not every key is in force: %s", hf_error_text(result));
}

/* ---- the whole ---- */

bool reload_apply(struct guard *guard, struct reload_prepared *prepared,
                  char error[GUARD_ERROR_MAX], int64_t now_us)
{
    struct config *config = prepared->config;
    struct config_service *empty;
    bool complete;

    if (guard->life != GUARD_SERVING)
        return refuse(error, "the guard is ending: a configuration is of no use to it any more");
    if (guard_keys_wanted(config) && !guard_keys_wanted(guard->first))
        return refuse(error, "the guard began without keys: accepted is the first key_file or "
                             "require_key after a restart");
    if (!check_restart(guard, config, error) || !check_slots(guard, config, error) ||
        !check_listeners(guard, config, now_us, error))
        return false;
    empty = calloc(CONFIG_SERVICES_MAX, sizeof *empty);
    if (empty == NULL)
        return refuse(error, "no memory to reload");
    if (!change_uplink(guard, config, error)) {
        free(empty);
        return false;
    }

    keep_start(guard->first, config);
    complete = change_services(guard, config, empty, now_us);
    change_limits(guard, &config->limits);
    guard_filter_install(&guard->filter, config, &prepared->filter, guard->stack);
    change_keys(guard, prepared, now_us);
    if (complete) { /* else somebody needs them still */
        config_free(guard->reloaded);
        free(empty);
    }
    guard->config = guard->reloaded = config;
    prepared->config = NULL;
    return true;
}

bool guard_reload(struct guard *guard, struct config *config, char error[GUARD_ERROR_MAX],
                  int64_t now_us)
{
    struct reload_prepared prepared = {.config = config};
    bool ok = filter_image_make(&prepared.filter, config, error) &&
              key_image_make(&prepared.keys, config, error) &&
              reload_apply(guard, &prepared, error, now_us);

    if (!ok) {
        prepared.config = NULL; /* the caller's */
        reload_discard(&prepared);
    }
    return ok;
}
