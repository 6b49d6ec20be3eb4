/* Counters of /proc. */
#include "lab/siege_count.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <handfast/os.h>

static void read_interface(struct siege_count *count, const char *interface, bool is_tap)
{
    FILE *file = fopen("/proc/self/net/dev", "re");
    uint64_t rx[8], tx[8];
    char line[512], name[32];

    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line,
                   " %31[^:]: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u"
                   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                   name, &rx[0], &rx[1], &rx[2], &rx[3], &tx[0], &tx[1], &tx[2], &tx[3]) != 9 ||
            strcmp(name, interface) != 0)
            continue;
        count->in_bytes = is_tap ? tx[0] : rx[0];
        count->in_packets = is_tap ? tx[1] : rx[1];
        count->out_bytes = is_tap ? rx[0] : tx[0];
        count->out_packets = is_tap ? rx[1] : tx[1];
        count->tap_dropped = is_tap ? tx[3] : 0;
    }
    if (file)
        fclose(file);
}

static void read_backlog(struct siege_count *count)
{
    FILE *file = fopen("/proc/self/net/softnet_stat", "re");
    unsigned processed, dropped;
    char line[512];

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%x %x", &processed, &dropped) == 2)
            count->backlog_dropped += dropped;
    if (file)
        fclose(file);
}

static void read_cpu(struct siege_count *count, int cpu)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[512], name[16];

    snprintf(name, sizeof name, "cpu%d ", cpu);
    while (file && fgets(line, sizeof line, file)) {
        uint64_t ticks[8] = {0};

        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        sscanf(line + strlen(name),
               "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64,
               &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6],
               &ticks[7]);
        for (int i = 0; i < 8; i++)
            count->cpu_all_ticks += ticks[i];
        count->cpu_busy_ticks = count->cpu_all_ticks - ticks[3] - ticks[4]; /* idle, iowait */
    }
    if (file)
        fclose(file);
}

void siege_count(struct siege_count *count, const char *interface, bool is_tap, int cpu)
{
    *count = (struct siege_count){.at_us = hf_os_now_us()};
    read_interface(count, interface, is_tap);
    read_backlog(count);
    read_cpu(count, cpu);
}

struct siege_count siege_count_since(const struct siege_count *now, const struct siege_count *then)
{
    return (struct siege_count){
        .at_us = now->at_us - then->at_us,
        .in_packets = now->in_packets - then->in_packets,
        .in_bytes = now->in_bytes - then->in_bytes,
        .out_packets = now->out_packets - then->out_packets,
        .out_bytes = now->out_bytes - then->out_bytes,
        .tap_dropped = now->tap_dropped - then->tap_dropped,
        .backlog_dropped = now->backlog_dropped - then->backlog_dropped,
        .cpu_busy_ticks = now->cpu_busy_ticks - then->cpu_busy_ticks,
        .cpu_all_ticks = now->cpu_all_ticks - then->cpu_all_ticks,
    };
}

void siege_count_kernel_memory(uint64_t *pages, uint64_t *sockets)
{
    FILE *file = fopen("/proc/self/net/sockstat", "re");
    char line[256];

    *pages = *sockets = 0;
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "TCP: inuse %" SCNu64 " orphan %*u tw %*u alloc %*u mem %" SCNu64, sockets,
               pages);
    if (file)
        fclose(file);
}
