/* handfast journal show FILE: records for people, or as they stand. It believes what it reads; verify does not. */
#include "app/app.h"
#include "app/color.h"
#include "app/journal_commands.h"
#include "app/journal_lines.h"
#include "control/filter_text.h"
#include "os/clock.h"
#include "guard/config_address.h"

#include <handfast/os.h>

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_MS 200 /* how often who follows looks */

struct show {
    char *name;
    const char *service, *kind;
    bool has_from, follow, json, with_older;
    struct hf_prefix from;
    char since[RECORD_WALL_LETTERS + 1],
        until[RECORD_WALL_LETTERS + 1]; /* or the beginning of one */
    const char *file;                   /* that is read now */
    uint64_t line, nonsense;
};

/* ---- which ---- */

/* "2026-11-23T04:30" and shorter or longer, "04:30" of today, or a duration: so long ago. Instants are compared as text: they
 * all have the same form. */
static bool parse_time(char to[RECORD_WALL_LETTERS + 1], const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    int64_t us, now_us = hf_os_now_us() + clock_wall_minus_now_us();
    size_t at = 0, length = strlen(text);

    if (duration_parse(text, &us)) {
        record_put_wall(to, now_us - us);
        to[RECORD_WALL_LETTERS] = '\0';
        return true;
    }
    if (length > 2 && text[2] == ':') { /* today */
        record_put_wall(to, now_us);
        at = 11;
    }
    if (length + at > RECORD_WALL_LETTERS || length < 4)
        return false;
    for (size_t i = 0; i < length; i++, at++) {
        char letter = text[i];
        bool digit = letter >= '0' && letter <= '9';

        if (letter == ' ')
            letter = 'T';
        if (form[at] == 'd' ? !digit : letter != form[at])
            return false;
        to[at] = letter;
    }
    to[at] = '\0';
    return true;
}

static int misfit(const char *word)
{
    return app_usage(
        "journal",
        "show: %s is not understood; accepted are FILE, service NAME, from PREFIX, kind "
        "KIND, since TIME, until TIME, --all, --follow and --json",
        word);
}

/* A word of the filter and its value. */
static int parse_filter(struct show *show, const char *word, const char *value)
{
    if (strcmp(word, "service") == 0) {
        show->service = value;
    } else if (strcmp(word, "kind") == 0) {
        show->kind = value;
    } else if (strcmp(word, "from") == 0) {
        if (hf_prefix_parse(&show->from, value) != HF_OK)
            return app_usage("journal",
                             "show: from %s, accepted is a prefix such as 203.0.113.0/24", value);
        show->has_from = true;
    } else if (!parse_time(word[0] == 's' ? show->since : show->until, value)) {
        return app_usage("journal",
                         "show: %s %s, accepted is a time in UTC such as 2026-11-23T04:30 or "
                         "04:30, or " DURATION_ACCEPTED,
                         word, value);
    }
    return APP_OK;
}

static int parse(struct show *show, int argc, char **argv)
{
    static const char *const words[] = {"service", "kind", "from", "since", "until"};
    static const char *const options[] = {"--all", "--follow", "--json"};
    bool *const set[] = {&show->with_older, &show->follow, &show->json};

    for (int i = 1; i < argc; i++) {
        bool taken = false;

        for (size_t j = 0; j < sizeof options / sizeof *options; j++)
            if (strcmp(argv[i], options[j]) == 0)
                *set[j] = taken = true;
        if (strcmp(argv[i], "-f") == 0)
            show->follow = taken = true;
        for (size_t j = 0; show->name && j < sizeof words / sizeof *words && !taken; j++)
            if (strcmp(argv[i], words[j]) == 0 && i + 1 < argc) {
                int result = parse_filter(show, argv[i], argv[i + 1]);

                if (result != APP_OK)
                    return result;
                taken = true;
                i++;
                break;
            }
        if (!taken && (argv[i][0] != '-' || argv[i][1] == '\0') && show->name == NULL) {
            show->name = argv[i];
            taken = true;
        }
        if (!taken)
            return misfit(argv[i]);
    }
    return show->name != NULL
               ? APP_OK
               : app_usage("journal",
                           "show: which FILE? accepted is the journal that a guard writes");
}

