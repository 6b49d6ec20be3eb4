/* What every command says in the same way: help, wrong usage, failure. */
#include "app/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/color.h"

bool app_help(int argc, char **argv, const char *text)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(text, stdout);
            return true;
        }
    }
    return false;
}

static void say(const char *command, const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, "%shandfast%s%s:%s ", color(stderr, COLOR_RED), command ? " " : "",
            command ? command : "", color(stderr, COLOR_PLAIN));
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int app_usage(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(command, format, arguments);
    va_end(arguments);
    fprintf(stderr, "try: handfast %s%s--help\n", command ? command : "", command ? " " : "");
    return APP_USAGE;
}

static bool in_json; /* what --json asked for */

void app_fail_in_json(bool wanted)
{
    in_json = wanted;
}

/* Once: an object is an answer, two are none. */
static void fail_in_json(const char *format, va_list arguments)
{
    json_t *error = json_vsprintf(format, arguments);

    in_json = false;
    error =
        json_pack("{s:o}", "error", error ? error : json_string("it could not be put in words"));
    json_dumpf(error, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(error);
}

int app_fail(const char *command, const char *format, ...)
{
    va_list arguments;

    if (in_json) {
        va_start(arguments, format);
        fail_in_json(format, arguments);
        va_end(arguments);
    }
    va_start(arguments, format);
    say(command, format, arguments);
    va_end(arguments);
    return APP_NO;
}

bool app_number(const char *text, long low, long high, long *value)
{
    char *end;

    errno = 0;
    *value = strtol(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && *value >= low && *value <= high;
}
