/* Relays get their backend: one in turn, from an address in turn, another one if it fails. */
#include "guard/relay_life.h"

#include "base/must.h"
#include "base/time.h"
#include "guard/backend.h"
#include "guard/balance.h"
#include "guard/source.h"

#include <errno.h>
#include <string.h>

static struct service_backend *server_of(const struct relay *relay)
{
    return &relay->service->backends[relay->server];
}

static struct log_about about_backend(const struct relay *relay, enum log_level level,
                                      const char *event)
{
    return (struct log_about){
        .level = level,
        .event = event,
        .service = relay->service->config->name,
        .backend = server_of(relay)->name,
    };
}

/* ---- one attempt ---- */

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
    relay_wake(relay);
}

static enum backend_verdict open_from(const struct relay *relay, struct backend_source source,
                                      int *fd)
{
    source.receive_bytes = relay->relays->from_backend_bytes;
    source.send_bytes = relay->relays->to_backend_bytes;
    return backend_open(&server_of(relay)->config->to, &source, fd);
}

/* From the addresses of ours, in turn while one has no port left. */
static enum backend_verdict open_from_ours(const struct relay *relay, int *fd)
{
    struct service_backend *server = server_of(relay);
    enum backend_verdict verdict = BACKEND_NO_PORT;
    uint32_t tries = source_count(server->config);
    uint32_t attempt = 0;

    if (tries > SOURCE_TRIES)
        tries = SOURCE_TRIES;
    for (; attempt < tries; attempt++) {
        verdict = open_from(relay, source_choose(server, attempt), fd);
        if (verdict != BACKEND_NO_PORT)
            break;
    }
    int number = errno;

    source_used(server, attempt);
    errno = number;
    return verdict;
}

/* From the client's address; from another port of his if his own is in use towards this backend. */
static enum backend_verdict open_from_client(const struct relay *relay,
                                             const struct hf_endpoint *client, int *fd)
{
    enum backend_verdict verdict = open_from(relay, source_transparent(client, true), fd);

    return verdict == BACKEND_NO_PORT ? open_from(relay, source_transparent(client, false), fd)
                                      : verdict;
}

static bool can_be_transparent(const struct relay *relay, int64_t now_us)
{
    const struct config_backend *config = server_of(relay)->config;

    if (config->client_address != CONFIG_CLIENT_TRANSPARENT || config->to.path[0] != '\0')
        return false;
    if (hf_address_is_v4(&config->to.endpoint.address) == relay->client_is_v4)
        return true;
    struct log_about about = about_backend(relay, LOG_LEVEL_WARNING, "not-transparent");

    log_about(relay->relays->log, now_us, &about,
              "service %s: backend %s sees clients of IPv%d as this host, as its own address is of "
              "the other family; a second backend with an IPv%d address would see them",
              about.service, about.backend, relay->client_is_v4 ? 4 : 6,
              relay->client_is_v4 ? 4 : 6);
    return false;
}

static enum backend_verdict open_socket(struct relay *relay, int *fd, int64_t now_us)
{
    struct service_backend *server = server_of(relay);
    bool transparent = can_be_transparent(relay, now_us);
    struct hf_status status;

    relay->header_length = relay->header_sent = 0;
    if (!transparent && server->config->client_address != CONFIG_CLIENT_PROXY_V2)
        return open_from_ours(relay, fd);
    if (hf_status(relay->relays->stack, relay->client, &status) != HF_OK) {
        *fd = -1;
        errno = ENOTCONN;
        return BACKEND_FAILED;
    }
    if (transparent)
        return open_from_client(relay, &status.remote, fd);
    relay->header_length = (uint8_t)proxy_v2_build(relay->header, &status.remote, &status.local);
    return open_from_ours(relay, fd);
}

