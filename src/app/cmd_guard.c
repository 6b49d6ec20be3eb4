/* handfast guard FILE: stand before TCP servers, admit real clients, relay to them. */
#include "app/app.h"
#include "app/config_json.h"
#include "app/guard_check.h"
#include "app/guard_client.h"
#include "app/serve.h"
#include "control/client.h"
#include "guard/config.h"
#include "guard/config_keys.h"
#include "guard/uplink.h"
#include "os/syscalls.h"

#include <handfast/handfast.h>

#include <pwd.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SYSCALLS_AT_START("mkdir chown rmdir");

static const char help[] =
    "usage: handfast [-i NAME] guard FILE\n"
    "       handfast guard --check FILE | --dump FILE | --net show|up|down FILE\n\n"
    "Serves the addresses of FILE with a TCP of its own and relays to the servers behind.\n"
    "  --check     only says whether FILE, and what it names, is right; root asks as `user`\n"
    "  --dump      prints every key in force, as a file that reads back to the same\n"
    "  --net show  prints what FILE needs of the network, as commands\n"
    "  --net up    makes what outlives a guard: its interface, addresses and rules\n"
    "  --net down  removes exactly that\n"
    "  --json      what --check, --dump and --net show say as one JSON object\n\n"
    "SIGHUP: FILE is read again; if it is not right nothing changes. SIGTERM or SIGINT: no new\n"
    "connections, those that are there get drain_timeout; a second one ends them at once.\n"
    "With -i NAME the control socket is /run/handfast/NAME.sock whatever FILE says, and blocks "
    "are\n"
    "kept in /var/lib/handfast/NAME if FILE names no state_directory.\n";

#define ACCEPTED "accepted are FILE, --check FILE, --dump FILE and --net show|up|down FILE"

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

/* What argv asks for; *file is its last word. False: it cannot be meant, and *found is what. */
static bool parse(int argc, char **argv, enum task *task, const char **file, const char **found)
{
    bool is_option = argc > 1 && argv[1][0] == '-';
    size_t known = 0, count = sizeof tasks / sizeof *tasks;

    *task = TASK_SERVE;
    *found = argc < 2 ? "no FILE" : argc == 2 || is_option ? argv[1] : argv[2];
    *file = argv[argc - 1];
    if (argc == 2 && !is_option)
        return true;
    for (size_t i = 0; i < count && is_option; i++) {
        int words = tasks[i].word == NULL ? 1 : 2;

        if (strcmp(argv[1], tasks[i].option) != 0)
            continue;
        known++;
        *found = argc < 2 + words ? "too few words" : argv[argc > 2 + words ? 2 + words : 2];
        if (argc == 2 + words && **file != '-' &&
            (words == 1 || strcmp(argv[2], tasks[i].word) == 0)) {
            *task = tasks[i].task;
            return true;
        }
    }
    if (known == 0 && is_option)
        *found = argv[1];
    return false;
}

/* ---- tasks ---- */

/* A path may be any bytes. */
static json_t *words(const char *text)
{
    json_t *string = json_string(text);

    return string ? string : json_string("(its name is no UTF-8)");
}

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

/* `error` begins with FILE:LINE: where there is a line. */
static int refuse(const char *file, const char *error, bool json)
{
    if (json)
        print_json(
            json_pack("{s:o, s:b, s:o}", "file", words(file), "ok", false, "error", words(error)));
    else
        fprintf(stderr, "%s\n", error);
    return APP_NO;
}

static int check(const struct config *config, const char *file, bool json)
{
    char error[GUARD_CHECK_ERROR_MAX] = "";

    if (!guard_check(config, error))
        return refuse(file, error, json);
    if (json)
        print_json(json_pack("{s:o, s:b, s:i}", "file", words(file), "ok", true, "services",
                             (int)config->services));
    else
        printf("%s: ok, %u service%s\n", file, config->services, config->services == 1 ? "" : "s");
    return APP_OK;
}

