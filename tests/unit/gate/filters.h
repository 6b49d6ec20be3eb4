/* What tests of filters and counters need: memory, and chance with a printed seed. */
#ifndef TESTS_UNIT_GATE_FILTERS_H
#define TESTS_UNIT_GATE_FILTERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

#define SECOND (INT64_C(1000000))

static inline struct arena filter_memory(size_t bytes)
{
    struct arena arena = {.base = aligned_alloc(CACHE_LINE, bytes)};

    assert_non_null(arena.base);
    memset(arena.base, 0xa5, bytes);
    return arena;
}

/* splitmix64 */
static inline uint64_t chance(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

#endif
