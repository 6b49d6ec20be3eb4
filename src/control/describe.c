/* Services, listeners, backends and alarms in words. */
#include "control/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <handfast/os.h>
#include <handfast/stats.h>

#include "base/time.h"
#include "guard/journal_writer.h"
#include "os/clock.h"

const struct service *describe_service_at(const struct guard *guard, uint32_t index)
{
    const struct service *service = &guard->relays.services[index];

    return service->life != SERVICE_FREE && service->config != NULL ? service : NULL;
}

bool describe_knows_service(const struct guard *guard, const char *name)
{
    for (uint32_t i = 0; i < guard->relays.service_count; i++) {
        const struct service *service = describe_service_at(guard, i);

        if (service != NULL && strcmp(service->config->name, name) == 0)
            return true;
    }
    return false;
}

bool describe_listener_at(const struct guard *guard, const struct service *service, uint32_t index,
                          struct hf_status *status)
{
    hf_socket socket = service->listeners[index].socket;

    return socket != HF_NO_SUCH_SOCKET && hf_status(guard->stack, socket, status) == HF_OK;
}

json_t *describe_endpoint(const struct hf_endpoint *endpoint)
{
    char text[HF_ENDPOINT_TEXT_MAX];

    return json_string(hf_endpoint_format(text, endpoint));
}

json_t *describe_prefix(const struct hf_prefix *prefix)
{
    char text[HF_ADDRESS_TEXT_MAX];

    return json_sprintf("%s/%u", hf_address_format(text, &prefix->address), prefix->length);
}

const char *describe_pressure(enum hf_pressure pressure)
{
    switch (pressure) {
    case HF_CALM: return "calm";
    case HF_STRAINED: return "strained";
    case HF_FLOODED: return "flooded";
    }
    return "?";
}

json_t *describe_wall(int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL)
        return json_null();
    return json_sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                        parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                        (int)(wall_us / US_PER_MS % 1000));
}

json_t *describe_instant(int64_t at_us, int64_t now_us)
{
    (void)now_us;
    return describe_wall(at_us + clock_wall_minus_now_us());
}

/* ---- services ---- */

static json_t *describe_listener(const struct hf_status *status, int64_t now_us)
{
    int64_t for_us = now_us - status->pressure_since_us;

    return json_pack(
        "{s:o, s:s, s:I, s:I, s:I, s:I, s:I}", "local", describe_endpoint(&status->local),
        "pressure", describe_pressure(status->pressure), "pressure_for_s",
        (json_int_t)(status->pressure_since_us > 0 ? for_us / US_PER_S : 0), "half_opens",
        (json_int_t)status->half_opens, "accept_queued", (json_int_t)status->accept_queued,
        "backlog", (json_int_t)status->backlog, "cookies_sent", (json_int_t)status->cookies_sent);
}

static json_t *describe_listeners(const struct guard *guard, const struct service *service,
                                  int64_t now_us)
{
    json_t *array = json_array();
    struct hf_status status;

    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++)
        if (describe_listener_at(guard, service, i, &status))
            json_array_append_new(array, describe_listener(&status, now_us));
    return array;
}

static json_t *describe_target(const struct config_target *to)
{
    return to->path[0] != '\0' ? json_sprintf("unix:%s", to->path)
                               : describe_endpoint(&to->endpoint);
}

static const char *client_address(uint32_t how)
{
    switch ((enum config_client_address)how) {
    case CONFIG_CLIENT_NONE: return "none";
    case CONFIG_CLIENT_PROXY_V2: return "proxy-v2";
    case CONFIG_CLIENT_TRANSPARENT: return "transparent";
    }
    return "?";
}

static const char *health_word(const struct service *service, const struct service_backend *backend)
{
    if (backend->config == NULL)
        return "removed";
    if (!backend->health.known)
        return service->config->check_interval_ms == 0 ? "unchecked" : "unknown";
    return backend->health.up ? "up" : "down";
}

static json_t *describe_backend(const struct service *service,
                                const struct service_backend *backend, int64_t now_us)
{
    const struct health *health = &backend->health;
    bool removed = backend->config == NULL;
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name", backend->name, "health",
                  health_word(service, backend), "for_s",
                  (json_int_t)(health->known ? (now_us - health->since_us) / US_PER_S : 0),
                  "active", (json_int_t)backend->active, "connected",
                  (json_int_t)backend->connected, "failed", (json_int_t)backend->failed);

    if (object == NULL || removed)
        return object;
    json_object_set_new(object, "to", describe_target(&backend->config->to));
    json_object_set_new(object, "client_address",
                        json_string(client_address(backend->config->client_address)));
    if (health->known && !health->up)
        json_object_set_new(object, "error",
                            json_string(health->silent ? "no answer" : strerror(health->error)));
    return object;
}

static json_t *describe_backends(const struct service *service, int64_t now_us)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < SERVICE_BACKENDS_MAX; i++)
        if (service->backends[i].name[0] != '\0')
            json_array_append_new(array, describe_backend(service, &service->backends[i], now_us));
    return array;
}

static const char *life_word(enum service_life life)
{
    switch (life) {
    case SERVICE_FREE: return "free";
    case SERVICE_OPEN: return "open";
    case SERVICE_DRAINED: return "drained";
    case SERVICE_REMOVED: return "removed";
    }
    return "?";
}

