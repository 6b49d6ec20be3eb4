/* SYN floods: how many honest clients come through, cure by cure, beside the Linux kernel. */
#include "lab/siege_bout.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US INT64_C(1000000)
#define CALM_US SECOND_US
#define ENOUGH \
    0.8 /* of the rate that was asked for; else the machine is too slow to show anything */
#define LEAD_MS 500 /* the flood is under way before the first honest client comes */

/* A flood, and what must be true of DEFENCE_ALL under it. */
struct flood {
    const char *from;
    const char *rate; /* a second; "0": as fast as it goes */
    bool owners_answer;
    int64_t duration_us;
    bool all_must_succeed; /* else only those whose SYN reached us */
};

static void print_head(struct siege *siege)
{
    siege_row(siege, NULL, "  %-19s %-8s %-7s %9s %9s %9s %9s %10s %10s %5s", "server", "defence",
              "owners", "SYN/s", "out/s", "dropped", "honest", "p50", "p99", "CPU");
}

static double number(const json_t *facts, const char *name)
{
    return json_number_value(json_object_get(facts, name));
}

/* "0.09 ms", or "-" if nobody came through. */
static const char *time_text(const json_t *facts, const char *name, char text[24])
{
    if (number(facts, "succeeded") > 0)
        snprintf(text, 24, "%.2f ms", number(facts, name) / 1e3);
    else
        snprintf(text, 24, "-");
    return text;
}

static void print_row(struct siege *siege, json_t *facts, const char *owners)
{
    const char *defence = json_string_value(json_object_get(facts, "defence"));
    bool calm = number(facts, "attack_per_s") <= 0;
    char p50[24], p99[24];

    time_text(facts, "connect_p50_us", p50);
    time_text(facts, "connect_p99_us", p99);
    siege_row(siege, facts, "  %-19s %-8s %-7s %9.0f %9.0f %9.0f %7.2f %% %10s %10s %3.0f %%",
              json_string_value(json_object_get(facts, "server")), defence ? defence : "-",
              calm ? "calm" : owners, number(facts, "attack_per_s"), number(facts, "out_per_s"),
              number(facts, "dropped_before"), 100 * number(facts, "share"), p50, p99,
              100 * number(facts, "cpu"));
}

/* One row: honest clients, and the flood if there is one. */
static bool run_row(struct bout *bout, const struct target_plan *plan, const struct flood *flood)
{
    struct siege *siege = bout->siege;
    const char *const more[] = {"--rate", flood->rate, NULL};
    bool calm = flood->rate == NULL;

    if (!calm) {
        if (!bout_attack(bout, "syn", flood->from, NULL, more))
            return false;
        poll(NULL, 0, LEAD_MS);
    }
    bout_count_begin(bout);
    bool ok = bout_clients(bout, flood->duration_us);
    bout_count_end(bout);
    ok = (calm || bout_attack_stop(bout)) && ok;
    json_t *facts = bout_facts(bout);
    if (bout->side == SIDE_STACK)
        json_object_set_new(facts, "defence", json_string(defence_name(plan->defence)));
    json_object_set_new(facts, "owners", json_string(flood->owners_answer ? "answer" : "silent"));
    json_object_set_new(facts, "rate",
                        json_string(calm                    ? "calm"
                                    : flood->rate[0] == '0' ? "unpaced"
                                                            : flood->rate));
    print_row(siege, facts, flood->owners_answer ? "answer" : "silent");
    return ok;
}

/* What a flood may do to honest clients of DEFENCE_ALL: nothing. */
static void judge(struct bout *bout, const struct flood *flood)
{
    struct siege *siege = bout->siege;
    const struct target_report *report = &siege->target->report;

    if (flood->all_must_succeed)
        bout_all_must_succeed(bout, "at %s SYN/s, owners %s", flood->rate,
                              flood->owners_answer ? "answer" : "silent");
    if (flood->all_must_succeed && !siege->options->quick && !siege->options->brief &&
        bout->sent < ENOUGH * atof(flood->rate) * bout->sent_us / 1e6)
        siege_fail(siege, "the flood reached only %.0f of %s SYN/s: nothing was shown",
                   bout->sent / bout->sent_us * 1e6, flood->rate);
    if (report->honest_accepted < report->honest_syns)
        siege_fail(
            siege,
            "of %lu honest clients whose SYN reached us, %lu completed at %s SYN/s; all must",
            (unsigned long)report->honest_syns, (unsigned long)report->honest_accepted,
            flood->rate[0] == '0' ? "unpaced" : flood->rate);
}

