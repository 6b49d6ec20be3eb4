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

/* The low 32 bits of n / by; by is below 65536. A machine of 32 bits would call a long division of 64, and hold it. */
#ifdef __OPTIMIZE_SIZE__
uint32_t time_quotient(uint64_t n, uint32_t by);
#else
static inline uint32_t time_quotient(uint64_t n, uint32_t by)
{
    return (uint32_t)(n / by);
}
#endif

/* Whole milliseconds and seconds of an instant that is not negative, wrapping. */
static inline uint32_t time_ms(int64_t instant_us)
{
    return time_quotient((uint64_t)instant_us, US_PER_MS);
}

static inline uint32_t time_s(int64_t instant_us)
{
    return time_quotient((uint64_t)instant_us / 64, US_PER_S / 64);
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
