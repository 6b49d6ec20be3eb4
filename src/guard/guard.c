/* Opening, turning and ending a guard. */
#include "guard/guard.h"

#include "base/time.h"
#include "guard/descriptors.h"
#include "guard/farewell.h"
#include "guard/guard_open.h"
#include "guard/journal_writer.h"
#include "guard/uplink.h"

#include <handfast/stats.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPTURE_FLUSH_US ((int64_t)US_PER_S / 4)
#define DRAIN_LOOK_US \
    ((int64_t)20 * US_PER_MS) /* how often a draining guard looks whether it is done */

int guard_init(struct guard *guard, const struct config *config)
{
    *guard =
        (struct guard){.config = config, .first = config, .tap.fd = -1, .driver_handler.fd = -1};
    if (events_init(&guard->events) != HF_OK)
        return HF_SYSTEM;
    guard->log.events = &guard->events;
    return loop_init(&guard->loop);
}

static void on_driver(struct loop_handler *self, uint32_t events)
{
    (void)events;
    loop_owner(self, struct guard, driver_handler)->driver_ready = true;
}

void guard_set_driver(struct guard *guard, const struct driver *driver, void *self)
{
    guard->driver = driver;
    guard->driver_self = self;
    guard->driver_handler = (struct loop_handler){.fd = driver->descriptor(self), .run = on_driver};
    if (guard->driver_handler.fd >= 0)
        loop_add(&guard->loop, &guard->driver_handler, EPOLLIN);
}

bool guard_adopt_tap(struct guard *guard, int fd, int syn_fd)
{
    char name[16];
    int result;

    uplink_tap_name(&guard->config->uplink, name);
    result = hf_tap_adopt(&guard->tap, name, fd, syn_fd);
    if (result == HF_INVALID) {
        if (fd >= 0)
            close(fd);
        if (syn_fd >= 0)
            close(syn_fd);
    }
    return result == HF_OK;
}

/* A disk that is full or slow costs the capture packets, nobody else. */
static void tell_capture(struct guard *guard, int64_t now_us)
{
    int number;
    uint64_t lost = pcapng_lost(guard->capture, &number);
    struct log_about about = {
        .level = LOG_LEVEL_WARNING,
        .event = "capture-lost",
        .count = lost - guard->capture_lost,
    };

    if (about.count == 0)
        return;
    log_about(&guard->log, now_us, &about,
              "capture: %llu packets are missing in the file, which does not take them: %s",
              (unsigned long long)about.count, number != 0 ? strerror(number) : "it is too slow");
    guard->capture_lost = lost;
}

static void on_capture_timer(struct loop_timer *self, int64_t now_us)
{
    struct guard *guard = loop_owner(self, struct guard, capture_timer);

    pcapng_flush(guard->capture);
    tell_capture(guard, now_us);
    loop_timer_set(&guard->loop, self, now_us + CAPTURE_FLUSH_US);
}

static bool is_any(const struct hf_address *address)
{
    static const struct hf_address any;

    return memcmp(address, &any, sizeof any) == 0;
}

/* Whose listener an alarm is about. */
static const char *service_of(const void *context, const struct hf_endpoint *local)
{
    const struct guard *guard = context;

    for (uint32_t i = 0; i < guard->relays.service_count; i++) {
        const struct service *service = &guard->services[i];

        for (uint32_t j = 0; service->life != SERVICE_FREE && j < SERVICE_LISTENERS_MAX; j++) {
            const struct service_listener *listener = &service->listeners[j];

            if (listener->socket != HF_NO_SUCH_SOCKET && listener->local.port == local->port &&
                (is_any(&listener->local.address) ||
                 memcmp(&listener->local.address, &local->address, sizeof local->address) == 0))
                return service->config->name;
        }
    }
    return NULL;
}

bool guard_start(struct guard *guard, char error[GUARD_ERROR_MAX])
{
    uint32_t limit = guard->config->limits.max_connections;
    uint32_t room = descriptors_raise(limit);

    if (room == 0) {
        snprintf(error, GUARD_ERROR_MAX,
                 "the limit of open files leaves no room for connections; raise it to %u",
                 limit + DESCRIPTORS_RESERVED);
        return false;
    }
    if (room < limit)
        log_say(&guard->log, 0,
                "the limit of open files allows %u connections, not the %u of max_connections",
                room, limit);
    if (!guard_open_stack(guard, error) ||
        !guard_filter_open(&guard->filter, guard->config, guard->stack, &guard->log, error) ||
        !guard_open_keys(guard, error) || !guard_open_services(guard, error) ||
        !guard_open_capture(guard, error))
        return false;
    if (guard->capture != NULL) {
        guard->capture_timer.run = on_capture_timer;
        loop_timer_set(&guard->loop, &guard->capture_timer, hf_os_now_us() + CAPTURE_FLUSH_US);
    }

    guard->relays = (struct relays){
        .stack = guard->stack,
        .loop = &guard->loop,
        .log = &guard->log,
        .services = guard->services,
        .service_count = guard->config->services,
        .from_backend_bytes = (uint32_t)guard->config->limits.send_buffer,
        .to_backend_bytes = (uint32_t)guard->config->limits.receive_buffer,
    };
    if (relays_init(&guard->relays, room) != HF_OK) {
        snprintf(error, GUARD_ERROR_MAX, "no memory for %u connections", room);
        return false;
    }
    guard->alarms.service_of = service_of;
    guard->alarms.context = guard;
    guard->started_at_us = hf_os_now_us();
    return guard_serve_uplink(guard, error);
}

/* ---- a turn ---- */

