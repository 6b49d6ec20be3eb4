/* Facts that a flood makes by the thousand: told a few times a second, each time with how many there were and since when. */
#ifndef STACK_REPEAT_H
#define STACK_REPEAT_H

#include <handfast/event.h>

#include "base/time.h"

#define REPEAT_PER_S 16

struct repeat {
    int64_t full_us; /* when the bucket of tellings will be full again */
    int64_t since_us;
    uint64_t untold; /* since then */
};

/* Whether to tell it now; then event->count and since_us say what it stands for. */
static inline bool repeat_may_tell(struct repeat *repeat, struct hf_event *event)
{
    const int64_t cost_us = US_PER_S / REPEAT_PER_S;
    int64_t full_us = time_max(repeat->full_us, event->at_us);

    if (repeat->untold++ == 0)
        repeat->since_us = event->at_us;
    if (full_us + cost_us > event->at_us + US_PER_S)
        return false;
    repeat->full_us = full_us + cost_us;
    event->count = repeat->untold;
    event->since_us = repeat->since_us;
    repeat->untold = 0;
    return true;
}

#endif
