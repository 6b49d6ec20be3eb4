/* One server, one attacker, honest clients. */
#include "lab/siege_bout.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <handfast/os.h>

#include "lab/cage.h"
#include "lab/files.h"
#include "lab/siege_child.h"

#define SECOND_US INT64_C(1000000)
#define STOP_PATIENCE_US (5 * SECOND_US) /* to end when asked, on a machine under flood */
#define ATTACKER_LOG CAGE_RUN "/attacker.log"
#define ARGUMENTS_MAX 24

const char *side_name(enum side side)
{
    switch (side) {
    case SIDE_STACK: return "handfast";
    case SIDE_KERNEL_OFF: return "linux, cookies off";
    case SIDE_KERNEL_COOKIE: return "linux, cookies on";
    case SIDES: break;
    }
    return "?";
}

/* ---- the server ---- */

static bool wait_ready(struct siege *siege, struct process *server)
{
    for (int i = 0; i < 5000 && process_alive(server); i++) {
        int state = atomic_load(&siege->target->state);

        if (state == TARGET_READY)
            return true;
        if (state == TARGET_FAILED)
            break;
        poll(NULL, 0, 1);
    }
    siege_fail(siege, "the server cannot start: %s", hf_error_text(siege->target->error));
    return false;
}

bool bout_open(struct bout *bout, struct siege *siege, enum side side,
               const struct target_plan *plan)
{
    bool stack = side == SIDE_STACK;
    struct siege_child child = {
        .namespace_fd = stack ? siege->network.wire_fd : siege->network.server_fd,
        .cpu = siege->network.server_cpu,
        .run = stack ? target_run : kernel_target_run,
        .shared = siege->target,
    };
    char why[256];

    *bout = (struct bout){.siege = siege, .side = side};
    memset(siege->target, 0, sizeof *siege->target);
    if (plan)
        siege->target->plan = *plan;
    if (!stack && !siege_network_kernel(&siege->network, side == SIDE_KERNEL_COOKIE, why)) {
        siege_fail(siege, "%s", why);
        return false;
    }
    if (!siege_child_start(&bout->server, &child)) {
        siege_fail(siege, "the server cannot be started");
        return false;
    }
    if (!wait_ready(siege, &bout->server)) {
        bout_close(bout);
        return false;
    }
    if (stack && !siege_network_plug(&siege->network, why)) {
        siege_fail(siege, "%s", why);
        bout_close(bout);
        return false;
    }
    return true;
}

void bout_close(struct bout *bout)
{
    if (bout->attacker.pid != 0)
        process_stop(&bout->attacker, SIGKILL, SECOND_US);
    if (bout->server.pid != 0 && process_stop(&bout->server, SIGTERM, 5 * SECOND_US) != 0)
        siege_fail(bout->siege, "the server (%s) did not end by itself", side_name(bout->side));
}

const char *bout_address(const struct bout *bout)
{
    return bout->side == SIDE_STACK ? SIEGE_STACK_ADDRESS : SIEGE_KERNEL_ADDRESS;
}

/* ---- the attacker ---- */

/* A fresh copy of the marker lies in the pipe for each attacker. */
static bool give_marker(struct siege *siege)
{
    return write(siege->lab_fd, siege->network.marker, 32) == 32;
}

bool bout_attack(struct bout *bout, const char *order, const char *from, const char *to,
                 const char *const more[])
{
    struct siege *siege = bout->siege;
    char target[64], lab_fd[16];
    const char *argv[ARGUMENTS_MAX] = {
        siege->attacker, order,
        "--from",        from,
        "--to",          target,
        "--to-mac",      bout->side == SIDE_STACK ? SIEGE_STACK_MAC : SIEGE_KERNEL_MAC,
        "--lab-fd",      lab_fd};
    size_t count = 10;
    struct sched_param first = {.sched_priority = 1};
    struct process_plan plan = {.namespace_fd = siege->network.attacker_fd,
                                .argv = argv,
                                .log = ATTACKER_LOG,
                                .catch_output = true};

    snprintf(target, sizeof target, "%s:%d", to ? to : bout_address(bout), SIEGE_PORT);
    snprintf(lab_fd, sizeof lab_fd, "%d", siege->marker_fd);
    for (; more && *more && count + 1 < ARGUMENTS_MAX; more++)
        argv[count++] = *more;
    unlink(ATTACKER_LOG);
    if (give_marker(siege) && process_start(&bout->attacker, &plan)) {
        sched_setscheduler(bout->attacker.pid, SCHED_RR, &first); /* refused: as it is, then */
        return true;
    }
    siege_fail(siege, "the attacker cannot be started");
    return false;
}

