/* handfast status: one screen about a running guard. */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/color.h"
#include "app/guard_client.h"

static const char help[] =
    "usage: handfast [-i NAME] status [--json]\n\n"
    "One screen about a running guard: since when, its uplink, its services with pressure,\n"
    "connections and backends, what is blocked, and what is wrong now.\n"
    "  --json  the same as one JSON object, exact\n";

static const char *paint(enum color which)
{
    return color(stdout, which);
}

static enum color pressure_color(const char *pressure)
{
    return strcmp(pressure, "calm") == 0       ? COLOR_GREEN
           : strcmp(pressure, "strained") == 0 ? COLOR_YELLOW
                                               : COLOR_RED;
}

static void print_uplink(const json_t *reply)
{
    const json_t *uplink = json_object_get(reply, "uplink");
    const json_t *addresses = json_object_get(uplink, "addresses");
    const json_t *address;
    size_t i;

    printf("uplink       %s (%s mode", guard_string(uplink, "name"), guard_string(uplink, "mode"));
    if (strcmp(guard_string(uplink, "interface"), guard_string(uplink, "name")) != 0 &&
        *guard_string(uplink, "interface"))
        printf(", %s", guard_string(uplink, "interface"));
    printf(", MTU %" PRId64 "%s%s%s)", guard_integer(uplink, "mtu"), paint(COLOR_RED),
           json_is_false(json_object_get(uplink, "up")) ? ", down" : "", paint(COLOR_PLAIN));
    json_array_foreach(addresses, i, address)
        printf("%s%s", i == 0 ? "  " : ", ", json_string_value(address));
    putchar('\n');
}

static void print_load(const json_t *reply)
{
    const json_t *load = json_object_get(reply, "load");
    char a[GUARD_NUMBER_MAX], b[GUARD_NUMBER_MAX];

    printf("connections  %s of %s", guard_number(a, guard_integer(load, "relayed")),
           guard_number(b, guard_integer(load, "limit")));
    printf(", half-opens %s of %s", guard_number(a, guard_integer(load, "half_opens")),
           guard_number(b, guard_integer(load, "half_opens_limit")));
    printf(", buffers %sB of %sB\n", guard_number(a, guard_integer(load, "pool_used_bytes")),
           guard_number(b, guard_integer(load, "pool_bytes")));
    printf("blocks       %s\n", guard_number(a, guard_integer(reply, "blocks")));
}

static void print_listener(const json_t *listener)
{
    const char *pressure = guard_string(listener, "pressure");
    char half_opens[GUARD_NUMBER_MAX], cookies[GUARD_NUMBER_MAX], since[GUARD_NUMBER_MAX];

    printf("    %-28s %s%s%s", guard_string(listener, "local"), paint(pressure_color(pressure)),
           pressure, paint(COLOR_PLAIN));
    if (strcmp(pressure, "calm") != 0)
        printf(" for %s",
               guard_duration(since, guard_integer(listener, "pressure_for_s") * 1000000));
    printf(", %s half-opens", guard_number(half_opens, guard_integer(listener, "half_opens")));
    if (guard_integer(listener, "cookies_sent") > 0)
        printf(", %s cookies sent", guard_number(cookies, guard_integer(listener, "cookies_sent")));
    putchar('\n');
}

static void print_backend(const json_t *backend)
{
    const char *health = guard_string(backend, "health");
    bool down = strcmp(health, "down") == 0;
    char active[GUARD_NUMBER_MAX], since[GUARD_NUMBER_MAX];

    printf("    -> %-25s %s%s%s", guard_string(backend, "name"),
           paint(down                        ? COLOR_RED
                 : strcmp(health, "up") == 0 ? COLOR_GREEN
                                             : COLOR_PLAIN),
           health, paint(COLOR_PLAIN));
    if (down)
        printf(" for %s (%s)", guard_duration(since, guard_integer(backend, "for_s") * 1000000),
               guard_string(backend, "error"));
    printf(", %s active", guard_number(active, guard_integer(backend, "active")));
    if (*guard_string(backend, "to"))
        printf(", %s", guard_string(backend, "to"));
    if (*guard_string(backend, "client_address") &&
        strcmp(guard_string(backend, "client_address"), "none") != 0)
        printf(", %s", guard_string(backend, "client_address"));
    putchar('\n');
}

static void print_service(const json_t *service)
{
    const json_t *item;
    const char *life = guard_string(service, "life");
    char active[GUARD_NUMBER_MAX], limit[GUARD_NUMBER_MAX];
    size_t i;

    printf("  %s%s%s  %s of %s connections", paint(COLOR_BOLD), guard_string(service, "name"),
           paint(COLOR_PLAIN), guard_number(active, guard_integer(service, "active")),
           guard_number(limit, guard_integer(service, "max_connections")));
    if (strcmp(life, "open") != 0)
        printf("  %s%s%s", paint(COLOR_YELLOW), life, paint(COLOR_PLAIN));
    putchar('\n');
    json_array_foreach(json_object_get(service, "listeners"), i, item) print_listener(item);
    json_array_foreach(json_object_get(service, "backends"), i, item) print_backend(item);
}

static void print_alarms(const json_t *alarms)
{
    const json_t *alarm;
    size_t i;

    if (json_array_size(alarms) == 0)
        printf("%salarms       none%s\n", paint(COLOR_GREEN), paint(COLOR_PLAIN));
    else
        printf("%salarms now%s\n", paint(COLOR_RED), paint(COLOR_PLAIN));
    json_array_foreach(alarms, i, alarm) printf("  %s\n", json_string_value(alarm));
}

static void print_screen(const json_t *reply)
{
    char up[GUARD_NUMBER_MAX];
    const json_t *service;
    size_t i;

    printf("%shandfast %s%s  %s since %s (%s), pid %" PRId64 "\n", paint(COLOR_BOLD),
           guard_string(reply, "version"), paint(COLOR_PLAIN), guard_string(reply, "life"),
           guard_string(reply, "since"), guard_duration(up, guard_integer(reply, "up_s") * 1000000),
           guard_integer(reply, "pid"));
    print_uplink(reply);
    print_load(reply);
    printf("services\n");
    json_array_foreach(json_object_get(reply, "services"), i, service) print_service(service);
    print_alarms(json_object_get(reply, "alarms"));
}

int cmd_status(const struct app *app, int argc, char **argv)
{
    bool json;
    int result;

    if (app_help(argc, argv, help))
        return APP_OK;
    json = guard_take_json(&argc, argv);
    if (argc > 1)
        return app_usage("status", "%s is not understood; accepted is --json", argv[1]);
    json_t *reply = guard_ask(app, "status", guard_request("status", 0, NULL), &result);
    if (!reply)
        return result;
    if (json) {
        json_dumpf(reply, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_screen(reply);
    }
    json_decref(reply);
    return APP_OK;
}
