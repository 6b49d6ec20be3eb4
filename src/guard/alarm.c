/* Alarms in the log. */
#include "guard/alarm.h"

#include <stddef.h>

/* How a kind begins; each is a kind of line of its own, so a flood of one does not hold back the others. NULL: no alarm. */
static const char *const forms[HF_EVENT_KINDS] = {
    [HF_EVENT_CACHE_FULL] = "cache full: %s",
    [HF_EVENT_ACCEPT_QUEUE_FULL] = "accept queue full: %s",
    [HF_EVENT_POOL_FULL] = "memory full: %s",
    [HF_EVENT_ADDRESS_CONFLICT] = "address conflict: %s",
    [HF_EVENT_NEIGHBOR_FAILED] = "next hop: %s",
    [HF_EVENT_PRESSURE] = "pressure: %s",
    [HF_EVENT_SCAN] = "scan: %s",
    [HF_EVENT_HELD] = "held memory: %s",
    [HF_EVENT_FLOOD_OVER] = "flood over: %s",
};

void alarms_init(struct alarms *alarms)
{
    alarms->sink = (struct hf_event_sink){.events = alarms->events, .capacity = ALARM_EVENTS};
    alarms->told_dropped = 0;
    alarms->events = NULL;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* forms[] is all there is */

void alarms_tell(struct alarms *alarms, struct log *log, int64_t now_us)
{
    char sentence[HF_EVENT_SENTENCE_MAX];
    struct hf_event event;

    while (hf_event_take(&alarms->sink, &event)) {
        if ((unsigned)event.kind >= HF_EVENT_KINDS || forms[event.kind] == NULL)
            continue;
        hf_event_sentence(&event, sentence, sizeof sentence);
        log_say(log, now_us, forms[event.kind], sentence);
        events_tell(alarms->events, &event);
    }
    if (alarms->sink.dropped != alarms->told_dropped) {
        log_say(log, now_us, "events lost: %llu came faster than they could be told",
                (unsigned long long)(alarms->sink.dropped - alarms->told_dropped));
        alarms->told_dropped = alarms->sink.dropped;
    }
}

#pragma GCC diagnostic pop
