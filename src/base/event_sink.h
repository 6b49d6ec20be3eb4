/* Putting events into the caller's ring. [include/handfast/event.h] */
#ifndef BASE_EVENT_SINK_H
#define BASE_EVENT_SINK_H

#include <handfast/event.h>

/* sink may be NULL; a full ring counts the event as dropped. The last eighth of a ring is kept for alarms. */
void event_sink_put(struct hf_event_sink *sink, const struct hf_event *event);

#endif
