/* Timers in a hierarchical wheel: setting, moving and cancelling are O(1), each entry is moved down at most once a level.
 * [Varghese and Lauck, 1987]. Four levels of 256 places of 1.024 ms: 50 days. A deadline further ahead fires
 * then, and its owner, who looks at his own instants, sets it again.
 *
 * An entry lies in its owner's slot. An owner keeps one entry, its earliest deadline, and sets the next when it fires.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

#define WHEEL_LEVELS 4
#define WHEEL_PLACES 256
#define WHEEL_TICK_SHIFT 10 /* 1.024 ms */

struct wheel_entry {
    uint32_t next, prev; /* slots; next is SLOT_UNLINKED: not set */
    uint32_t tick;       /* the deadline in ticks                                */
};

struct wheel {
    uint8_t *entries; /* slot i's entry is at entries + i * stride */
    uint32_t stride;
    uint32_t count;
    int64_t now;                                        /* ticks run so far        */
    uint64_t occupied[WHEEL_LEVELS][WHEEL_PLACES / 64]; /* which places hold any   */
    uint32_t first[WHEEL_LEVELS][WHEEL_PLACES];
};

void wheel_init(struct wheel *wheel, const struct pool *pool, size_t entry_offset, int64_t now_us);

/* A fresh slot's entry: in no place. */
void wheel_entry_init(struct wheel *wheel, uint32_t slot);

/* Sets or moves the entry; it fires at the first tick not before deadline_us. NEVER_US cancels. */
void wheel_set(struct wheel *wheel, uint32_t slot, int64_t deadline_us);
void wheel_cancel(struct wheel *wheel, uint32_t slot);
bool wheel_is_set(const struct wheel *wheel, uint32_t slot);

/* The next slot whose deadline is not after now_us, taken off; SLOT_NONE when there is none. */
uint32_t wheel_expire(struct wheel *wheel, int64_t now_us);

/* An instant not after which something may be due (never later than the earliest deadline, rounded up to its tick);
 * NEVER_US if the wheel is empty. O(places / 64). */
int64_t wheel_next_us(const struct wheel *wheel);

#endif
