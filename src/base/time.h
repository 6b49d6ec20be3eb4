/* Instants and durations: int64_t microseconds of a clock that never goes back. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

#define NEVER_US INT64_MAX
#define US_PER_MS 1000
#define US_PER_S 1000000

static inline int64_t ms_to_us(uint32_t ms)
{
    return (int64_t)ms * US_PER_MS;
}

static inline int64_t time_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t time_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
