/* The life of the daemon.
 *
 * Everything that needs a privilege or may wait is done before the first packet: names are resolved, descriptors opened, and
 * then root is given up, threads for the log and the capture begin, and a filter of system calls closes the door. From then
 * on there is one loop, and nothing in it waits but the loop itself: that is what the supervisor's watchdog watches.
 *
 * Backends are not asked at the start: a service whose backend comes later is served from the moment it does.
 *
 * The descriptors of the TAP are given to the supervisor to keep. Whatever happens to this process, the interface with its
 * addresses stays until the next one takes it over, so nobody else can answer for them meanwhile. What is lost with a process
 * are the connections it held, and nothing else.
 */
#include "app/serve.h"

#include "base/time.h"
#include "control/command_top.h"
#include "control/commands.h"
#include "control/http.h"
#include "control/prometheus.h"
#include "control/server.h"
#include "guard/guard.h"
#include "guard/journal_writer.h"
#include "guard/memory_cap.h"
#include "guard/notify.h"
#include "guard/privilege.h"
#include "guard/reload.h"
#include "guard/sandbox.h"
#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SYSCALLS_AT_START("rt_sigaction openat fcntl");

#define HOUSEKEEPING_US ((int64_t)US_PER_S)
#define STATUS_EVERY 10                 /* housekeepings */
#define STOP_SLACK_US UINT64_C(5000000) /* to end when everything is drained */
#define KEPT_TAP "tap"
#define KEPT_SYNS "tap-syns"

_Static_assert((int)LOG_AUTO == (int)CONFIG_LOG_AUTO &&
                   (int)LOG_JOURNALD == (int)CONFIG_LOG_JOURNALD &&
                   (int)LOG_JSON == (int)CONFIG_LOG_JSON && (int)LOG_TEXT == (int)CONFIG_LOG_TEXT,
               "the key's words are the log's forms");

_Static_assert((int)SANDBOX_KILL == (int)CONFIG_SANDBOX_KILL &&
                   (int)SANDBOX_LOG == (int)CONFIG_SANDBOX_LOG,
               "the key's words are the sandbox's modes");

struct daemon {
    struct guard guard;
    const char *file;
    struct notify notify;
    struct control_server *control;
    struct command_top *top;
    struct http_server *metrics;
    struct loop_timer housekeeping;
    int64_t housekeeping_us; /* often enough for the watchdog */
    uint32_t housekeepings;
    uint32_t kept_changes; /* guard.tap_changes when the supervisor was given the interface */
    struct command_reload reload;
};

/* ---- opening ---- */

/* Whoever started us without them must not find an interface where stderr was. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return;
}

static bool open_control(struct daemon *daemon)
{
    const char *path = daemon->guard.config->control;
    int error;

    if (path[0] == '\0')
        return true;
    error = control_server_open(&daemon->control, &daemon->guard.loop, path);
    if (error == HF_ADDRESS_IN_USE)
        app_fail("guard",
                 "control \"%s\": a guard is running there already; accepted is a path of its own",
                 path);
    else if (error == HF_SYSTEM && errno == EADDRINUSE)
        app_fail("guard",
                 "control \"%s\": something is there that is no socket, or may not be asked; "
                 "accepted is a path where nothing is",
                 path);
    else if (error != HF_OK)
        app_fail("guard", "control \"%s\": %s", path,
                 error == HF_SYSTEM ? strerror(errno) : hf_error_text(error));
    return error == HF_OK;
}

static bool open_metrics(struct daemon *daemon)
{
    const struct hf_endpoint *at = &daemon->guard.config->metrics;
    char text[HF_ENDPOINT_TEXT_MAX];
    int error;

    if (at->port == 0)
        return true;
    error = http_open(&daemon->metrics, &daemon->guard.loop, at, prometheus_page, &daemon->guard);
    if (error != HF_OK)
        app_fail("guard", "metrics \"%s\": %s", hf_endpoint_format(text, at),
                 error == HF_SYSTEM ? strerror(errno) : hf_error_text(error));
    return error == HF_OK;
}

/* What a supervisor kept for us; one that fits no more is forgotten. */
static void take_interface(struct daemon *daemon)
{
    int fd = notify_take(KEPT_TAP), syn_fd = notify_take(KEPT_SYNS);

    if (fd < 0 && syn_fd < 0)
        return;
    if (guard_adopt_tap(&daemon->guard, fd, syn_fd))
        log_say(&daemon->guard.log, hf_os_now_us(),
                "the interface %s was kept over the restart, with its addresses",
                daemon->guard.tap.name);
    else
        log_warn(&daemon->guard.log, hf_os_now_us(),
                 "an interface that was kept over the restart is not that of this configuration: "
                 "it is let go");
}

