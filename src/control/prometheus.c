/* The Prometheus page: counters of the stack, gauges, and what services, listeners and backends count. */
#include "control/prometheus.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/os.h>
#include <handfast/stats.h>

#include "base/time.h"
#include "control/describe.h"

struct page {
    char *text;
    size_t length, capacity;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct page *page, const char *format, ...)
{
    va_list arguments;

    for (int round = 0; round < 2 && !page->failed; round++) {
        size_t room = page->capacity - page->length;

        va_start(arguments, format);
        int length = vsnprintf(page->text + page->length, room, format, arguments);
        va_end(arguments);
        if (length >= 0 && (size_t)length < room) {
            page->length += (size_t)length;
            return;
        }
        size_t capacity = 2 * page->capacity + (size_t)(length > 0 ? length : 0) + 1;
        char *larger = realloc(page->text, capacity);

        page->failed = larger == NULL || length < 0;
        if (larger != NULL) {
            page->text = larger;
            page->capacity = capacity;
        }
    }
}

static void head(struct page *page, const char *name, const char *type, const char *help)
{
    add(page, "# HELP handfast_%s %s\n# TYPE handfast_%s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and newline escaped. */
static const char *escaped(char to[2 * CONFIG_PATH_MAX + 1], const char *text)
{
    size_t at = 0;

    for (; *text != '\0' && at + 2 <= 2 * CONFIG_PATH_MAX; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            to[at++] = '\\';
        to[at++] = *text == '\n' ? 'n' : *text;
    }
    to[at] = '\0';
    return to;
}

/* ---- the stack ---- */

static void counter(struct page *page, const char *name, const char *unit, const char *meaning,
                    uint64_t value)
{
    add(page,
        "# HELP handfast_%s_total %s (%s)\n# TYPE handfast_%s_total counter\n"
        "handfast_%s_total %" PRIu64 "\n",
        name, meaning, unit, name, name, value);
}

static void stack_counters(struct page *page, const struct hf_stats *stats)
{
#define ROW(name, unit, meaning)        \
    if (HF_STAT_##name != HF_STAT_none) \
        counter(page, #name, unit, meaning, stats->name);
    HF_STATS(ROW)
#undef ROW
}

static void gauge(struct page *page, const char *name, const char *help, double value)
{
    head(page, name, "gauge", help);
    add(page, "handfast_%s %.15g\n", name, value);
}

static void stack_gauges(struct page *page, const struct hf_stack *stack)
{
    struct hf_gauges g;

    hf_gauges(stack, &g);
    head(page, "connections", "gauge",
         "connections by state; half-opens are SYN-RECEIVED, TIME-WAIT are records");
    for (unsigned state = 0; state < HF_STATES; state++)
        add(page, "handfast_connections{state=\"%s\"} %u\n", hf_state_text((enum hf_state)state),
            g.connections[state]);
    gauge(page, "connections_used", "connections that hold a slot", g.connections_used);
    gauge(page, "connections_limit", "slots for connections", g.max_connections);
    gauge(page, "half_opens", "handshakes under way that hold memory", g.half_opens);
    gauge(page, "half_opens_limit", "places in the SYN cache", g.max_half_opens);
    gauge(page, "time_wait_records", "records of TIME-WAIT and of used cookies", g.time_waits);
    gauge(page, "time_wait_records_limit", "places for such records", g.max_time_waits);
    gauge(page, "listeners", "addresses and ports that listen", g.listeners);
    gauge(page, "neighbors", "link addresses known", g.neighbors);
    gauge(page, "reassemblies", "datagrams being put together", g.reassemblies);
    gauge(page, "pool_used_bytes", "memory of all queues in use", (double)g.pool_used_bytes);
    gauge(page, "pool_bytes", "memory for all queues", (double)g.pool_bytes);
    gauge(page, "stack_memory_bytes", "memory of the stack, pool included", (double)g.memory_bytes);
}

/* ---- services ---- */

/* One that was removed may have a successor of the same name: a label set must be there once. */
static const struct service *configured_at(const struct guard *guard, uint32_t index)
{
    const struct service *service = describe_service_at(guard, index);

    return service != NULL && service->life != SERVICE_REMOVED ? service : NULL;
}

#define EACH_SERVICE(guard, service)                                                      \
    for (uint32_t i_ = 0; i_ < (guard)->relays.service_count; i_++)                       \
        for (const struct service *service = configured_at((guard), i_); service != NULL; \
             service = NULL)

static void service_gauge(struct page *page, const struct guard *guard, const char *name,
                          const char *help, size_t offset)
{
    char label[2 * CONFIG_PATH_MAX + 1];

    head(page, name, "gauge", help);
    EACH_SERVICE(guard, service)
    {
        uint32_t value;

        memcpy(&value, (const char *)service + offset, sizeof value);
        add(page, "handfast_%s{service=\"%s\"} %u\n", name, escaped(label, service->config->name),
            value);
    }
}

static void service_counter(struct page *page, const struct guard *guard, const char *name,
                            const char *meaning, size_t offset)
{
    char label[2 * CONFIG_PATH_MAX + 1];

    add(page, "# HELP handfast_service_%s_total %s\n# TYPE handfast_service_%s_total counter\n",
        name, meaning, name);
    EACH_SERVICE(guard, service)
    {
        uint64_t value;

        memcpy(&value, (const char *)&service->count + offset, sizeof value);
        add(page, "handfast_service_%s_total{service=\"%s\"} %" PRIu64 "\n", name,
            escaped(label, service->config->name), value);
    }
}

static void services(struct page *page, const struct guard *guard)
{
    char label[2 * CONFIG_PATH_MAX + 1];

    service_gauge(page, guard, "service_active", "connections relayed now",
                  offsetof(struct service, active));
    head(page, "service_connections_limit", "gauge", "max_connections of the service");
    EACH_SERVICE(guard, service)
    {
        add(page, "handfast_service_connections_limit{service=\"%s\"} %u\n",
            escaped(label, service->config->name), service->config->max_connections);
    }
#define ROW(name, meaning) \
    service_counter(page, guard, #name, meaning, offsetof(struct service_counters, name));
    SERVICE_COUNTERS(ROW)
#undef ROW
}

/* ---- listeners ---- */

enum listener_row { LISTENER_PRESSURE, LISTENER_HALF_OPENS, LISTENER_QUEUED, LISTENER_COOKIES };

static uint64_t listener_value(const struct hf_status *status, enum listener_row row)
{
    switch (row) {
    case LISTENER_PRESSURE: return status->pressure;
    case LISTENER_HALF_OPENS: return status->half_opens;
    case LISTENER_QUEUED: return status->accept_queued;
    case LISTENER_COOKIES: return status->cookies_sent;
    }
    return 0;
}

static void listener_metric(struct page *page, const struct guard *guard, const char *name,
                            enum listener_row row)
{
    char label[2 * CONFIG_PATH_MAX + 1], local[HF_ENDPOINT_TEXT_MAX];
    struct hf_status status;

    EACH_SERVICE(guard, service)
    {
        for (uint32_t j = 0; j < SERVICE_LISTENERS_MAX; j++)
            if (describe_listener_at(guard, service, j, &status))
                add(page, "handfast_%s{service=\"%s\",listener=\"%s\"} %" PRIu64 "\n", name,
                    escaped(label, service->config->name), hf_endpoint_format(local, &status.local),
                    listener_value(&status, row));
    }
}

static void listeners(struct page *page, const struct guard *guard)
{
    head(page, "listener_pressure", "gauge", "0 calm, 1 strained, 2 flooded");
    listener_metric(page, guard, "listener_pressure", LISTENER_PRESSURE);
    head(page, "listener_half_opens", "gauge", "handshakes under way that hold memory");
    listener_metric(page, guard, "listener_half_opens", LISTENER_HALF_OPENS);
    head(page, "listener_accept_queued", "gauge", "connections that wait for a relay");
    listener_metric(page, guard, "listener_accept_queued", LISTENER_QUEUED);
    head(page, "listener_cookies_sent_total", "counter", "SYNs answered without keeping anything");
    listener_metric(page, guard, "listener_cookies_sent_total", LISTENER_COOKIES);
}

/* ---- backends ---- */

enum backend_row { BACKEND_ROW_UP, BACKEND_ROW_ACTIVE, BACKEND_ROW_CONNECTED, BACKEND_ROW_FAILED };

static uint64_t backend_value(const struct service_backend *backend, enum backend_row row)
{
    switch (row) {
    case BACKEND_ROW_UP: return backend->health.up;
    case BACKEND_ROW_ACTIVE: return backend->active;
    case BACKEND_ROW_CONNECTED: return backend->connected;
    case BACKEND_ROW_FAILED: return backend->failed;
    }
    return 0;
}

static void backend_metric(struct page *page, const struct guard *guard, const char *name,
                           enum backend_row row)
{
    char service_label[2 * CONFIG_PATH_MAX + 1], label[2 * CONFIG_PATH_MAX + 1];

    EACH_SERVICE(guard, service)
    {
        for (uint32_t j = 0; j < SERVICE_BACKENDS_MAX; j++)
            if (service->backends[j].config != NULL)
                add(page, "handfast_%s{service=\"%s\",backend=\"%s\"} %" PRIu64 "\n", name,
                    escaped(service_label, service->config->name),
                    escaped(label, service->backends[j].name),
                    backend_value(&service->backends[j], row));
    }
}

static void backends(struct page *page, const struct guard *guard)
{
    head(page, "backend_up", "gauge", "1 while checks find it up, or none was decided yet");
    backend_metric(page, guard, "backend_up", BACKEND_ROW_UP);
    head(page, "backend_active", "gauge", "connections that use it or try to");
    backend_metric(page, guard, "backend_active", BACKEND_ROW_ACTIVE);
    head(page, "backend_connected_total", "counter", "connections to it that were made");
    backend_metric(page, guard, "backend_connected_total", BACKEND_ROW_CONNECTED);
    head(page, "backend_failed_total", "counter", "attempts to connect to it that failed");
    backend_metric(page, guard, "backend_failed_total", BACKEND_ROW_FAILED);
}

/* ---- the guard itself ---- */

static void process(struct page *page, const struct guard *guard, int64_t now_us)
{
    char trouble[UPLINK_ERROR_MAX];
    double wall_s = (double)(guard->started_at_us + guard->env.wall_minus_now_us) / US_PER_S;

    head(page, "build_info", "gauge", "1, with the version as a label");
    add(page, "handfast_build_info{version=\"%s\"} 1\n", HF_VERSION);
    gauge(page, "start_time_seconds", "when the guard was ready to serve, seconds since 1970",
          wall_s);
    gauge(page, "uptime_seconds", "how long it has served",
          (double)(now_us - guard->started_at_us) / US_PER_S);
    gauge(page, "draining", "1 while the guard ends: no new connections",
          guard->life != GUARD_SERVING);
    gauge(page, "relays_active", "connections relayed now", guard->relays.active);
    gauge(page, "relays_limit", "connections that may be relayed at once", guard->relays.limit);
    gauge(page, "blocks", "prefixes that an operator has shut out",
          (double)guard->filter.blocks.count);
    gauge(page, "uplink_up", "0 while the uplink is down or was removed: nobody can be served",
          uplink_trouble(&guard->uplink, trouble) == NULL);
    counter(page, "uplink_frames_received", "frames", "frames read from the interface",
            guard->tap.received);
    counter(page, "uplink_frames_transmitted", "frames", "frames given to the interface",
            guard->tap.transmitted);
    counter(page, "uplink_frames_dropped", "frames", "frames that the interface did not take",
            guard->tap.dropped);
    counter(page, "uplink_errors", "errors", "errors of the interface", guard->tap.errors);
    counter(page, "events_told", "events", "facts kept for handfast events", guard->events.last);
    counter(page, "events_lost", "events", "alarms that came faster than they could be told",
            guard->alarms.sink.dropped);
    counter(page, "log_lines_lost", "lines", "lines that the log's destination did not take",
            log_lost(&guard->log));
}

char *prometheus_text(const struct guard *guard, int64_t now_us)
{
    struct page page = {.text = malloc(65536), .capacity = 65536};

    page.failed = page.text == NULL;
    process(&page, guard, now_us);
    stack_counters(&page, hf_stats(guard->stack));
    stack_gauges(&page, guard->stack);
    services(&page, guard);
    listeners(&page, guard);
    backends(&page, guard);
    if (!page.failed)
        return page.text;
    free(page.text);
    return NULL;
}

char *prometheus_page(void *context)
{
    return prometheus_text(context, hf_os_now_us());
}
