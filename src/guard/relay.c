/* The life of relays: accept, connect, end, time out. What moves the bytes is in relay_pump.c. */
#include "guard/relay.h"

#include "base/must.h"
#include "base/time.h"
#include "guard/backend.h"
#include "guard/relay_pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOUCH_US 100000 /* the idle list is kept in order no finer than this */

static struct list_links run_links(const struct relays *relays)
{
    return (struct list_links){(uint8_t *)relays->slots + offsetof(struct relay, run_link),
                               sizeof(struct relay)};
}

static struct list_links timer_links(const struct relays *relays)
{
    return (struct list_links){(uint8_t *)relays->slots + offsetof(struct relay, timer_link),
                               sizeof(struct relay)};
}

static uint32_t slot_of(const struct relay *relay)
{
    return (uint32_t)(relay - relay->relays->slots);
}

int relays_init(struct relays *relays, uint32_t limit)
{
    relays->slots = calloc(limit, sizeof *relays->slots);
    if (relays->slots == NULL)
        return HF_NO_MEMORY;
    relays->limit = limit;
    relays->active = relays->unused = 0;
    relays->accepting = false;
    list_init(&relays->free_list);
    list_init(&relays->run_list);
    list_init(&relays->retry_list);
    return HF_OK;
}

void relays_deinit(struct relays *relays, int64_t now_us)
{
    if (relays->slots != NULL)
        relays_cut(relays, now_us);
    free(relays->slots);
    relays->slots = NULL;
}

/* ---- slots ---- */

static struct relay *take_slot(struct relays *relays)
{
    uint32_t slot;

    if (relays->free_list.count > 0)
        slot = list_take(&relays->free_list, run_links(relays));
    else if (relays->unused < relays->limit)
        slot = relays->unused++;
    else
        return NULL;

    struct relay *relay = &relays->slots[slot];
    *relay = (struct relay){.backend.fd = -1, .relays = relays};
    list_link_init(&relay->run_link);
    list_link_init(&relay->timer_link);
    relays->active++;
    return relay;
}

static struct list *timer_list(const struct relay *relay)
{
    return relay->state == RELAY_OPEN ? &relay->service->idle : &relay->service->connecting;
}

static void timer_stop(struct relay *relay)
{
    if (list_is_linked(&relay->timer_link))
        list_remove(timer_list(relay), timer_links(relay->relays), slot_of(relay));
}

static void timer_start(struct relay *relay, int64_t now_us)
{
    relay->moved_at_us = now_us;
    list_append(timer_list(relay), timer_links(relay->relays), slot_of(relay));
}

static void run_stop(struct relay *relay)
{
    struct relays *relays = relay->relays;

    if (list_is_linked(&relay->run_link))
        list_remove(relay->state == RELAY_RETRYING ? &relays->retry_list : &relays->run_list,
                    run_links(relays), slot_of(relay));
}

static void wake(struct relay *relay)
{
    if (!list_is_linked(&relay->run_link)) /* one that retries is woken by time */
        list_append(&relay->relays->run_list, run_links(relay->relays), slot_of(relay));
}

/* ---- the end ---- */

static void count_end(struct service_counters *count, enum relay_end end)
{
    switch (end) {
    case RELAY_CLOSED: count->closed++; return;
    case RELAY_CLIENT_RESET: count->client_reset++; return;
    case RELAY_BACKEND_RESET: count->backend_reset++; return;
    case RELAY_REFUSED: count->backend_refused++; return;
    case RELAY_CONNECT_TIMEOUT: count->connect_timed_out++; return;
    case RELAY_IDLE_TIMEOUT: count->idle_timed_out++; return;
    case RELAY_CUT: count->cut++; return;
    case RELAY_GOES_ON: break;
    }
    never();
}

static void end(struct relay *relay, enum relay_end how, int64_t now_us)
{
    struct relays *relays = relay->relays;
    struct service *service = relay->service;

    timer_stop(relay);
    run_stop(relay);
    if (how == RELAY_CLOSED)
        hf_close(relays->stack, relay->client, now_us);
    else
        hf_abort(relays->stack, relay->client, now_us);
    if (relay->backend.fd >= 0) {
        loop_remove(relays->loop, &relay->backend);
        if (how == RELAY_CLOSED)
            backend_close(relay->backend.fd);
        else
            backend_reset(relay->backend.fd);
        relay->backend.fd = -1;
    }
    relay->state = RELAY_FREE;
    list_append(&relays->free_list, run_links(relays), slot_of(relay));
    relays->active--;
    service->active--;
    relays->accepting = true; /* what waited for a slot may come in */
    count_end(&service->count, how);
}

