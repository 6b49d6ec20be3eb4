/* How much of a flood a listener feels: one number, two thresholds, hysteresis. [RFC 4987 3.6, 3.7] */
#include "gate/pressure.h"

#include "base/bytes.h"
#include "base/must.h"
#include "base/time.h"

#define LOUD_SHARE 8u /* a prefix is named if it leads by this part of all SYNs */

/* Where a level ends: upwards where the next begins, downwards at half of where it began. */
static void set_level(struct pressure *pressure, enum hf_pressure level)
{
    uint64_t strained = pressure->limit - pressure->limit / 4;
    uint64_t flooded = 4 * (uint64_t)pressure->limit;

    pressure->level = level;
    switch (level) {
    case HF_CALM:
        pressure->rises_at = strained;
        pressure->falls_below = 0;
        break;
    case HF_STRAINED:
        pressure->rises_at = flooded;
        pressure->falls_below = (strained + 1) / 2;
        break;
    case HF_FLOODED:
        pressure->rises_at = UINT64_MAX;
        pressure->falls_below = flooded / 2;
        break;
    }
}

void pressure_init(struct pressure *pressure, uint32_t limit, int64_t now_us)
{
    *pressure = (struct pressure){
        .limit = limit,
        .period_us = now_us,
        .since_us = now_us,
        .alarm_us = now_us,
    };
    set_level(pressure, HF_CALM);
}

void pressure_limit(struct pressure *pressure, uint32_t limit)
{
    pressure->limit = limit;
    set_level(pressure, pressure->level);
}

static uint64_t demand(const struct pressure *pressure, uint32_t half_opens)
{
    uint64_t pending = max_u32(pressure->pending, pressure->pending_before);

    return half_opens + PRESSURE_HOLD * pending;
}

/* One candidate and a lead: whoever sends more than half of all SYNs ends up as the candidate, and a candidate with a lead of
 * n has sent at least n. */
void pressure_note_syn(struct pressure *pressure, const struct hf_address *remote, uint64_t prefix)
{
    pressure->syns++;
    if (prefix == pressure->loudest_prefix) {
        pressure->lead++;
    } else if (pressure->lead > 0) {
        pressure->lead--;
    } else {
        pressure->loudest_prefix = prefix;
        pressure->loudest = *remote;
        pressure->lead = 1;
    }
}

static void turn_period(struct pressure *pressure, int64_t now_us)
{
    int64_t passed_us = now_us - pressure->period_us;

    if (passed_us < PRESSURE_PERIOD_US)
        return;
    pressure->pending_before = passed_us < 2 * PRESSURE_PERIOD_US ? pressure->pending : 0;
    pressure->pending = 0;
    pressure->period_us = now_us;
}

void pressure_note_pending(struct pressure *pressure, int64_t now_us)
{
    turn_period(pressure, now_us);
    pressure->pending++;
}

void pressure_note_answered(struct pressure *pressure)
{
    if (pressure->pending > 0)
        pressure->pending--;
    else if (pressure->pending_before > 0)
        pressure->pending_before--;
}

/* What is told of the level that ends, and a new count for the one that begins. */
static void enter(struct pressure *pressure, enum hf_pressure level, struct pressure_change *change,
                  int64_t now_us)
{
    *change = (struct pressure_change){
        .before = pressure->level,
        .now = level,
        .syns = pressure->syns,
        .since_us = pressure->since_us,
        .loudest = pressure->loudest,
        .has_loudest = pressure->lead > pressure->syns / LOUD_SHARE,
        .alarm_us = pressure->alarm_us,
        .alarm_syns = pressure->syns_before + pressure->syns,
    };
    if (pressure->level == HF_CALM) {
        pressure->alarm_us = now_us;
        pressure->syns_before = 0;
    } else {
        pressure->syns_before += pressure->syns;
    }
    set_level(pressure, level);
    pressure->since_us = pressure->loud_us = now_us;
    pressure->syns = 0;
    pressure->lead = 0;
}

bool pressure_rise(struct pressure *pressure, uint32_t half_opens, struct pressure_change *change,
                   int64_t now_us)
{
    uint64_t all;

    turn_period(pressure, now_us); /* what is pending may be of long ago */
    all = demand(pressure, half_opens);
    if (all >= pressure->falls_below)
        pressure->loud_us = now_us;
    if (all < pressure->rises_at)
        return false;
    enter(pressure, (enum hf_pressure)(pressure->level + 1), change, now_us);
    return true;
}

int64_t pressure_deadline(const struct pressure *pressure)
{
    return pressure->level == HF_CALM ? NEVER_US : pressure->loud_us + PRESSURE_QUIET_US;
}

bool pressure_fall(struct pressure *pressure, uint32_t half_opens, struct pressure_change *change,
                   int64_t now_us)
{
    if (now_us < pressure_deadline(pressure))
        return false;
    turn_period(pressure, now_us);
    if (demand(pressure, half_opens) >= pressure->falls_below) {
        pressure->loud_us = now_us;
        return false;
    }
    enter(pressure, (enum hf_pressure)(pressure->level - 1), change, now_us);
    return true;
}
