/* What must be true of all relays between two turns: every count is the length of a walk, every list has whom it should, and
 * no descriptor, client or place is anybody's twice. For tests: it looks at everything. */
#include "guard/relay_life.h"

#include "base/time.h"

#include <string.h>

struct walk {
    uint32_t active, waiting, running, open;
};

static bool is_taken(const struct relay *relay)
{
    return relay->state != RELAY_FREE;
}

/* ---- one relay ---- */

static const char *check_relay(const struct relays *relays, const struct relay *relay)
{
    bool has_backend = relay->server != RELAY_NO_BACKEND;
    struct hf_status status;

    if ((relay->state == RELAY_WAITING) == has_backend)
        return "a relay has a backend unless it waits for what we lack";
    if (has_backend != (relay->backend.fd >= 0))
        return "a relay holds a descriptor while it has a backend, and only then";
    if (relay->state == RELAY_WAITING && !list_is_linked(&relay->run_link))
        return "a relay that waits is tried again";
    if (!list_is_linked(&relay->timer_link) || !list_is_linked(&relay->age_link))
        return "a relay has its timers";
    if (relay->born_at_us > relay->moved_at_us)
        return "a relay moves after it began";
    if (relay->state != RELAY_OPEN && relay->bytes_in + relay->bytes_out > 0)
        return "bytes move through open relays";
    if (relay->header_sent > relay->header_length)
        return "a header is sent once";
    if (relay->service < relays->services ||
        relay->service >= relays->services + relays->service_count ||
        relay->service->life == SERVICE_FREE)
        return "a relay has a service";
    if (relay->prefix >= relays->prefixes.unused)
        return "a relay is counted for its prefix";
    if (hf_status(relays->stack, relay->client, &status) != HF_OK)
        return "a relay holds its client's connection";
    return NULL;
}

static const char *check_apart(const struct relays *relays, const struct relay *relay)
{
    for (const struct relay *other = relays->slots; other < relay; other++) {
        if (!is_taken(other))
            continue;
        if (other->client == relay->client)
            return "a client belongs to one relay";
        if (other->id == relay->id)
            return "a number is given once";
        if (relay->backend.fd >= 0 && other->backend.fd == relay->backend.fd)
            return "a backend's socket belongs to one relay";
    }
    return NULL;
}

/* ---- one service ---- */

static const char *check_backends(const struct relays *relays, const struct service *service)
{
    uint32_t active[SERVICE_BACKENDS_MAX] = {0};

    for (uint32_t i = 0; i < relays->unused; i++) {
        const struct relay *relay = &relays->slots[i];

        if (is_taken(relay) && relay->service == service && relay->server < SERVICE_BACKENDS_MAX)
            active[relay->server]++;
    }
    for (uint32_t i = 0; i < SERVICE_BACKENDS_MAX; i++) {
        const struct service_backend *backend = &service->backends[i];

        if (backend->active != active[i])
            return "a backend's count is that of its relays";
        if ((backend->name[0] != '\0') != (backend->config != NULL || active[i] > 0))
            return "a backend has a name while somebody needs it";
        if (backend->config != NULL && strcmp(backend->config->name, backend->name) != 0)
            return "a backend has the name of its configuration";
        if (i < SERVICE_BACKEND_FORGOTTEN && backend->config == NULL && backend->name[0] != '\0' &&
            backend->health.probe.fd >= 0)
            return "a backend that is gone is not checked";
    }
    return NULL;
}

/* Oldest first, or a timeout would come late. */
static const char *check_order(const struct relays *relays, const struct list *list, bool by_age)
{
    int64_t before_us = INT64_MIN;
    uint32_t count = 0;

    for (uint32_t slot = list->first; slot != SLOT_NONE; count++) {
        const struct relay *relay = &relays->slots[slot];
        int64_t at_us = by_age ? relay->born_at_us : relay->moved_at_us;

        if (at_us < before_us)
            return "a list of timers is in the order of time";
        before_us = at_us;
        slot = by_age ? relay->age_link.next : relay->timer_link.next;
    }
    return count == list->count ? NULL : "a list has as many as it counts";
}

