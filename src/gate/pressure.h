/* How much of a flood a listener feels: calm, strained, flooded. [RFC 4987 3.6, 3.7]
 *
 * One number decides: `demand`, the half-opens that there would be if every SYN were given an entry. It is those that there
 * are and the cookies, or entries driven out, of the last seconds that nobody has answered. Three quarters of the listener's
 * limit make it strained, four times the limit flooded. It is calmer again once the demand has been below half of what raised
 * it for QUIET_US on end: so neither a wave nor its trough makes the level flutter, and an attacker who pauses gains nothing
 * but ten seconds of cookies for the others.
 */
#ifndef GATE_PRESSURE_H
#define GATE_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/socket.h>

#define PRESSURE_QUIET_US INT64_C(10000000)
#define PRESSURE_PERIOD_US INT64_C(1000000)
#define PRESSURE_HOLD 3u /* periods that an unanswered SYN would hold an entry under pressure */

struct pressure {
    uint32_t limit; /* the listener's half-opens */
    enum hf_pressure level;
    uint64_t rises_at, falls_below; /* the demand that ends the level */
    uint32_t pending,
        pending_before;         /* SYNs without an entry, not yet answered: this period, the last */
    int64_t period_us;          /* when this period began                                       */
    int64_t since_us;           /* when the level began                                         */
    int64_t loud_us;            /* when demand was last too high to be calmer                   */
    int64_t alarm_us;           /* when it was last calm                                        */
    uint64_t syns, syns_before; /* of this level; of the levels since it was calm               */
    /* The prefix that may have sent most of this level's SYNs, and by how many it leads. [Boyer and Moore, 1981] */
    struct hf_address loudest;
    uint64_t loudest_prefix;
    uint32_t lead;
};

/* One change of level, told once. */
struct pressure_change {
    enum hf_pressure before, now;
    uint64_t syns;       /* of the level that ended */
    int64_t since_us;    /* when it began           */
    uint64_t alarm_syns; /* now calm: all since it was last calm ... */
    int64_t alarm_us;    /* ... which was then                       */
    struct hf_address loudest;
    bool has_loudest; /* one prefix sent at least an eighth of those SYNs */
};

void pressure_init(struct pressure *pressure, uint32_t limit, int64_t now_us);

/* Another limit. The level stays, and rises or falls by the new one. */
void pressure_limit(struct pressure *pressure, uint32_t limit);

/* A SYN came. prefix: source_prefix(remote). */
void pressure_note_syn(struct pressure *pressure, const struct hf_address *remote, uint64_t prefix);

/* A SYN was given no entry to itself: it was answered by a cookie, or drove out another. */
void pressure_note_pending(struct pressure *pressure, int64_t now_us);

/* One of those was answered after all. */
void pressure_note_answered(struct pressure *pressure);

/* The level rises at once, by one: true and *change if it did. */
bool pressure_rise(struct pressure *pressure, uint32_t half_opens, struct pressure_change *change,
                   int64_t now_us);

/* It falls by one at a time, at an instant not before pressure_deadline. */
bool pressure_fall(struct pressure *pressure, uint32_t half_opens, struct pressure_change *change,
                   int64_t now_us);

/* When to call pressure_fall; NEVER_US while calm. */
int64_t pressure_deadline(const struct pressure *pressure);

#endif
