/* handfast drain, resume, reload: what changes a guard while it serves. */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/guard_client.h"

static const char drain_help[] = "usage: handfast [-i NAME] drain SERVICE [--json]\n\n"
                                 "SERVICE takes no new connections; those that are open go on. "
                                 "resume ends it, a reload does not.\n";

static const char resume_help[] = "usage: handfast [-i NAME] resume SERVICE [--json]\n\n"
                                  "SERVICE takes connections again.\n";

static const char reload_help[] =
    "usage: handfast [-i NAME] reload [--json]\n\n"
    "Reads the configuration file again. Services, backends, limits and lists change without\n"
    "dropping a connection; a file with an error changes nothing and says why (exit 1).\n";

static int one_service(const struct app *app, int argc, char **argv)
{
    const char *command = argv[0];
    bool json = guard_take_json(&argc, argv), drained = strcmp(command, "drain") == 0;
    int result;

    if (argc != 2 || argv[1][0] == '-')
        return app_usage(command, "%s%s accepted is the name of one service",
                         argc < 2 ? "which service?" : argv[argc - 1],
                         argc < 2 ? "" : " is not understood;");
    json_t *reply =
        guard_ask(app, command, guard_request(command, 1, (const char *const *)argv + 1), &result);
    if (!reply)
        return result;
    if (json) {
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (drained) {
        printf("%s takes no new connections; %" PRId64 " go on\n", guard_string(reply, "drained"),
               guard_integer(reply, "active"));
    } else {
        printf("%s takes connections again\n", guard_string(reply, "resumed"));
    }
    json_decref(reply);
    return APP_OK;
}

int cmd_drain(const struct app *app, int argc, char **argv)
{
    return app_help(argc, argv, drain_help) ? APP_OK : one_service(app, argc, argv);
}

int cmd_resume(const struct app *app, int argc, char **argv)
{
    return app_help(argc, argv, resume_help) ? APP_OK : one_service(app, argc, argv);
}

int cmd_reload(const struct app *app, int argc, char **argv)
{
    bool json;
    int result;

    if (app_help(argc, argv, reload_help))
        return APP_OK;
    json = guard_take_json(&argc, argv);
    if (argc > 1)
        return app_usage("reload",
                         "%s is not understood: the file is the one that the guard began "
                         "with",
                         argv[1]);
    json_t *reply = guard_ask_plainly(app, "reload", guard_request("reload", 0, NULL), &result);
    if (!reply)
        return result;
    const char *error = json_string_value(json_object_get(reply, "error"));
    if (json) {
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (error) {
        fprintf(stderr, "%s\n", error); /* begins with FILE:LINE: */
        app_fail("reload", "nothing has changed");
    } else {
        printf("the configuration is in force: %" PRId64 " service%s\n",
               guard_integer(reply, "services"), guard_integer(reply, "services") == 1 ? "" : "s");
    }
    result = error ? APP_NO : APP_OK;
    json_decref(reply);
    return result;
}
