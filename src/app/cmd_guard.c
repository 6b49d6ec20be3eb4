/* handfast guard FILE: stand before TCP servers, admit real clients, relay to them. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/app.h"
#include "control/client.h"
#include "control/server.h"
#include "control/snapshot.h"
#include "guard/config.h"
#include "guard/guard.h"

static const char help[] =
    "usage: handfast [-i NAME] guard FILE\n"
    "       handfast guard --check FILE | --dump FILE\n\n"
    "Serves the addresses of FILE with a TCP of its own and relays to the servers behind.\n"
    "  --check  only says whether FILE is right\n"
    "  --dump   prints every key in force, as a file that reads back to the same\n\n"
    "SIGTERM or SIGINT: no new connections, those that are there get drain_timeout; a second one "
    "ends them at once.\n"
    "With -i NAME the control socket is /run/handfast/NAME.sock whatever FILE says.\n";

struct command {
    struct guard guard;
    struct control_server *control;
};

/* ---- the control socket ---- */

static json_t *describe_service(const struct service *service)
{
    json_t *object = json_pack("{s:s, s:s, s:I, s:I}", "name", service->config->name, "backend",
                               service->config->backend.name, "active", (json_int_t)service->active,
                               "max_connections", (json_int_t)service->config->max_connections);

#define SERVICE_ROW(name, meaning) \
    json_object_set_new(object, #name, json_integer((json_int_t)service->count.name));
    SERVICE_COUNTERS(SERVICE_ROW)
#undef SERVICE_ROW
    return object;
}

/* {"counters", "gauges", "connections", "relays", "services", "driver"} */
static json_t *answer_stats(void *context, const json_t *request)
{
    const struct guard *guard = context;
    json_t *reply = snapshot_of(guard->stack);
    json_t *services = json_array();

    (void)request;
    for (uint32_t i = 0; i < guard->config->services; i++)
        json_array_append_new(services, describe_service(&guard->services[i]));
    json_object_set_new(reply, "services", services);
    json_object_set_new(reply, "relays",
                        json_pack("{s:I, s:I}", "active", (json_int_t)guard->relays.active, "limit",
                                  (json_int_t)guard->relays.limit));
    json_object_set_new(reply, "driver",
                        json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", guard->tap.name, "received",
                                  (json_int_t)guard->tap.received, "transmitted",
                                  (json_int_t)guard->tap.transmitted, "dropped",
                                  (json_int_t)guard->tap.dropped, "errors",
                                  (json_int_t)guard->tap.errors));
    return reply;
}

static bool open_control(struct command *command)
{
    const char *path = command->guard.config->control;
    int error;

    if (path[0] == '\0')
        return true;
    error = control_server_open(&command->control, &command->guard.loop, path);
    if (error == HF_ADDRESS_IN_USE)
        app_fail("guard",
                 "control \"%s\": a guard is running there already; accepted is a path of its own",
                 path);
    else if (error != HF_OK)
        app_fail("guard", "control \"%s\": %s", path,
                 error == HF_SYSTEM ? strerror(errno) : hf_error_text(error));
    return error == HF_OK;
}

/* ---- running ---- */

static void on_signal(void *context, int number)
{
    struct guard *guard = context;
    int64_t now_us = hf_os_now_us();

    if (number == SIGHUP) {
        log_say(&guard->log, now_us, "SIGHUP is ignored: a changed configuration needs a restart");
        return;
    }
    if (guard->life == GUARD_SERVING)
        log_say(&guard->log, now_us, "ending: %u connections get %u ms", guard->relays.active,
                guard->config->drain_timeout_ms);
    guard_drain(guard, now_us);
}

static void say_ready(struct guard *guard)
{
    char text[400];

    guard_describe(guard->config, text, sizeof text);
    log_say(&guard->log, hf_os_now_us(), "serving on %s: %s", guard->config->uplink.name, text);
}

static void say_ended(struct guard *guard)
{
    if (guard->cut == 0 && guard->unfinished == 0)
        log_say(&guard->log, hf_os_now_us(), "ended, every connection was finished");
    else
        log_say(&guard->log, hf_os_now_us(),
                "ended, %u connections were cut and %u more not finished", guard->cut,
                guard->unfinished);
}

static bool start(struct command *command)
{
    char error[GUARD_ERROR_MAX];
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (!open_control(command))
        return false;
    if (!guard_open_tap(&command->guard, error) || !guard_start(&command->guard, error)) {
        app_fail("guard", "%s", error);
        return false;
    }
    if (loop_on_signals(&command->guard.loop, &signals, on_signal, &command->guard) != HF_OK) {
        app_fail("guard", "signals cannot be received: %s", strerror(errno));
        return false;
    }
    if (command->control != NULL)
        control_server_register(command->control, "stats", answer_stats, &command->guard);
    return true;
}

static int serve(const struct config *config)
{
    struct command *command = calloc(1, sizeof *command);
    int result = APP_NO;

    if (command == NULL || guard_init(&command->guard, config) != HF_OK) {
        free(command);
        return app_fail("guard", "no memory or no descriptors to begin with: %s", strerror(errno));
    }
    if (start(command)) {
        say_ready(&command->guard);
        while (command->guard.life != GUARD_ENDED)
            guard_turn(&command->guard);
        say_ended(&command->guard);
        result = APP_OK;
    }
    control_server_close(command->control);
    guard_deinit(&command->guard);
    free(command);
    return result;
}

static int run(const struct app *app, struct config *config, const char *option, const char *file)
{
    if (option != NULL && strcmp(option, "--check") == 0) {
        printf("%s: ok, %u service%s\n", file, config->services, config->services == 1 ? "" : "s");
        return APP_OK;
    }
    if (option != NULL) {
        config_dump(config, stdout);
        return APP_OK;
    }
    if (strcmp(app->guard, APP_GUARD_DEFAULT) != 0 &&
        control_path(config->control, app->guard) != HF_OK)
        return app_usage("guard", "-i %s is too long for a socket's path", app->guard);
    return serve(config);
}

int cmd_guard(const struct app *app, int argc, char **argv)
{
    char error[CONFIG_ERROR_MAX];
    const char *option = argc == 3 ? argv[1] : NULL;
    const char *file = argc > 1 ? argv[argc - 1] : NULL;
    struct config *config;
    int result;

    if (app_help(argc, argv, help))
        return APP_OK;
    if (argc < 2 || argc > 3 || file[0] == '-' ||
        (option != NULL && strcmp(option, "--check") != 0 && strcmp(option, "--dump") != 0))
        return app_usage("guard", "accepted are FILE, --check FILE and --dump FILE");
    config = config_read(file, error);
    if (config == NULL) {
        fprintf(stderr, "%s\n", error); /* begins with FILE:LINE: */
        return APP_NO;
    }
    result = run(app, config, option, file);
    config_free(config);
    return result;
}
