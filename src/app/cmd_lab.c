/* handfast lab: watch the guard work in a private network. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "lab/lab.h"

static const char help[] =
    "usage: handfast lab [SCENE...] [--json] [--quick] [--keep-capture FILE] | --list\n\n"
    "Makes a private network of namespaces, starts nginx and a guard in it, and lets clients of "
    "the\n"
    "Linux kernel do what clients do, over IPv4 and IPv6. It needs root, touches no interface that "
    "it\n"
    "did not make, and leaves nothing behind, however it ends. Without a SCENE it runs all of "
    "them.\n\n"
    "  --json               one JSON object a scene\n"
    "  --quick              a tenth of the bytes and connections\n"
    "  --keep-capture FILE  leave the guard's last capture (pcapng) in FILE\n"
    "  --list               the scenes, and what each shows\n\n"
    "exit: 0 all succeeded, 1 one failed or the lab cannot work here, 2 usage\n";

/* Fills the options. APP_OK: go on. */
static int read_arguments(struct lab_options *options, int argc, char **argv)
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
        } else if (argv[i][0] == '-') {
            return app_usage("lab",
                             "there is no option %s; accepted are --json, --quick, "
                             "--keep-capture FILE, --list",
                             argv[i]);
        } else if (!lab_has_scene(argv[i])) {
            app_usage("lab", "there is no scene %s; the scenes are", argv[i]);
            lab_list(stderr);
            return APP_USAGE;
        } else {
            options->names[options->count++] = argv[i];
        }
    }
    return APP_OK;
}

int cmd_lab(const struct app *app, int argc, char **argv)
{
    const char **names = calloc((size_t)argc, sizeof *names);
    struct lab_options options = {.names = names};
    char why[256] = "";

    (void)app;
    if (app_help(argc, argv, help)) {
        free(names);
        return APP_OK;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            lab_list(stdout);
            free(names);
            return APP_OK;
        }
    }
    int result = names ? read_arguments(&options, argc, argv) : APP_NO;
    if (result == APP_OK) {
        result = lab_run(&options, why);
        if (result < 0)
            result = app_fail("lab", "%s", why);
    }
    free(names);
    return result;
}