static bool read_sent(struct bout *bout, int status, const char *said)
{
    char line[200];

    if (status == 0 &&
        sscanf(said, "{\"sent\":%lf,\"refused\":%*u,\"us\":%lf}", &bout->sent, &bout->sent_us) == 2)
        return true;
    files_last_line(ATTACKER_LOG, line, sizeof line);
    siege_fail(bout->siege, "the attacker ended with status %d: %s", status, line);
    return false;
}

bool bout_attack_wait(struct bout *bout, int64_t patience_us)
{
    struct pollfd ready = {.fd = bout->attacker.output, .events = POLLIN};
    char said[256] = "";
    int status;

    if (poll(&ready, 1, (int)(patience_us / 1000)) == 1 &&
        read(bout->attacker.output, said, sizeof said - 1) < 0)
        said[0] = '\0';
    if (process_wait(&bout->attacker, hf_os_now_us() + SECOND_US, &status))
        return read_sent(bout, status, said);
    process_stop(&bout->attacker, SIGKILL, SECOND_US);
    siege_fail(bout->siege, "the attacker did not end");
    return false;
}

bool bout_attack_stop(struct bout *bout)
{
    if (bout->attacker.pid != 0)
        kill(bout->attacker.pid, SIGTERM);
    return bout_attack_wait(bout, STOP_PATIENCE_US);
}

/* ---- counting ---- */

static void count_now(const struct bout *bout, struct siege_count *count)
{
    const struct siege_network *network = &bout->siege->network;
    bool stack = bout->side == SIDE_STACK;

    if (!stack && setns(network->server_fd, CLONE_NEWNET) != 0)
        return;
    siege_count(count, stack ? SIEGE_TAP : SIEGE_KERNEL_INTERFACE, stack, network->server_cpu);
    if (!stack && setns(network->wire_fd, CLONE_NEWNET) != 0)
        siege_fail(bout->siege, "no way back from a network namespace");
}

/* What the stack says of itself. A kernel's server is not asked: nothing it says is used, and a flood may keep it from
 * its processor for longer than anybody would wait, which is its row's fact and no failure of the scene. */
static bool ask_stack(struct bout *bout)
{
    return bout->side != SIDE_STACK || target_ask(bout->siege->target);
}

void bout_count_begin(struct bout *bout)
{
    if (ask_stack(bout))
        bout->stats_before = bout->siege->target->report.stats;
    count_now(bout, &bout->before);
}

void bout_count_end(struct bout *bout)
{
    struct siege_count now = {0};

    count_now(bout, &now);
    bout->during = siege_count_since(&now, &bout->before);
    if (!ask_stack(bout))
        siege_fail(bout->siege, "the server (%s) does not answer any more", side_name(bout->side));
}

/* ---- honest clients ---- */

bool bout_clients(struct bout *bout, int64_t duration_us)
{
    struct siege *siege = bout->siege;
    struct siege_child child = {.namespace_fd = siege->network.client_fd,
                                .cpu = siege->network.other_cpu,
                                .run = siege_client_run,
                                .shared = siege->client};
    struct process clients;
    int status = -1;

    memset(&siege->client->report, 0, sizeof siege->client->report);
    siege->client->plan = (struct siege_client_plan){
        .server = bout_address(bout),
        .rate = SIEGE_HONEST_PER_S,
        .duration_us = duration_us,
        .first_address = bout->honest,
    };
    if (!siege_child_start(&clients, &child)) {
        siege_fail(siege, "no honest clients");
        return false;
    }
    int64_t patience_us = duration_us + SIEGE_CLIENT_PATIENCE_US + 10 * SECOND_US;
    bool ended = process_wait(&clients, hf_os_now_us() + patience_us, &status);
    bout->honest += siege->client->report.begun;
    if (ended && status == 0)
        return true;
    if (clients.pid != 0)
        process_stop(&clients, SIGKILL, SECOND_US);
    siege_fail(siege, "the honest clients did not end (status %d)", status);
    return false;
}

