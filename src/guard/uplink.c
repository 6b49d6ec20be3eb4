/* The life of an uplink: opened before the stack, serving behind it, watched until the end. [rtnetlink(7)] */
#include "guard/uplink.h"

#include "base/time.h"
#include "guard/link.h"
#include "guard/netfilter.h"
#include "guard/transparent.h"
#include "guard/uplink_parts.h"
#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

SYSCALLS("close");
SYSCALLS_AT_START("openat");

#define RETRY_US ((int64_t)US_PER_S)
#define REROUTE_US ((int64_t)US_PER_S / 2)
#define FORGET_US (10 * (int64_t)US_PER_S)

bool uplink_refuse(char error[UPLINK_ERROR_MAX], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, UPLINK_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

const char *uplink_reason(int error)
{
    return error == HF_SYSTEM ? strerror(errno) : hf_error_text(error);
}

void uplink_tap_name(const struct config_uplink *config, char name[16])
{
    if (config->mode != CONFIG_MODE_PORT)
        snprintf(name, 16, "%.15s", config->name);
    else if (config->tap[0] != '\0')
        snprintf(name, 16, "%.15s", config->tap);
    else
        snprintf(name, 16, "hf-%.12s", config->name);
}

static bool is_port_mode(const struct uplink *uplink)
{
    return uplink->config->uplink.mode == CONFIG_MODE_PORT;
}

/* ---- the start ---- */

static bool prepare_tap(struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    bool ready = is_port_mode(uplink)
                     ? uplink_port_prepare(uplink, error)
                     : uplink_address_prepare(&uplink->config->uplink, uplink->tap_name, error);

    if (!ready)
        return false;
    return network_link(uplink->tap_name, &uplink->tap_link) == HF_OK ||
           uplink_refuse(error, "uplink \"%s\": the TAP %s vanished", uplink->config->uplink.name,
                         uplink->tap_name);
}

static bool open_tap(struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    const char *name = uplink->config->uplink.name;
    int result = HF_OK;

    if (uplink->tap->fd < 0) /* else it was kept over a restart (hf_tap_adopt) */
        result = hf_tap_open_split(uplink->tap, uplink->tap_name);
    if (result == HF_INVALID)
        return uplink_refuse(error,
                             "uplink \"%s\": there is an interface %s that is no TAP of one queue",
                             name, uplink->tap_name);
    if (result == HF_DEVICE_BUSY)
        return uplink_refuse(error, "uplink \"%s\": somebody else holds the TAP %s: %s", name,
                             uplink->tap_name, hf_error_text(result));
    return result == HF_OK || uplink_refuse(error, "uplink \"%s\": the TAP %s: %s", name,
                                            uplink->tap_name, uplink_reason(result));
}

bool uplink_open(struct uplink *uplink, const struct config *config, struct hf_tap *tap,
                 char error[UPLINK_ERROR_MAX])
{
    *uplink = (struct uplink){.config = config, .tap = tap, .monitor.fd = -1};
    memset(uplink->spare, -1, sizeof uplink->spare);
    uplink_tap_name(&config->uplink, uplink->tap_name);
    if (is_port_mode(uplink)) {
        snprintf(uplink->interface, sizeof uplink->interface, "%.15s", config->uplink.name);
        if (!uplink_port_look(uplink, error))
            return false;
        uplink->netfilter = netfilter_open(error);
        if (uplink->netfilter == NULL)
            return false;
    }
    if (tap->fd < 0 && !open_tap(uplink, error)) /* a guard before this one may have left it open */
        return false;
    if (!is_port_mode(uplink) && config->uplink.host_address.count > 0)
        link_skip_duplicate_detection(uplink->tap_name);
    if (!prepare_tap(uplink, error))
        return false;
    for (int i = 0; i < UPLINK_SPARES; i++)
        uplink->spare[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return true;
}

void uplink_describe(const struct uplink *uplink, struct hf_config *stack)
{
    uint16_t mtu = stack->mtu;

    hf_tap_describe(uplink->tap, stack);
    stack->mtu = mtu;
    if (is_port_mode(uplink))
        uplink_port_describe(uplink, stack);
}

/* ---- what happens to interfaces ---- */

static void retry_later(struct uplink *uplink)
{
    loop_timer_set(uplink->loop, &uplink->retry, hf_os_now_us() + RETRY_US);
}

/* The interface is back, perhaps as another: its index, and its link address, may be new. */
static void attach(struct uplink *uplink, const struct network_link *now)
{
    char error[UPLINK_ERROR_MAX];

    uplink->link = *now;
    hf_set_mac(uplink->stack, &now->mac);
    if (!uplink_port_redirect(uplink, &uplink->ports, error)) {
        log_warn(uplink->log, hf_os_now_us(), "uplink %s is back but cannot be used yet: %s",
                 uplink->interface, error);
        retry_later(uplink);
        return;
    }
    uplink->interface_gone = false;
    log_about(uplink->log, hf_os_now_us(),
              &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = "uplink-up"},
              "uplink %s is back, its ports are served again", uplink->interface);
}

static void lost_interface(struct uplink *uplink)
{
    if (uplink->interface_gone)
        return;
    uplink->interface_gone = true;
    uplink->interface_down = false;
    log_about(uplink->log, hf_os_now_us(),
              &(struct log_about){.level = LOG_LEVEL_WARNING, .event = "uplink-down"},
              "uplink %s was removed: nobody can be served until it is back", uplink->interface);
}

/* Down is worth a line, and so is its end; *before is what the last line said. */
static void note_state(struct uplink *uplink, const char *what, const char *name, bool *before,
                       bool down)
{
    if (*before == down)
        return;
    *before = down;
    log_about(uplink->log, hf_os_now_us(),
              &(struct log_about){.level = down ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
                                  .event = down ? "uplink-down" : "uplink-up"},
              "%s %s is %s", what, name, down ? "down: nobody can be served" : "up again");
}

/* What became of the interface, whatever was told of it. */
static void look_at_interface(struct uplink *uplink)
{
    struct network_link now;

    if (!is_port_mode(uplink))
        return;
    if (network_link(uplink->interface, &now) != HF_OK) {
        lost_interface(uplink);
        return;
    }
    if (uplink->interface_gone || now.index != uplink->link.index) {
        lost_interface(uplink);
        attach(uplink, &now);
    } else if (memcmp(&now.mac, &uplink->link.mac, sizeof now.mac) != 0) {
        uplink->link.mac = now.mac;
        hf_set_mac(uplink->stack, &now.mac);
    }
    note_state(uplink, "uplink", uplink->interface, &uplink->interface_down, !now.carrier);
}

/* A spare that is used goes; one that did not help stays, so that trying again costs none. */
static int open_again(struct uplink *uplink)
{
    int result = HF_NO_DEVICE;

    for (int i = 0; i < UPLINK_SPARES; i++)
        if (uplink->spare[i] >= 0) {
            result = hf_tap_reopen(uplink->tap, uplink->tap_name, uplink->spare[i]);
            if (result == HF_OK)
                uplink->spare[i] = -1;
            return result;
        }
    return result;
}

static void reopen_tap(struct uplink *uplink)
{
    char error[UPLINK_ERROR_MAX];
    int result = open_again(uplink);

    if (uplink->tap_changed != NULL)
        uplink->tap_changed(uplink->tap_context);
    if (result != HF_OK) {
        log_warn(uplink->log, hf_os_now_us(), "the TAP %s cannot be made again: %s",
                 uplink->tap_name, uplink_reason(result));
        retry_later(uplink);
        return;
    }
    if (!prepare_tap(uplink, error) ||
        (is_port_mode(uplink) && !uplink_port_redirect(uplink, &uplink->ports, error))) {
        log_warn(uplink->log, hf_os_now_us(), "the TAP %s cannot be used: %s", uplink->tap_name,
                 error);
        retry_later(uplink);
        return;
    }
    uplink->tap_gone = false;
    log_about(uplink->log, hf_os_now_us(),
              &(struct log_about){.level = LOG_LEVEL_NOTICE, .event = "uplink-up"},
              "the TAP %s was made again", uplink->tap_name);
}

static void lost_tap(struct uplink *uplink)
{
    if (uplink->tap_gone)
        return;
    uplink->tap_gone = true;
    uplink->tap_down = false;
    log_about(uplink->log, hf_os_now_us(),
              &(struct log_about){.level = LOG_LEVEL_WARNING, .event = "uplink-down"},
              "the TAP %s was removed by somebody else", uplink->tap_name);
    reopen_tap(uplink);
}

static void on_retry(struct loop_timer *self, int64_t now_us)
{
    struct uplink *uplink = loop_owner(self, struct uplink, retry);

    (void)now_us;
    if (uplink->tap_gone)
        reopen_tap(uplink);
    look_at_interface(uplink);
}

static void forget_later(struct uplink *uplink)
{
    if (uplink->held_count + uplink->kept_count > 0)
        loop_timer_set(uplink->loop, &uplink->forget, hf_os_now_us() + FORGET_US);
}

/* A connection that has ended may come again, with the same ports, and is then no exception any more. */
static void on_forget(struct loop_timer *self, int64_t now_us)
{
    struct uplink *uplink = loop_owner(self, struct uplink, forget);
    char error[UPLINK_ERROR_MAX];

    if (uplink_flows_forget(uplink) && !uplink->interface_gone &&
        !uplink_port_redirect(uplink, &uplink->ports, error))
        log_warn(uplink->log, now_us, "uplink %s: %s", uplink->interface, error);
    forget_later(uplink);
}

/* Connections follow: whatever way the host has to its clients is theirs. */
static void on_reroute(struct loop_timer *self, int64_t now_us)
{
    struct uplink *uplink = loop_owner(self, struct uplink, reroute);
    char text[HF_ADDRESS_TEXT_MAX] = "none";

    if (uplink->interface_gone || !uplink_port_look_at_routes(uplink))
        return;
    if (hf_set_routes(uplink->stack, uplink->routes, uplink->route_count) != HF_OK) {
        log_warn(uplink->log, now_us,
                 "uplink %s: its new routes cannot be used: a restart is needed",
                 uplink->interface);
        return;
    }
    for (uint32_t i = uplink->route_count; i-- > 0;)
        if (uplink->routes[i].to.length == 0)
            hf_address_format(text, &uplink->routes[i].gateway);
    log_say(uplink->log, now_us, "uplink %s has other routes: %u of them, the default by %s",
            uplink->interface, uplink->route_count, text);
}

static void look_at_tap(struct uplink *uplink)
{
    struct network_link now;

    if (network_link(uplink->tap_name, &now) != HF_OK || now.index != uplink->tap_link.index)
        lost_tap(uplink);
    else
        note_state(uplink, "the TAP", uplink->tap_name, &uplink->tap_down, !now.up);
}

static void on_news(struct loop_handler *self, uint32_t events)
{
    struct uplink *uplink = loop_owner(self, struct uplink, monitor);
    struct network_news news;

    (void)events;
    while (network_monitor_read(self->fd, &news)) {
        if ((news.index == 0 || news.route) && is_port_mode(uplink))
            loop_timer_set(uplink->loop, &uplink->reroute, hf_os_now_us() + REROUTE_US);
        if (news.index == 0 || news.index == uplink->tap_link.index)
            look_at_tap(uplink);
        if (news.index == 0 || news.index == uplink->link.index ||
            strcmp(news.name, uplink->interface) == 0)
            look_at_interface(uplink);
    }
}

/* ---- serving ---- */

static bool serve_ports(struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    if (!uplink_port_list(uplink, uplink->config, &uplink->ports, error))
        return false;
    uplink_flows_learn(uplink, &uplink->ports);
    if (uplink_port_redirect(uplink, &uplink->ports, error))
        return true;
    uplink_port_clear(uplink);
    return uplink_port_redirect(uplink, &uplink->ports, error);
}

/* Behind the TAP, and the table in port mode, which only one guard of an uplink has: what is there already is nobody's now. */
static bool make_rules(struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    uplink->ruled = true;
    return transparent_up(uplink->config, TRANSPARENT_GUARD, error);
}

bool uplink_serve(struct uplink *uplink, const struct uplink_setup *setup,
                  char error[UPLINK_ERROR_MAX])
{
    uplink->stack = setup->stack;
    uplink->loop = setup->loop;
    uplink->log = setup->log;
    uplink->tap_changed = setup->tap_changed;
    uplink->tap_context = setup->context;
    uplink->retry.run = on_retry;
    uplink->forget.run = on_forget;
    uplink->reroute.run = on_reroute;
    uplink->monitor = (struct loop_handler){.fd = network_monitor_open(), .run = on_news};
    if (uplink->monitor.fd < 0 || loop_add(uplink->loop, &uplink->monitor, EPOLLIN) != HF_OK)
        return uplink_refuse(error, "uplink \"%s\": the kernel's interfaces cannot be watched: %s",
                             uplink->config->uplink.name, strerror(errno));
    if ((is_port_mode(uplink) && !serve_ports(uplink, error)) || !make_rules(uplink, error))
        return false;
    if (!is_port_mode(uplink))
        return true;
    if (uplink->kept_count > 0)
        log_say(uplink->log, hf_os_now_us(),
                "%u connections of before stay with the server that has them", uplink->kept_count);
    forget_later(uplink);
    uplink_port_warn(uplink, NULL);
    look_at_interface(uplink);
    return true;
}

const char *uplink_trouble(const struct uplink *uplink, char text[UPLINK_ERROR_MAX])
{
    bool tap = uplink->tap_gone || uplink->tap_down;
    bool gone = tap ? uplink->tap_gone : uplink->interface_gone;

    if (!tap && !gone && !uplink->interface_down)
        return NULL;
    snprintf(text, UPLINK_ERROR_MAX, "%s %s %s: nobody can be served", tap ? "the TAP" : "uplink",
             tap ? uplink->tap_name : uplink->interface, gone ? "was removed" : "is down");
    return text;
}

bool uplink_may_become(const struct uplink *uplink, const struct config *config,
                       char error[UPLINK_ERROR_MAX])
{
    char tap[16];
    struct uplink_ports ports;

    uplink_tap_name(&config->uplink, tap);
    if (config->uplink.mode != uplink->config->uplink.mode ||
        strcmp(config->uplink.name, uplink->config->uplink.name) != 0 ||
        strcmp(tap, uplink->tap_name) != 0)
        return uplink_refuse(error,
                             "uplink \"%s\": its name, mode and tap change by a restart only",
                             config->uplink.name);
    return !is_port_mode(uplink) || uplink_port_list(uplink, config, &ports, error);
}

bool uplink_reconfigure(struct uplink *uplink, const struct config *config,
                        char error[UPLINK_ERROR_MAX])
{
    const struct config *old = uplink->config;
    struct uplink_ports ports, before = uplink->ports;

    if (!uplink_may_become(uplink, config, error) || !transparent_add(config, error))
        return false;
    uplink->config = config;
    if (!is_port_mode(uplink))
        return true;
    if (!uplink_port_list(uplink, config, &ports, error)) {
        uplink->config = old;
        return false;
    }
    uplink_flows_learn(uplink, &ports);
    if (!uplink->interface_gone && !uplink_port_redirect(uplink, &ports, error)) {
        uplink->config = old;
        uplink_flows_learn(uplink, &uplink->ports);
        return false;
    }
    uplink->ports = ports;
    forget_later(uplink);
    uplink_port_warn(uplink, &before);
    return true;
}

void uplink_leave(struct uplink *uplink)
{
    char error[UPLINK_ERROR_MAX];

    if (uplink->config == NULL || !is_port_mode(uplink) || uplink->loop == NULL)
        return;
    uplink->left = true;
    uplink_flows_learn(uplink, &uplink->ports);
    if (!uplink->interface_gone && !uplink_port_redirect(uplink, &uplink->ports, error))
        log_warn(uplink->log, hf_os_now_us(), "uplink %s: %s", uplink->interface, error);
}

void uplink_close(struct uplink *uplink)
{
    if (uplink->config == NULL) /* never opened */
        return;
    if (uplink->loop != NULL) {
        loop_timer_cancel(uplink->loop, &uplink->retry);
        loop_timer_cancel(uplink->loop, &uplink->forget);
        loop_timer_cancel(uplink->loop, &uplink->reroute);
    }
    uplink_flows_free(uplink);
    if (uplink->monitor.fd >= 0) {
        loop_remove(uplink->loop, &uplink->monitor);
        close(uplink->monitor.fd);
        uplink->monitor.fd = -1;
    }
    for (int i = 0; i < UPLINK_SPARES; i++)
        if (uplink->spare[i] >= 0)
            close(uplink->spare[i]);
    netfilter_close(uplink->netfilter);
    uplink->netfilter = NULL;
    if (uplink->ruled)
        transparent_down(uplink->config, TRANSPARENT_GUARD);
    if (uplink->tap->buffers != NULL)
        hf_tap_close(uplink->tap);
    uplink->config = NULL;
}
