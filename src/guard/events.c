/* The ring of what happened lately. */
#include "guard/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert((EVENTS_KEPT & (EVENTS_KEPT - 1)) == 0, "numbers wrap into places");

int events_init(struct events *events)
{
    *events = (struct events){.ring = calloc(EVENTS_KEPT, sizeof *events->ring)};
    return events->ring != NULL ? HF_OK : HF_NO_MEMORY;
}

void events_deinit(struct events *events)
{
    free(events->ring);
    *events = (struct events){0};
}

const char *events_kind(enum hf_event_kind kind)
{
    static const char *const words[HF_EVENT_KINDS] = {
        [HF_EVENT_CACHE_FULL] = "cache-full",
        [HF_EVENT_ACCEPT_QUEUE_FULL] = "accept-queue-full",
        [HF_EVENT_POOL_FULL] = "memory-full",
        [HF_EVENT_ADDRESS_CONFLICT] = "address-conflict",
        [HF_EVENT_NEIGHBOR_FAILED] = "next-hop",
        [HF_EVENT_PRESSURE] = "pressure",
        [HF_EVENT_SCAN] = "scan",
        [HF_EVENT_HELD] = "held-memory",
        [HF_EVENT_FLOOD_OVER] = "flood-over",
        [HF_EVENT_SIGNATURE] = "signature",
    };

    return (unsigned)kind < HF_EVENT_KINDS ? words[kind] : NULL;
}

static struct event_entry *next_entry(struct events *events, int64_t now_us, const char *kind)
{
    struct event_entry *entry = &events->ring[++events->last % EVENTS_KEPT];

    entry->number = events->last;
    entry->at_us = now_us;
    entry->kind = kind;
    entry->about = (struct hf_event){.kind = HF_EVENT_NONE};
    return entry;
}

void events_tell(struct events *events, const struct hf_event *event)
{
    const char *kind = events_kind(event->kind);

    if (events == NULL || events->ring == NULL || kind == NULL)
        return;
    struct event_entry *entry = next_entry(events, event->at_us, kind);

    entry->about = *event;
    hf_event_sentence(event, entry->text, sizeof entry->text);
}

void events_say(struct events *events, int64_t now_us, const char *kind, const char *format, ...)
{
    va_list arguments;

    if (events == NULL || events->ring == NULL)
        return;
    struct event_entry *entry = next_entry(events, now_us, kind);

    va_start(arguments, format);
    vsnprintf(entry->text, sizeof entry->text, format, arguments);
    va_end(arguments);
}
