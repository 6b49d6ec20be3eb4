/* Timers in a hierarchical wheel. [Varghese and Lauck, 1987]
 *
 * A tick is a number of four digits to the base 256. An entry lies on the level of the highest digit in which its tick
 * differs from now's, at the place which that digit names. So where an entry lies follows from its tick alone, every place
 * on a level is ahead of now's digit there (the top level is a circle), and now may jump to the first occupied place
 * without looking at those between: entries stay in theirs until now's digit reaches it, and then move down.
 */
#include "base/wheel.h"

#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "base/time.h"

#define DIGIT_BITS 8
#define TICK_US (INT64_C(1) << WHEEL_TICK_SHIFT)

/* An entry further ahead than this would meet now's own digit on the top level from behind. 50.7 days: more than 2^32 ms. */
#define AHEAD_MAX (UINT32_MAX - (UINT32_C(1) << (WHEEL_LEVELS - 1) * DIGIT_BITS))

_Static_assert(AHEAD_MAX / 1000 * TICK_US > (int64_t)UINT32_MAX, "2^32 ms can be set");
_Static_assert(WHEEL_PLACES == 1 << DIGIT_BITS && WHEEL_LEVELS * DIGIT_BITS == 32, "32-bit ticks");

struct place {
    uint32_t level, digit;
};

static uint32_t digit_of(uint32_t tick, uint32_t level)
{
    return tick >> (level * DIGIT_BITS) & (WHEEL_PLACES - 1);
}

static struct wheel_entry *entry_at(const struct wheel *wheel, uint32_t slot)
{
    return (struct wheel_entry *)(void *)(wheel->entries + (size_t)slot * wheel->stride);
}

static struct place place_of(const struct wheel *wheel, uint32_t tick)
{
    uint32_t differs = tick ^ (uint32_t)wheel->now;
    uint32_t level = differs ? (31 - (uint32_t)__builtin_clz(differs)) / DIGIT_BITS : 0;

    return (struct place){level, digit_of(tick, level)};
}

void wheel_init(struct wheel *wheel, const struct pool *pool, size_t entry_offset, int64_t now_us)
{
    wheel->entries = pool->slots ? pool->slots + entry_offset : NULL;
    wheel->stride = pool->stride;
    wheel->count = 0;
    wheel->now = now_us >> WHEEL_TICK_SHIFT;
    memset(wheel->occupied, 0, sizeof wheel->occupied);
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++)
        for (uint32_t digit = 0; digit < WHEEL_PLACES; digit++)
            wheel->first[level][digit] = SLOT_NONE;
}

void wheel_entry_init(struct wheel *wheel, uint32_t slot)
{
    entry_at(wheel, slot)->next = SLOT_UNLINKED;
}

bool wheel_is_set(const struct wheel *wheel, uint32_t slot)
{
    return entry_at(wheel, slot)->next != SLOT_UNLINKED;
}

static void link_at(struct wheel *wheel, uint32_t slot, struct place place)
{
    struct wheel_entry *entry = entry_at(wheel, slot);
    uint32_t *first = &wheel->first[place.level][place.digit];

    entry->prev = SLOT_NONE;
    entry->next = *first;
    if (*first != SLOT_NONE)
        entry_at(wheel, *first)->prev = slot;
    *first = slot;
    wheel->occupied[place.level][place.digit / 64] |= UINT64_C(1) << place.digit % 64;
}

static void unlink_from(struct wheel *wheel, uint32_t slot, struct place place)
{
    struct wheel_entry *entry = entry_at(wheel, slot);

    if (entry->next != SLOT_NONE)
        entry_at(wheel, entry->next)->prev = entry->prev;
    if (entry->prev != SLOT_NONE) {
        entry_at(wheel, entry->prev)->next = entry->next;
        return;
    }
    must(wheel->first[place.level][place.digit] == slot);
    wheel->first[place.level][place.digit] = entry->next;
    if (entry->next == SLOT_NONE)
        wheel->occupied[place.level][place.digit / 64] &= ~(UINT64_C(1) << place.digit % 64);
}

/* The first tick not before the deadline, no further ahead than the wheel goes. */
static uint32_t tick_for(const struct wheel *wheel, int64_t deadline_us)
{
    int64_t tick = (deadline_us >> WHEEL_TICK_SHIFT) + ((deadline_us & (TICK_US - 1)) != 0);

    if (tick <= wheel->now)
        return (uint32_t)wheel->now;
    if (tick - wheel->now > (int64_t)AHEAD_MAX)
        return (uint32_t)wheel->now + AHEAD_MAX;
    return (uint32_t)tick;
}

