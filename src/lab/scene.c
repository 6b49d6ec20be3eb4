/* The table of scenes, and what they share. */
#include "lab/scene.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define CURL_LIMIT_US (60 * SECOND_US)
#define CURL_LOG CAGE_RUN "/curl.log"
#define ARGUMENTS_MAX 24

const struct scene scenes[] = {
    {"handshake",
     "three segments open a connection",
     true,
     scene_client_closes,
     scene_judge_handshake,
     {NULL}},
    {"close", "four segments close it", true, scene_client_closes, scene_judge_close, {NULL}},
    {"client-first",
     "the client closes first, and waits",
     true,
     scene_client_closes,
     scene_judge_client_first,
     {NULL}},
    {"server-first",
     "the server closes first, and waits",
     true,
     scene_server_closes,
     scene_judge_server_first,
     {NULL}},
    {"half-close",
     "the client has said all, and still hears",
     false,
     scene_half_close,
     NULL,
     {NULL}},
    {"backend-down", "no backend: a clean reset", false, scene_backend_down, NULL, {NULL}},
    {"download", "curl fetches a large file", false, scene_download, NULL, {"curl", "sha256sum"}},
    {"upload", "curl sends a large file", false, scene_upload, NULL, {"curl", "sha256sum"}},
    {"short", "connections one after another", false, scene_short, NULL, {NULL}},
    {"parallel", "connections all at once", false, scene_parallel, NULL, {NULL}},
    {"capture",
     "tshark finds nothing wrong in the guard's capture",
     true,
     scene_everything,
     scene_judge_capture,
     {"curl", "tshark"}},
    {NULL, NULL, false, NULL, NULL, {NULL}},
};

void scene_fail(struct outcome *outcome, const char *format, ...)
{
    va_list arguments;

    outcome->ok = false;
    va_start(arguments, format);
    vsnprintf(outcome->why, sizeof outcome->why, format, arguments);
    va_end(arguments);
}

void scene_fact(struct outcome *outcome, const char *name, double value)
{
    if (value == (double)(json_int_t)value)
        json_object_set_new(outcome->facts, name, json_integer((json_int_t)value));
    else
        json_object_set_new(outcome->facts, name, json_real(value));
}

/* Says what curl said, without its newline. */
static void curl_failed(struct outcome *outcome, int code, const char *said)
{
    scene_fail(outcome, "curl ended with %d: %.*s", code, (int)strcspn(said, "\n"), said);
}

double scene_curl(struct lab *lab, struct outcome *outcome, const char *const extra[],
                  const char *url)
{
    const char *argv[ARGUMENTS_MAX] = {"curl",
                                       "--silent",
                                       "--show-error",
                                       "--fail",
                                       "--globoff",
                                       "--noproxy",
                                       "*",
                                       "--stderr",
                                       "-",
                                       "--max-time",
                                       "50",
                                       "--write-out",
                                       "%{speed_download} %{speed_upload} %{local_port}"};
    struct process_plan plan = {
        .namespace_fd = lab->network.client_fd, .argv = argv, .log = CURL_LOG};
    size_t count = 13;
    char said[512];
    double down = 0, up = 0;
    unsigned port = 0;

    for (; *extra && count + 2 < ARGUMENTS_MAX; extra++)
        argv[count++] = *extra;
    argv[count] = url;
    int code = process_run(&plan, said, sizeof said, CURL_LIMIT_US);
    if (code != 0 || sscanf(said, "%lf %lf %u", &down, &up, &port) != 3) {
        curl_failed(outcome, code, said);
        return -1;
    }
    return up > 0 ? up : down;
}

bool scene_sha256(struct outcome *outcome, const char *path, char hex[65])
{
    const char *argv[] = {"sha256sum", path, NULL};
    struct process_plan plan = {.namespace_fd = -1, .argv = argv, .log = CURL_LOG};
    char said[256];

    if (process_run(&plan, said, sizeof said, CURL_LIMIT_US) != 0 || strlen(said) < 64) {
        scene_fail(outcome, "sha256sum cannot read %s", path);
        return false;
    }
    memcpy(hex, said, 64);
    hex[64] = '\0';
    return true;
}

bool scene_client(struct lab *lab, struct outcome *outcome, const struct client_plan *plan)
{
    outcome->ok = clients_run(&lab->network, plan, &outcome->report);
    outcome->client_port = outcome->report.local_port;
    if (!outcome->ok)
        scene_fail(outcome, "%s (after %u connections)", outcome->report.why, outcome->report.done);
    return outcome->ok;
}
