/* handfast_bench: runs all benchmarks, or those that are named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

static const struct bench *const benches[] = {
    &bench_bulk,
    &bench_cycle,
    &bench_cycle_10k_idle,
    &bench_segment,
    &bench_ack,
    &bench_idle_bytes,
    &bench_tap_bulk,
    &bench_syn_cookie,
    &bench_ack_bad_cookie,
    &bench_ack_good_cookie,
    &bench_syn_cache,
    &bench_filter_match,
    &bench_filter_load,
    &bench_ao_segment,
    &bench_ao_syn,
    &bench_journal_rate,
    &bench_explain,
    /* Those that need gigabytes are only run when they are named. */
    &bench_syn_cookie_10m,
    &bench_idle_10m,
    &bench_hold_1m,
};

#define LARGE_BENCHES 3u
#define BENCHES (sizeof benches / sizeof benches[0])

void bench_add(struct bench_samples *samples, double value)
{
    if (samples->count < BENCH_RUNS_MAX)
        samples->value[samples->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(struct bench_samples *samples)
{
    if (samples->count == 0)
        bench_fail("no samples");
    qsort(samples->value, (size_t)samples->count, sizeof samples->value[0], by_value);
    return samples->value[samples->count / 2];
}

void bench_print(const char *name, struct bench_samples *samples, const char *unit,
                 const char *extra)
{
    double median = bench_median(samples);

    printf("{\"bench\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"min\":%.2f,\"max\":%.2f,\"runs\":%d%"
           "s%s}\n",
           name, median, unit, samples->value[0], samples->value[samples->count - 1],
           samples->count, extra ? "," : "", extra ? extra : "");
    fflush(stdout);
}

void bench_skip(const char *name, const char *why)
{
    printf("{\"bench\":\"%s\",\"skipped\":\"%s\"}\n", name, why);
    fflush(stdout);
}

int64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void bench_fail(const char *what)
{
    fprintf(stderr, "handfast_bench: %s\n", what);
    exit(1);
}

static void usage(FILE *to)
{
    fprintf(to, "usage: handfast_bench [--quick] [NAME...]\n");
    for (size_t i = 0; i < BENCHES; i++)
        fprintf(to, "  %-16s %s\n", benches[i]->name, benches[i]->help);
}

static const struct bench *find(const char *name)
{
    for (size_t i = 0; i < BENCHES; i++)
        if (strcmp(benches[i]->name, name) == 0)
            return benches[i];
    fprintf(stderr, "handfast_bench: no benchmark is called '%s'\n", name);
    usage(stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    struct bench_options options = {false};
    const struct bench *chosen[BENCHES];
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            options.quick = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "handfast_bench: unknown option '%s'\n", argv[i]);
            usage(stderr);
            return 2;
        } else if (count < BENCHES) {
            chosen[count++] = find(argv[i]);
        }
    }
    if (count == 0)
        for (; count < BENCHES - LARGE_BENCHES; count++)
            chosen[count] = benches[count];
    for (size_t i = 0; i < count; i++)
        chosen[i]->run(&options);
    return 0;
}
