/* handfast stats: every counter of a running guard, and how much of each limit is in use. */
#include <string.h>

#include <handfast/stats.h>

#include "app/app.h"
#include "app/color.h"
#include "app/guard_client.h"
#include "guard/service.h"

static const char help[] =
    "usage: handfast [-i NAME] stats [--json | --prometheus] [--all]\n\n"
    "Every counter of a running guard, and how much of each limit is in use.\n"
    "  --json        exact numbers as one JSON object\n"
    "  --prometheus  the same as a page for Prometheus\n"
    "  --all         also what has never been counted\n";

/* The sections of stats.h, by their first row. */
static const struct section {
    enum hf_stat first;
    const char *title;
} sections[] = {
    {HF_STAT_frames_in, "Frames and packets"},
    {HF_STAT_segments_in, "Segments"},
    {HF_STAT_syn_received, "At the door: no connection yet"},
    {HF_STAT_active_opens, "Connections"},
    {HF_STAT_time_waits, "TIME-WAIT"},
};

static void print_gauge(const json_t *gauges, const char *label, const char *used,
                        const char *limit)
{
    char a[GUARD_NUMBER_MAX], b[GUARD_NUMBER_MAX];

    printf("  %-16s %10s", label, guard_number(a, guard_integer(gauges, used)));
    if (limit)
        printf("  of %s", guard_number(b, guard_integer(gauges, limit)));
    putchar('\n');
}

static void print_gauges(const json_t *reply, bool all)
{
    const json_t *gauges = json_object_get(reply, "gauges");
    const char *state;
    json_t *count;
    char text[GUARD_NUMBER_MAX];

    printf("%sIn use%s\n", color(stdout, COLOR_BOLD), color(stdout, COLOR_PLAIN));
    print_gauge(json_object_get(reply, "relays"), "relayed", "active", "limit");
    print_gauge(gauges, "in the stack", "connections_used", "max_connections");
    print_gauge(gauges, "half-opens", "half_opens", "max_half_opens");
    print_gauge(gauges, "TIME-WAIT", "time_waits", "max_time_waits");
    print_gauge(gauges, "pool bytes", "pool_used_bytes", "pool_bytes");
    print_gauge(gauges, "memory bytes", "memory_bytes", NULL);
    print_gauge(gauges, "listeners", "listeners", NULL);
    print_gauge(gauges, "neighbours", "neighbors", NULL);
    print_gauge(gauges, "reassemblies", "reassemblies", NULL);

    printf("\n%sStates%s\n", color(stdout, COLOR_BOLD), color(stdout, COLOR_PLAIN));
    json_object_foreach(json_object_get(reply, "connections"), state,
                        count) if (all || json_integer_value(count))
        printf("  %-16s %10s\n", state, guard_number(text, json_integer_value(count)));
}

/* The rows from `first` up to `end`. */
static void print_section(const json_t *counters, const char *title, enum hf_stat first,
                          enum hf_stat end, bool all)
{
    bool titled = false;
    char text[GUARD_NUMBER_MAX];

    for (unsigned i = first; i < end; i++) {
        enum hf_stat stat = (enum hf_stat)i;
        const json_t *value = json_object_get(counters, hf_stat_name(stat));

        if (!value || (!all && !json_integer_value(value)))
            continue;
        if (!titled)
            printf("\n%s%s%s\n", color(stdout, COLOR_BOLD), title, color(stdout, COLOR_PLAIN));
        titled = true;
        printf("  %10s %-11s  %-27s %s%s%s\n", guard_number(text, json_integer_value(value)),
               hf_stat_unit(stat), hf_stat_name(stat), color(stdout, COLOR_DIM),
               hf_stat_meaning(stat), color(stdout, COLOR_PLAIN));
    }
}

static void print_service(const json_t *service, bool all)
{
    char text[GUARD_NUMBER_MAX], limit[GUARD_NUMBER_MAX];

    printf("\n%sService %s%s\n", color(stdout, COLOR_BOLD), guard_string(service, "name"),
           color(stdout, COLOR_PLAIN));
    guard_number(text, guard_integer(service, "active"));
    guard_number(limit, guard_integer(service, "max_connections"));
    printf("  %10s %-11s  %-27s %sof %s%s\n", text, "connections", "active",
           color(stdout, COLOR_DIM), limit, color(stdout, COLOR_PLAIN));
#define ROW(name, meaning)                                                                        \
    if (all || guard_integer(service, #name))                                                     \
        printf("  %10s %-11s  %-27s %s%s%s\n", guard_number(text, guard_integer(service, #name)), \
               strncmp(#name, "bytes", 5) == 0 ? "bytes" : "connections", #name,                  \
               color(stdout, COLOR_DIM), meaning, color(stdout, COLOR_PLAIN));
    SERVICE_COUNTERS(ROW)
#undef ROW
}

static void print_all(const json_t *reply, bool all)
{
    size_t count = sizeof sections / sizeof *sections, at;
    const json_t *service;

    print_gauges(reply, all);
    for (size_t i = 0; i < count; i++)
        print_section(json_object_get(reply, "counters"), sections[i].title, sections[i].first,
                      i + 1 < count ? sections[i + 1].first : HF_STAT_COUNT, all);
    json_array_foreach(json_object_get(reply, "services"), at, service) print_service(service, all);
}

int cmd_stats(const struct app *app, int argc, char **argv)
{
    bool json = false, all = false;
    const char *page = NULL;
    int result;

    if (app_help(argc, argv, help))
        return APP_OK;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            app_fail_in_json(json = true);
        else if (strcmp(argv[i], "--prometheus") == 0)
            page = "prometheus";
        else if (strcmp(argv[i], "--all") == 0)
            all = true;
        else
            return app_usage("stats",
                             "%s is not understood; accepted are --json, --prometheus and --all",
                             argv[i]);
    }
    if (json && page)
        return app_usage("stats", "accepted is one of --json and --prometheus");

    json_t *reply = guard_ask(app, "stats", guard_request("stats", 1, &page), &result);
    if (!reply)
        return result;
    if (page) {
        fputs(guard_string(reply, "prometheus"), stdout);
    } else if (json) {
        json_dumpf(reply, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_all(reply, all);
    }
    json_decref(reply);
    return APP_OK;
}
