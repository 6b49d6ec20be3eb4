/* What becomes a record of the journal, and how it is worded there. Journal NULL: nothing happens. */
#ifndef HF_GUARD_JOURNAL_FACTS_H
#define HF_GUARD_JOURNAL_FACTS_H

#include "guard/relay_pump.h"

#include <stdint.h>

struct hf_event;
struct journal;
struct log_about;
struct relay;

/* A line of the log, also one that the log itself only counts. */
void journal_log_fact(struct journal *journal, const struct log_about *about, const char *text);

/* A relay that is about to end. */
void journal_relay_end(struct journal *journal, const struct relay *relay, enum relay_end how,
                       int64_t now_us);

/* What the stack noticed and the log does not tell: challenges, and half-opens that nobody acknowledged. */
void journal_stack_fact(struct journal *journal, const struct hf_event *event);

#endif
