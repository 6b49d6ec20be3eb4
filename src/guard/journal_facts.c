/* Facts as members of records: the names are those of the log's JSON, so that one filter fits both. */
#include "guard/journal_facts.h"

#include "guard/journal_writer.h"
#include "guard/log.h"
#include "guard/relay_life.h"

#include <handfast/event.h>
#include <handfast/os.h>

#include <stdio.h>

/* What somebody did or what cannot be helped is told apart from what is merely seen. */
static enum journal_rank rank_of(const struct log_about *about)
{
    switch (about->level) {
    case LOG_LEVEL_ERROR:
    case LOG_LEVEL_NOTICE: return JOURNAL_HIGH;
    case LOG_LEVEL_WARNING:
    case LOG_LEVEL_INFO: break;
    }
    return JOURNAL_NORMAL;
}

static void add_number(struct record_body *body, const char *name, uint64_t value)
{
    if (value != 0)
        record_add_number(body, name, value);
}

void journal_log_fact(struct journal *journal, const struct log_about *about, const char *text)
{
    struct record_body body = {.length = 0};

    if (journal == NULL)
        return;
    record_add_text(&body, "service", about->service);
    record_add_text(&body, "backend", about->backend);
    record_add_text(&body, "prefix", about->prefix);
    record_add_text(&body, "listener", about->local);
    record_add_text(&body, "value", about->value);
    add_number(&body, "count", about->count);
    add_number(&body, "duration_ms", about->duration_ms);
    record_add_text(&body, "text", text);
    journal_put(journal, hf_os_now_us(), rank_of(about), about->event ? about->event : "log",
                &body);
}

/* ---- relays ---- */

static const char *end_word(enum relay_end how)
{
    switch (how) {
    case RELAY_CLOSED: return "closed";
    case RELAY_CLIENT_RESET: return "client-reset";
    case RELAY_BACKEND_RESET: return "backend-reset";
    case RELAY_REFUSED: return "refused";
    case RELAY_NO_BACKEND_UP: return "no-backend";
    case RELAY_CONNECT_TIMEOUT: return "connect-timeout";
    case RELAY_IDLE_TIMEOUT: return "idle-timeout";
    case RELAY_TOTAL_TIMEOUT: return "total-timeout";
    case RELAY_KILLED: return "killed";
    case RELAY_CUT: return "cut";
    case RELAY_GOES_ON: break;
    }
    return "?";
}

void journal_relay_end(struct journal *journal, const struct relay *relay, enum relay_end how,
                       int64_t now_us)
{
    struct record_body body = {.length = 0};
    char endpoint[HF_ENDPOINT_TEXT_MAX];
    struct relay_view view;
    bool in_order = how == RELAY_CLOSED || how == RELAY_IDLE_TIMEOUT;

    if (journal == NULL)
        return;
    record_add_text(&body, "service", relay->service->config->name);
    if (relays_view(relay->relays, relay_slot(relay), &view, now_us)) {
        if (view.backend[0] != '\0')
            record_add_text(&body, "backend", view.backend);
        record_add_text(&body, "client", hf_endpoint_format(endpoint, &view.client));
        record_add_text(&body, "listener", hf_endpoint_format(endpoint, &view.local));
    }
    record_add_text(&body, "value", end_word(how));
    record_add_number(&body, "bytes_in", relay->bytes_in);
    record_add_number(&body, "bytes_out", relay->bytes_out);
    record_add_number(&body, "duration_ms", (uint64_t)(now_us - relay->born_at_us) / 1000);
    journal_put(journal, now_us, in_order ? JOURNAL_LOW : JOURNAL_NORMAL, "relay-end", &body);
}

/* ---- the stack ---- */

void journal_stack_fact(struct journal *journal, const struct hf_event *event)
{
    bool challenged = event->kind == HF_EVENT_CHALLENGED;
    struct record_body body = {.length = 0};
    char endpoint[HF_ENDPOINT_TEXT_MAX], sentence[HF_EVENT_SENTENCE_MAX];

    if (journal == NULL || (!challenged && event->kind != HF_EVENT_HALF_OPEN_TIMED_OUT))
        return;
    if (event->remote.port != 0)
        record_add_text(&body, "client", hf_endpoint_format(endpoint, &event->remote));
    if (event->local.port != 0)
        record_add_text(&body, "listener", hf_endpoint_format(endpoint, &event->local));
    add_number(&body, "count", event->count);
    hf_event_sentence(event, sentence, sizeof sentence);
    record_add_text(&body, "text", sentence);
    journal_put(journal, event->at_us, JOURNAL_LOW,
                challenged ? "challenged" : "half-open-timed-out", &body);
}
