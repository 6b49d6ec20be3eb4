/* The server as a mirror: what it sends to those in whose name packets came. At most one for one under pressure, at most
 * three for one when it is calm, nothing to a broadcast address. [RFC 4987 3.6; RFC 1122 3.2.2.6] */
#include "lab/siege_bout.h"

#include <poll.h>
#include <stdio.h>

#define PATIENCE_US INT64_C(30000000)
#define CALM_RATE "100"
#define CALM_COUNT "200"
#define PRESSURE_RATE "100000"
#define LEAD_COUNT "100000" /* a second of it: the listener has felt the flood */
#define DRAIN_MS 100
#define CLOSED_MS 5000    /* until the last honest client's connection is closed */
#define QUICK_MS 2500     /* with the time that they take to come: 0, 1 and 3 s */
#define WATCH_MS 8000     /* 0, 1, 3 and 7 s: Linux has sent four */
#define FULL_MS 66000     /* it gives up after 63 s */
#define SHARE_OF_CALM 3.0 /* a SYN-ACK and two more */
#define SHARE_OF_PRESSURE 1.0

struct reflection {
    const char *name;
    const char *mode, *from, *to, *mac; /* to, mac: NULL for the server's own */
    const char *rate, *count;
    int watch_ms;   /* after the last one */
    double at_most; /* packets and bytes out for one in */
};

static void print_head(struct siege *siege)
{
    siege_row(siege, NULL, "  %-19s %-34s %9s %9s %12s %12s", "server", "what comes", "in", "out",
              "packets/each", "bytes/each");
}

static void add_stack(json_t *facts, const struct bout *bout)
{
    const struct hf_stats *then = &bout->stats_before, *now = &bout->siege->target->report.stats;

    json_object_set_new(facts, "syn_received",
                        json_integer((json_int_t)(now->syn_received - then->syn_received)));
    json_object_set_new(facts, "syn_ack_sent",
                        json_integer((json_int_t)(now->syn_ack_sent - then->syn_ack_sent)));
    json_object_set_new(facts, "syn_ack_resent",
                        json_integer((json_int_t)(now->syn_ack_resent - then->syn_ack_resent)));
    json_object_set_new(facts, "cookies_sent",
                        json_integer((json_int_t)(now->syn_cookie_sent - then->syn_cookie_sent)));
    json_object_set_new(facts, "segments_out",
                        json_integer((json_int_t)(now->segments_out - then->segments_out)));
    json_object_set_new(
        facts, "neighbor_solicited",
        json_integer((json_int_t)(now->neighbor_solicited - then->neighbor_solicited)));
}

static void report(struct bout *bout, const struct reflection *reflection)
{
    const struct siege_count *during = &bout->during;
    json_t *facts = json_object();
    double packets = 0, bytes = 0;

    if (during->in_packets > 0) {
        packets = (double)during->out_packets / (double)during->in_packets;
        bytes = (double)during->out_bytes / (double)during->in_bytes;
    }
    json_object_set_new(facts, "server", json_string(side_name(bout->side)));
    json_object_set_new(facts, "what", json_string(reflection->name));
    json_object_set_new(facts, "packets_in", json_integer((json_int_t)during->in_packets));
    json_object_set_new(facts, "packets_out", json_integer((json_int_t)during->out_packets));
    json_object_set_new(facts, "packets_each", json_real(packets));
    json_object_set_new(facts, "bytes_each", json_real(bytes));
    if (bout->side == SIDE_STACK)
        add_stack(facts, bout);
    siege_row(bout->siege, facts, "  %-19s %-34s %9lu %9lu %12.3f %12.3f", side_name(bout->side),
              reflection->name, (unsigned long)during->in_packets,
              (unsigned long)during->out_packets, packets, bytes);
    if (during->in_packets == 0)
        siege_fail(bout->siege, "%s: nothing arrived", reflection->name);
    if (bout->side == SIDE_STACK && (packets > reflection->at_most || bytes > reflection->at_most))
        siege_fail(bout->siege, "%s: %.3f packets and %.3f bytes for each one, at most %.1f",
                   reflection->name, packets, bytes, reflection->at_most);
}

