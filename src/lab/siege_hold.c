/* Clients that hold what a server has: they ask and keep their window closed; and segments that belong to nothing. */
#include "lab/siege_bout.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)

/* ---- hold ---- */

#define HELD "30000"
#define HELD_QUICK "10000"
#define OPEN_RATE "3000"
#define STACK_CONNECTIONS 8192u /* fewer than come: honest clients need one that is released */
#define STACK_POOL_BYTES (UINT64_C(48) << 20)

static void add(json_t *facts, const char *name, uint64_t value)
{
    json_object_set_new(facts, name, json_integer((json_int_t)value));
}

/* What a server holds, in bytes and connections. */
static void held_by_stack(const struct target_report *report, json_t *facts, double held[2])
{
    const struct hf_stats *stats = &report->stats;

    held[0] = report->connections_peak;
    held[1] = (double)report->pool_peak_bytes;
    add(facts, "connections_peak", report->connections_peak);
    add(facts, "max_connections", report->gauges.max_connections);
    add(facts, "pool_peak_bytes", report->pool_peak_bytes);
    add(facts, "pool_bytes", report->gauges.pool_bytes);
    add(facts, "memory_bytes", report->gauges.memory_bytes);
    add(facts, "watch_zero_window", stats->watch_zero_window);
    add(facts, "watch_slow", stats->watch_slow);
    add(facts, "watch_unacknowledged", stats->watch_unacknowledged);
    add(facts, "watch_idle", stats->watch_idle);
    add(facts, "no_connection", stats->handshake_no_connection);
}

static void held_by_kernel(const struct siege *siege, json_t *facts, double held[2])
{
    uint64_t pages, sockets;

    if (setns(siege->network.server_fd, CLONE_NEWNET) != 0)
        return;
    siege_count_kernel_memory(&pages, &sockets);
    if (setns(siege->network.wire_fd, CLONE_NEWNET) != 0)
        return;
    held[0] = (double)sockets;
    held[1] = (double)pages * 4096;
    add(facts, "connections_peak", sockets);
    add(facts, "memory_bytes", pages * 4096);
}

static void hold(struct siege *siege, enum side side)
{
    const char *count = siege->options->quick ? HELD_QUICK : HELD;
    const char *const more[] = {"--rate", OPEN_RATE, "--count", count, NULL};
    struct target_plan plan = {.defence = DEFENCE_ALL,
                               .connections = STACK_CONNECTIONS,
                               .pool_bytes = STACK_POOL_BYTES,
                               .second_queue = true};
    const struct siege_client_report *honest = &siege->client->report;
    double held[2] = {0, 0};
    struct bout bout;

    if (!bout_open(&bout, siege, side, &plan))
        return;
    bool ok = bout_attack(&bout, "hold", "10.77.0.0/16", NULL, more);
    bout_count_begin(&bout);
    ok = ok && bout_clients(&bout, siege->options->quick ? 5 * SECOND_US : 20 * SECOND_US);
    bout_count_end(&bout);
    json_t *facts = bout_facts(&bout);
    if (side == SIDE_STACK)
        held_by_stack(&siege->target->report, facts, held);
    else
        held_by_kernel(siege, facts, held);
    ok = ok && bout_attack_stop(&bout);
    bout_close(&bout);
    siege_row(siege, facts, "  %-19s %9s %9.0f %9.1f MB %6.2f %% %5.2f ms %7.2f ms",
              side_name(side), count, held[0], held[1] / 1e6, 100 * bout_share(honest),
              siege_client_percentile(honest, 50) / 1e3, siege_client_percentile(honest, 99) / 1e3);
    if (ok && side == SIDE_STACK)
        bout_all_must_succeed(&bout, "with %s held", count);
    if (ok && side == SIDE_STACK && held[1] > (double)siege->target->report.gauges.pool_bytes)
        siege_fail(siege, "more memory was used than there is");
}

void siege_scene_hold(struct siege *siege)
{
    char why[256];

    if (!siege_network_talk(&siege->network, why)) {
        siege_fail(siege, "%s", why);
        return;
    }
    siege_row(siege, NULL, "  %-19s %9s %9s %12s %8s %8s %10s", "server", "come", "held", "memory",
              "honest", "p50", "p99");
    hold(siege, SIDE_STACK);
    hold(siege, SIDE_KERNEL_COOKIE);
}

/* ---- ackflood ---- */

#define ACK_RATE "200000"
#define RESETS_AT_MOST 0.1 /* for an ACK; the budget of resets a second says the rest */

static void ackflood(struct siege *siege, enum side side)
{
    const char *const more[] = {"--rate", ACK_RATE, NULL};
    struct target_plan plan = {.defence = DEFENCE_ALL, .second_queue = true};
    const struct siege_client_report *honest = &siege->client->report;
    struct bout bout;

    if (!bout_open(&bout, siege, side, &plan))
        return;
    bool ok = bout_attack(&bout, "ack", SIEGE_FORGED, NULL, more);
    poll(NULL, 0, 300);
    bout_count_begin(&bout);
    ok = ok && bout_clients(&bout, siege->options->quick ? 2 * SECOND_US : 10 * SECOND_US);
    bout_count_end(&bout);
    ok = ok && bout_attack_stop(&bout);
    json_t *facts = bout_facts(&bout);
    bout_close(&bout);

    double seconds = (double)bout.during.at_us / 1e6;
    double honest_packets = 4.0 * honest->begun; /* SYN-ACK, ACK or answer, FIN, and one to spare */
    double each = bout.during.in_packets ? ((double)bout.during.out_packets - honest_packets) /
                                               (double)bout.during.in_packets
                                         : 0;
    json_object_set_new(facts, "answers_each", json_real(each > 0 ? each : 0));
    siege_row(siege, facts, "  %-19s %9.0f %9.0f %9lu %7.2f %% %6.2f ms %7.2f ms", side_name(side),
              bout.sent_us > 0 ? bout.sent / bout.sent_us * 1e6 : 0,
              (double)bout.during.out_packets / seconds, (unsigned long)bout.during.tap_dropped,
              100 * bout_share(honest), siege_client_percentile(honest, 50) / 1e3,
              siege_client_percentile(honest, 99) / 1e3);
    if (ok && side == SIDE_STACK)
        bout_all_must_succeed(&bout, "at %s ACK/s", ACK_RATE);
    if (ok && side == SIDE_STACK && each > RESETS_AT_MOST)
        siege_fail(siege, "%.3f answers for an ACK, at most %.1f", each, RESETS_AT_MOST);
}

void siege_scene_ackflood(struct siege *siege)
{
    char why[256];

    if (!siege_network_owners(&siege->network, false, why)) {
        siege_fail(siege, "%s", why);
        return;
    }
    siege_row(siege, NULL, "  %-19s %9s %9s %9s %9s %9s %10s", "server", "ACK/s", "out/s",
              "dropped", "honest", "p50", "p99");
    ackflood(siege, SIDE_STACK);
    ackflood(siege, SIDE_KERNEL_COOKIE);
}
