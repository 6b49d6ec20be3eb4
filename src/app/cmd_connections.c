/* handfast connections, handfast kill: who is connected, and who is so no more. */
#include <inttypes.h>
#include <string.h>

#include "app/app.h"
#include "app/color.h"
#include "app/guard_client.h"
#include "control/filter_text.h"

static const char connections_help[] =
    "usage: handfast [-i NAME] connections [half-open] [FILTER] [--json]\n\n"
    "The connections that a running guard relays, or the handshakes that wait for their last ACK.\n"
    "  FILTER  service NAME, from PREFIX, state STATE: each at most once, all of them true\n"
    "          STATE: ESTABLISHED, CLOSE-WAIT ... (of the client's connection), or\n"
    "          waiting, connecting, open, client-closed, backend-closed (of the relay)\n"
    "  --json  one object with all rows, exact\n";

static const char kill_help[] =
    "usage: handfast [-i NAME] kill FILTER [--json]\n\n"
    "Resets the relayed connections that FILTER means, on both sides, and says how many.\n"
    "  FILTER  service NAME, from PREFIX, state STATE: each at most once, all of them true\n"
    "They may come again: block PREFIX keeps them away.\n";

/* What the words of a filter mean is checked here too, so that a slip is a usage error. */
static bool check_filter(const char *command, int count, char **words, int *result)
{
    char error[FILTER_ERROR_MAX];
    struct filter filter;

    for (int i = 0; i < count; i += 2)
        if (words[i][0] == '-') {
            *result = app_usage(command, "%s is not understood; accepted are --json, " FILTER_WORDS,
                                words[i]);
            return false;
        }
    if (filter_parse(&filter, (size_t)count, (const char *const *)words, error))
        return true;
    *result = app_usage(command, "%s", error);
    return false;
}

/* ---- connections ---- */

struct table {
    bool json, half_opens, began;
    int64_t shown;
};

static void print_header(const struct table *table)
{
    printf("%s", color(stdout, COLOR_BOLD));
    if (table->half_opens)
        printf("%-12s %-12s %-28s %-28s %6s %8s %s", "State", "Service", "Local", "Peer", "MSS",
               "SYN-ACKs", "Options");
    else
        printf("%-12s %7s %7s %-12s %-24s %-28s %-12s %8s %9s %9s %8s %8s", "State", "Recv-Q",
               "Send-Q", "Service", "Local", "Peer", "Backend", "RTT", "In", "Out", "Age", "Idle");
    printf("%s\n", color(stdout, COLOR_PLAIN));
}

static void print_half_open(const json_t *row)
{
    printf("%-12s %-12s %-28s %-28s %6" PRId64 " %8" PRId64 " %s%s%s\n", guard_string(row, "state"),
           guard_string(row, "service"), guard_string(row, "local"), guard_string(row, "peer"),
           guard_integer(row, "mss"), guard_integer(row, "syn_acks"),
           json_is_true(json_object_get(row, "timestamps")) ? "timestamps " : "",
           json_is_true(json_object_get(row, "sack")) ? "sack " : "",
           json_is_true(json_object_get(row, "window_scaling")) ? "scaling" : "");
}

/* "md5", or "hmac-sha-1-96 61/84": the ids of the keys that sign what we send, and what was received last. */
static void print_signing(const json_t *signing)
{
    if (json_is_object(signing))
        printf("  signed %s", guard_string(signing, "algorithm"));
    if (json_object_get(signing, "send_id"))
        printf(" %" PRId64 "/%" PRId64, guard_integer(signing, "send_id"),
               guard_integer(signing, "received_id"));
}

