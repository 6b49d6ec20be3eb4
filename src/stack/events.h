/* hf_events, a part of a stack: facts for the sink of its environment. See event.h. [RFC 9293 3.9] */
#ifndef STACK_EVENTS_H
#define STACK_EVENTS_H

#include <handfast/event.h>

#include "gate/pressure.h"
#include "wire/flow.h"

struct hf_stack;

/* Only called if there is a sink. */
struct hf_events {
    /* A fact about a flow; what a flood makes by the thousand is told a few times a second. */
    void (*flow)(struct hf_stack *stack, enum hf_event_kind kind, const struct flow *flow,
                 uint32_t value, int64_t now_us);
    /* A listener's pressure changed: which, since when, how much, and from where if one prefix stands out. */
    void (*pressure)(struct hf_stack *stack, uint32_t listener,
                     const struct pressure_change *change, int64_t now_us);
};

#endif
