/* The life of relays: slots, turns, timeouts, the end. How they begin is in relay_accept.c and relay_connect.c, what moves
 * the bytes in relay_pump.c. */
#include "guard/relay_life.h"

#include "base/must.h"
#include "base/time.h"
#include "guard/backend.h"
#include "guard/journal_facts.h"

#include <handfast/os.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOUCH_US 100000 /* the idle list is kept no finer: some end so much later */

static struct list_links timer_links(const struct relays *relays)
{
    return (struct list_links){(uint8_t *)relays->slots + offsetof(struct relay, timer_link),
                               sizeof(struct relay)};
}

static struct list_links age_links(const struct relays *relays)
{
    return (struct list_links){(uint8_t *)relays->slots + offsetof(struct relay, age_link),
                               sizeof(struct relay)};
}

int relays_init(struct relays *relays, uint32_t limit)
{
    int result = prefix_count_init(&relays->prefixes, limit);

    if (result != HF_OK)
        return result;
    relays->slots = calloc(limit, sizeof *relays->slots);
    if (relays->slots == NULL) {
        prefix_count_deinit(&relays->prefixes);
        return HF_NO_MEMORY;
    }
    relays->limit = relays->slot_count = limit;
    relays->active = relays->unused = 0;
    relays->accepting = false;
    relays->health_at_us = 0;
    relays->now_us = hf_os_now_us();
    relays->descriptors = (struct want){0};
    list_init(&relays->free_list);
    list_init(&relays->run_list);
    list_init(&relays->retry_list);
    return HF_OK;
}

void relays_set_limit(struct relays *relays, uint32_t limit)
{
    relays->limit = limit < relays->slot_count ? limit : relays->slot_count;
    relays->accepting = true; /* it may be higher than before */
}

void relays_deinit(struct relays *relays, int64_t now_us)
{
    if (relays->slots == NULL)
        return;
    relays_cut(relays, now_us);
    for (uint32_t i = 0; i < relays->service_count; i++)
        for (uint32_t j = 0; j < SERVICE_BACKENDS_MAX; j++)
            if (relays->services[i].backends[j].config != NULL)
                health_stop(&relays->services[i].backends[j].health);
    prefix_count_deinit(&relays->prefixes);
    free(relays->slots);
    relays->slots = NULL;
}

/* ---- slots and timers ---- */

static struct list *timer_list(const struct relay *relay)
{
    return relay->state == RELAY_OPEN ? &relay->service->idle : &relay->service->connecting;
}

static void timer_stop(struct relay *relay)
{
    list_remove(timer_list(relay), timer_links(relay->relays), relay_slot(relay));
}

static void timer_start(struct relay *relay, int64_t now_us)
{
    relay->moved_at_us = now_us;
    list_append(timer_list(relay), timer_links(relay->relays), relay_slot(relay));
}

struct relay *relay_take(struct relays *relays, struct service *service, hf_socket client,
                         int64_t now_us)
{
    uint32_t slot = relays->free_list.count > 0
                        ? list_take(&relays->free_list, relay_run_links(relays))
                        : relays->unused++;
    struct relay *relay = &relays->slots[slot];

    must(slot < relays->slot_count);
    *relay = (struct relay){
        .backend.fd = -1,
        .relays = relays,
        .service = service,
        .client = client,
        .id = ++relays->next_id,
        .born_at_us = now_us,
        .state = RELAY_CONNECTING,
        .server = RELAY_NO_BACKEND,
    };
    list_link_init(&relay->run_link);
    list_link_init(&relay->timer_link);
    list_link_init(&relay->age_link);
    list_append(&service->ages, age_links(relays), slot);
    timer_start(relay, now_us);
    relays->active++;
    service->active++;
    hf_set_user(relays->stack, client, slot);
    return relay;
}

void relay_enter(struct relay *relay, enum relay_state state, int64_t now_us)
{
    timer_stop(relay);
    relay->state = state;
    timer_start(relay, now_us);
}

void relay_rest(struct relay *relay)
{
    struct relays *relays = relay->relays;

    if (list_is_linked(&relay->run_link))
        list_remove(relay->state == RELAY_WAITING ? &relays->retry_list : &relays->run_list,
                    relay_run_links(relays), relay_slot(relay));
}

void relay_wake(struct relay *relay)
{
    if (!list_is_linked(&relay->run_link)) /* one that waits is woken by time */
        list_append(&relay->relays->run_list, relay_run_links(relay->relays), relay_slot(relay));
}

/* ---- the end ---- */