static uint64_t ends_of(const struct service_counters *count)
{
    return count->closed + count->client_reset + count->backend_reset + count->backend_refused +
           count->no_backend + count->connect_timed_out + count->idle_timed_out +
           count->total_timed_out + count->killed + count->cut;
}

static const char *check_service(const struct relays *relays, const struct service *service)
{
    uint64_t in = 0, out = 0;
    struct walk walk = {0};
    const char *untrue;

    if (service->life == SERVICE_FREE)
        return service->active == 0 ? NULL : "a service that is gone has no relays";
    for (uint32_t i = 0; i < relays->unused; i++) {
        const struct relay *relay = &relays->slots[i];

        if (!is_taken(relay) || relay->service != service)
            continue;
        walk.active++;
        walk.open += relay->state == RELAY_OPEN;
        in += relay->bytes_in;
        out += relay->bytes_out;
    }
    if (service->active != walk.active || service->ages.count != walk.active)
        return "a service's count is that of its relays";
    if (service->idle.count != walk.open || service->connecting.count != walk.active - walk.open)
        return "open relays are timed as such, others as others";
    if (service->count.bytes_in < in || service->count.bytes_out < out)
        return "a service has moved what its relays have";
    if (service->count.accepted !=
        service->active + service->count.prefix_refused + ends_of(&service->count))
        return "whoever was accepted is there or has ended, once";
    if (service->life == SERVICE_REMOVED && service->active == 0)
        return "a service that was removed goes with its last relay";
    untrue = check_order(relays, &service->idle, false);
    if (untrue == NULL)
        untrue = check_order(relays, &service->connecting, false);
    if (untrue == NULL)
        untrue = check_order(relays, &service->ages, true);
    return untrue != NULL ? untrue : check_backends(relays, service);
}

/* ---- all of it ---- */

static const char *check_prefixes(const struct relays *relays)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < relays->unused; i++) {
        const struct relay *relay = &relays->slots[i];
        const struct prefix_entry *entry;

        if (!is_taken(relay))
            continue;
        entry = &relays->prefixes.entries[relay->prefix];
        if (entry->count == 0 || entry->service != (uint16_t)(relay->service - relays->services))
            return "a relay is counted for its prefix, at its service";
    }
    for (uint32_t i = 0; i < relays->prefixes.unused; i++)
        sum += relays->prefixes.entries[i].count;
    return sum == relays->active ? NULL : "prefixes count every relay once";
}

static const char *check_wants(const struct relays *relays)
{
    bool wanting = relays->descriptors.now;

    for (uint32_t i = 0; i < relays->service_count; i++)
        wanting |= relays->services[i].ports.now;
    if (wanting && relays_deadline(relays) == NEVER_US)
        return "what we lack is asked for again";
    return NULL;
}

static const char *check_counts(const struct relays *relays, const struct walk *walk)
{
    uint32_t active = 0;

    for (uint32_t i = 0; i < relays->service_count; i++)
        active += relays->services[i].active;
    if (relays->active != walk->active || relays->active != active)
        return "the count of relays is that of all services";
    if (relays->active + relays->free_list.count != relays->unused)
        return "a slot is taken or free";
    if (relays->retry_list.count != walk->waiting || relays->run_list.count != walk->running)
        return "who waits is on the list of those that wait, who may run on that of those that run";
    return NULL;
}

const char *relays_check(const struct relays *relays)
{
    struct walk walk = {0};
    const char *untrue = NULL;

    for (uint32_t i = 0; i < relays->unused && untrue == NULL; i++) {
        const struct relay *relay = &relays->slots[i];

        if (!is_taken(relay))
            continue;
        walk.active++;
        walk.waiting += relay->state == RELAY_WAITING;
        walk.running += relay->state != RELAY_WAITING && list_is_linked(&relay->run_link);
        untrue = check_relay(relays, relay);
        if (untrue == NULL)
            untrue = check_apart(relays, relay);
    }
    if (untrue == NULL)
        untrue = check_counts(relays, &walk);
    for (uint32_t i = 0; i < relays->service_count && untrue == NULL; i++)
        untrue = check_service(relays, &relays->services[i]);
    if (untrue == NULL)
        untrue = check_prefixes(relays);
    return untrue != NULL ? untrue : check_wants(relays);
}