uint32_t relays_cut(struct relays *relays, int64_t now_us)
{
    uint32_t count = relays->active;

    for (uint32_t i = 0; i < relays->unused; i++)
        if (relays->slots[i].state != RELAY_FREE)
            end(&relays->slots[i], RELAY_CUT, now_us);
    return count;
}

/* ---- connecting ---- */

static void on_backend(struct loop_handler *self, uint32_t events)
{
    struct relay *relay = loop_owner(self, struct relay, backend);

    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
        relay->readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP))
        relay->finishing = true;
    if (events & (EPOLLOUT | EPOLLHUP))
        relay->writable = true;
    if (events & EPOLLERR)
        relay->broken = true;
    wake(relay);
}

static void refuse(struct relay *relay, int number, int64_t now_us)
{
    const struct config_service *config = relay->service->config;

    log_say(relay->relays->log, now_us, "service %s: backend %s cannot be reached: %s",
            config->name, config->backend.name, strerror(number));
    end(relay, RELAY_REFUSED, now_us);
}

static void open_now(struct relay *relay, int64_t now_us)
{
    timer_stop(relay);
    relay->state = RELAY_OPEN;
    relay->writable = true;
    timer_start(relay, now_us);
    wake(relay);
}

static void connect_backend(struct relay *relay, int64_t now_us)
{
    int fd;
    enum backend_verdict verdict = backend_open(&relay->service->config->backend.to, &fd);

    relay->backend = (struct loop_handler){.fd = fd, .run = on_backend};
    if (fd >= 0 && loop_add(relay->relays->loop, &relay->backend,
                            EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) != HF_OK) {
        backend_close(fd);
        relay->backend.fd = -1;
        verdict = BACKEND_FAILED;
    }
    switch (verdict) {
    case BACKEND_CONNECTED: open_now(relay, now_us); return;
    case BACKEND_CONNECTING: return; /* on_backend wakes it */
    case BACKEND_BUSY:
        relay->state = RELAY_RETRYING;
        list_append(&relay->relays->retry_list, run_links(relay->relays), slot_of(relay));
        return;
    case BACKEND_FAILED: refuse(relay, errno, now_us); return;
    }
}

/* A client is gone or not while its backend is not there yet; its bytes wait in the stack. */
static bool client_lost(const struct relay *relay)
{
    struct hf_status status;

    return hf_status(relay->relays->stack, relay->client, &status) != HF_OK ||
           status.error != HF_OK;
}

static void run_connecting(struct relay *relay, int64_t now_us)
{
    if (client_lost(relay)) {
        end(relay, RELAY_CLIENT_RESET, now_us);
        return;
    }
    if (!relay->writable && !relay->broken)
        return; /* it was the client that woke us */
    int number = backend_error(relay->backend.fd);
    if (number != 0)
        refuse(relay, number, now_us);
    else
        open_now(relay, now_us);
}

static void retry_all(struct relays *relays, int64_t now_us)
{
    for (uint32_t left = relays->retry_list.count; left > 0; left--) {
        struct relay *relay = &relays->slots[list_take(&relays->retry_list, run_links(relays))];

        relay->state = RELAY_CONNECTING;
        if (client_lost(relay))
            end(relay, RELAY_CLIENT_RESET, now_us);
        else
            connect_backend(relay, now_us);
    }
}

/* ---- accepting ---- */

static void begin(struct relays *relays, struct service *service, hf_socket client, int64_t now_us)
{
    struct relay *relay = take_slot(relays);
    struct hf_status status;

    must(relay != NULL);
    relay->service = service;
    relay->client = client;
    relay->state = RELAY_CONNECTING;
    service->active++;
    service->count.accepted++;
    hf_set_user(relays->stack, client, slot_of(relay));
    timer_start(relay, now_us);

    if (service->config->backend.client_address == CONFIG_CLIENT_PROXY_V2 &&
        hf_status(relays->stack, client, &status) == HF_OK)
        relay->header_length =
            (uint8_t)proxy_v2_build(relay->header, &status.remote, &status.local);
    connect_backend(relay, now_us);
}

/* True: this listener may have more, and there is room for them. */
static bool accept_from(struct relays *relays, struct service *service, uint32_t listener,
                        int64_t now_us)
{
    for (uint32_t taken = 0; taken < RELAY_ACCEPTS_PER_TURN; taken++) {
        hf_socket client;

        if (relays->active == relays->limit || service->active >= service->config->max_connections)
            return false; /* end() comes back to it */
        if (hf_accept(relays->stack, service->listeners[listener], &client) != HF_OK) {
            service->acceptable[listener] = false;
            return false;
        }
        begin(relays, service, client, now_us);
    }
    return true;
}

