/* handfast events: what happened lately, and what happens. */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/color.h"
#include "app/guard_client.h"

static const char help[] =
    "usage: handfast [-i NAME] events [--follow] [--last N] [--json]\n\n"
    "What a running guard noticed and did lately, oldest first; the guard keeps 1024 facts.\n"
    "  --follow  and then each fact as it happens, until Ctrl-C\n"
    "  --last N  only the newest N of those that are kept\n"
    "  --json    one JSON object a line\n";

struct reader {
    bool json;
};

static enum color kind_color(const char *kind)
{
    static const struct {
        const char *kind;
        enum color color;
    } colors[] = {{"pressure", COLOR_YELLOW},  {"scan", COLOR_YELLOW},
                  {"cache-full", COLOR_RED},   {"accept-queue-full", COLOR_RED},
                  {"memory-full", COLOR_RED},  {"address-conflict", COLOR_RED},
                  {"next-hop", COLOR_RED},     {"held-memory", COLOR_YELLOW},
                  {"flood-over", COLOR_GREEN}, {"backend-down", COLOR_RED},
                  {"backend-up", COLOR_GREEN}, {"reload-failed", COLOR_RED},
                  {"uplink-down", COLOR_RED},  {"uplink-up", COLOR_GREEN}};

    for (size_t i = 0; i < sizeof colors / sizeof *colors; i++)
        if (strcmp(colors[i].kind, kind) == 0)
            return colors[i].color;
    return COLOR_CYAN;
}

static bool on_line(void *context, const json_t *line, struct control_stream_in *in)
{
    const struct reader *reader = context;
    const char *kind = guard_string(line, "kind");

    (void)in;
    if (json_is_true(json_object_get(line, "end")))
        return true;
    if (reader->json) {
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (json_object_get(line, "missed")) {
        printf("%s(%" PRId64 " older facts are not kept any more)%s\n", color(stdout, COLOR_DIM),
               guard_integer(line, "missed"), color(stdout, COLOR_PLAIN));
    } else {
        printf("%s  %s%-17s%s %s\n", guard_string(line, "at"), color(stdout, kind_color(kind)),
               kind, color(stdout, COLOR_PLAIN), guard_string(line, "text"));
    }
    return fflush(stdout) == 0 && !ferror(stdout);
}

int cmd_events(const struct app *app, int argc, char **argv)
{
    const char *words[2] = {NULL, NULL};
    struct reader reader;
    long last;

    if (app_help(argc, argv, help))
        return APP_OK;
    reader.json = guard_take_json(&argc, argv);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--follow") == 0 || strcmp(argv[i], "-f") == 0)
            words[0] = "follow";
        else if (strcmp(argv[i], "--last") == 0 && i + 1 < argc &&
                 app_number(argv[i + 1], 0, 1000000, &last))
            words[1] = argv[++i];
        else if (strcmp(argv[i], "--last") == 0)
            return app_usage("events", "--last %s: accepted is a number from 0 to 1000000",
                             i + 1 < argc ? argv[i + 1] : "(nothing)");
        else
            return app_usage("events",
                             "%s is not understood; accepted are --follow, --last N and --json",
                             argv[i]);
    }
    struct guard_stream stream = {.patient = words[0] != NULL, .line = on_line, .context = &reader};
    return guard_follow(app, "events", guard_request("events", 2, words), &stream);
}
