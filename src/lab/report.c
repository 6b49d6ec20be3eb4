/* The table and the JSON objects. */
#include "lab/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <handfast/os.h>

#define NAME_WIDTH 13
#define CELL_WIDTH 40

void report_begin(struct report *report, bool json)
{
    const char *no_color = getenv("NO_COLOR");

    *report = (struct report){.json = json, .began_us = hf_os_now_us()};
    report->color = isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
    if (json)
        return;
    printf(
        "A client (Linux), a router, our stack as the guard, nginx behind it: all in namespaces of "
        "their own.\n\n%-*s %-*s %s\n",
        NAME_WIDTH, "scene", CELL_WIDTH, "IPv4", "IPv6");
    fflush(stdout);
}

static json_t *family_json(const struct outcome *outcome)
{
    json_t *object = json_object();

    json_object_set_new(object, "ok", json_boolean(outcome->ok));
    if (!outcome->ok)
        json_object_set_new(object, "why", json_string(outcome->why));
    json_object_update(object, outcome->facts);
    if (outcome->ladder)
        json_object_set_new(object, "ladder", json_string(outcome->ladder));
    return object;
}

static void print_json(const struct scene *scene, const struct outcome outcomes[FAMILIES],
                       double seconds)
{
    json_t *object = json_object();

    json_object_set_new(object, "scene", json_string(scene->name));
    json_object_set_new(object, "ok", json_boolean(outcomes[IPV4].ok && outcomes[IPV6].ok));
    json_object_set_new(object, "seconds", json_real(seconds));
    json_object_set_new(object, "ipv4", family_json(&outcomes[IPV4]));
    json_object_set_new(object, "ipv6", family_json(&outcomes[IPV6]));
    json_dumpf(object, stdout, JSON_REAL_PRECISION(4));
    putchar('\n');
    json_decref(object);
}

static void print_cell(const struct report *report, const struct outcome *outcome, int width)
{
    const char *begin = !report->color ? "" : outcome->ok ? "\033[32m" : "\033[31m";

    printf("%s%s%s %-*s", begin, outcome->ok ? "ok" : "FAILED", report->color ? "\033[0m" : "",
           outcome->ok ? width - 3 : width - 7, outcome->ok ? outcome->says : "");
}

static void print_row(const struct report *report, const struct scene *scene,
                      const struct outcome outcomes[FAMILIES])
{
    printf("%-*s ", NAME_WIDTH, scene->name);
    print_cell(report, &outcomes[IPV4], CELL_WIDTH);
    putchar(' ');
    print_cell(report, &outcomes[IPV6], 0);
    putchar('\n');
    bool same = strcmp(outcomes[IPV4].why, outcomes[IPV6].why) == 0;
    for (int family = 0; family < FAMILIES; family++)
        if (!outcomes[family].ok && !(same && family == IPV6))
            printf("    %s: %s\n", same ? "both" : network_family_name((enum family)family),
                   outcomes[family].why);
    for (int family = 0; family < FAMILIES; family++)
        if (outcomes[family].ladder)
            printf("\n  over %s\n%s\n", network_family_name((enum family)family),
                   outcomes[family].ladder);
}

void report_scene(struct report *report, const struct scene *scene,
                  const struct outcome outcomes[FAMILIES], double seconds)
{
    if (outcomes[IPV4].ok && outcomes[IPV6].ok)
        report->passed++;
    else
        report->failed++;
    if (report->json)
        print_json(scene, outcomes, seconds);
    else
        print_row(report, scene, outcomes);
    fflush(stdout);
}

void report_end(const struct report *report)
{
    if (report->json)
        return;
    printf("\n%u scenes succeeded, %u failed, for IPv4 and IPv6, in %.1f s\n", report->passed,
           report->failed, (double)(hf_os_now_us() - report->began_us) / 1e6);
}
