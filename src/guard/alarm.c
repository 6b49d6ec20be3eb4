/* Alarms in the log. */
#include "guard/alarm.h"

#include "guard/journal_facts.h"

#include <handfast/socket.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

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
    [HF_EVENT_SIGNATURE] = "signature: %s",
};

void alarms_init(struct alarms *alarms)
{
    alarms->sink = (struct hf_event_sink){.events = alarms->events, .capacity = ALARM_EVENTS};
    alarms->told_dropped = 0;
    alarms->kept = NULL;
    alarms->service_of = NULL;
}

/* The event's own word. */
static const char *value_of(const struct hf_event *event)
{
    static const char *const pressure[] = {
        [HF_CALM] = "calm", [HF_STRAINED] = "strained", [HF_FLOODED] = "flooded"};
    static const char *const held[] = {
        [HF_HELD_ZERO_WINDOW] = "zero-window",       [HF_HELD_SLOW] = "slow",
        [HF_HELD_UNACKNOWLEDGED] = "unacknowledged", [HF_HELD_CLOSING] = "closing",
        [HF_HELD_FIN_WAIT_2] = "fin-wait-2",         [HF_HELD_IDLE] = "idle",
    };

    if (event->kind == HF_EVENT_PRESSURE && event->value < sizeof pressure / sizeof *pressure)
        return pressure[event->value];
    if (event->kind == HF_EVENT_HELD && event->value < sizeof held / sizeof *held)
        return held[event->value];
    return NULL;
}

static const char *service_of(const struct alarms *alarms, const struct hf_endpoint *local)
{
    return alarms->service_of != NULL ? alarms->service_of(alarms->context, local) : NULL;
}

static bool is_set(const struct hf_address *address)
{
    static const struct hf_address none;

    return memcmp(address, &none, sizeof none) != 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* forms[] is all there is */

/* What the sentence says, as fields. */
static void tell(const struct alarms *alarms, struct log *log, int64_t now_us,
                 const struct hf_event *event)
{
    char sentence[HF_EVENT_SENTENCE_MAX], prefix[HF_ADDRESS_TEXT_MAX + 8],
        local[HF_ENDPOINT_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX];
    struct log_about about = {
        .level = event->kind == HF_EVENT_FLOOD_OVER ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
        .event = events_kind(event->kind),
        .service = service_of(alarms, &event->local),
        .value = value_of(event),
        .count = event->count,
        .kept = alarms->kept != NULL,
    };

    if (event->since_us > 0 && event->at_us > event->since_us)
        about.duration_ms = (uint64_t)(event->at_us - event->since_us) / 1000;
    if (is_set(&event->remote.address)) {
        hf_address_format(address, &event->remote.address);
        if (event->prefix_length > 0)
            snprintf(prefix, sizeof prefix, "%s/%u", address, event->prefix_length);
        else
            snprintf(prefix, sizeof prefix, "%s", address);
        about.prefix = prefix;
    }
    if (event->local.port != 0 || is_set(&event->local.address))
        about.local = hf_endpoint_format(local, &event->local);
    hf_event_sentence(event, sentence, sizeof sentence);
    log_about(log, now_us, &about, forms[event->kind], sentence);
}

#pragma GCC diagnostic pop

void alarms_tell(struct alarms *alarms, struct log *log, int64_t now_us)
{
    struct hf_event event;

    while (hf_event_take(&alarms->sink, &event)) {
        if ((unsigned)event.kind >= HF_EVENT_KINDS || forms[event.kind] == NULL) {
            journal_stack_fact(log != NULL ? log->journal : NULL, &event);
            continue;
        }
        tell(alarms, log, now_us, &event);
        events_tell(alarms->kept, &event);
    }
    if (alarms->sink.dropped != alarms->told_dropped) {
        log_warn(log, now_us, "events lost: %llu came faster than they could be told",
                 (unsigned long long)(alarms->sink.dropped - alarms->told_dropped));
        alarms->told_dropped = alarms->sink.dropped;
    }
}
