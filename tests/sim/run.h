/* Running scenes in tests: what came of it, and every segment that was sent. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "sim/scene.h"
#include "sim/simulation.h"
#include "wire/segment.h"

struct run_segment {
    unsigned from;
    int64_t at_us; /* from the start */
    enum link_fate fate;
    uint8_t flags;
    uint32_t length;
    uint16_t window;
    seq seq;
    struct tcp_options options;
};

struct run {
    struct scenario scenario;
    struct sim_result result;
    struct run_segment *segments;
    uint32_t count, fragments, icmp;
};

/* Runs a scene; a failure fails the test and names the seed. run_free must follow. */
void run_scene(struct run *run, const char *scene, uint64_t seed);

/* The same for a scenario that the test has changed. */
void run_scenario(struct run *run);

void run_free(struct run *run);

/* How many segments have all of these flags and, with exactly, no other but PSH. */
uint32_t run_count(const struct run *run, uint8_t flags, bool exactly);

/* How many seeds a test of many may use: HF_SIM_SEEDS of them in all if it is set. */
uint64_t run_seeds(uint64_t otherwise);

/* A scene that is drawn from its seed, seed by seed: every `step`th from first on, below the limit. */
void run_chaos(const char *scene, uint64_t first, uint64_t step, uint64_t limit);

#endif