/* What comes, what goes. */
static bool reflect(struct bout *bout, const struct reflection *reflection)
{
    const char *mac = reflection->mac ? "--to-mac" : NULL;
    const char *const more[] = {"--rate", reflection->rate, "--count", reflection->count,
                                mac,      reflection->mac,  NULL};

    bout_count_begin(bout);
    bool ok = bout_attack(bout, reflection->mode, reflection->from, reflection->to, more) &&
              bout_attack_wait(bout, PATIENCE_US);
    poll(NULL, 0, reflection->watch_ms);
    bout_count_end(bout);
    if (ok)
        report(bout, reflection);
    return ok;
}

static bool put_under_pressure(struct bout *bout, const struct reflection *reflection)
{
    const char *const lead[] = {"--rate", PRESSURE_RATE, "--count", LEAD_COUNT, NULL};

    return bout_attack(bout, "syn", reflection->from, NULL, lead) &&
           bout_attack_wait(bout, PATIENCE_US) && poll(NULL, 0, DRAIN_MS) == 0;
}

/* The last segments of honest clients are no answers to what is sent next. */
static bool wait_all_closed(struct bout *bout)
{
    const struct hf_gauges *gauges = &bout->siege->target->report.gauges;

    if (bout->side != SIDE_STACK)
        return true;
    for (int waited = 0; waited < CLOSED_MS && target_ask(bout->siege->target); waited++) {
        if (gauges->connections_used == 0)
            return true;
        poll(NULL, 0, 1);
    }
    siege_fail(bout->siege, "the honest clients' connections are not closed");
    return false;
}

/* A server that has just spoken to an honest client knows its neighbours: nothing but answers is counted. */
static bool run_side(struct siege *siege, enum side side, const struct reflection *reflections,
                     size_t count)
{
    struct target_plan plan = {.defence = DEFENCE_ALL, .second_queue = true};
    struct bout bout;

    if (!bout_open(&bout, siege, side, &plan))
        return false;
    bool ok = bout_clients(&bout, 100000) && wait_all_closed(&bout);
    for (size_t i = 0; i < count && ok; i++)
        ok = (reflections[i].at_most != SHARE_OF_PRESSURE ||
              put_under_pressure(&bout, &reflections[i])) &&
             reflect(&bout, &reflections[i]);
    bout_close(&bout);
    return ok;
}

/* In silence there is nothing to wait for. */
static const struct reflection broadcasts[] = {
    {"SYN to the network's broadcast", "syn", "10.5.5.5/32", SIEGE_BROADCAST, NULL, "1000", "200",
     500, 0},
    {"the same to every station", "syn", "10.5.5.5/32", SIEGE_BROADCAST, "ff:ff:ff:ff:ff:ff",
     "1000", "200", 500, 0},
    {"echo to the network's broadcast", "echo", "10.5.5.5/32", SIEGE_BROADCAST, NULL, "1000", "200",
     500, 0},
    {"the same to every station", "echo", "10.5.5.5/32", SIEGE_BROADCAST, "ff:ff:ff:ff:ff:ff",
     "1000", "200", 500, 0},
};

void siege_scene_drdos(struct siege *siege)
{
    bool quick = siege->options->quick;
    int watch_ms = siege->options->full ? FULL_MS : quick ? QUICK_MS : WATCH_MS;
    const char *many = quick ? "100000" : "1000000";
    const struct reflection syns[] = {
        {"SYNs of one name, calm", "syn", "10.5.5.5/32", NULL, NULL, CALM_RATE, CALM_COUNT,
         watch_ms, SHARE_OF_CALM},
        {"SYNs of one name, under pressure", "syn", "10.5.5.5/32", NULL, NULL, PRESSURE_RATE, many,
         quick ? QUICK_MS : WATCH_MS, SHARE_OF_PRESSURE},
        {"SYNs of any name, under pressure", "syn", SIEGE_FORGED, NULL, NULL, PRESSURE_RATE, many,
         quick ? QUICK_MS : WATCH_MS, SHARE_OF_PRESSURE},
    };
    char why[256];

    if (!siege_network_owners(&siege->network, false, why)) {
        siege_fail(siege, "%s", why);
        return;
    }
    print_head(siege);
    for (size_t i = 0; i < sizeof syns / sizeof *syns; i++)
        for (int side = 0; side < SIDES; side++)
            if (!(quick && side == SIDE_KERNEL_OFF) &&
                !run_side(siege, (enum side)side, &syns[i], 1))
                return;
    for (int side = 0; side < SIDES; side++)
        if (side != SIDE_KERNEL_OFF &&
            !run_side(siege, (enum side)side, broadcasts, sizeof broadcasts / sizeof *broadcasts))
            return;
}