static void take_frames(struct guard *guard, int64_t now_us)
{
    size_t count;

    if (!guard->driver_ready && guard->driver_handler.fd >= 0)
        return;
    guard->driver_ready = false; /* more is announced again: the loop is level-triggered */
    count = guard->driver->receive(guard->driver_self, guard->frames, GUARD_BATCH);
    if (count == 0)
        return;
    if (guard->capture != NULL)
        pcapng_before_input(guard->capture, guard->frames, count);
    watchers_before_input(guard->watchers, guard->frames, count);
    hf_input(guard->stack, guard->frames, count, now_us);
    if (guard->capture != NULL)
        pcapng_after_input(guard->capture, guard->capture_interface, guard->frames, count, now_us);
    watchers_after_input(guard->watchers, guard->frames, count, now_us);
}

static void tell_relays(struct guard *guard)
{
    struct hf_ready ready[64];
    size_t count;

    do {
        count = hf_take_ready(guard->stack, ready, sizeof ready / sizeof *ready);
        for (size_t i = 0; i < count; i++)
            relays_on_ready(&guard->relays, &ready[i]);
    } while (count == sizeof ready / sizeof *ready);
}

static void give_frames(struct guard *guard, int64_t now_us)
{
    for (;;) {
        size_t slots = guard->driver->slots(guard->driver_self, guard->frames, GUARD_BATCH);
        size_t count = hf_output(guard->stack, guard->frames, slots, now_us);

        if (guard->capture != NULL && count > 0)
            pcapng_output(guard->capture, guard->capture_interface, guard->frames, count, now_us);
        watchers_output(guard->watchers, guard->frames, count, now_us);
        if (count > 0)
            guard->driver->transmit(guard->driver_self, guard->frames, count);
        if (count < slots || slots == 0)
            return;
    }
}

/* Connections of the stack whose FIN or last bytes are still under way. */
static uint32_t unfinished(const struct guard *guard)
{
    struct hf_gauges gauges;
    uint32_t count = 0;

    hf_gauges(guard->stack, &gauges);
    for (unsigned state = HF_STATE_ESTABLISHED; state < HF_STATE_TIME_WAIT; state++)
        if (state != HF_STATE_FIN_WAIT_2) /* only the peer's FIN is missing */
            count += gauges.connections[state];
    return count;
}

static void look_whether_done(struct guard *guard, int64_t now_us)
{
    if (guard->life != GUARD_DRAINING)
        return;
    if (guard->relays.active == 0 && unfinished(guard) == 0) {
        guard->life = GUARD_ENDED;
    } else if (now_us >= guard->drain_until_us) {
        farewell_say(guard, now_us);
        guard->cut = relays_cut(&guard->relays, now_us);
        guard->unfinished = unfinished(guard);
        give_frames(guard, now_us); /* the resets */
        guard->life = GUARD_ENDED;
    }
}

void guard_step(struct guard *guard, int64_t now_us)
{
    guard_filter_turn(&guard->filter, guard->config, guard->stack, now_us);
    take_frames(guard, now_us);
    hf_tick(guard->stack, now_us);
    tell_relays(guard);
    relays_run(&guard->relays, now_us);
    relays_expire(&guard->relays, now_us);
    give_frames(guard, now_us);
    alarms_tell(&guard->alarms, &guard->log, now_us);
    journal_turn(guard->journal, now_us);
    look_whether_done(guard, now_us);
}

void guard_turn(struct guard *guard)
{
    int64_t deadline_us = time_min(hf_next_deadline(guard->stack), relays_deadline(&guard->relays));

    if (guard->life == GUARD_DRAINING)
        deadline_us =
            time_min(deadline_us, time_min(guard->drain_until_us, hf_os_now_us() + DRAIN_LOOK_US));
    loop_step(&guard->loop, deadline_us);
    if (guard->life != GUARD_ENDED)
        guard_step(guard, hf_os_now_us());
}

/* ---- the end ---- */

void guard_drain(struct guard *guard, int64_t now_us)
{
    if (guard->life == GUARD_DRAINING)
        guard->drain_until_us = now_us;
    if (guard->life != GUARD_SERVING)
        return;
    guard->life = GUARD_DRAINING;
    guard->drain_until_us = now_us + ms_to_us(guard->config->drain_timeout_ms);
    tell_relays(guard);
    relays_run(&guard->relays, now_us); /* who has finished his handshake is let in */
    for (uint32_t i = 0; i < guard->relays.service_count; i++)
        service_close(&guard->services[i], guard->stack, now_us);
    uplink_leave(&guard->uplink);
}

void guard_deinit(struct guard *guard)
{
    int64_t now_us = hf_os_now_us();
    uint64_t lost;

    if (guard->relays.slots != NULL)
        relays_deinit(&guard->relays, now_us);
    if (guard->capture != NULL) {
        loop_timer_cancel(&guard->loop, &guard->capture_timer);
        lost = pcapng_close(guard->capture);
        if (lost > 0)
            log_say(&guard->log, now_us,
                    "the capture misses %llu packets that could not be written",
                    (unsigned long long)lost);
    }
    if (guard->driver_handler.fd >= 0)
        loop_remove(&guard->loop, &guard->driver_handler);
    uplink_close(&guard->uplink);
    guard->log.journal = NULL;
    journal_close(guard->journal, hf_os_now_us());
    if (guard->tap.buffers != NULL)
        hf_tap_close(&guard->tap);
    guard_filter_close(&guard->filter, guard->stack);
    guard_keys_close(&guard->keys);
    if (guard->env.memory != NULL)
        hf_os_env_free(&guard->env);
    events_deinit(&guard->events);
    loop_deinit(&guard->loop);
    config_free(guard->reloaded);
    log_close(&guard->log);
}
