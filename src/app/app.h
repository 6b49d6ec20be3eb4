/* What the commands of `handfast` share: exit codes, messages, colours, and where a guard is to be found. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum app_exit {
    APP_OK = 0,
    APP_NO = 1,       /* it was tried, and the answer is no        */
    APP_USAGE = 2,    /* the command line cannot be meant */
    APP_NO_GUARD = 3, /* no guard of this name is running          */
};

/* What was said before the command's name. */
struct app {
    const char *guard; /* -i NAME: the control socket is /run/handfast/NAME.sock; or its path */
};

#define APP_GUARD_DEFAULT "guard"

/* A command: argv[0] is its own name, the rest is its own to read. Returns an enum app_exit. */
typedef int app_command(const struct app *app, int argc, char **argv);

app_command cmd_guard, cmd_stats, cmd_lab, cmd_sim, cmd_nc, cmd_top, cmd_explain, cmd_audit,
    cmd_story;
app_command cmd_status, cmd_events, cmd_connections, cmd_kill, cmd_block, cmd_unblock, cmd_blocks,
    cmd_drain, cmd_resume, cmd_reload, cmd_capture, cmd_journal;

/* Whether the arguments ask for --help or -h; `text` is then printed. */
bool app_help(int argc, char **argv, const char *text);

/* "handfast COMMAND: ..." to stderr; the first adds where help is. They return APP_USAGE and APP_NO. */
int app_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
int app_fail(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From now on app_fail also says {"error": ...} to stdout: whoever asked for JSON gets it, whatever the answer. */
void app_fail_in_json(bool wanted);

/* Reads a decimal number from low to high; false if the text is none. */
bool app_number(const char *text, long low, long high, long *value);

#endif
