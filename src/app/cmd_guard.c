/* handfast guard FILE: stand before TCP servers, admit real clients, relay to them. */
#include "app/app.h"
#include "app/serve.h"
#include "control/client.h"
#include "guard/config.h"
#include "guard/cookie_key.h"
#include "guard/guard_keys.h"
#include "guard/guard_filter.h"
#include "guard/uplink.h"

#include <handfast/handfast.h>

#include <string.h>

static const char help[] =
    "usage: handfast [-i NAME] guard FILE\n"
    "       handfast guard --check FILE | --dump FILE | --net show|up|down "
    "FILE\n\n"
    "Serves the addresses of FILE with a TCP of its own and relays to the "
    "servers behind.\n"
    "  --check     only says whether FILE is right\n"
    "  --dump      prints every key in force, as a file that reads back to the "
    "same\n"
    "  --net show  prints what FILE needs of the network, as commands\n"
    "  --net up    makes what outlives a guard: its interface, addresses and "
    "rules\n"
    "  --net down  removes exactly that\n\n"
    "SIGHUP: FILE is read again; if it is not right nothing changes. SIGTERM "
    "or SIGINT: no new\n"
    "connections, those that are there get drain_timeout; a second one ends "
    "them at once.\n"
    "With -i NAME the control socket is /run/handfast/NAME.sock whatever FILE "
    "says.\n";

enum task {
    TASK_SERVE,
    TASK_CHECK,
    TASK_DUMP,
    TASK_NET_SHOW,
    TASK_NET_UP,
    TASK_NET_DOWN,
};

static const struct {
    const char *option, *word; /* word NULL: the option stands alone */
    enum task task;
} tasks[] = {
    {"--check", NULL, TASK_CHECK},    {"--dump", NULL, TASK_DUMP},
    {"--net", "show", TASK_NET_SHOW}, {"--net", "up", TASK_NET_UP},
    {"--net", "down", TASK_NET_DOWN},
};

/* What argv asks for; *file is its last word. False: it cannot be meant. */
static bool parse(int argc, char **argv, enum task *task, const char **file)
{
    *file = argc > 1 ? argv[argc - 1] : "-";
    *task = TASK_SERVE;
    if (**file == '-' || argc < 2)
        return false;
    if (argc == 2)
        return true;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        int words = tasks[i].word == NULL ? 1 : 2;

        if (argc == 2 + words && strcmp(argv[1], tasks[i].option) == 0 &&
            (words == 1 || strcmp(argv[2], tasks[i].word) == 0)) {
            *task = tasks[i].task;
            return true;
        }
    }
    return false;
}

/* ---- tasks ---- */

/* The file, and those that it names. */
static int check(const struct config *config, const char *file)
{
    uint8_t key[COOKIE_KEY_BYTES];
    char error[GUARD_FILTER_ERROR_MAX] = "";
    struct filter_image lists;
    struct key_image keys = {{.entries = NULL}};
    bool ok = filter_image_make(&lists, config, error);

    filter_image_free(&lists);
    if (ok)
        ok = key_image_make(&keys, config, error);
    key_image_free(&keys);
    if (ok && config->cookie_key_file[0] != '\0')
        ok = cookie_key_read(config->cookie_key_file, key, error);
    if (!ok) {
        fprintf(stderr, "%s\n", error);
        return APP_NO;
    }
    printf("%s: ok, %u service%s\n", file, config->services, config->services == 1 ? "" : "s");
    return APP_OK;
}

static int net(const struct config *config, bool up)
{
    char error[UPLINK_ERROR_MAX];

    if (up ? uplink_up(config, error) : uplink_down(config, error))
        return APP_OK;
    return app_fail("guard", "%s", error);
}

static int guard(const struct app *app, struct config *config, const char *file)
{
    if (strcmp(app->guard, APP_GUARD_DEFAULT) != 0 &&
        control_path(config->control, app->guard) != HF_OK) {
        config_free(config);
        return app_usage("guard", "-i %s is too long for a socket's path", app->guard);
    }
    return (int)serve(config, file);
}

int cmd_guard(const struct app *app, int argc, char **argv)
{
    char error[CONFIG_ERROR_MAX];
    const char *file;
    struct config *config;
    enum task task;
    int result = APP_OK;

    if (app_help(argc, argv, help))
        return APP_OK;
    if (!parse(argc, argv, &task, &file))
        return app_usage("guard", "accepted are FILE, --check FILE, --dump FILE and "
                                  "--net show|up|down FILE");
    config = config_read(file, error);
    if (config == NULL) {
        fprintf(stderr, "%s\n", error); /* begins with FILE:LINE: */
        return APP_NO;
    }
    switch (task) {
    case TASK_SERVE: return guard(app, config, file);
    case TASK_CHECK: result = check(config, file); break;
    case TASK_DUMP: config_dump(config, stdout); break;
    case TASK_NET_SHOW: uplink_show(config, stdout); break;
    case TASK_NET_UP:
    case TASK_NET_DOWN: result = net(config, task == TASK_NET_UP); break;
    }
    config_free(config);
    return result;
}