double bout_share(const struct siege_client_report *report)
{
    return report->begun ? (double)report->succeeded / report->begun : 0;
}

/* ---- figures ---- */

static void add(json_t *facts, const char *name, double value)
{
    bool whole = value == (double)(json_int_t)value;

    json_object_set_new(facts, name, whole ? json_integer((json_int_t)value) : json_real(value));
}

static void add_stack(json_t *facts, const struct target_report *report)
{
    static const char *const pressures[] = {"calm", "strained", "flooded"};

    add(facts, "honest_syns", (double)report->honest_syns);
    add(facts, "honest_accepted", (double)report->honest_accepted);
    add(facts, "half_opens", report->gauges.half_opens);
    add(facts, "syn_received", (double)report->stats.syn_received);
    add(facts, "syn_cached", (double)report->stats.syn_cached);
    add(facts, "cookies_sent", (double)report->stats.syn_cookie_sent);
    add(facts, "cookies_opened", (double)report->stats.cookie_opened);
    add(facts, "send_dropped", (double)report->send_dropped);
    json_object_set_new(facts, "pressure",
                        json_string(report->pressure < 3 ? pressures[report->pressure] : "?"));
}

json_t *bout_facts(const struct bout *bout)
{
    const struct siege_client_report *report = &bout->siege->client->report;
    const struct siege_count *during = &bout->during;
    json_t *facts = json_object();
    double seconds = (double)during->at_us / 1e6;

    json_object_set_new(facts, "server", json_string(side_name(bout->side)));
    add(facts, "honest", report->begun);
    add(facts, "succeeded", report->succeeded);
    add(facts, "timed_out", report->timed_out);
    add(facts, "reset", report->reset);
    add(facts, "failed", report->failed);
    add(facts, "begun_late", report->late);
    add(facts, "share", bout_share(report));
    add(facts, "connect_p50_us", siege_client_percentile(report, 50));
    add(facts, "connect_p99_us", siege_client_percentile(report, 99));
    add(facts, "attack_per_s", bout->sent_us > 0 ? bout->sent / bout->sent_us * 1e6 : 0);
    add(facts, "in_per_s", (double)during->in_packets / seconds);
    add(facts, "out_per_s", (double)during->out_packets / seconds);
    add(facts, "dropped_before", (double)(during->tap_dropped + during->backlog_dropped));
    add(facts, "dropped_tap", (double)during->tap_dropped);
    add(facts, "cpu",
        during->cpu_all_ticks ? (double)during->cpu_busy_ticks / (double)during->cpu_all_ticks : 0);
    if (bout->side == SIDE_STACK) {
        add(facts, "server_cpu_s", (double)bout->siege->target->report.cpu_us / 1e6);
        add_stack(facts, &bout->siege->target->report);
    }
    return facts;
}

void bout_all_must_succeed(const struct bout *bout, const char *when, ...)
{
    const struct siege_client_report *honest = &bout->siege->client->report;
    const struct siege_options *options = bout->siege->options;
    uint32_t lost = honest->begun - honest->succeeded;
    bool machine_lost = bout->during.tap_dropped + bout->during.backlog_dropped > 0;
    char text[128];
    va_list arguments;

    if (lost == 0 ||
        ((options->quick || options->brief) && machine_lost && lost == honest->timed_out))
        return;
    va_start(arguments, when);
    vsnprintf(text, sizeof text, when, arguments);
    va_end(arguments);
    siege_fail(bout->siege, "%u of %u honest clients succeeded %s; all must", honest->succeeded,
               honest->begun, text);
}
