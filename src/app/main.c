/* handfast: a table of commands. */
#include "app/app.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <handfast/handfast.h>

struct command {
    const char *name;
    const char *help;
    app_command *run;
};

static const struct command commands[] = {
    {"guard", "stand before a TCP server: admit real clients, relay to it", cmd_guard},
    {"status", "one screen about a running guard: services, pressure, backends, alarms",
     cmd_status},
    {"stats", "every counter of a running guard", cmd_stats},
    {"top", "what a running guard is doing now, on a screen", cmd_top},
    {"events", "what it noticed and did lately; --follow: and what it does now", cmd_events},
    {"connections", "who is connected, or half-open", cmd_connections},
    {"kill", "reset connections: of a service, from a prefix, in a state", cmd_kill},
    {"block", "shut a prefix out of every service, for a time", cmd_block},
    {"unblock", "let it in again", cmd_unblock},
    {"blocks", "who is shut out, until when and why", cmd_blocks},
    {"drain", "a service takes no new connections", cmd_drain},
    {"resume", "it takes them again", cmd_resume},
    {"reload", "read the configuration again, without dropping a connection", cmd_reload},
    {"capture", "packets with what was decided about each, into a file", cmd_capture},
    {"journal", "what a guard wrote down, and whether it still says what it said", cmd_journal},
    {"lab", "watch it work in a private network", cmd_lab},
    {"story", "how Karma and Amily meet, marry and are attacked: the real segments of it",
     cmd_story},
    {"audit", "twelve practices that a server is owed: what was found, what mends it", cmd_audit},
    {"explain", "a capture, told: states of both ends, and what is odd", cmd_explain},
    {"sim", "two stacks and a bad network, all from one seed", cmd_sim},
    {"nc", "our stack as a client or server on a TAP interface", cmd_nc},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_commands(FILE *stream)
{
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stream, "  %-11s %s\n", commands[i].name, commands[i].help);
}

static void print_help(FILE *stream)
{
    fputs("usage: handfast [-i NAME] COMMAND [ARGUMENTS]\n"
          "       handfast --version | --help | COMMAND --help\n\n",
          stream);
    print_commands(stream);
    fputs("\n  -i NAME  which guard is meant: its control socket is /run/handfast/NAME.sock "
          "(guard),\n"
          "           or the socket's path, which begins with /\n"
          "\nexit: 0 ok, 1 no, 2 usage, 3 no guard running\n",
          stream);
}

/* Reads what stands before the command. Returns the index of the command's name; 0: all is done, *result says how. */
static int read_options(struct app *app, int argc, char **argv, int *result)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--version") == 0) {
            printf("handfast %s\n", HF_VERSION);
            *result = APP_OK;
            return 0;
        }
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            *result = APP_OK;
            return 0;
        }
        if (strcmp(argv[i], "-i") != 0) {
            *result = app_usage(
                NULL, "there is no option %s; accepted are -i NAME, --version, --help", argv[i]);
            return 0;
        }
        if (++i == argc || argv[i][0] == '\0' || (argv[i][0] != '/' && strchr(argv[i], '/'))) {
            *result = app_usage(NULL,
                                "-i %s: accepted are the name of a guard, without a slash, and the "
                                "path of its control socket, which begins with one",
                                i < argc ? argv[i] : "");
            return 0;
        }
        app->guard = argv[i];
    }
    if (i == argc) {
        print_help(stderr);
        *result = APP_USAGE;
        return 0;
    }
    return i;
}

static bool has_a_reader(void)
{
    struct pollfd output = {STDOUT_FILENO, POLLOUT, 0};

    return poll(&output, 1, 0) != 1 || !(output.revents & POLLERR);
}

/* What was to be said must have been said. Who reads no more (head) knows that himself. */
static int finish(const struct command *command, int result)
{
    bool failed = ferror(stdout) != 0;

    errno = 0; /* what failed earlier left no reason that is still there */
    if (fflush(stdout) == 0 && !failed)
        return result;
    if (errno != EPIPE && has_a_reader())
        app_fail(command->name, "the standard output took not all of it%s%s",
                 errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
    return result == APP_OK ? APP_NO : result;
}

int main(int argc, char **argv)
{
    struct app app = {.guard = APP_GUARD_DEFAULT};
    int result = APP_USAGE;
    int at = read_options(&app, argc, argv, &result);

    if (at == 0)
        return result;
    const struct command *command = command_find(argv[at]);
    if (!command) {
        app_fail(NULL, "there is no command %s; the commands are", argv[at]);
        print_commands(stderr);
        return APP_USAGE;
    }
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an answer, not a death */
    return finish(command, command->run(&app, argc - at, argv + at));
}