static void count_end(struct service_counters *count, enum relay_end end)
{
    switch (end) {
    case RELAY_CLOSED: count->closed++; return;
    case RELAY_CLIENT_RESET: count->client_reset++; return;
    case RELAY_BACKEND_RESET: count->backend_reset++; return;
    case RELAY_REFUSED: count->backend_refused++; return;
    case RELAY_NO_BACKEND_UP: count->no_backend++; return;
    case RELAY_CONNECT_TIMEOUT: count->connect_timed_out++; return;
    case RELAY_IDLE_TIMEOUT: count->idle_timed_out++; return;
    case RELAY_TOTAL_TIMEOUT: count->total_timed_out++; return;
    case RELAY_KILLED: count->killed++; return;
    case RELAY_CUT: count->cut++; return;
    case RELAY_GOES_ON: break;
    }
    never();
}

void relay_leave_backend(struct relay *relay, bool reset)
{
    if (relay->backend.fd >= 0) {
        loop_remove(relay->relays->loop, &relay->backend);
        if (reset)
            backend_reset(relay->backend.fd);
        else
            backend_close(relay->backend.fd);
        relay->backend.fd = -1;
    }
    if (relay->server != RELAY_NO_BACKEND)
        service_leave_backend(&relay->service->backends[relay->server]);
    relay->server = RELAY_NO_BACKEND;
}

void relay_end(struct relay *relay, enum relay_end how, int64_t now_us)
{
    struct relays *relays = relay->relays;
    struct service *service = relay->service;

    if (relays->log != NULL && relays->log->journal != NULL)
        journal_relay_end(relays->log->journal, relay, how, now_us);
    timer_stop(relay);
    relay_rest(relay);
    list_remove(&service->ages, age_links(relays), relay_slot(relay));
    if (how == RELAY_CLOSED)
        hf_close(relays->stack, relay->client, now_us);
    else
        hf_abort(relays->stack, relay->client, now_us);
    relay_leave_backend(relay, how != RELAY_CLOSED);
    prefix_count_remove(&relays->prefixes, relay->prefix);
    relay->state = RELAY_FREE;
    list_append(&relays->free_list, relay_run_links(relays), relay_slot(relay));
    relays->active--;
    service->active--;
    relays->accepting = true; /* what waited for a slot may come in */
    count_end(&service->count, how);
    if (service->life == SERVICE_REMOVED && service->active == 0)
        service_release(service);
}

uint32_t relays_cut(struct relays *relays, int64_t now_us)
{
    uint32_t count = relays->active;

    for (uint32_t i = 0; i < relays->unused; i++)
        if (relays->slots[i].state != RELAY_FREE)
            relay_end(&relays->slots[i], RELAY_CUT, now_us);
    return count;
}

void relays_cut_service(struct relays *relays, const struct service *service, int64_t now_us)
{
    for (uint32_t i = 0; i < relays->unused; i++)
        if (relays->slots[i].state != RELAY_FREE && relays->slots[i].service == service)
            relay_end(&relays->slots[i], RELAY_CUT, now_us);
}

bool relay_client_lost(const struct relay *relay)
{
    struct hf_status status;

    return hf_status(relay->relays->stack, relay->client, &status) != HF_OK ||
           status.error != HF_OK;
}

/* ---- readiness, turns, timeouts ---- */

static void on_listener(struct relays *relays, uint64_t user, hf_socket socket)
{
    must(user >> 8 < CONFIG_SERVICES_MAX && (user & 0xff) < SERVICE_LISTENERS_MAX);
    struct service_listener *listener = &relays->services[user >> 8].listeners[user & 0xff];

    if (listener->socket != socket)
        return; /* it was closed meanwhile */
    listener->acceptable = relays->services[user >> 8].acceptable = true;
    relays->accepting = true;
}

void relays_on_ready(struct relays *relays, const struct hf_ready *ready)
{
    uint64_t user = ready->user & ~SERVICE_USER;

    if (ready->user & SERVICE_USER) {
        on_listener(relays, user, ready->socket);
        return;
    }
    if (user >= relays->unused || relays->slots[user].state == RELAY_FREE ||
        relays->slots[user].client != ready->socket)
        return; /* of one that has ended meanwhile */
    relays->slots[user].ended |= (ready->what & HF_ENDED) != 0;
    relay_wake(&relays->slots[user]);
}

