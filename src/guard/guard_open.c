/* What a guard needs before its first turn: an interface, a stack, listeners, perhaps a capture. */
#include "guard/guard_open.h"

#include "guard/config_keys.h"
#include "guard/config_sources.h"
#include "guard/cookie_key.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static bool refuse(char error[GUARD_ERROR_MAX],
                                                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, GUARD_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* HF_SYSTEM says little: errno knows. */
static const char *reason(int error)
{
    return error == HF_SYSTEM ? strerror(errno) : hf_error_text(error);
}

/* ---- the interface ---- */

_Static_assert(GUARD_ERROR_MAX >= COOKIE_KEY_ERROR_MAX, "what a key's file says fits");
_Static_assert(GUARD_ERROR_MAX >= UPLINK_ERROR_MAX, "what an uplink says fits");

bool guard_open_tap(struct guard *guard, char error[GUARD_ERROR_MAX])
{
    if (!uplink_open(&guard->uplink, guard->config, &guard->tap, error))
        return false;
    guard_set_driver(guard, &driver_tap, &guard->tap);
    return true;
}

/* The TAP was removed and made anew. */
static void on_tap_changed(void *context)
{
    struct guard *guard = context;

    loop_remove(&guard->loop, &guard->driver_handler);
    guard_set_driver(guard, &driver_tap, &guard->tap);
    guard->tap_changes++;
}

bool guard_serve_uplink(struct guard *guard, char error[GUARD_ERROR_MAX])
{
    struct uplink_setup setup = {
        .stack = guard->stack,
        .loop = &guard->loop,
        .log = &guard->log,
        .tap_changed = on_tap_changed,
        .context = guard,
    };

    return guard->uplink.config == NULL || uplink_serve(&guard->uplink, &setup, error);
}

/* ---- the stack ---- */

bool guard_open_stack(struct guard *guard, char error[GUARD_ERROR_MAX])
{
    struct hf_config stack;
    size_t bytes;
    int result;

    config_stack(guard->config, &stack);
    if (guard->uplink.config != NULL)
        uplink_describe(&guard->uplink, &stack);
    bytes = hf_memory_needed(&stack);
    if (bytes == 0)
        return refuse(error, "%s", hf_config_error(&stack));
    result = hf_os_env(&guard->env, bytes);
    if (result != HF_OK)
        return refuse(error, "%zu bytes of memory for the stack: %s", bytes, reason(result));
    if (guard->config->cookie_key_file[0] != '\0') {
        if (!cookie_key_read(guard->config->cookie_key_file, guard->env.cookie_key, error)) {
            config_say_where(guard->config,
                             config_key_line(guard->config, CONFIG_ROOT, "cookie_key_file"),
                             guard->config->cookie_key_file, error, GUARD_ERROR_MAX);
            return false;
        }
        guard->env.cookie_key_shared = true;
    }
    guard->env.crypto = hf_os_crypto();
    alarms_init(&guard->alarms);
    guard->alarms.kept = &guard->events;
    guard->env.event_sink = &guard->alarms.sink;
    result = hf_init(&guard->stack, &stack, &guard->env, hf_os_now_us());
    return result == HF_OK || refuse(error, "the stack cannot be made: %s", reason(result));
}

bool guard_open_keys(struct guard *guard, char error[GUARD_ERROR_MAX])
{
    struct key_image image;
    int result;

    if (!key_image_make(&image, guard->config, error))
        return false;
    result = guard_keys_install(&guard->keys, &image, guard->stack);
    return result == HF_OK || refuse(error, "the keys cannot be put in force: %s", reason(result));
}

bool guard_open_services(struct guard *guard, char error[GUARD_ERROR_MAX])
{
    char text[HF_ENDPOINT_TEXT_MAX];

    for (uint32_t i = 0; i < guard->config->services; i++) {
        struct service *service = &guard->services[i];
        uint32_t item;
        int result;

        service->config = &guard->config->service[i];
        result = service_open(service, guard->stack, i, &item);
        if (result != HF_OK)
            return refuse(error, "service \"%s\": cannot listen on %s: %s", service->config->name,
                          hf_endpoint_format(text, &service->config->listen.items[item].endpoint),
                          reason(result));
    }
    return true;
}

bool guard_open_capture(struct guard *guard, char error[GUARD_ERROR_MAX])
{
    const struct config *config = guard->config;
    int result;

    if (config->capture[0] == '\0')
        return true;
    result = pcapng_open(&guard->capture, config->capture, guard->env.wall_minus_now_us);
    if (result != HF_OK)
        return refuse(error, "capture \"%s\": %s", config->capture, reason(result));
    guard->capture_interface =
        pcapng_add_interface(guard->capture, config->uplink.name, HF_ETHERNET);
    return true;
}

/* ---- in words ---- */

void guard_describe(const struct config *config, char *text, size_t capacity)
{
    char address[HF_ENDPOINT_TEXT_MAX];
    size_t used = 0;

    text[0] = '\0';
#define ADD(...)                                                                 \
    do {                                                                         \
        if (used < capacity)                                                     \
            used += (size_t)snprintf(text + used, capacity - used, __VA_ARGS__); \
    } while (0)
    for (uint32_t i = 0; i < config->services; i++) {
        const struct config_service *service = &config->service[i];
        const struct config_target *to = &service->backend[0].to;

        ADD("%s%s:", i > 0 ? "; " : "", service->name);
        for (uint32_t j = 0; j < service->listen.count; j++)
            ADD("%s %s", j > 0 ? "," : "",
                hf_endpoint_format(address, &service->listen.items[j].endpoint));
        ADD(" -> %s%s%s", to->path[0] != '\0' ? "unix:" : "",
            to->path[0] != '\0' ? to->path : hf_endpoint_format(address, &to->endpoint),
            service->backend[0].client_address == CONFIG_CLIENT_PROXY_V2 ? " (proxy-v2)" : "");
    }
#undef ADD
}
