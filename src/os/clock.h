/* Clocks: how far the wall clock is from hf_os_now_us, and what is left until an instant. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_wall_minus_now_us(void);

/* What is left until deadline_us, zero if it has passed; NULL (no limit) for INT64_MAX. */
struct timespec *clock_time_left(struct timespec *left, int64_t deadline_us);

#endif
