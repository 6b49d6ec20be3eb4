/* Which connections are meant, in words: "service X", "from PREFIX", "state S", each at most once and all to be true. */
#ifndef CONTROL_FILTER_TEXT_H
#define CONTROL_FILTER_TEXT_H

#include <jansson.h>

#include "guard/relay.h"

#define FILTER_ERROR_MAX 256
#define FILTER_WORDS "service NAME, from PREFIX, state STATE"

struct filter {
    char service[CONFIG_NAME_MAX]; /* empty: every one */
    bool has_from;
    struct hf_prefix from;
    char state[16]; /* as hf_state_text or relay_view.state says it; empty: every one */
};

/* False: `error` says what was found and what is accepted. No words at all are a filter that everything passes. */
bool filter_parse(struct filter *filter, size_t count, const char *const *words,
                  char error[FILTER_ERROR_MAX]);

/* The words of a request, from the one at `first` on. */
bool filter_of_request(struct filter *filter, const json_t *request, size_t first,
                       char error[FILTER_ERROR_MAX]);

bool filter_is_empty(const struct filter *filter);

/* Whether a relay is meant. */
bool filter_takes(const struct filter *filter, const struct relay_view *view);

/* Whether somebody at this address is meant, as far as `from` says. */
bool filter_takes_address(const struct filter *filter, const struct hf_address *address);

/* ---- words of a request ---- */

/* The word at `index`, or NULL. */
const char *request_word(const json_t *request, size_t index);
size_t request_words(const json_t *request);

/* "90s", "500ms", "5m", "1h", "7d" as microseconds; false: the text is none, or longer than ten years. */
bool duration_parse(const char *text, int64_t *us);

#define DURATION_ACCEPTED "a number with ms, s, m, h or d"

#endif
