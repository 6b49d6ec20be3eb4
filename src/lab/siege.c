/* The scenes under attack: their table, what they need, the cage, their report. */
#include "lab/siege.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <handfast/os.h>

#include "lab/cage.h"
#include "lab/siege_bout.h"
#include "lab/siege_child.h"

#define ATTACKER "tests/lab/attacker"

struct siege_scene {
    const char *name;
    const char *about;
    void (*run)(struct siege *siege);
};

static const struct siege_scene scenes[] = {
    {"flood", "SYN flood: each cure, and what it costs honest clients", siege_scene_flood},
    {"dos", "SYN flood from one source", siege_scene_dos},
    {"ddos", "SYN flood from many sources of one attacker", siege_scene_ddos},
    {"drdos", "the server as a mirror: what it sends to those in whose name SYNs came",
     siege_scene_drdos},
    {"forge-reset", "RSTs in a client's name, swept over all sequence numbers",
     siege_scene_forge_reset},
    {"hold", "clients that ask and keep their window closed", siege_scene_hold},
    {"ackflood", "ACKs that belong to nothing", siege_scene_ackflood},
    {NULL, NULL, NULL},
};

bool siege_has_scene(const char *name)
{
    for (const struct siege_scene *scene = scenes; scene->name; scene++)
        if (strcmp(scene->name, name) == 0)
            return true;
    return false;
}

void siege_list(FILE *out)
{
    for (const struct siege_scene *scene = scenes; scene->name; scene++)
        fprintf(out, "  %-13s %s\n", scene->name, scene->about);
}

unsigned siege_defence(const char *name)
{
    for (int i = 0; i < DEFENCES; i++)
        if (strcmp(defence_name((enum defence)i), name) == 0)
            return 1u << i;
    return strcmp(name, "each") == 0 ? (1u << DEFENCES) - 1 : 0;
}

/* ---- report ---- */

void siege_fail(struct siege *siege, const char *format, ...)
{
    va_list arguments;

    if (!siege->ok)
        return; /* the first reason is the reason */
    siege->ok = false;
    va_start(arguments, format);
    vsnprintf(siege->why, sizeof siege->why, format, arguments);
    va_end(arguments);
}

void siege_row(struct siege *siege, json_t *facts, const char *format, ...)
{
    va_list arguments;

    if (facts)
        json_array_append_new(siege->rows, facts);
    if (siege->options->json)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void print_json(const struct siege *siege, const struct siege_scene *scene, double seconds)
{
    json_t *object = json_object();

    json_object_set_new(object, "scene", json_string(scene->name));
    json_object_set_new(object, "ok", json_boolean(siege->ok));
    if (!siege->ok)
        json_object_set_new(object, "why", json_string(siege->why));
    json_object_set_new(object, "seconds", json_real(seconds));
    json_object_set(object, "rows", siege->rows);
    json_dumpf(object, stdout, JSON_REAL_PRECISION(5));
    putchar('\n');
    json_decref(object);
}

static bool run_scene(struct siege *siege, const struct siege_scene *scene)
{
    int64_t began_us = hf_os_now_us();

    siege->ok = true;
    siege->rows = json_array();
    siege_row(siege, NULL, "%s: %s", scene->name, scene->about);
    scene->run(siege);
    double seconds = (double)(hf_os_now_us() - began_us) / 1e6;
    if (siege->options->json)
        print_json(siege, scene, seconds);
    else
        printf("%s: %s%s%s (%.1f s)\n\n", scene->name, siege->ok ? "ok" : "FAILED",
               siege->ok ? "" : ": ", siege->ok ? "" : siege->why, seconds);
    fflush(stdout);
    json_decref(siege->rows);
    return siege->ok;
}

/* ---- inside the cage ---- */

struct inside {
    const struct siege_options *options;
    const char *attacker;
    int why_fd;
};

static bool is_chosen(const struct siege_options *options, const struct siege_scene *scene)
{
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->names[i], scene->name) == 0)
            return true;
    return false;
}

static bool prepare(struct siege *siege, char why[256])
{
    int ends[2];

    siege->target = siege_share(sizeof *siege->target);
    siege->client = siege_share(sizeof *siege->client);
    if (!siege->target || !siege->client || pipe(ends) != 0 ||
        fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0) {
        snprintf(why, 256, "no memory or pipe: %s", strerror(errno));
        return false;
    }
    siege->marker_fd = ends[0];
    siege->lab_fd = ends[1];
    if (!siege_network_make(&siege->network, why))
        return false;
    siege_pin(siege->network.other_cpu); /* the servers' is theirs alone */
    setpriority(PRIO_PROCESS, 0, -20);   /* attackers too are not to be kept from it by others */
    return true;
}

static int run_inside(void *context)
{
    const struct inside *inside = context;
    struct siege siege = {.options = inside->options, .attacker = inside->attacker};
    char why[256] = "";
    bool ok = true;

    if (!prepare(&siege, why)) {
        ssize_t wrote = write(inside->why_fd, why, strlen(why));

        return wrote < 0 ? 1 : 2;
    }
    for (const struct siege_scene *scene = scenes; scene->name; scene++)
        if (is_chosen(inside->options, scene))
            ok = run_scene(&siege, scene) && ok;
    return !ok;
}

/* ---- outside ---- */

/* The attacker is never installed: it lies beside the build that this program is of. */
static bool find_attacker(char path[512], char why[256])
{
    ssize_t length = readlink("/proc/self/exe", path, 512 - sizeof ATTACKER);

    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length > 0) {
        memcpy(path + length, ATTACKER, sizeof ATTACKER);
        if (access(path, X_OK) == 0)
            return true;
    }
    snprintf(why, 256,
             "there is no attacker: it is built beside the program (" ATTACKER
             " in the build directory) and never installed");
    return false;
}

bool siege_possible(char why[256])
{
    char path[512];

    return find_attacker(path, why);
}

static bool has_what_it_needs(char path[512], char why[256])
{
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        snprintf(why, 256, "/dev/net/tun cannot be opened: %s (modprobe tun)", strerror(errno));
        return false;
    }
    if (!process_found("ip")) {
        snprintf(why, 256, "the program ip is missing (apt install iproute2)");
        return false;
    }
    return find_attacker(path, why);
}

int siege_run(const struct siege_options *options, char why[256])
{
    char attacker[512];
    struct inside inside = {.options = options, .attacker = attacker};
    int words[2];

    if (!has_what_it_needs(attacker, why))
        return -1;
    if (pipe2(words, O_CLOEXEC) != 0) {
        snprintf(why, 256, "no pipe: %s", strerror(errno));
        return -1;
    }
    inside.why_fd = words[1];
    int result = cage_run(run_inside, &inside, why);
    close(words[1]);
    if (result == 2) {
        ssize_t got = read(words[0], why, 255);

        why[got > 0 ? got : 0] = '\0';
        result = -1;
    }
    close(words[0]);
    return result;
}
