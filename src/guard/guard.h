/* A guard in operation: a driver, a stack of its own behind it, and relays to the servers that it stands before.
 *
 * One thread, one loop. A turn: sleep until something is ready; give the stack the frames that came and the time; tell
 * the relays what became ready; let them move bytes; send what the stack has to send. Everything that a flood could ask
 * for is allocated at the start and bounded by the configuration.
 */
#ifndef HF_GUARD_GUARD_H
#define HF_GUARD_GUARD_H

#include "driver/driver.h"
#include "driver/pcapng.h"
#include "guard/alarm.h"
#include "guard/config.h"
#include "guard/guard_filter.h"
#include "guard/guard_keys.h"
#include "guard/events.h"
#include "guard/log.h"
#include "guard/relay.h"
#include "guard/service.h"
#include "guard/uplink.h"
#include "guard/watcher.h"
#include "os/loop.h"

#include <handfast/os.h>

#define GUARD_BATCH HF_TAP_BATCH
#define GUARD_ERROR_MAX 512

enum guard_life {
    GUARD_SERVING,
    GUARD_DRAINING, /* accepts no more, lets connections finish */
    GUARD_ENDED,
};

struct guard {
    const struct config *config; /* in force: the caller's, or ... */
    struct config *reloaded;     /* ... ours, NULL before the first reload */
    const struct config *first;  /* of the start, which made room for what it says */
    struct loop loop;
    struct log log;
    struct events events;
    int64_t started_at_us; /* when it was ready to serve */
    enum guard_life life;
    int64_t drain_until_us;
    uint32_t cut,
        unfinished; /* at the end: relays reset; connections whose last bytes were not acknowledged */

    const struct driver *driver;
    void *driver_self;
    struct loop_handler driver_handler; /* fd -1: the driver has nothing to sleep on */
    bool driver_ready;
    struct uplink uplink; /* config NULL: the driver is another */
    struct hf_tap tap;    /* fd -1: the driver is another */
    uint32_t tap_changes; /* how often its descriptors became others */

    struct alarms alarms;
    struct hf_env env;
    struct hf_stack *stack; /* NULL: not started */
    struct service services[CONFIG_SERVICES_MAX];
    struct relays relays;
    struct guard_filter filter;
    struct guard_keys keys;
    struct pcapng *capture;  /* or NULL */
    struct journal *journal; /* or NULL */
    unsigned capture_interface;
    uint64_t capture_lost; /* packets, as last told */
    struct loop_timer capture_timer;
    struct guard_watcher *watchers;
    struct hf_frame frames[GUARD_BATCH];
};

/* The loop and the log, for what else runs beside it (signals, the control socket). HF_OK or HF_SYSTEM. */
int guard_init(struct guard *guard, const struct config *config);

/* Opens the TAP interface and sets up the kernel's end of it. False: `error` is one line that says why. */
bool guard_open_tap(struct guard *guard, char error[GUARD_ERROR_MAX]);

/* Takes over the descriptors of the TAP from the process before this one, instead of opening it: to be called before
 * guard_open_tap. False: they are not of this configuration's interface, and were closed. */
bool guard_adopt_tap(struct guard *guard, int fd, int syn_fd);

/* Or takes another driver, whose self the caller keeps. */
void guard_set_driver(struct guard *guard, const struct driver *driver, void *self);

/* Makes the stack, listens, opens the capture. False: `error` is one line that says why. */
bool guard_start(struct guard *guard, char error[GUARD_ERROR_MAX]);

/* One turn; without the sleep for a caller with a clock of his own, who then runs the loop himself. */
void guard_turn(struct guard *guard);
void guard_step(struct guard *guard, int64_t now_us);

/* No new connections; those that are there get drain_timeout, or none if it is called again. */
void guard_drain(struct guard *guard, int64_t now_us);

/* Gives everything back, in any state after guard_init. */
void guard_deinit(struct guard *guard);

/* "web: 203.0.113.10:443 -> 127.0.0.1:8080 (proxy-v2); ..." */
void guard_describe(const struct config *config, char *text, size_t capacity);

#endif
