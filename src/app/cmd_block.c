/* handfast block, unblock, blocks: who is shut out of every service. */
#include <inttypes.h>
#include <string.h>

#include <handfast/handfast.h>

#include "app/app.h"
#include "app/color.h"
#include "app/guard_client.h"
#include "control/filter_text.h"

static const char block_help[] =
    "usage: handfast [-i NAME] block PREFIX [--for DURATION] [--reason TEXT] [--json]\n\n"
    "From now on nobody of PREFIX is let in to any service, across reload and restart.\n"
    "  PREFIX          203.0.113.7, 203.0.113.0/24, 2001:db8::/32\n"
    "  --for DURATION  10m, 1h, 7d; without it until unblock\n"
    "  --reason TEXT   for whoever looks at the list later\n"
    "Connections that are open go on: kill from PREFIX ends them.\n";

static const char unblock_help[] = "usage: handfast [-i NAME] unblock PREFIX [--json]\n\n"
                                   "Ends the block of exactly this prefix; blocks lists them.\n";

static const char blocks_help[] =
    "usage: handfast [-i NAME] blocks [--json]\n\n"
    "The prefixes that are shut out of every service, with what is left of their time and why.\n";

static bool is_prefix(const char *text)
{
    struct hf_prefix prefix;

    return hf_prefix_parse(&prefix, text) == HF_OK;
}

/* Prints the reply, or says one sentence about it. */
static int ask_and_say(const struct app *app, const char *command, json_t *request, bool json)
{
    int result;
    json_t *reply = guard_ask(app, command, request, &result);
    const json_t *block = json_object_get(reply, "blocked");
    char left[GUARD_NUMBER_MAX];

    if (!reply)
        return result;
    if (json) {
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (block && json_is_integer(json_object_get(block, "left_s"))) {
        printf("%s is blocked for %s\n", guard_string(block, "prefix"),
               guard_duration(left, guard_integer(block, "left_s") * 1000000));
    } else if (block) {
        printf("%s is blocked until unblock\n", guard_string(block, "prefix"));
    } else {
        printf("%s is not blocked any more\n", guard_string(reply, "unblocked"));
    }
    json_decref(reply);
    return APP_OK;
}

int cmd_block(const struct app *app, int argc, char **argv)
{
    const char *words[5] = {NULL}; /* PREFIX for DURATION reason TEXT */
    bool json;
    int64_t us;

    if (app_help(argc, argv, block_help))
        return APP_OK;
    json = guard_take_json(&argc, argv);
    for (int i = 1; i < argc; i++) {
        bool is_for = strcmp(argv[i], "--for") == 0, is_why = strcmp(argv[i], "--reason") == 0;

        if ((is_for || is_why) && i + 1 == argc)
            return app_usage("block", "%s has nothing after it", argv[i]);
        if (is_for && !words[2]) {
            words[1] = "for";
            words[2] = argv[++i];
        } else if (is_why && !words[4]) {
            words[3] = "reason";
            words[4] = argv[++i];
        } else if (!words[0] && argv[i][0] != '-') {
            words[0] = argv[i];
        } else {
            return app_usage("block",
                             "%s is not understood; accepted are one PREFIX, --for and "
                             "--reason",
                             argv[i]);
        }
    }
    if (!words[0] || !is_prefix(words[0]))
        return app_usage("block", "%s%s accepted are 203.0.113.0/24, 2001:db8::/32 and addresses",
                         words[0] ? words[0] : "which prefix?", words[0] ? " is no prefix;" : "");
    if (words[2] && (!duration_parse(words[2], &us) || us <= 0))
        return app_usage("block", "--for %s: accepted is " DURATION_ACCEPTED ", at most 3650d",
                         words[2]);
    return ask_and_say(app, "block", guard_request("block", 5, words), json);
}

int cmd_unblock(const struct app *app, int argc, char **argv)
{
    bool json;

    if (app_help(argc, argv, unblock_help))
        return APP_OK;
    json = guard_take_json(&argc, argv);
    if (argc != 2 || !is_prefix(argv[1]))
        return app_usage("unblock", "%s%s accepted is one prefix or address",
                         argc < 2 ? "which prefix?" : argv[argc - 1],
                         argc < 2 ? "" : " is not understood;");
    return ask_and_say(app, "unblock", guard_request("unblock", 1, (const char *const *)argv + 1),
                       json);
}

/* ---- the list ---- */

struct block_list {
    bool json, began;
};

static void print_block(const json_t *row)
{
    const json_t *left_s = json_object_get(row, "left_s");
    char left[GUARD_NUMBER_MAX];

    printf("%-30s %-10s %-24s %s\n", guard_string(row, "prefix"),
           json_is_integer(left_s) ? guard_duration(left, json_integer_value(left_s) * 1000000)
                                   : "for ever",
           guard_string(row, "since"), guard_string(row, "reason"));
}

static bool on_rows(void *context, const json_t *line, struct control_stream_in *in)
{
    struct block_list *list = context;
    const json_t *row;
    size_t i;

    (void)in;
    json_array_foreach(json_object_get(line, "rows"), i, row)
    {
        if (list->json) {
            fputs(list->began ? ",\n" : "{\"blocks\": [\n", stdout);
            json_dumpf(row, stdout, JSON_COMPACT);
        } else {
            if (!list->began)
                printf("%s%-30s %-10s %-24s %s%s\n", color(stdout, COLOR_BOLD), "Prefix", "Left",
                       "Since", "Reason", color(stdout, COLOR_PLAIN));
            print_block(row);
        }
        list->began = true;
    }
    return !ferror(stdout);
}

int cmd_blocks(const struct app *app, int argc, char **argv)
{
    struct block_list list = {.json = false};
    int result;

    if (app_help(argc, argv, blocks_help))
        return APP_OK;
    list.json = guard_take_json(&argc, argv);
    if (argc > 1)
        return app_usage("blocks", "%s is not understood; accepted is --json", argv[1]);
    struct guard_stream stream = {.line = on_rows, .context = &list};
    result = guard_follow(app, "blocks", guard_request("blocks", 0, NULL), &stream);
    if (result == APP_OK && list.json)
        puts(list.began ? "\n]}" : "{\"blocks\": []}");
    else if (result == APP_OK && !list.began)
        puts("nobody is blocked");
    return result;
}