static void keep_interface(struct daemon *daemon)
{
    const struct hf_tap *tap = &daemon->guard.tap;

    daemon->kept_changes = daemon->guard.tap_changes;
    if (tap->fd < 0)
        return;
    notify_keep(&daemon->notify, KEPT_TAP, tap->fd);
    if (tap->syn_fd >= 0)
        notify_keep(&daemon->notify, KEPT_SYNS, tap->syn_fd);
    else
        notify_forget(&daemon->notify, KEPT_SYNS);
}

/* ---- reloading ---- */

static void say_status(const struct daemon *daemon)
{
    const struct guard *guard = &daemon->guard;

    notify_say(&daemon->notify, "STATUS=%s: %" PRIu32 " connections, %" PRIu32 " services",
               guard->life == GUARD_SERVING ? "serving" : "draining", guard->relays.active,
               guard->config->services);
}

/* What became of a reload, whoever asked for it. */
static void on_reloaded(void *context, bool ok, const char *error)
{
    struct daemon *daemon = context;
    struct guard *guard = &daemon->guard;

    if (ok)
        log_about(&guard->log, hf_os_now_us(),
                  &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = "reload"},
                  "%s was read again and is in force", daemon->file);
    else
        log_about(&guard->log, hf_os_now_us(),
                  &(struct log_about){.level = LOG_LEVEL_ERROR, .event = "reload-failed"},
                  "nothing has changed: %s", error);
    notify_say(&daemon->notify, "READY=1");
    say_status(daemon);
}

static void ask_reload(struct daemon *daemon)
{
    notify_say(&daemon->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading %s",
               hf_os_now_us(), daemon->file);
    if (!reload_request(daemon->reload.reload, on_reloaded, daemon))
        on_reloaded(daemon, false, "too many have asked already");
}

/* ---- running ---- */

static void on_signal(void *context, int number)
{
    struct daemon *daemon = context;
    struct guard *guard = &daemon->guard;

    if (number == SIGHUP) {
        journal_reopen(guard->journal, hf_os_now_us());
        ask_reload(daemon);
        return;
    }
    if (number == SIGUSR1 || number == SIGUSR2) {
        log_say(&guard->log, hf_os_now_us(),
                "SIGUSR%d means nothing here; SIGHUP reads the configuration again, and begins a "
                "journal that was moved anew",
                number == SIGUSR1 ? 1 : 2);
        return;
    }
    if (guard->life == GUARD_SERVING) {
        log_say(&guard->log, hf_os_now_us(), "ending: %u connection%s %u ms", guard->relays.active,
                guard->relays.active == 1 ? " gets" : "s get", guard->config->drain_timeout_ms);
        notify_say(
            &daemon->notify,
            "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64 "\nSTATUS=draining: %u connection%s %u ms",
            (uint64_t)guard->config->drain_timeout_ms * 1000 + STOP_SLACK_US, guard->relays.active,
            guard->relays.active == 1 ? " gets" : "s get", guard->config->drain_timeout_ms);
    }
    guard_drain(guard, hf_os_now_us());
}

static void on_housekeeping(struct loop_timer *self, int64_t now_us)
{
    struct daemon *daemon = loop_owner(self, struct daemon, housekeeping);

    log_turn(&daemon->guard.log, now_us);
    if (daemon->kept_changes != daemon->guard.tap_changes)
        keep_interface(daemon);
    if (++daemon->housekeepings % STATUS_EVERY == 0)
        say_status(daemon);
    loop_timer_set(&daemon->guard.loop, self, now_us + daemon->housekeeping_us);
}

static void say_ready(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    char text[400];

    guard_describe(guard->config, text, sizeof text);
    log_about(&guard->log, hf_os_now_us(),
              &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = "serving"},
              "serving on %s: %s", guard->config->uplink.name, text);
    notify_say(&daemon->notify, "READY=1");
    say_status(daemon);
}

static void say_ended(struct guard *guard)
{
    struct log_about about = {
        .level = LOG_LEVEL_NOTICE, .event = "ended", .count = guard->cut + guard->unfinished};

    if (about.count == 0)
        log_about(&guard->log, hf_os_now_us(), &about, "ended, every connection was finished");
    else
        log_about(&guard->log, hf_os_now_us(), &about,
                  "ended, %u connection%s cut and %u more not finished", guard->cut,
                  guard->cut == 1 ? " was" : "s were", guard->unfinished);
}

static bool receive_signals(struct daemon *daemon)
{
    sigset_t signals;

    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an answer of write, not a death */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1); /* other servers open their logs anew: no reason to die of it */
    sigaddset(&signals, SIGUSR2);
    if (loop_on_signals(&daemon->guard.loop, &signals, on_signal, daemon) == HF_OK)
        return true;
    app_fail("guard", "signals cannot be received: %s", strerror(errno));
    return false;
}