static void accept_all(struct relays *relays, int64_t now_us)
{
    bool more = false;

    relays->accepting = false;
    for (uint32_t i = 0; i < relays->service_count; i++)
        for (uint32_t j = 0; j < relays->services[i].config->listen.count; j++)
            if (relays->services[i].acceptable[j])
                more |= accept_from(relays, &relays->services[i], j, now_us);
    relays->accepting |= more;
}

/* ---- readiness, turns, timeouts ---- */

void relays_on_ready(struct relays *relays, const struct hf_ready *ready)
{
    uint64_t user = ready->user & ~SERVICE_USER;

    if (ready->user & SERVICE_USER) {
        must(user >> 8 < relays->service_count && (user & 0xff) < CONFIG_LIST_MAX);
        relays->services[user >> 8].acceptable[user & 0xff] = true;
        relays->accepting = true;
        return;
    }
    if (user >= relays->unused || relays->slots[user].state == RELAY_FREE ||
        relays->slots[user].client != ready->socket)
        return; /* of one that has ended meanwhile */
    relays->slots[user].ended |= (ready->what & HF_ENDED) != 0;
    wake(&relays->slots[user]);
}

static void run_open(struct relay *relay, int64_t now_us)
{
    bool moved = false, more = false;
    enum relay_end how = relay_pump(relay, now_us, &moved, &more);

    if (how != RELAY_GOES_ON) {
        end(relay, how, now_us);
        return;
    }
    if (moved && now_us - relay->moved_at_us >= TOUCH_US) {
        timer_stop(relay);
        timer_start(relay, now_us);
    }
    if (more)
        wake(relay);
}

void relays_run(struct relays *relays, int64_t now_us)
{
    if (relays->accepting)
        accept_all(relays, now_us);
    for (uint32_t left = relays->run_list.count; left > 0 && relays->run_list.count > 0; left--) {
        struct relay *relay = &relays->slots[list_take(&relays->run_list, run_links(relays))];

        if (relay->state == RELAY_OPEN)
            run_open(relay, now_us);
        else
            run_connecting(relay, now_us);
    }
}

/* The oldest of a list, if its time has come. */
static struct relay *late(const struct relays *relays, const struct list *list, int64_t limit_us,
                          int64_t now_us)
{
    struct relay *relay = list->count > 0 ? &relays->slots[list->first] : NULL;

    return relay != NULL && relay->moved_at_us + limit_us <= now_us ? relay : NULL;
}

void relays_expire(struct relays *relays, int64_t now_us)
{
    struct relay *relay;

    for (uint32_t i = 0; i < relays->service_count; i++) {
        struct service *service = &relays->services[i];
        const struct config_service *config = service->config;

        while ((relay = late(relays, &service->connecting, ms_to_us(config->connect_timeout_ms),
                             now_us)) != NULL) {
            log_say(relays->log, now_us, "service %s: backend %s does not answer", config->name,
                    config->backend.name);
            end(relay, RELAY_CONNECT_TIMEOUT, now_us);
        }
        while ((relay = late(relays, &service->idle, ms_to_us(config->idle_timeout_ms), now_us)) !=
               NULL)
            end(relay, RELAY_IDLE_TIMEOUT, now_us);
    }
    if (relays->retry_list.count > 0 && relays->retry_at_us <= now_us) {
        relays->retry_at_us = now_us + RELAY_RETRY_US;
        retry_all(relays, now_us);
    }
}

static int64_t deadline_of(const struct relays *relays, const struct list *list,
                           uint32_t timeout_ms)
{
    return list->count > 0 ? relays->slots[list->first].moved_at_us + ms_to_us(timeout_ms)
                           : NEVER_US;
}

int64_t relays_deadline(const struct relays *relays)
{
    int64_t deadline_us = relays->retry_list.count > 0 ? relays->retry_at_us : NEVER_US;

    if (relays->run_list.count > 0 || relays->accepting)
        return 0;
    for (uint32_t i = 0; i < relays->service_count; i++) {
        const struct service *service = &relays->services[i];

        deadline_us = time_min(deadline_us, deadline_of(relays, &service->connecting,
                                                        service->config->connect_timeout_ms));
        deadline_us = time_min(
            deadline_us, deadline_of(relays, &service->idle, service->config->idle_timeout_ms));
    }
    return deadline_us;
}