static bool is_text(const json_t *object, const char *name, const char *value)
{
    const char *is = json_string_value(json_object_get(object, name));

    return is != NULL && strcmp(is, value) == 0;
}

/* An address, an endpoint or a prefix: whoever it names is meant. */
static bool is_from(const struct show *show, const char *text)
{
    struct hf_prefix prefix;
    struct hf_endpoint endpoint;

    if (text == NULL)
        return false;
    if (hf_prefix_parse(&prefix, text) == HF_OK)
        return prefix.length >= show->from.length &&
               address_in_prefix(&show->from, &prefix.address);
    return hf_endpoint_parse(&endpoint, text) == HF_OK &&
           address_in_prefix(&show->from, &endpoint.address);
}

static bool is_meant(const struct show *show, const json_t *object)
{
    const char *wall = json_string_value(json_object_get(object, "wall"));

    if (wall == NULL || strlen(wall) != RECORD_WALL_LETTERS)
        return false;
    if (strncmp(wall, show->since, strlen(show->since)) < 0 ||
        (show->until[0] != '\0' && strncmp(wall, show->until, strlen(show->until)) > 0))
        return false;
    if ((show->kind && !is_text(object, "kind", show->kind)) ||
        (show->service && !is_text(object, "service", show->service)))
        return false;
    return !show->has_from || is_from(show, json_string_value(json_object_get(object, "client"))) ||
           is_from(show, json_string_value(json_object_get(object, "prefix")));
}

/* ---- how ---- */

static enum color kind_color(const char *kind)
{
    static const char *const life[] = {"start", "stop", "serving", "ended", "reload"},
                             *const bad[] = {"dropped",  "clock", "reload-failed", "backend-down",
                                             "pressure", "scan",  "block",         "kill"};

    if (strcmp(kind, JOURNAL_KIND_SEAL) == 0 || strcmp(kind, JOURNAL_KIND_CONTINUED) == 0 ||
        strcmp(kind, JOURNAL_KIND_ROTATED) == 0)
        return COLOR_DIM;
    for (size_t i = 0; i < sizeof life / sizeof *life; i++)
        if (strcmp(kind, life[i]) == 0)
            return COLOR_GREEN;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strcmp(kind, bad[i]) == 0)
            return COLOR_YELLOW;
    return COLOR_CYAN;
}

/* What is no part of every record and of no chain, as name=value; the text comes last, as it is. */
static void print_members(json_t *object)
{
    static const char *const said[] = {"seq", "wall", "mono", "kind", "prev", "mac", "text", "key"};
    const char *name, *text = json_string_value(json_object_get(object, "text"));
    json_t *value;

    json_object_foreach(object, name, value)
    {
        bool skip = false;

        for (size_t i = 0; i < sizeof said / sizeof *said; i++)
            skip |= strcmp(name, said[i]) == 0;
        if (!skip && json_is_integer(value))
            printf(" %s=%" JSON_INTEGER_FORMAT, name, json_integer_value(value));
        else if (!skip && json_is_string(value))
            printf(" %s=%s", name, json_string_value(value));
    }
    if (text != NULL)
        printf(" %s", text);
}

/* A control character of a record must not reach a terminal. */
static void make_harmless(json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        char *copy = json_is_string(value) ? strdup(json_string_value(value)) : NULL;

        for (char *at = copy; at != NULL && *at != '\0'; at++)
            if ((unsigned char)*at < ' ' || *at == 0x7f)
                *at = ' ';
        if (copy != NULL)
            json_string_set(value, copy);
        free(copy);
    }
}

