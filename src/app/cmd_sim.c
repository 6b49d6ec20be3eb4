/* handfast sim: two stacks and a bad network, all from one seed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "app/app.h"
#include "app/color.h"
#include "sim/ladder.h"
#include "sim/scene.h"
#include "sim/simulation.h"
#include "sim/world_capture.h"

static const char help[] =
    "usage: handfast sim [--scene SCENE] [--seed N] [--ladder] [--json] [--capture FILE]\n"
    "       handfast sim [--scene SCENE] --seeds FIRST..LAST [--json]\n\n"
    "Two stacks, their applications and the network between them, in virtual time, all from one\n"
    "seed: the same seed gives the same frames at the same times, everywhere.\n"
    "  --scene SCENE   what happens; chaos without it\n"
    "  --seed N        decimal (4711) or hexadecimal (8f3a, 0x4711); 1 without it\n"
    "  --seeds A..B    every seed from A to B, one line for each that fails\n"
    "  --ladder        each segment as an arrow between both ends' states\n"
    "  --json          the result as one JSON object a line\n"
    "  --capture FILE  pcapng, as the server sees it; every packet says what became of it\n\n"
    "exit: 0 all that must be true was true, 1 it was not, 2 usage\n\n"
    "scenes:\n";

struct request {
    const struct scene *scene;
    uint64_t first, last; /* seeds */
    bool range, ladder, json;
    const char *capture;
};

static void print_scenes(FILE *stream)
{
    for (const struct scene *scene = sim_scenes; scene->name; scene++)
        fprintf(stream, "  %-18s  %s\n", scene->name, scene->help);
}

/* ---- the command line ---- */

/* Digits alone are decimal; 0x or a letter a to f makes it hexadecimal. */
static bool read_seed(const char *text, size_t length, uint64_t *seed)
{
    char copy[32];
    char *end;
    bool decimal;

    if (length == 0 || length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strspn(copy, "0123456789abcdefABCDEFxX") != length)
        return false;
    decimal = strspn(copy, "0123456789") == length;
    errno = 0;
    *seed = strtoull(copy, &end, decimal ? 10 : 16);
    return *end == '\0' && errno == 0;
}

static bool read_range(const char *text, struct request *request)
{
    const char *dots = strstr(text, "..");

    return dots && read_seed(text, (size_t)(dots - text), &request->first) &&
           read_seed(dots + 2, strlen(dots + 2), &request->last) && request->first <= request->last;
}

static int no_such_scene(const char *name)
{
    fflush(stdout);
    fprintf(stderr, "handfast sim: there is no scene %s; accepted are\n", name);
    print_scenes(stderr);
    return APP_USAGE;
}

/* APP_OK, or what was wrong, said. */
static int read_option(struct request *request, const char *option, const char *value)
{
    if (strcmp(option, "--scene") == 0) {
        request->scene = scene_find(value);
        return request->scene ? APP_OK : no_such_scene(value);
    }
    if (strcmp(option, "--capture") == 0) {
        request->capture = value;
        return APP_OK;
    }
    if (strcmp(option, "--seed") == 0) {
        request->range = false;
        if (!read_seed(value, strlen(value), &request->first))
            return app_usage("sim", "--seed %s: expected a number, as 4711, 8f3a or 0x4711", value);
        request->last = request->first;
        return APP_OK;
    }
    request->range = true;
    if (!read_range(value, request))
        return app_usage("sim", "--seeds %s: expected FIRST..LAST, as 1..2000", value);
    return APP_OK;
}

static bool takes_value(const char *option)
{
    return strcmp(option, "--scene") == 0 || strcmp(option, "--seed") == 0 ||
           strcmp(option, "--seeds") == 0 || strcmp(option, "--capture") == 0;
}

static int read_arguments(struct request *request, int argc, char **argv)
{
    int result = APP_OK;

    *request = (struct request){.scene = scene_find("chaos"), .first = 1, .last = 1};
    for (int i = 1; i < argc && result == APP_OK; i++) {
        if (strcmp(argv[i], "--ladder") == 0)
            request->ladder = true;
        else if (strcmp(argv[i], "--json") == 0)
            request->json = true;
        else if (!takes_value(argv[i]))
            result = app_usage("sim",
                               "there is no option %s; accepted are --scene, --seed, --seeds, "
                               "--ladder, --json and --capture",
                               argv[i]);
        else if (i + 1 == argc)
            result = app_usage("sim", "%s needs a value", argv[i]);
        else
            result = read_option(request, argv[i], argv[i + 1]), i++;
    }
    if (result == APP_OK && request->range && (request->ladder || request->capture))
        return app_usage("sim", "--ladder and --capture are for one seed, not for --seeds");
    if (result == APP_OK && request->ladder && request->json)
        return app_usage("sim", "--ladder and --json exclude each other");
    return result;
}

