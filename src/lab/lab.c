/* The lab: what it needs, the cage, the servers, one scene after another. */
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <handfast/os.h>

#include "lab/cage.h"
#include "lab/files.h"
#include "lab/report.h"

#define HUGE_BYTES UINT64_C(100000000) /* 100 MB */
#define CLOSE_LIMIT_US INT64_C(5000000)
#define TRIES 3 /* of a scene in which a machine that stood still made TCP say something twice */

/* What came out of the cage: its memory is the child's, so its words come through a pipe. */
struct inside {
    const struct lab_options *options;
    int keep_fd;
    int why_fd;
};

/* ---- scenes by name ---- */

static const struct scene *scene_find(const char *name)
{
    for (const struct scene *scene = scenes; scene->name; scene++)
        if (strcmp(scene->name, name) == 0)
            return scene;
    return NULL;
}

bool lab_has_scene(const char *name)
{
    return scene_find(name) != NULL;
}

void lab_list(FILE *out)
{
    for (const struct scene *scene = scenes; scene->name; scene++)
        fprintf(out, "  %-13s %s\n", scene->name, scene->about);
}

static bool is_chosen(const struct lab_options *options, const struct scene *scene)
{
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->names[i], scene->name) == 0)
            return true;
    return options->count == 0;
}

/* ---- what it needs ---- */

static bool has_program(const char *program, char why[256])
{
    if (!program || process_found(program))
        return true;
    snprintf(why, 256, "the program %s is missing (apt install %s)", program,
             strcmp(program, "ip") == 0          ? "iproute2"
             : strcmp(program, "nginx") == 0     ? "nginx"
             : strcmp(program, "sha256sum") == 0 ? "coreutils"
                                                 : program);
    return false;
}

static bool has_tun(char why[256])
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        snprintf(why, 256, "/dev/net/tun cannot be opened: %s (%s)", strerror(errno),
                 errno == EACCES || errno == EPERM ? "root is needed: sudo" : "modprobe tun");
        return false;
    }
    close(fd);
    return true;
}

static bool has_what_it_needs(const struct lab_options *options, char why[256])
{
    if (!has_tun(why) || !has_program("ip", why) || !has_program("nginx", why))
        return false;
    for (const struct scene *scene = scenes; scene->name; scene++) {
        if (!is_chosen(options, scene))
            continue;
        for (size_t i = 0; i < sizeof scene->programs / sizeof *scene->programs; i++)
            if (!has_program(scene->programs[i], why))
                return false;
    }
    return true;
}

/* ---- one scene ---- */

/* The last segments of a close may still be under way when a client has ended. */
static void wait_all_closed(void)
{
    int64_t deadline_us = hf_os_now_us() + CLOSE_LIMIT_US;

    while (servers_open_connections() > 0 && hf_os_now_us() < deadline_us)
        poll(NULL, 0, 2);
}

static void fail_both(struct outcome outcomes[FAMILIES], const char *why)
{
    for (int family = 0; family < FAMILIES; family++)
        if (outcomes[family].ok)
            scene_fail(&outcomes[family], "%s", why);
}

static void run_once(struct lab *lab, const struct scene *scene, struct outcome outcomes[FAMILIES])
{
    char why[256];

    for (int family = 0; family < FAMILIES; family++)
        outcomes[family] = (struct outcome){.ok = true, .facts = json_object()};
    if (!servers_start_guard(&lab->servers, scene->captured, why)) {
        fail_both(outcomes, why);
        return;
    }
    for (int family = 0; family < FAMILIES; family++)
        scene->run(lab, (enum family)family, &outcomes[family]);
    if (scene->captured)
        wait_all_closed();
    if (!servers_stop_guard(&lab->servers, why))
        fail_both(outcomes, why);
    for (int family = 0; family < FAMILIES && scene->judge; family++)
        if (outcomes[family].ok)
            scene->judge(lab, (enum family)family, &outcomes[family]);
}

static void forget(struct outcome outcomes[FAMILIES])
{
    for (int family = 0; family < FAMILIES; family++) {
        json_decref(outcomes[family].facts);
        free(outcomes[family].ladder);
    }
}

static void run_scene(struct lab *lab, const struct scene *scene, struct outcome outcomes[FAMILIES])
{
    run_once(lab, scene, outcomes);
    for (int i = 1; i < TRIES && (outcomes[IPV4].repeated || outcomes[IPV6].repeated); i++) {
        forget(outcomes);
        run_once(lab, scene, outcomes);
    }
}

static void show_scene(struct lab *lab, struct report *report, const struct scene *scene)
{
    struct outcome outcomes[FAMILIES];
    int64_t began_us = hf_os_now_us();

    run_scene(lab, scene, outcomes);
    report_scene(report, scene, outcomes, (double)(hf_os_now_us() - began_us) / 1e6);
    forget(outcomes);
}

/* ---- inside the cage ---- */

static bool prepare(struct lab *lab, char why[256])
{
    struct outcome outcome = {.ok = true};

    lab->huge_bytes = lab->quick ? HUGE_BYTES / 10 : HUGE_BYTES;
    if (!network_make(&lab->network, why) ||
        !servers_start_nginx(&lab->servers, lab->huge_bytes, why))
        return false;
    if (!scene_sha256(&outcome, SERVERS_ROOT SERVERS_HUGE, lab->huge_sha256)) {
        snprintf(why, 256, "%s", outcome.why);
        return false;
    }
    return true;
}

static int run_inside(void *context)
{
    const struct inside *inside = context;
    const struct lab_options *options = inside->options;
    struct lab lab = {.quick = options->quick};
    struct report report;
    char why[256];

    if (!prepare(&lab, why)) {
        ssize_t wrote = write(inside->why_fd, why, strlen(why));

        return wrote < 0 ? 1 : 2;
    }
    report_begin(&report, options->json);
    for (const struct scene *scene = scenes; scene->name; scene++) {
        if (!is_chosen(options, scene))
            continue;
        show_scene(&lab, &report, scene);
        if (scene->captured && inside->keep_fd >= 0)
            files_copy_to(SERVERS_CAPTURE, inside->keep_fd);
    }
    report_end(&report);
    return report.failed > 0;
}

/* ---- outside ---- */

static int open_capture(const struct lab_options *options, char why[256])
{
    int fd = open(options->keep_capture, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        snprintf(why, 256, "%s cannot be written: %s", options->keep_capture, strerror(errno));
    return fd;
}

int lab_run(const struct lab_options *options, char why[256])
{
    struct inside inside = {.options = options, .keep_fd = -1};
    int words[2];

    if (!has_what_it_needs(options, why))
        return -1;
    if (options->keep_capture) {
        inside.keep_fd = open_capture(options, why);
        if (inside.keep_fd < 0)
            return -1;
    }
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
    if (inside.keep_fd >= 0)
        close(inside.keep_fd);
    return result;
}
