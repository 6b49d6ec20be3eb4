/* Randomness from one seed: the same numbers on every machine, never the C library's. (SplitMix64: Steele, Lea, Flood 2014.) */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* A stream of numbers. Streams split off from one another stay apart, so that drawing more in one place does not change
 * what another place gets. */
struct random {
    uint64_t state, gamma;
};

void random_seed(struct random *random, uint64_t seed);
struct random random_split(struct random *random);

uint64_t random_next(struct random *random);

/* 0 to limit - 1; limit is not 0. */
uint64_t random_below(struct random *random, uint64_t limit);

/* low to high, both included. */
uint64_t random_between(struct random *random, uint64_t low, uint64_t high);

/* True in per_million of a million cases. Draws nothing for 0. */
bool random_chance(struct random *random, uint32_t per_million);

/* Sizes and times as they occur: small ones as likely as large ones. 0 to high. */
uint64_t random_scaled(struct random *random, uint64_t high);

void random_fill(struct random *random, void *bytes, uint32_t length);

#endif
