/* Clocks: monotonic microseconds by the vDSO, and how far the wall clock is from them. */
#include "os/clock.h"

#include <time.h>

#include <handfast/os.h>

static int64_t microseconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t hf_os_now_us(void)
{
    return microseconds(CLOCK_MONOTONIC);
}

int64_t clock_wall_minus_now_us(void)
{
    return microseconds(CLOCK_REALTIME) - microseconds(CLOCK_MONOTONIC);
}

struct timespec *clock_time_left(struct timespec *left, int64_t deadline_us)
{
    if (deadline_us == INT64_MAX)
        return NULL;
    int64_t now_us = hf_os_now_us();
    int64_t left_us = deadline_us > now_us ? deadline_us - now_us : 0;
    left->tv_sec = (time_t)(left_us / 1000000);
    left->tv_nsec = (long)(left_us % 1000000) * 1000;
    return left;
}