/* ---- results ---- */

static json_t *stats_object(const struct hf_stats *stats)
{
    json_t *object = json_object();
    uint64_t values[HF_STAT_COUNT];

    memcpy(values, stats, sizeof values);
    for (unsigned i = 1; i < HF_STAT_COUNT; i++)
        if (values[i])
            json_object_set_new(object, hf_stat_name((enum hf_stat)i),
                                json_integer((json_int_t)values[i]));
    return object;
}

static json_t *faults_object(const struct link_count *count)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "lost", (json_int_t)count->lost,
                     "queue_full", (json_int_t)count->queue_full, "too_big",
                     (json_int_t)count->too_big, "duplicated", (json_int_t)count->duplicated,
                     "reordered", (json_int_t)count->reordered, "corrupted",
                     (json_int_t)count->corrupted, "truncated", (json_int_t)count->truncated,
                     "fragmented", (json_int_t)count->fragmented);
}

static void print_json(const struct scenario *scenario, const struct sim_result *result)
{
    static const char *const nodes[2] = {"client", "server"};
    char hash[20], seed[20];

    snprintf(hash, sizeof hash, "%016" PRIx64, result->trace_hash);
    snprintf(seed, sizeof seed, "0x%" PRIx64, scenario->seed);
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:s}", "scene", scenario->scene, "seed",
                  seed, "ok", result->ok, "steps", (json_int_t)result->steps, "virtual_us",
                  (json_int_t)result->virtual_us, "frames", (json_int_t)result->frames, "bytes",
                  (json_int_t)result->bytes, "trace_hash", hash);

    if (!result->ok)
        json_object_set_new(object, "message", json_string(result->message));
    for (unsigned i = 0; i < 2; i++)
        json_object_set_new(object, nodes[i],
                            json_pack("{s:o, s:o}", "stats", stats_object(&result->stats[i]),
                                      "link_faults", faults_object(&result->faults[i])));
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static void print_failure(const struct scenario *scenario, const struct sim_result *result)
{
    fflush(stdout);
    fprintf(stderr, "%sseed 0x%" PRIx64 ", step %" PRIu64 ": %s%s\n", color(stderr, COLOR_RED),
            scenario->seed, result->steps, result->message, color(stderr, COLOR_PLAIN));
    fprintf(stderr, "  again: handfast sim --scene %s --seed 0x%" PRIx64 " --ladder\n",
            scenario->scene, scenario->seed);
}

/* "lost 3, corrupted 1": what there was of it. */
static void print_faults(const struct sim_result *result)
{
    static const char *const names[] = {"lost",      "queue full", "too big",   "duplicated",
                                        "reordered", "corrupted",  "cut short", "fragmented"};
    const struct link_count *a = &result->faults[0], *b = &result->faults[1];
    const uint64_t counts[] = {a->lost + b->lost,           a->queue_full + b->queue_full,
                               a->too_big + b->too_big,     a->duplicated + b->duplicated,
                               a->reordered + b->reordered, a->corrupted + b->corrupted,
                               a->truncated + b->truncated, a->fragmented + b->fragmented};
    const char *comma = "";

    fputs("  faults        ", stdout);
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i]) {
            printf("%s%s %" PRIu64, comma, names[i], counts[i]);
            comma = ", ";
        }
    puts(*comma ? "" : "none");
}