void wheel_set(struct wheel *wheel, uint32_t slot, int64_t deadline_us)
{
    struct wheel_entry *entry = entry_at(wheel, slot);
    struct place to, from;
    uint32_t tick;

    if (deadline_us == NEVER_US) {
        wheel_cancel(wheel, slot);
        return;
    }

    tick = tick_for(wheel, deadline_us);
    to = place_of(wheel, tick);
    if (entry->next == SLOT_UNLINKED) {
        wheel->count++;
    } else {
        from = place_of(wheel, entry->tick);
        if (from.level == to.level && from.digit == to.digit) {
            entry->tick = tick;
            return;
        }
        unlink_from(wheel, slot, from);
    }
    entry->tick = tick;
    link_at(wheel, slot, to);
}

void wheel_cancel(struct wheel *wheel, uint32_t slot)
{
    struct wheel_entry *entry = entry_at(wheel, slot);

    if (entry->next == SLOT_UNLINKED)
        return;
    unlink_from(wheel, slot, place_of(wheel, entry->tick));
    entry->next = SLOT_UNLINKED;
    wheel->count--;
}

/* The first occupied place of a level from `digit` on; WHEEL_PLACES if there is none. */
static uint32_t occupied_from(const struct wheel *wheel, uint32_t level, uint32_t digit)
{
    for (uint32_t word = digit / 64; word < WHEEL_PLACES / 64; word++) {
        uint64_t bits = wheel->occupied[level][word];

        if (word == digit / 64)
            bits &= ~UINT64_C(0) << digit % 64;
        if (bits)
            return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return WHEEL_PLACES;
}

/* The first occupied place of a level ahead of now's digit, counted on past the end of the top level's circle; 0: none. */
static uint32_t occupied_ahead(const struct wheel *wheel, uint32_t level)
{
    uint32_t digit = digit_of((uint32_t)wheel->now, level);
    uint32_t found = occupied_from(wheel, level, digit + 1);

    if (found < WHEEL_PLACES)
        return found;
    if (level < WHEEL_LEVELS - 1)
        return 0;
    found = occupied_from(wheel, level, 0);
    return found < WHEEL_PLACES ? WHEEL_PLACES + found : 0;
}

/* The tick at which the first occupied place ahead of now begins, INT64_MAX if there is none: a level's places all come
 * before those of the level above. */
static int64_t next_tick(const struct wheel *wheel)
{
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        uint32_t found = occupied_ahead(wheel, level);
        uint32_t shift = level * DIGIT_BITS;

        if (found) {
            int64_t round = wheel->now >> shift >> DIGIT_BITS << DIGIT_BITS;

            return (round + found) << shift;
        }
    }
    return INT64_MAX;
}

/* Moves now to the start of an occupied place, and its entries down. */
static void advance_to(struct wheel *wheel, int64_t tick)
{
    struct place place = place_of(wheel, (uint32_t)tick);
    uint32_t slot = wheel->first[place.level][place.digit];

    wheel->now = tick;
    if (place.level == 0)
        return; /* its entries are due where they are */

    wheel->first[place.level][place.digit] = SLOT_NONE;
    wheel->occupied[place.level][place.digit / 64] &= ~(UINT64_C(1) << place.digit % 64);
    while (slot != SLOT_NONE) {
        struct wheel_entry *entry = entry_at(wheel, slot);
        uint32_t next = entry->next;

        link_at(wheel, slot, place_of(wheel, entry->tick));
        slot = next;
    }
}

uint32_t wheel_expire(struct wheel *wheel, int64_t now_us)
{
    int64_t target = now_us >> WHEEL_TICK_SHIFT;

    for (;;) {
        uint32_t slot = wheel->first[0][digit_of((uint32_t)wheel->now, 0)];

        if (slot != SLOT_NONE) {
            wheel_cancel(wheel, slot);
            return slot;
        }
        if (target <= wheel->now)
            return SLOT_NONE;

        int64_t next = next_tick(wheel);
        if (next > target) {
            wheel->now = target;
            return SLOT_NONE;
        }
        advance_to(wheel, next);
    }
}

int64_t wheel_next_us(const struct wheel *wheel)
{
    if (wheel->count == 0)
        return NEVER_US;
    if (wheel->first[0][digit_of((uint32_t)wheel->now, 0)] != SLOT_NONE)
        return wheel->now << WHEEL_TICK_SHIFT;
    return next_tick(wheel) << WHEEL_TICK_SHIFT;
}