static void dump(const struct config *config, bool json)
{
    if (json)
        print_json(config_json(config));
    else
        config_dump(config, stdout);
}

#define HERE "<<'END'"
#define HERE_END "\nEND\n"

/* Each command as a shell takes it, one that reads a text up to END with all of it; what begins with # is for people. */
static json_t *commands_of(const char *text)
{
    json_t *commands = json_array();

    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        const char *end = memmem(text, length, HERE, strlen(HERE)) ? strstr(text, HERE_END) : NULL;

        if (end != NULL)
            length = (size_t)(end - text) + strlen(HERE_END) - 1;
        if (length > 0 && *text != '#')
            json_array_append_new(commands, json_stringn(text, length));
        text += length + (text[length] == '\n');
    }
    return commands;
}

static int net_show(const struct config *config, bool json)
{
    char *text = NULL;
    size_t length;
    FILE *stream = json ? open_memstream(&text, &length) : stdout;

    if (stream == NULL)
        return app_fail("guard", "no memory");
    uplink_show(config, stream);
    if (json) {
        fclose(stream);
        print_json(json_pack("{s:o}", "commands", commands_of(text)));
        free(text);
    }
    return APP_OK;
}

static int net(const struct config *config, bool up)
{
    char error[UPLINK_ERROR_MAX];

    if (up ? uplink_up(config, error) : uplink_down(config, error))
        return APP_OK;
    return app_fail("guard", "%s", error);
}

static void make_directory(const char *path, const struct passwd *owner)
{
    if (mkdir(path, 0750) == 0 && owner != NULL && chown(path, owner->pw_uid, owner->pw_gid) != 0)
        rmdir(path); /* of no use to him; status says that blocks cannot be kept */
}

/* Guards that name no place each remember what they know in one of their own. */
static bool own_state(const struct app *app, struct config *config)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam(config->user) : NULL;
    size_t length = strlen(config->state_directory);

    if (app->guard[0] == '/' || config_key_is_written(config, CONFIG_ROOT, "state_directory"))
        return true;
    if (length + strlen(app->guard) + 2 > sizeof config->state_directory)
        return false;
    make_directory(config->state_directory, user);
    snprintf(config->state_directory + length, sizeof config->state_directory - length, "/%s",
             app->guard);
    make_directory(config->state_directory, user);
    return true;
}

static int guard(const struct app *app, struct config *config, const char *file)
{
    if (strcmp(app->guard, APP_GUARD_DEFAULT) != 0 &&
        (control_path(config->control, app->guard) != HF_OK || !own_state(app, config))) {
        config_free(config);
        return app_usage("guard", "-i %s is too long for a socket's path", app->guard);
    }
    return (int)serve(config, file);
}

int cmd_guard(const struct app *app, int argc, char **argv)
{
    char error[CONFIG_ERROR_MAX];
    const char *file, *found;
    struct config *config;
    enum task task;
    int result = APP_OK;
    bool json;

    if (app_help(argc, argv, help))
        return APP_OK;
    json = guard_take_json(&argc, argv);
    if (!parse(argc, argv, &task, &file, &found))
        return app_usage("guard", "%s: " ACCEPTED, found);
    if (json && task != TASK_CHECK && task != TASK_DUMP && task != TASK_NET_SHOW)
        return app_usage("guard", "--json: accepted is that with --check, --dump and --net show");
    config = config_read(file, error);
    if (config == NULL)
        return refuse(file, error, json);
    switch (task) {
    case TASK_SERVE: return guard(app, config, file);
    case TASK_CHECK: result = check(config, file, json); break;
    case TASK_DUMP: dump(config, json); break;
    case TASK_NET_SHOW: result = net_show(config, json); break;
    case TASK_NET_UP:
    case TASK_NET_DOWN: result = net(config, task == TASK_NET_UP); break;
    }
    config_free(config);
    return result;
}
