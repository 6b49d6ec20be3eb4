/* Connect checks of backends. */
#include "guard/health.h"

#include "base/time.h"
#include "guard/backend.h"
#include "guard/proxy_v2.h"
#include "guard/relay.h"

#include <errno.h>
#include <string.h>

#define NO_VERDICT (-1) /* our own want: no descriptor, no port, a full queue */

void health_init(struct health *health)
{
    *health = (struct health){.probe.fd = -1, .up = true};
}

void health_stop(struct health *health)
{
    if (health->probe.fd < 0)
        return;
    loop_remove(health->relays->loop, &health->probe);
    backend_close(health->probe.fd);
    health->probe.fd = -1;
}

static void on_probe(struct loop_handler *self, uint32_t events)
{
    struct health *health = loop_owner(self, struct health, probe);

    (void)events;
    health->answered = true;
    health->relays->health_at_us = 0;
}

/* ---- what an attempt says ---- */

static void say(struct relays *relays, const struct service *service,
                const struct service_backend *backend, int64_t now_us)
{
    const char *name = service->config->name;
    bool is_up = backend->health.up;
    uint32_t up = service_backends_up(service), all = service->config->backends;
    struct log_about about = {
        .level = is_up ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
        .event = is_up ? "backend-up" : "backend-down",
        .service = name,
        .backend = backend->name,
        .count = up,
    };

    if (is_up)
        log_about(relays->log, now_us, &about, "service %s: backend %s is up; %u of %u are", name,
                  backend->name, up, all);
    else
        log_about(relays->log, now_us, &about,
                  "service %s: backend %s is down: %s; %u of %u are up", name, backend->name,
                  strerror(backend->health.error), up, all);
}

static void decide(struct relays *relays, struct service *service, struct service_backend *backend,
                   int error, int64_t now_us)
{
    struct health *health = &backend->health;
    uint32_t needed = health->up ? service->config->check_fall : service->config->check_rise;
    bool first = !health->known;

    if (error == NO_VERDICT)
        return;
    if (first)
        health->since_us = now_us;
    health->known = true;
    if (error != 0) {
        health->error = error;
        health->silent = error == ETIMEDOUT;
    }
    if ((error == 0) == health->up) {
        health->streak = 0;
        return;
    }
    if (++health->streak < needed && !first)
        return;
    health->up = !health->up;
    health->streak = 0;
    health->since_us = now_us;
    say(relays, service, backend, now_us);
}

/* ---- attempts ---- */

static int verdict_of(enum backend_verdict verdict, int number)
{
    switch (verdict) {
    case BACKEND_CONNECTED: return 0;
    case BACKEND_CONNECTING:
    case BACKEND_BUSY:
    case BACKEND_NO_PORT:
    case BACKEND_STARVED: return NO_VERDICT;
    case BACKEND_FAILED: return number;
    }
    return NO_VERDICT;
}

static void begin(struct relays *relays, struct service *service, struct service_backend *backend,
                  int64_t now_us)
{
    struct health *health = &backend->health;
    int fd;
    enum backend_verdict verdict = backend_open(&backend->config->to, NULL, &fd);
    int number = errno;

    health->relays = relays;
    health->probe = (struct loop_handler){.fd = fd, .run = on_probe};
    health->answered = false;
    health->began_at_us = now_us;
    health->next_at_us = now_us + ms_to_us(service->config->check_timeout_ms);
    if (verdict == BACKEND_CONNECTING &&
        loop_add(relays->loop, &health->probe, EPOLLOUT | EPOLLET) == HF_OK)
        return;
    if (fd >= 0)
        backend_close(fd);
    health->probe.fd = -1;
    health->next_at_us = now_us + ms_to_us(service->config->check_interval_ms);
    decide(relays, service, backend, verdict_of(verdict, number), now_us);
}

static void finish(struct relays *relays, struct service *service, struct service_backend *backend,
                   int64_t now_us)
{
    struct health *health = &backend->health;
    int error = ETIMEDOUT;

    if (health->answered)
        error = backend_error(health->probe.fd, &backend->config->to);
    if (error == 0 && backend->config->client_address == CONFIG_CLIENT_PROXY_V2) {
        uint8_t
            header[PROXY_V2_MAX]; /* a server that waits for it would call its absence an error */
        struct hf_span span = {header, proxy_v2_build_local(header)};

        backend_write(health->probe.fd, &span, 1, span.length);
    }
    health_stop(health);
    health->next_at_us = health->began_at_us + ms_to_us(service->config->check_interval_ms);
    decide(relays, service, backend, error, now_us);
}

/* One backend's turn. Returns when its next one is. */
static int64_t turn(struct relays *relays, struct service *service, struct service_backend *backend,
                    int64_t now_us)
{
    struct health *health = &backend->health;

    if (service->config->check_interval_ms == 0) {
        health_stop(health);
        if (!health->up)
            health_init(health); /* nobody will look again */
        return NEVER_US;
    }
    if (health->probe.fd >= 0 && (health->answered || health->next_at_us <= now_us))
        finish(relays, service, backend, now_us);
    if (health->probe.fd < 0 && health->next_at_us <= now_us)
        begin(relays, service, backend, now_us);
    return health->next_at_us;
}

void health_run(struct relays *relays, int64_t now_us)
{
    if (relays->health_at_us > now_us)
        return;
    int64_t next_us = NEVER_US;

    for (uint32_t i = 0; i < relays->service_count; i++) {
        struct service *service = &relays->services[i];

        if (service->life != SERVICE_OPEN && service->life != SERVICE_DRAINED)
            continue;
        for (uint32_t j = 0; j < SERVICE_BACKENDS_MAX; j++)
            if (service->backends[j].config != NULL)
                next_us = time_min(next_us, turn(relays, service, &service->backends[j], now_us));
    }
    relays->health_at_us = next_us;
}

void health_suspect(struct relays *relays, struct service *service, uint32_t backend,
                    int64_t now_us)
{
    struct health *health = &service->backends[backend].health;
    int64_t pause_us = ms_to_us(service->config->check_interval_ms) / 4;

    if (service->config->check_interval_ms == 0 || service->backends[backend].config == NULL ||
        health->probe.fd >= 0)
        return;
    health->next_at_us =
        time_min(health->next_at_us, time_max(now_us, health->began_at_us + pause_us));
    relays->health_at_us = time_min(relays->health_at_us, health->next_at_us);
}
