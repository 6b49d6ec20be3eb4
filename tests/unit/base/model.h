/* What the randomized model tests share: numbers from a printed seed, and memory that is not clean. */
#ifndef TESTS_UNIT_BASE_MODEL_H
#define TESTS_UNIT_BASE_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

struct dice {
    uint64_t state;
};

/* The seed is the test's own, or HF_SEED of the environment. */
static inline struct dice dice_from(const char *test, uint64_t seed)
{
    const char *given = getenv("HF_SEED");

    if (given)
        seed = strtoull(given, NULL, 0);
    print_message("%s: HF_SEED=%llu\n", test, (unsigned long long)seed);
    return (struct dice){seed};
}

/* splitmix64 */
static inline uint64_t dice_u64(struct dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* 0 to below - 1 */
static inline uint32_t dice_below(struct dice *dice, uint32_t below)
{
    return (uint32_t)((dice_u64(dice) >> 32) * below >> 32);
}

/* Memory for what an arena has measured, full of rubbish. */
static inline struct arena arena_for(struct arena measured)
{
    uint8_t *memory = aligned_alloc(CACHE_LINE, measured.used + CACHE_LINE);

    assert_non_null(memory);
    memset(memory, 0xa5, measured.used + CACHE_LINE);
    return (struct arena){memory, 0};
}

#endif
