/* handfast journal: what a guard wrote down, and whether it still says what it said. docs/journal.md */
#include "app/app.h"
#include "app/journal_commands.h"

#include <string.h>

static const char help[] =
    "usage: handfast journal show FILE [FILTER] [--all] [--follow] [--json]\n"
    "       handfast journal verify FILE... [--key FILE] [--state FILE] [--all] [--open] [--json]\n"
    "       handfast journal init FILE\n\n"
    "A guard with journal = \"FILE\" writes what happened, a line a record.\n"
    "  show    prints the records that FILTER means: service NAME, from PREFIX, kind KIND,\n"
    "          since TIME, until TIME (2026-11-23T04:30, 04:30, or 2h: so long ago)\n"
    "  verify  names the first lie: altered, removed, reordered, truncated, time, gap ...;\n"
    "          exit 0 if there is none, 1 if there is one\n"
    "  init    makes the key that seals FILE, and prints what checks its seals: keep that on\n"
    "          another machine (ssh guard handfast journal init FILE >guard.key)\n\n"
    "  --all     the older files FILE.1, FILE.2 ... before it\n"
    "  --follow  and then each record as it is written, until Ctrl-C\n"
    "  --key     what init printed: the seals are checked too\n"
    "  --state   where the machine's own state lies, if it is not FILE.state\n"
    "  --open    a guard was writing FILE when it was copied: it need not end in order\n"
    "  --json    one JSON object a line\n";

int cmd_journal(const struct app *app, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } parts[] = {{"show", journal_show}, {"verify", journal_verify}, {"init", journal_init}};

    (void)app;
    if (app_help(argc, argv, help))
        return APP_OK;
    for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof *parts; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].run(argc - 1, argv + 1);
    return app_usage("journal", "%s%saccepted are show FILE, verify FILE... and init FILE",
                     argc > 1 ? argv[1] : "", argc > 1 ? " is not understood; " : "");
}