/* A server as it is when nothing happens, then under the flood. */
static bool run_server(struct siege *siege, enum side side, const struct target_plan *plan,
                       const struct flood *flood, bool with_calm)
{
    struct flood calm = {.duration_us = siege->options->quick ? CALM_US : 2 * CALM_US};
    struct bout bout;

    if (!bout_open(&bout, siege, side, plan))
        return false;
    bool ok = !with_calm || run_row(&bout, plan, &calm);
    if (with_calm && ok)
        bout_all_must_succeed(&bout, "at %s even when it was calm", side_name(side));
    ok = ok && run_row(&bout, plan, flood);
    if (ok && side == SIDE_STACK && plan->defence == DEFENCE_ALL)
        judge(&bout, flood);
    bout_close(&bout);
    return ok;
}

/* Every defence that was asked for, then the kernel twice. */
static bool run_servers(struct siege *siege, unsigned defences, const struct flood *flood,
                        bool with_calm)
{
    char why[256];

    if (!siege_network_owners(&siege->network, flood->owners_answer, why)) {
        siege_fail(siege, "%s", why);
        return false;
    }
    for (int i = 0; i < DEFENCES; i++) {
        struct target_plan plan = {.defence = (enum defence)i, .second_queue = true};

        if (defences & (1u << i) && !run_server(siege, SIDE_STACK, &plan, flood, with_calm))
            return false;
    }
    return run_server(siege, SIDE_KERNEL_OFF, NULL, flood, with_calm) &&
           run_server(siege, SIDE_KERNEL_COOKIE, NULL, flood, with_calm);
}

/* A second of it for everyone who is watching: no cure, all of them, the kernel. */
static void run_brief(struct siege *siege)
{
    struct flood flood = {
        .from = SIEGE_FORGED, .rate = "100000", .duration_us = SECOND_US, .all_must_succeed = true};

    run_servers(siege, 1u << DEFENCE_NONE | 1u << DEFENCE_ALL, &flood, false);
}

void siege_scene_flood(struct siege *siege)
{
    static const struct {
        const char *rate;
        bool in_quick;
    } rates[] = {{"100000", true}, {"200000", false}, {"400000", false}, {"0", true}};
    unsigned defences = siege->options->defences ? siege->options->defences : siege_defence("each");
    bool first = true;

    print_head(siege);
    if (siege->options->brief) {
        run_brief(siege);
        return;
    }
    for (int owners = 0; owners < 2; owners++)
        for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
            struct flood flood = {
                .from = SIEGE_FORGED,
                .rate = rates[i].rate,
                .owners_answer = owners == 1,
                .duration_us = siege->options->quick ? 2 * SECOND_US : 10 * SECOND_US,
                .all_must_succeed = i < 2,
            };

            if (siege->options->quick && (!rates[i].in_quick || (owners == 1 && i != 0)))
                continue;
            if (!run_servers(siege, defences, &flood, first))
                return;
            first = false;
        }
}

/* ---- floods whose senders do not hide ---- */

static void run_open_flood(struct siege *siege, const char *from)
{
    struct flood flood = {
        .from = from,
        .rate = "200000",
        .owners_answer = true, /* their own kernels know of no connection */
        .duration_us = siege->options->quick ? 2 * SECOND_US : 10 * SECOND_US,
        .all_must_succeed = true,
    };

    print_head(siege);
    run_servers(siege, 1u << DEFENCE_ALL, &flood, true);
}

void siege_scene_dos(struct siege *siege)
{
    run_open_flood(siege, "10.66.6.6/32");
}

void siege_scene_ddos(struct siege *siege)
{
    run_open_flood(siege, "10.66.0.0/18");
}