static void run_open(struct relay *relay, int64_t now_us)
{
    bool moved = false, more = false;
    enum relay_end how = relay_pump(relay, now_us, &moved, &more);

    if (how == RELAY_BACKEND_RESET && relay_may_move(relay, now_us)) {
        relay_attempt_failed(relay, how, ECONNRESET, now_us);
        return;
    }
    if (how != RELAY_GOES_ON) {
        relay_end(relay, how, now_us);
        return;
    }
    if (moved && now_us - relay->moved_at_us >= TOUCH_US)
        relay_enter(relay, RELAY_OPEN, now_us);
    if (more)
        relay_wake(relay);
}

void relays_run(struct relays *relays, int64_t now_us)
{
    relays->now_us = now_us;
    if (relays->accepting)
        relay_accept_all(relays, now_us);
    for (uint32_t left = relays->run_list.count; left > 0 && relays->run_list.count > 0; left--) {
        struct relay *relay = &relays->slots[list_take(&relays->run_list, relay_run_links(relays))];

        if (relay->state == RELAY_OPEN)
            run_open(relay, now_us);
        else
            relay_connecting(relay, now_us);
    }
}

/* ---- timeouts ---- */

static struct relay *first_of(const struct relays *relays, const struct list *list)
{
    return list->count > 0 ? &relays->slots[list->first] : NULL;
}

static void connect_timed_out(struct relay *relay, int64_t now_us)
{
    if (relay->state == RELAY_CONNECTING) {
        relay_attempt_failed(relay, RELAY_CONNECT_TIMEOUT, ETIMEDOUT, now_us);
        return;
    }
    log_about(relay->relays->log, now_us,
              &(struct log_about){.level = LOG_LEVEL_WARNING,
                                  .event = "connect-timeout",
                                  .service = relay->service->config->name},
              "service %s: a client was reset after connect_timeout in vain: %s",
              relay->service->config->name, strerror(relay->error));
    relay_end(relay, RELAY_CONNECT_TIMEOUT, now_us);
}

/* The instants at which the oldest of each list is over. */
static int64_t connect_deadline(const struct relays *relays, const struct service *service)
{
    const struct relay *oldest = first_of(relays, &service->connecting);

    return oldest ? oldest->moved_at_us + ms_to_us(service->config->connect_timeout_ms) : NEVER_US;
}

static int64_t idle_deadline(const struct relays *relays, const struct service *service)
{
    const struct relay *oldest = first_of(relays, &service->idle);

    return oldest ? oldest->moved_at_us + TOUCH_US + ms_to_us(service->config->idle_timeout_ms)
                  : NEVER_US;
}

static int64_t total_deadline(const struct relays *relays, const struct service *service)
{
    const struct relay *oldest = first_of(relays, &service->ages);

    return oldest && service->config->total_timeout_ms > 0
               ? oldest->born_at_us + ms_to_us(service->config->total_timeout_ms)
               : NEVER_US;
}

/* A service whose last relay ends here may be gone at once: its life is asked again each time. */
static void expire(struct relays *relays, struct service *service, int64_t now_us)
{
    while (service->life != SERVICE_FREE && connect_deadline(relays, service) <= now_us)
        connect_timed_out(first_of(relays, &service->connecting), now_us);
    while (service->life != SERVICE_FREE && idle_deadline(relays, service) <= now_us)
        relay_end(first_of(relays, &service->idle), RELAY_IDLE_TIMEOUT, now_us);
    while (service->life != SERVICE_FREE && total_deadline(relays, service) <= now_us)
        relay_end(first_of(relays, &service->ages), RELAY_TOTAL_TIMEOUT, now_us);
}

void relays_expire(struct relays *relays, int64_t now_us)
{
    for (uint32_t i = 0; i < relays->service_count; i++)
        expire(relays, &relays->services[i], now_us);
    if (relays->retry_at_us <= now_us && relay_retry_is_wanted(relays))
        relay_retry_all(relays, now_us);
    health_run(relays, now_us);
}

int64_t relays_deadline(const struct relays *relays)
{
    int64_t deadline_us = relays->health_at_us;

    if (relays->run_list.count > 0 || relays->accepting)
        return 0;
    if (relay_retry_is_wanted(relays))
        deadline_us = time_min(deadline_us, relays->retry_at_us);
    for (uint32_t i = 0; i < relays->service_count; i++) {
        const struct service *service = &relays->services[i];

        if (service->active == 0)
            continue;
        deadline_us = time_min(deadline_us, connect_deadline(relays, service));
        deadline_us = time_min(deadline_us, idle_deadline(relays, service));
        deadline_us = time_min(deadline_us, total_deadline(relays, service));
    }
    return deadline_us;
}
