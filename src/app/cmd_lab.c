/* handfast lab: watch the guard work in a private network. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "lab/lab.h"
#include "lab/siege.h"

static const char help[] =
    "usage: handfast lab [SCENE...] [--json] [--quick] [--keep-capture FILE] [--defence NAME]\n"
    "                    [--full] | --list\n\n"
    "Makes a private network of namespaces, starts nginx and a guard in it, and lets clients of "
    "the\n"
    "Linux kernel do what clients do, over IPv4 and IPv6. It needs root, touches no interface that "
    "it\n"
    "did not make, and leaves nothing behind, however it ends. Without a SCENE it runs all of "
    "these\n"
    "and a short flood. Scenes under attack compare our stack with the Linux kernel's.\n\n"
    "  --json               one JSON object a scene\n"
    "  --quick              a tenth of the bytes and connections; attacks of two seconds\n"
    "  --keep-capture FILE  leave the guard's last capture (pcapng) in FILE\n"
    "  --defence NAME       flood: none, release, cache, cookie, all; each: one after the other\n"
    "  --full               drdos: for as long as the kernel sends its SYN-ACK again\n"
    "  --list               the scenes, and what each shows\n\n"
    "exit: 0 all succeeded, 1 one failed or the lab cannot work here, 2 usage\n";

static int unknown_scene(const char *name)
{
    app_usage("lab", "there is no scene %s; the scenes are", name);
    lab_list(stderr);
    siege_list(stderr);
    return APP_USAGE;
}

/* Fills the options; scenes under attack go into `siege`. APP_OK: go on. */
static int read_arguments(struct lab_options *options, struct siege_options *siege, int argc,
                          char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            options->quick = true;
        } else if (strcmp(argv[i], "--keep-capture") == 0) {
            if (++i == argc)
                return app_usage("lab", "--keep-capture needs a file");
            options->keep_capture = argv[i];
        } else if (strcmp(argv[i], "--full") == 0) {
            siege->full = true;
        } else if (strcmp(argv[i], "--defence") == 0) {
            siege->defences |= ++i < argc ? siege_defence(argv[i]) : 0;
            if (siege->defences == 0)
                return app_usage(
                    "lab", "--defence %s: accepted are none, release, cache, cookie, all and each",
                    i < argc ? argv[i] : "(nothing)");
        } else if (argv[i][0] == '-') {
            return app_usage("lab",
                             "there is no option %s; accepted are --json, --quick, "
                             "--keep-capture FILE, --defence NAME, --full, --list",
                             argv[i]);
        } else if (siege_has_scene(argv[i])) {
            siege->names[siege->count++] = argv[i];
        } else if (!lab_has_scene(argv[i])) {
            return unknown_scene(argv[i]);
        } else {
            options->names[options->count++] = argv[i];
        }
    }
    siege->json = options->json;
    siege->quick = options->quick;
    return APP_OK;
}

/* Who asks for nothing in particular sees a short flood too. An installed program has no attacker, and needs none. */
static void add_short_flood(const struct lab_options *options, struct siege_options *siege)
{
    char why[256];

    if (options->count > 0 || siege->count > 0)
        return;
    if (!siege_possible(why)) {
        fprintf(stderr, "handfast lab: no flood is shown: %s\n", why);
        return;
    }
    siege->brief = true;
    siege->names[siege->count++] = "flood";
}

/* Scenes with nginx and a guard first, scenes under attack after them. */
static int run_scenes(const struct lab_options *options, struct siege_options *siege)
{
    char why[256] = "";
    int result = APP_OK, siege_result = APP_OK;
    bool everything = options->count == 0 && siege->count == 0;

    if (geteuid() != 0)
        return app_fail("lab", "root is needed to make private networks: sudo handfast lab");
    add_short_flood(options, siege);
    if (options->count > 0 || everything)
        result = lab_run(options, why);
    if (result >= 0 && siege->count > 0)
        siege_result = siege_run(siege, why);
    if (result < 0 || siege_result < 0)
        return app_fail("lab", "%s", why);
    return result != APP_OK ? result : siege_result;
}

int cmd_lab(const struct app *app, int argc, char **argv)
{
    const char **names = calloc(2 * (size_t)argc + 1, sizeof *names);
    struct lab_options options = {.names = names};
    struct siege_options siege = {.names = names + argc};
    int result = names ? APP_OK : APP_NO;

    (void)app;
    if (names && app_help(argc, argv, help)) {
        free(names);
        return APP_OK;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            lab_list(stdout);
            siege_list(stdout);
            free(names);
            return APP_OK;
        }
    }
    if (names)
        result = read_arguments(&options, &siege, argc, argv);
    if (result == APP_OK)
        result = run_scenes(&options, &siege);
    free(names);
    return result;
}
