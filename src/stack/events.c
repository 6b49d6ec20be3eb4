/* hf_events, a part of a stack. See event.h. [RFC 9293 3.9] */
#include "stack/events.h"

#include "stack/source.h"
#include "stack/stack.h"

/* What a flood makes by the thousand. */
static struct repeat *repeat_of(struct hf_stack *stack, enum hf_event_kind kind)
{
    if (kind == HF_EVENT_HALF_OPEN_TIMED_OUT)
        return &stack->half_open_timeouts;
    if (kind == HF_EVENT_ACCEPT_QUEUE_FULL)
        return &stack->full_accept_queues;
    return kind == HF_EVENT_SIGNATURE ? &stack->refused_signatures : NULL;
}

static void tell_flow(struct hf_stack *stack, enum hf_event_kind kind, const struct flow *flow,
                      uint32_t value, int64_t now_us)
{
    struct hf_event event;
    struct repeat *repeat;

    event = (struct hf_event){
        .at_us = now_us,
        .kind = kind,
        .value = value,
        .local = {flow->local, flow->local_port},
        .remote = {flow->remote, flow->remote_port},
    };
    repeat = repeat_of(stack, kind);
    if (repeat && !repeat_may_tell(repeat, &event))
        return;
    event_sink_put(stack->events, &event);
}

static void tell_pressure(struct hf_stack *stack, uint32_t number,
                          const struct pressure_change *change, int64_t now_us)
{
    const struct listener *listener = listener_at(&stack->listeners, number);
    struct hf_event event = {
        .at_us = now_us,
        .kind = HF_EVENT_PRESSURE,
        .value = change->now,
        .local = {listener->address, listener->port},
        .count = change->syns,
        .since_us = change->since_us,
    };

    if (change->has_loudest)
        source_describe(&change->loudest, &event);
    event_sink_put(stack->events, &event);
    if (change->now != HF_CALM)
        return;
    event.kind = HF_EVENT_FLOOD_OVER;
    event.count = change->alarm_syns;
    event.since_us = change->alarm_us;
    event_sink_put(stack->events, &event);
}

const struct hf_events hf_events = {.flow = tell_flow, .pressure = tell_pressure};