static enum backend_verdict watch(struct relay *relay, enum backend_verdict verdict, int fd)
{
    relay->backend = (struct loop_handler){.fd = fd, .run = on_backend};
    relay->readable = relay->writable = relay->finishing = false;
    relay->broken = relay->lost = false;
    relay->client_done = relay->backend_done = false;
    if (fd < 0 || loop_add(relay->relays->loop, &relay->backend,
                           EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == HF_OK)
        return verdict;
    relay->error = errno;
    backend_close(fd);
    relay->backend.fd = -1;
    return BACKEND_STARVED;
}

/* ---- what comes of it ---- */

static void open_now(struct relay *relay, int64_t now_us)
{
    server_of(relay)->connected++;
    relay_enter(relay, RELAY_OPEN, now_us);
    relay->writable = true;
    relay_wake(relay);
}

/* Something that we lack: nobody is accepted who would need it. Said when it begins. */
static void lack(struct relay *relay, struct want *want, int64_t now_us)
{
    want->now = true;
    if (want->since_us != 0)
        return;
    want->since_us = now_us;
    struct log_about about = about_backend(relay, LOG_LEVEL_WARNING, "exhausted");

    log_about(relay->relays->log, now_us, &about,
              "service %s: no connection to backend %s can be opened: %s; clients wait until "
              "others end",
              about.service, about.backend, strerror(relay->error));
}

static void over(struct relays *relays, struct want *want, int64_t now_us)
{
    if (want->now || want->since_us == 0)
        return;
    struct log_about about = {
        .event = "exhausted-over",
        .duration_ms = (uint64_t)((now_us - want->since_us) / US_PER_MS),
    };

    log_about(relays->log, now_us, &about,
              "connections to backends can be opened again, after %llu ms",
              (unsigned long long)about.duration_ms);
    want->since_us = 0;
}

/* A socket could be had while nobody waits for one. */
static void lack_no_more(const struct relay *relay, int64_t now_us)
{
    struct relays *relays = relay->relays;

    if (relays->retry_list.count > 0)
        return;
    over(relays, &relays->descriptors, now_us);
    over(relays, &relay->service->ports, now_us);
}

/* Neither the backend's fault nor the client's: it waits until connect_timeout. */
static void wait(struct relay *relay, enum backend_verdict verdict, int64_t now_us)
{
    struct relays *relays = relay->relays;

    if (verdict == BACKEND_STARVED)
        lack(relay, &relays->descriptors, now_us);
    else if (verdict == BACKEND_NO_PORT)
        lack(relay, &relay->service->ports, now_us);
    relay_leave_backend(relay, false);
    relay_rest(relay);
    if (relays->retry_list.count == 0)
        relays->retry_at_us = now_us + RELAY_RETRY_US;
    relay->state = RELAY_WAITING; /* the time of this attempt goes on */
    list_append(&relays->retry_list, relay_run_links(relays), relay_slot(relay));
}

static void no_backend(struct relay *relay, int64_t now_us)
{
    struct log_about about = {
        .level = LOG_LEVEL_WARNING, .event = "no-backend", .service = relay->service->config->name};

    log_about(relay->relays->log, now_us, &about,
              "service %s: no backend is up: a client was reset", about.service);
    relay_end(relay, RELAY_NO_BACKEND_UP, now_us);
}

/* With relay->server chosen. True: it is decided what comes next; false: the attempt failed, errno says why. */
static bool attempt(struct relay *relay, int64_t now_us)
{
    int fd;
    enum backend_verdict verdict = open_socket(relay, &fd, now_us);

    relay->error = errno;
    verdict = watch(relay, verdict, fd);
    if (relay->backend.fd >= 0)
        lack_no_more(relay, now_us);
    switch (verdict) {
    case BACKEND_CONNECTED: open_now(relay, now_us); return true;
    case BACKEND_CONNECTING: return true; /* on_backend wakes it */
    case BACKEND_BUSY:
    case BACKEND_NO_PORT:
    case BACKEND_STARVED: wait(relay, verdict, now_us); return true;
    case BACKEND_FAILED: return false;
    }
    never();
}

/* Another one may still be tried. */
static bool has_another(const struct relay *relay)
{
    return relay->attempts <= relay->service->config->connect_retries &&
           balance_pick(relay->service, relay->tried, relay->client_is_v4) != BALANCE_NONE;
}

static void say_failed(const struct relay *relay, int number, bool again, int64_t now_us)
{
    struct log_about about = about_backend(relay, LOG_LEVEL_WARNING, "backend-failed");
    const char *then = again ? "; trying another" : "";

    if (number == ETIMEDOUT)
        log_about(relay->relays->log, now_us, &about, "service %s: backend %s does not answer%s",
                  about.service, about.backend, then);
    else
        log_about(relay->relays->log, now_us, &about,
                  "service %s: backend %s cannot be reached: %s%s", about.service, about.backend,
                  strerror(number), then);
}

/* Books a failure. True: another backend may be tried; false: the relay has ended. */
static bool book_failure(struct relay *relay, enum relay_end how, int number, int64_t now_us)
{
    struct service *service = relay->service;
    uint32_t server = relay->server;

    service->backends[server].failed++;
    health_suspect(relay->relays, service, server, now_us);
    relay->tried |= UINT32_C(1) << server;
    relay->attempts++;

    bool again = has_another(relay);

    say_failed(relay, number, again, now_us);
    if (again) {
        relay_leave_backend(relay, false);
        service->count.retried++;
        return true;
    }
    relay_end(relay, how, now_us);
    return false;
}

void relay_connect(struct relay *relay, int64_t now_us)
{
    struct service *service = relay->service;

    do {
        uint32_t server = balance_pick(service, relay->tried, relay->client_is_v4);

        if (server == BALANCE_NONE) {
            no_backend(relay, now_us);
            return;
        }
        service->next_backend = server + 1;
        relay->server = (uint8_t)server;
        service->backends[server].active++;
        if (attempt(relay, now_us))
            return;
    } while (book_failure(relay, RELAY_REFUSED, relay->error, now_us));
}

void relay_attempt_failed(struct relay *relay, enum relay_end how, int number, int64_t now_us)
{
    if (!book_failure(relay, how, number, now_us))
        return;
    relay_enter(relay, RELAY_CONNECTING, now_us);
    relay_connect(relay, now_us);
}

void relay_connecting(struct relay *relay, int64_t now_us)
{
    if (relay_client_lost(relay)) {
        relay_end(relay, RELAY_CLIENT_RESET, now_us);
        return;
    }
    if (!relay->writable && !relay->broken)
        return; /* it was the client that woke us */
    const struct config_backend *config = server_of(relay)->config; /* NULL: it vanished */
    int number = backend_error(relay->backend.fd, config != NULL ? &config->to : NULL);

    if (number != 0)
        relay_attempt_failed(relay, RELAY_REFUSED, number, now_us);
    else
        open_now(relay, now_us);
}

/* ---- those that wait ---- */

static void retry(struct relay *relay, int64_t now_us)
{
    struct relays *relays = relay->relays;

    if (relay_client_lost(relay)) {
        list_append(&relays->retry_list, relay_run_links(relays), relay_slot(relay));
        relay_end(relay, RELAY_CLIENT_RESET, now_us);
    } else if (relays->descriptors.now || relay->service->ports.now) {
        list_append(&relays->retry_list, relay_run_links(relays), relay_slot(relay));
    } else {
        relay->state = RELAY_CONNECTING;
        relay_connect(relay, now_us);
    }
}

bool relay_retry_is_wanted(const struct relays *relays)
{
    bool wanted = relays->retry_list.count > 0 || relays->descriptors.now;

    for (uint32_t i = 0; i < relays->service_count && !wanted; i++)
        wanted = relays->services[i].ports.now;
    return wanted;
}

/* With nobody left who waits, nothing is known of what was lacking: whoever is accepted next finds out. */
void relay_retry_all(struct relays *relays, int64_t now_us)
{
    bool somebody = relays->retry_list.count > 0;

    relays->retry_at_us = now_us + RELAY_RETRY_US;
    relays->descriptors.now = false;
    for (uint32_t i = 0; i < relays->service_count; i++)
        relays->services[i].ports.now = false;
    for (uint32_t left = relays->retry_list.count; left > 0 && relays->retry_list.count > 0; left--)
        retry(&relays->slots[list_take(&relays->retry_list, relay_run_links(relays))], now_us);

    relays->accepting = true;
    if (!somebody)
        return;
    over(relays, &relays->descriptors, now_us);
    for (uint32_t i = 0; i < relays->service_count; i++)
        over(relays, &relays->services[i].ports, now_us);
}

bool relay_may_move(const struct relay *relay, int64_t now_us)
{
    int64_t timeout_us = ms_to_us(relay->service->config->connect_timeout_ms);

    return relay->bytes_in == 0 && relay->bytes_out == 0 && !relay->backend_done &&
           now_us - relay->moved_at_us < timeout_us;
}