json_t *describe_service(const struct guard *guard, const struct service *service, int64_t now_us)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:I, s:o, s:o}", "name", service->config->name, "life",
        life_word(service->life), "active", (json_int_t)service->active, "max_connections",
        (json_int_t)service->config->max_connections, "listeners",
        describe_listeners(guard, service, now_us), "backends", describe_backends(service, now_us));

#define ROW(name, meaning) \
    json_object_set_new(object, #name, json_integer((json_int_t)service->count.name));
    SERVICE_COUNTERS(ROW)
#undef ROW
    return object;
}

/* ---- alarms ---- */

__attribute__((format(printf, 2, 3))) static void alarm_say(json_t *alarms, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    json_array_append_new(alarms, json_vsprintf(format, arguments));
    va_end(arguments);
}

static void listener_alarms(json_t *alarms, const struct service *service,
                            const struct hf_status *status, int64_t now_us)
{
    char local[HF_ENDPOINT_TEXT_MAX];

    hf_endpoint_format(local, &status->local);
    if (status->pressure != HF_CALM)
        alarm_say(alarms,
                  "service %s: %s is %s for %" PRId64 " s: %u half-opens, %" PRIu64
                  " SYNs answered by cookies since it listens",
                  service->config->name, local, describe_pressure(status->pressure),
                  (now_us - status->pressure_since_us) / US_PER_S, status->half_opens,
                  status->cookies_sent);
    if (status->accept_queued >= status->backlog && status->backlog > 0)
        alarm_say(alarms, "service %s: %s: the accept queue is full: %u connections wait",
                  service->config->name, local, status->accept_queued);
}

static void backend_alarms(json_t *alarms, const struct service *service, int64_t now_us)
{
    uint32_t up = service_backends_up(service), down = service->config->backends - up;

    if (down > 0 && up == 0)
        alarm_say(alarms, "service %s: no backend is up: clients are reset", service->config->name);
    for (uint32_t i = 0; i < SERVICE_BACKENDS_MAX && up > 0; i++) {
        const struct service_backend *backend = &service->backends[i];

        if (backend->config != NULL && backend->health.known && !backend->health.up)
            alarm_say(alarms, "service %s: backend %s is down for %" PRId64 " s: %s",
                      service->config->name, backend->name,
                      (now_us - backend->health.since_us) / US_PER_S,
                      backend->health.silent ? "no answer" : strerror(backend->health.error));
    }
}

static void service_alarms(json_t *alarms, const struct guard *guard, const struct service *service,
                           int64_t now_us)
{
    struct hf_status status;

    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++)
        if (describe_listener_at(guard, service, i, &status))
            listener_alarms(alarms, service, &status, now_us);
    if (service->life == SERVICE_REMOVED)
        return;
    if (service->life == SERVICE_DRAINED)
        alarm_say(alarms, "service %s is drained: it takes no new connections until resume",
                  service->config->name);
    backend_alarms(alarms, service, now_us);
    if (service->ports.since_us != 0)
        alarm_say(alarms,
                  "service %s: no source address has a port left for a backend: clients wait",
                  service->config->name);
    if (service->active >= service->config->max_connections)
        alarm_say(alarms, "service %s: all %u connections of max_connections are in use",
                  service->config->name, service->config->max_connections);
}

json_t *describe_alarms(const struct guard *guard, int64_t now_us)
{
    json_t *alarms = json_array();
    struct hf_gauges gauges;
    struct journal_count journal;
    char trouble[UPLINK_ERROR_MAX];

    hf_gauges(guard->stack, &gauges);
    journal_counts(guard->journal, &journal);
    if (uplink_trouble(&guard->uplink, trouble) != NULL)
        alarm_say(alarms, "%s", trouble);
    if (guard->filter.blocks.told_error != 0)
        alarm_say(alarms, "blocks cannot be kept in %s, a restart forgets them: %s",
                  guard->filter.blocks.path, strerror(guard->filter.blocks.told_error));
    if (log_lost(&guard->log) > 0)
        alarm_say(alarms,
                  "%" PRIu64
                  " lines of the log were lost since the start: it hung, was full or was "
                  "not there; events has the latest 1024",
                  log_lost(&guard->log));
    if (journal.error != 0)
        alarm_say(alarms, "the journal cannot be written: %s", strerror(journal.error));
    if (guard->life == GUARD_DRAINING)
        alarm_say(alarms, "the guard is ending: no new connections, %u are left",
                  guard->relays.active);
    if (guard->relays.descriptors.since_us != 0)
        alarm_say(alarms,
                  "no descriptors or memory are left for connections to backends: clients wait");
    if (guard->relays.active >= guard->relays.limit)
        alarm_say(alarms, "all %u connections are in use: others wait", guard->relays.limit);
    if (gauges.pool_used_bytes / 9 >= gauges.pool_bytes / 10)
        alarm_say(alarms, "buffer_memory: %" PRIu64 " of %" PRIu64 " bytes are in use",
                  gauges.pool_used_bytes, gauges.pool_bytes);
    for (uint32_t i = 0; i < guard->relays.service_count; i++) {
        const struct service *service = describe_service_at(guard, i);

        if (service != NULL)
            service_alarms(alarms, guard, service, now_us);
    }
    return alarms;
}
