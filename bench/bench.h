/* Benchmarks: each measures one thing several times and prints the median as one JSON object a line. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_RUNS_MAX 15

struct bench_options {
    bool quick; /* less of everything: to see that it works, not to compare */
};

/* Samples of one figure. */
struct bench_samples {
    double value[BENCH_RUNS_MAX];
    int count;
};

void bench_add(struct bench_samples *samples, double value);
double bench_median(struct bench_samples *samples);

/* {"bench":NAME,"value":V,"unit":UNIT,"min":..,"max":..,"runs":N, EXTRA}; extra: more members, or NULL. */
void bench_print(const char *name, struct bench_samples *samples, const char *unit,
                 const char *extra);

/* A figure that could not be taken: {"bench":NAME,"skipped":WHY}. */
void bench_skip(const char *name, const char *why);

int64_t bench_now_ns(void);

/* Bytes of a stack's memory that are backed by pages. */
struct hf_env;
size_t bench_resident(const struct hf_env *env);

/* Ends the program: a benchmark that went wrong has no figure. */
_Noreturn void bench_fail(const char *what);

struct bench {
    const char *name, *help;
    void (*run)(const struct bench_options *options);
};

extern const struct bench bench_bulk, bench_cycle, bench_cycle_10k_idle, bench_segment, bench_ack,
    bench_idle_bytes, bench_tap_bulk, bench_syn_cookie, bench_syn_cookie_10m, bench_ack_bad_cookie,
    bench_ack_good_cookie, bench_syn_cache, bench_idle_10m, bench_hold_1m, bench_filter_match,
    bench_filter_load, bench_ao_segment, bench_ao_syn, bench_journal_rate, bench_explain;

#endif