static void print_summary(const struct scenario *scenario, const struct sim_result *result)
{
    const struct hf_stats *a = &result->stats[0], *b = &result->stats[1];

    printf("%s, seed 0x%" PRIx64 ": %s%s%s\n", scenario->scene, scenario->seed,
           color(stdout, result->ok ? COLOR_GREEN : COLOR_RED), result->ok ? "ok" : "failed",
           color(stdout, COLOR_PLAIN));
    printf("  virtual time  %.3f s in %" PRIu64 " steps\n", (double)result->virtual_us / 1e6,
           result->steps);
    printf("  connections   %" PRIu64 " opened\n", a->active_opens + b->active_opens);
    printf("  frames        %" PRIu64 ", %" PRIu64 " of them segments\n", result->frames,
           a->segments_out + b->segments_out);
    printf("  text          %" PRIu64 " bytes delivered\n", result->bytes);
    printf("  sent again    %" PRIu64 " segments: %" PRIu64 " fast, %" PRIu64 " timeouts\n",
           a->segments_resent + b->segments_resent, a->fast_retransmits + b->fast_retransmits,
           a->retransmit_timeouts + b->retransmit_timeouts);
    print_faults(result);
    printf("  trace         %016" PRIx64 "\n", result->trace_hash);
}

/* ---- running ---- */

/* Steps through one scenario with what was asked for around it. false: the capture cannot be written (said). */
static bool run_watched(const struct request *request, const struct scenario *scenario,
                        struct sim_result *result)
{
    struct simulation simulation;
    struct world_capture *capture = NULL;
    struct ladder *ladder = NULL;
    bool open = simulation_open(&simulation, scenario), ok = true;

    if (open && request->capture) {
        int error = world_capture_open(&capture, &simulation.world, 1, request->capture);

        if (error) {
            app_fail("sim", "%s: %s", request->capture,
                     error == HF_SYSTEM ? strerror(errno) : hf_error_text(error));
            open = ok = false;
        }
    }
    if (open && request->ladder)
        ladder = ladder_make(&simulation.world, stdout, ladder_style_of_locale());
    while (open && simulation_step(&simulation))
        if (ladder)
            ladder_step(ladder);
    simulation_judge(&simulation, result);
    if (ladder) {
        ladder_step(ladder);
        ladder_finish(ladder);
        ladder_free(ladder);
    }
    if (capture && world_capture_close(capture) > 0) {
        app_fail("sim", "%s could not be written to its end", request->capture);
        ok = false;
    }
    simulation_close(&simulation);
    return ok;
}

static int run_one(const struct request *request, struct scenario *scenario)
{
    struct sim_result result;

    scene_make(request->scene, request->first, scenario);
    if (!run_watched(request, scenario, &result))
        return APP_NO;
    if (request->json)
        print_json(scenario, &result);
    else if (!request->ladder)
        print_summary(scenario, &result);
    if (!result.ok && !request->json)
        print_failure(scenario, &result);
    return result.ok ? APP_OK : APP_NO;
}

static int run_range(const struct request *request, struct scenario *scenario)
{
    uint64_t failed = 0, frames = 0, bytes = 0;
    bool progress = isatty(STDERR_FILENO) && !request->json;

    for (uint64_t seed = request->first;; seed++) {
        struct sim_result result;

        if (progress && seed % 64 == 0)
            fprintf(stderr, "\r%" PRIu64 " ", seed);
        scene_make(request->scene, seed, scenario);
        if (!simulation_run(scenario, &result))
            failed++;
        frames += result.frames;
        bytes += result.bytes;
        if (request->json)
            print_json(scenario, &result);
        else if (!result.ok)
            print_failure(scenario, &result);
        if (seed == request->last)
            break;
    }
    if (progress)
        fputs("\r", stderr);
    if (!request->json)
        printf("%s, seeds 0x%" PRIx64 " to 0x%" PRIx64 ": %" PRIu64 " failed; %" PRIu64
               " frames, %" PRIu64 " bytes delivered\n",
               request->scene->name, request->first, request->last, failed, frames, bytes);
    return failed ? APP_NO : APP_OK;
}

int cmd_sim(const struct app *app, int argc, char **argv)
{
    struct scenario *scenario;
    struct request request;
    int result;

    (void)app;
    if (app_help(argc, argv, help)) {
        print_scenes(stdout);
        return APP_OK;
    }
    result = read_arguments(&request, argc, argv);
    if (result != APP_OK)
        return result;
    scenario = malloc(sizeof *scenario);
    if (!scenario)
        return app_fail("sim", "%s", hf_error_text(HF_NO_MEMORY));
    result = request.range ? run_range(&request, scenario) : run_one(&request, scenario);
    free(scenario);
    return result;
}