/* What is still needed while serving. */
static uint32_t kept_privileges(const struct config *config)
{
    bool transparent = false;
    uint32_t keep = 0;

    for (uint32_t i = 0; i < config->services; i++)
        for (uint32_t j = 0; j < config->service[i].backends; j++)
            transparent |=
                config->service[i].backend[j].client_address == CONFIG_CLIENT_TRANSPARENT;
    if (transparent)
        keep |= PRIVILEGE_NET_RAW | PRIVILEGE_NET_ADMIN; /* rules are removed at the end */
    if (config->uplink.mode == CONFIG_MODE_PORT)
        keep |= PRIVILEGE_NET_ADMIN;
    return keep;
}

static bool open_journal(struct guard *guard)
{
    const struct config *config = guard->config;
    struct journal_setup setup = {
        .file = {config->journal, config->journal_size, config->journal_keep},
        .seal_ms = config->journal_seal_ms,
    };
    char error[JOURNAL_STATE_ERROR_MAX];

    if (config->journal[0] == '\0')
        return true;
    guard->journal = guard->log.journal = journal_open(&setup, &guard->log, error);
    if (guard->journal == NULL)
        app_fail("guard", "%s", error);
    return guard->journal != NULL;
}

/* Root, then threads, then the door. */
static bool give_up_privileges(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    struct privilege privilege = {guard->config->user, kept_privileges(guard->config)};
    char error[PRIVILEGE_ERROR_MAX], why[SANDBOX_ERROR_MAX];

    if (privilege_drop(&privilege, error) != HF_OK) {
        app_fail("guard", "%s", error);
        return false;
    }
    if (log_start(&guard->log) != HF_OK ||
        (guard->capture != NULL && pcapng_write_behind(guard->capture) != HF_OK)) {
        app_fail("guard", "the log or the capture cannot be written: %s", strerror(errno));
        return false;
    }
    if (!open_journal(guard))
        return false;
    if (guard->config->sandbox == CONFIG_SANDBOX_LOG)
        log_warn(&guard->log, hf_os_now_us(),
                 "sandbox = log: system calls that are not declared are let through");
    if (sandbox_enter((enum sandbox_mode)guard->config->sandbox, why) != HF_OK) {
        app_fail("guard", "%s", why);
        return false;
    }
    return true;
}

static void register_commands(struct daemon *daemon)
{
    if (daemon->control == NULL)
        return;
    control_commands_register(daemon->control, &daemon->guard);
    command_reload_register(daemon->control, &daemon->reload);
    daemon->top = command_top_open(daemon->control, &daemon->guard);
}

static bool start(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;
    char error[GUARD_ERROR_MAX];

    if (!open_control(daemon) || !receive_signals(daemon))
        return false;
    take_interface(daemon);
    if (!guard_open_tap(guard, error) || !guard_start(guard, error)) {
        app_fail("guard", "%s", error);
        return false;
    }
    keep_interface(daemon);
    if (!open_metrics(daemon))
        return false;
    daemon->reload = (struct command_reload){guard, reload_open(guard, daemon->file)};
    if (daemon->reload.reload == NULL) {
        app_fail("guard", "the configuration could never be read again: %s", strerror(errno));
        return false;
    }
    register_commands(daemon);
    daemon->housekeeping.run = on_housekeeping;
    daemon->housekeeping_us = HOUSEKEEPING_US;
    if (daemon->notify.watchdog_us > 0)
        daemon->housekeeping_us = time_min(HOUSEKEEPING_US, daemon->notify.watchdog_us / 6 + 1);
    loop_timer_set(&guard->loop, &daemon->housekeeping, hf_os_now_us());
    return give_up_privileges(daemon);
}

static void run(struct daemon *daemon)
{
    struct guard *guard = &daemon->guard;

    say_ready(daemon);
    while (guard->life != GUARD_ENDED) {
        guard_turn(guard);
        notify_feed(&daemon->notify, hf_os_now_us());
    }
    say_ended(guard);
}

enum app_exit serve(struct config *config, const char *file)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    char capped[MEMORY_CAP_TEXT_MAX];
    bool was_capped = memory_cap(config, capped), started;

    fill_standard_descriptors();
    if (daemon == NULL || guard_init(&daemon->guard, config) != HF_OK) {
        config_free(config);
        free(daemon);
        return (enum app_exit)app_fail("guard", "no memory or no descriptors to begin with: %s",
                                       strerror(errno));
    }
    daemon->file = file;
    notify_open(&daemon->notify);
    if (log_open(&daemon->guard.log, (enum log_form)config->log) != HF_OK)
        app_fail("guard", "the journal cannot be reached, the log is text: %s", strerror(errno));
    if (was_capped)
        log_warn(&daemon->guard.log, hf_os_now_us(), "%s", capped);
    started = start(daemon);
    if (started)
        run(daemon);
    command_top_close(daemon->top);
    http_close(daemon->metrics);
    control_server_close(daemon->control);
    reload_close(daemon->reload.reload);
    guard_deinit(&daemon->guard);
    config_free(config);
    notify_close(&daemon->notify);
    free(daemon);
    return started ? APP_OK : APP_NO;
}