static void print_connection(const json_t *row)
{
    char rtt[GUARD_NUMBER_MAX], in[GUARD_NUMBER_MAX], out[GUARD_NUMBER_MAX], age[GUARD_NUMBER_MAX],
        idle[GUARD_NUMBER_MAX];
    const char *backend = guard_string(row, "backend"), *relay = guard_string(row, "relay");

    printf("%-12s %7" PRId64 " %7" PRId64 " %-12s %-24s %-28s %-12s %8s %9s %9s %8s %8s%s%s",
           guard_string(row, "state"), guard_integer(row, "receive_queued"),
           guard_integer(row, "send_queued"), guard_string(row, "service"),
           guard_string(row, "local"), guard_string(row, "peer"), *backend ? backend : "-",
           guard_duration(rtt, guard_integer(row, "rtt_us")),
           guard_number(in, guard_integer(row, "bytes_in")),
           guard_number(out, guard_integer(row, "bytes_out")),
           guard_duration(age, guard_integer(row, "age_us")),
           guard_duration(idle, guard_integer(row, "idle_us")),
           strcmp(relay, "open") == 0 ? "" : "  ", strcmp(relay, "open") == 0 ? "" : relay);
    print_signing(json_object_get(row, "signed"));
    putchar('\n');
}

static void print_row(struct table *table, const json_t *row)
{
    if (table->json) {
        fputs(table->began ? ",\n" : "{\"connections\": [\n", stdout);
        json_dumpf(row, stdout, JSON_COMPACT);
    } else {
        if (!table->began)
            print_header(table);
        if (table->half_opens)
            print_half_open(row);
        else
            print_connection(row);
    }
    table->began = true;
}

static bool on_rows(void *context, const json_t *line, struct control_stream_in *in)
{
    struct table *table = context;
    const json_t *row;
    size_t i;

    (void)in;
    json_array_foreach(json_object_get(line, "rows"), i, row) print_row(table, row);
    if (json_is_true(json_object_get(line, "end")))
        table->shown = guard_integer(line, "shown");
    return !ferror(stdout);
}

int cmd_connections(const struct app *app, int argc, char **argv)
{
    struct table table = {.json = false};
    int result;

    if (app_help(argc, argv, connections_help))
        return APP_OK;
    table.json = guard_take_json(&argc, argv);
    table.half_opens = argc > 1 && strcmp(argv[1], "half-open") == 0;
    if (!check_filter("connections", argc - 1 - table.half_opens, argv + 1 + table.half_opens,
                      &result))
        return result;
    struct guard_stream stream = {.line = on_rows, .context = &table};
    result = guard_follow(
        app, "connections",
        guard_request("connections", (size_t)argc - 1, (const char *const *)argv + 1), &stream);
    if (result == APP_OK && table.json)
        puts(table.began ? "\n]}" : "{\"connections\": []}");
    else if (result == APP_OK && !table.began)
        puts(table.half_opens ? "no half-opens" : "no connections");
    return result;
}

/* ---- kill ---- */

struct killed {
    bool json;
};

static bool on_killed(void *context, const json_t *line, struct control_stream_in *in)
{
    const struct killed *killed = context;
    int64_t count = guard_integer(line, "killed");

    (void)in;
    if (killed->json)
        printf("{\"killed\": %" PRId64 "}\n", count);
    else
        printf("%" PRId64 " connection%s killed\n", count, count == 1 ? "" : "s");
    return false;
}

static bool is_about_half_opens(int count, char **words)
{
    char error[FILTER_ERROR_MAX];
    struct filter filter;

    return filter_parse(&filter, (size_t)count, (const char *const *)words, error) &&
           strcmp(filter.state, "SYN-RECEIVED") == 0;
}

int cmd_kill(const struct app *app, int argc, char **argv)
{
    struct killed killed;
    int result;

    if (app_help(argc, argv, kill_help))
        return APP_OK;
    killed.json = guard_take_json(&argc, argv);
    if (argc < 2)
        return app_usage("kill", "which connections? accepted are " FILTER_WORDS);
    if (!check_filter("kill", argc - 1, argv + 1, &result))
        return result;
    if (is_about_half_opens(argc - 1, argv + 1))
        return app_usage("kill",
                         "state SYN-RECEIVED: half-opens are nobody's connection yet and go by "
                         "themselves after half_open_timeout; block PREFIX keeps theirs away");
    struct guard_stream stream = {.line = on_killed, .context = &killed};
    return guard_follow(app, "kill",
                        guard_request("kill", (size_t)argc - 1, (const char *const *)argv + 1),
                        &stream);
}