/* The first one is named; how many there were is said at the end. */
static void say_no_record(struct show *show)
{
    if (show->nonsense++ == 0)
        app_fail("journal", "show: %s:%" PRIu64 ": no record (handfast journal verify %s)",
                 show->file, show->line, show->name);
}

static void print_record(struct show *show, const char *line, size_t length)
{
    json_t *object = json_loadb(line, length, JSON_DISABLE_EOF_CHECK, NULL);
    const char *kind = json_string_value(json_object_get(object, "kind"));

    show->line++;
    if (kind == NULL || !json_is_string(json_object_get(object, "wall"))) {
        say_no_record(show);
    } else if (is_meant(show, object)) {
        if (show->json) {
            fwrite(line, 1, length, stdout);
        } else {
            make_harmless(object);
            kind = json_string_value(json_object_get(object, "kind"));
            printf("%.23sZ  %s%-17s%s", json_string_value(json_object_get(object, "wall")),
                   color(stdout, kind_color(kind)), kind, color(stdout, COLOR_PLAIN));
            print_members(object);
            putchar('\n');
        }
    }
    json_decref(object);
}

/* ---- reading on ---- */

/* Whether the name leads to another file than the one that is read, which a guard has begun by then. */
static bool is_another(const char *name, int fd)
{
    struct stat at_name, open;

    return stat(name, &at_name) == 0 && fstat(fd, &open) == 0 &&
           (at_name.st_ino != open.st_ino || at_name.st_dev != open.st_dev);
}

static enum journal_lines_answer print_lines(struct show *show, struct journal_lines *lines)
{
    enum journal_lines_answer answer;
    const char *line;
    size_t length;

    while ((answer = journal_lines_next(lines, &line, &length)) == JOURNAL_LINES_ONE &&
           !ferror(stdout))
        print_record(show, line, length);
    fflush(stdout);
    return answer;
}

static int fail(const char *name)
{
    return app_fail("journal", "show: %s: %s", name, strerror(errno));
}

/* Until nobody reads us any more. */
static int follow(struct show *show, const char *name, struct journal_lines *lines)
{
    while (!ferror(stdout)) {
        bool another = is_another(name, lines->fd); /* then nothing is added to this one any more */

        if (print_lines(show, lines) == JOURNAL_LINES_FAILED)
            return fail(name);
        if (!another) {
            poll(NULL, 0, LOOK_MS);
            continue;
        }
        journal_lines_close(lines);
        show->line = 0;
        if (!journal_lines_open(lines, name))
            return fail(name);
    }
    return APP_OK;
}

static int show_files(struct show *show, const struct journal_files *files)
{
    struct journal_lines *lines = malloc(sizeof *lines);
    int result = APP_OK;

    if (lines == NULL)
        return fail(show->name);
    for (size_t i = 0; i < files->count && result == APP_OK; i++) {
        if (!journal_lines_open(lines, files->names[i])) {
            result = fail(files->names[i]);
            break;
        }
        show->file = files->names[i];
        show->line = 0;
        if (show->follow && i + 1 == files->count)
            result = follow(show, files->names[i], lines);
        else if (print_lines(show, lines) == JOURNAL_LINES_FAILED)
            result = fail(files->names[i]);
        journal_lines_close(lines);
    }
    free(lines);
    if (show->nonsense > 1)
        app_fail("journal", "show: %" PRIu64 " lines are no records", show->nonsense);
    return result == APP_OK && show->nonsense > 0 ? APP_NO : result;
}

int journal_show(int argc, char **argv)
{
    struct show show = {.name = NULL};
    struct journal_files files;
    int result = parse(&show, argc, argv);

    if (result != APP_OK)
        return result;
    if (!journal_files_of(&files, 1, &show.name, show.with_older))
        return app_fail("journal", "show: %s: too long a name", show.name);
    result = show_files(&show, &files);
    journal_files_free(&files);
    return result;
}
