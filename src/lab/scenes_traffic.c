/* Scenes that are judged by what clients get: downloads, uploads, many connections, half-close, a backend that is down. */
#include "lab/scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHORT_CONNECTIONS 2000
#define PARALLEL_CONNECTIONS 200
#define RESET_LIMIT_US 3000000 /* "promptly", on a machine that may stand still for a second */
#define RECEIVED CAGE_RUN "/received"

static double gbit_per_s(double bytes_per_s)
{
    return bytes_per_s * 8 / 1e9;
}

/* The file that arrived must be the one that was sent. */
static void compare_huge(struct lab *lab, struct outcome *outcome, const char *arrived)
{
    char sha256[65];

    if (!scene_sha256(outcome, arrived, sha256))
        return;
    outcome->ok = strcmp(sha256, lab->huge_sha256) == 0;
    if (!outcome->ok)
        scene_fail(outcome, "SHA-256 differs: %.16s... of what was sent, %.16s... of what arrived",
                   lab->huge_sha256, sha256);
    json_object_set_new(outcome->facts, "sha256", json_string(sha256));
}

static void report_speed(struct lab *lab, struct outcome *outcome, double speed)
{
    scene_fact(outcome, "bytes", (double)lab->huge_bytes);
    scene_fact(outcome, "gbit_per_s", gbit_per_s(speed));
    snprintf(outcome->says, sizeof outcome->says, "%.2f Gbit/s, SHA-256 %s", gbit_per_s(speed),
             outcome->ok ? "equal" : "differs");
}

void scene_download(struct lab *lab, enum family family, struct outcome *outcome)
{
    const char *extra[] = {"--output", RECEIVED, NULL};
    char url[128];

    snprintf(url, sizeof url, "http://%s" SERVERS_HUGE, network_guard_host(family));
    double speed = scene_curl(lab, outcome, extra, url);
    if (speed >= 0) {
        compare_huge(lab, outcome, RECEIVED);
        report_speed(lab, outcome, speed);
    }
    unlink(RECEIVED);
}

void scene_upload(struct lab *lab, enum family family, struct outcome *outcome)
{
    const char *extra[] = {"--upload-file", SERVERS_ROOT SERVERS_HUGE, "--header", "Expect:", NULL};
    const char *arrived = SERVERS_ROOT "/put/upload";
    char url[128];

    snprintf(url, sizeof url, "http://%s/put/upload", network_guard_host(family));
    double speed = scene_curl(lab, outcome, extra, url);
    if (speed >= 0) {
        compare_huge(lab, outcome, arrived);
        report_speed(lab, outcome, speed);
    }
    unlink(arrived);
}

void scene_short(struct lab *lab, enum family family, struct outcome *outcome)
{
    struct client_plan plan = {
        .kind = CLIENT_SHORT,
        .family = family,
        .port = NETWORK_WEB_PORT,
        .count = lab->quick ? SHORT_CONNECTIONS / 10 : SHORT_CONNECTIONS,
        .path = SERVERS_SMALL,
        .file = SERVERS_ROOT SERVERS_SMALL,
    };

    if (!scene_client(lab, outcome, &plan))
        return;
    double per_s = 1e6 * outcome->report.done / (double)outcome->report.took_us;
    scene_fact(outcome, "connections", outcome->report.done);
    scene_fact(outcome, "connections_per_s", per_s);
    snprintf(outcome->says, sizeof outcome->says, "%u, none failed, %.0f/s", outcome->report.done,
             per_s);
}

void scene_parallel(struct lab *lab, enum family family, struct outcome *outcome)
{
    struct client_plan plan = {
        .kind = CLIENT_PARALLEL,
        .family = family,
        .port = NETWORK_WEB_PORT,
        .count = PARALLEL_CONNECTIONS,
        .path = SERVERS_MEDIUM,
        .file = SERVERS_ROOT SERVERS_MEDIUM,
    };

    if (!scene_client(lab, outcome, &plan))
        return;
    scene_fact(outcome, "connections", outcome->report.done);
    scene_fact(outcome, "at_once", outcome->report.at_once);
    scene_fact(outcome, "seconds", (double)outcome->report.took_us / 1e6);
    snprintf(outcome->says, sizeof outcome->says, "%u at once, none failed, %.0f ms",
             outcome->report.at_once, (double)outcome->report.took_us / 1e3);
}

void scene_half_close(struct lab *lab, enum family family, struct outcome *outcome)
{
    struct client_plan plan = {
        .kind = CLIENT_HALF_CLOSE,
        .family = family,
        .port = NETWORK_WEB_PORT,
        .path = SERVERS_LARGE,
        .file = SERVERS_ROOT SERVERS_LARGE,
    };

    if (!scene_client(lab, outcome, &plan))
        return;
    scene_fact(outcome, "bytes_after_half_close", (double)outcome->report.bytes);
    snprintf(outcome->says, sizeof outcome->says, "%.1f MB received after it",
             (double)outcome->report.bytes / 1e6);
}

void scene_backend_down(struct lab *lab, enum family family, struct outcome *outcome)
{
    struct client_plan plan = {
        .kind = CLIENT_WANTS_RESET, .family = family, .port = NETWORK_DOWN_PORT};

    if (!scene_client(lab, outcome, &plan))
        return;
    scene_fact(outcome, "reset_after_ms", (double)outcome->report.took_us / 1e3);
    snprintf(outcome->says, sizeof outcome->says, "reset after %.1f ms",
             (double)outcome->report.took_us / 1e3);
    if (outcome->report.took_us > RESET_LIMIT_US)
        scene_fail(outcome, "the reset took %.1f s, accepted is 3 s",
                   (double)outcome->report.took_us / 1e6);
}
