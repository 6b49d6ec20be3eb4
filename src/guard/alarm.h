/* Alarms: what the stack noticed and an operator should hear of, one sentence each, in the log. [include/handfast/event.h] */
#ifndef HF_GUARD_ALARM_H
#define HF_GUARD_ALARM_H

#include "guard/events.h"
#include "guard/log.h"

#include <handfast/event.h>

#define ALARM_EVENTS 256 /* that may wait between two turns; a power of two */

struct alarms {
    struct hf_event events[ALARM_EVENTS];
    struct hf_event_sink sink; /* for hf_env.event_sink */
    uint64_t told_dropped;
    struct events *kept; /* where they are kept too, or NULL */
    /* The name of the service that listens there, or NULL; may be NULL itself. */
    const char *(*service_of)(const void *context, const struct hf_endpoint *local);
    const void *context;
};

void alarms_init(struct alarms *alarms);

/* Logs what came since the last time. Connections that open, end or are challenged are counted by the stack, not logged. */
void alarms_tell(struct alarms *alarms, struct log *log, int64_t now_us);

#endif
