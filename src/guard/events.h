/* What happened lately: facts for the operator, numbered, in words, in a ring that forgets the oldest. [include/handfast/event.h]
 *
 * Whoever follows remembers the number he has read up to, so nobody is waited for: who is slower than EVENTS_KEPT facts sees
 * from the numbers how many he missed. */
#ifndef HF_GUARD_EVENTS_H
#define HF_GUARD_EVENTS_H

#include <handfast/event.h>

#define EVENTS_KEPT 1024 /* a power of two */

struct event_entry {
    uint64_t number; /* from 1 */
    int64_t at_us;
    const char *kind;      /* "pressure", "backend": a literal */
    struct hf_event about; /* kind HF_EVENT_NONE: a fact of the guard itself */
    char text[HF_EVENT_SENTENCE_MAX];
};

struct events {
    uint64_t last; /* the newest number, 0: none yet */
    struct event_entry *ring;
};

/* HF_OK or HF_NO_MEMORY. */
int events_init(struct events *events);
void events_deinit(struct events *events);

/* An alarm of the stack. `events` NULL, here and below: nothing is kept. */
void events_tell(struct events *events, const struct hf_event *event);

/* A fact of the guard's own; `kind` is a literal. */
__attribute__((format(printf, 4, 5))) void events_say(struct events *events, int64_t now_us,
                                                      const char *kind, const char *format, ...);

/* The oldest number that is still kept; above `last` if there is none. */
static inline uint64_t events_first(const struct events *events)
{
    return events->last < EVENTS_KEPT ? 1 : events->last - EVENTS_KEPT + 1;
}

/* A number from events_first to last. */
static inline const struct event_entry *events_at(const struct events *events, uint64_t number)
{
    return &events->ring[number % EVENTS_KEPT];
}

/* "pressure", "scan": the word for a kind of the stack's events that is an alarm; NULL for those that are only counted. */
const char *events_kind(enum hf_event_kind kind);

#endif
