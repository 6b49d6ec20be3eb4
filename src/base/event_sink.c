/* The ring of typed events: written by the core, read by its user. [include/handfast/event.h] */
#include "base/event_sink.h"

#define KEPT_FOR_ALARMS 8 /* an eighth of the ring */

/* What a peer can make happen as often as he likes must not crowd out what warns of him. */
static bool is_everyday(enum hf_event_kind kind)
{
    return kind == HF_EVENT_CONNECTION_OPENED || kind == HF_EVENT_CONNECTION_ENDED ||
           kind == HF_EVENT_HALF_OPEN_TIMED_OUT || kind == HF_EVENT_CHALLENGED;
}

void event_sink_put(struct hf_event_sink *sink, const struct hf_event *event)
{
    uint32_t capacity;

    if (!sink)
        return;
    capacity = sink->capacity - (is_everyday(event->kind) ? sink->capacity / KEPT_FOR_ALARMS : 0);
    if (sink->written - sink->taken >= capacity) {
        sink->dropped++;
        return;
    }
    sink->events[sink->written++ & (sink->capacity - 1)] = *event;
}

bool hf_event_take(struct hf_event_sink *sink, struct hf_event *event)
{
    if (sink->written == sink->taken)
        return false;
    *event = sink->events[sink->taken++ & (sink->capacity - 1)];
    return true;
}

const char *hf_event_text(enum hf_event_kind kind)
{
    switch (kind) {
    case HF_EVENT_NONE: return "nothing";
    case HF_EVENT_CONNECTION_OPENED: return "connection opened";
    case HF_EVENT_CONNECTION_ENDED: return "connection ended";
    case HF_EVENT_HALF_OPEN_TIMED_OUT: return "half-open timed out";
    case HF_EVENT_CACHE_FULL: return "SYN cache full";
    case HF_EVENT_ACCEPT_QUEUE_FULL: return "accept queue full";
    case HF_EVENT_POOL_FULL: return "memory for bytes exhausted";
    case HF_EVENT_CHALLENGED: return "possibly forged segment challenged";
    case HF_EVENT_ADDRESS_CONFLICT: return "address claimed by another station";
    case HF_EVENT_NEIGHBOR_FAILED: return "next hop does not answer";
    case HF_EVENT_PRESSURE: return "listener under other pressure";
    case HF_EVENT_SCAN: return "ports or flags tried in a row";
    case HF_EVENT_HELD: return "connection without progress released";
    case HF_EVENT_FLOOD_OVER: return "flood over";
    case HF_EVENT_SIGNATURE: return "signature refused";
    case HF_EVENT_KINDS: break;
    }
    return "?";
}
