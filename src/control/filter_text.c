/* Filters of connections, from words. */
#include "control/filter_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/flow.h"

#define WORDS_MAX 64
#define DAY_S INT64_C(86400)
#define LONGEST_S (3650 * DAY_S)

static const char *const relay_states[] = {"waiting", "connecting", "open", "client-closed",
                                           "backend-closed"};

#define RELAY_STATES (sizeof relay_states / sizeof *relay_states)

/* ---- words ---- */

size_t request_words(const json_t *request)
{
    return json_array_size(json_object_get(request, "arguments"));
}

const char *request_word(const json_t *request, size_t index)
{
    return json_string_value(json_array_get(json_object_get(request, "arguments"), index));
}

bool duration_parse(const char *text, int64_t *us)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"ms", 1000},
                 {"s", 1000000},
                 {"m", 60 * INT64_C(1000000)},
                 {"h", 3600 * INT64_C(1000000)},
                 {"d", DAY_S * 1000000}};
    int64_t number = 0;
    size_t digits = 0;

    for (; isdigit((unsigned char)text[digits]) && digits < 10; digits++)
        number = 10 * number + (text[digits] - '0');
    for (size_t i = 0; digits > 0 && i < sizeof units / sizeof *units; i++)
        if (strcmp(text + digits, units[i].name) == 0) {
            if (number > LONGEST_S * 1000000 / units[i].us)
                return false;
            *us = number * units[i].us;
            return true;
        }
    return false;
}

/* ---- states ---- */

/* "fin_wait_1", "FIN-WAIT-1" and "fin-wait-1" are the same. */
static bool same_state(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        char x = *a == '_' ? '-' : *a, y = *b == '_' ? '-' : *b;

        if (tolower((unsigned char)x) != tolower((unsigned char)y))
            return false;
    }
    return *a == *b;
}

static const char *state_named(const char *word)
{
    for (unsigned i = 0; i < HF_STATES; i++)
        if (same_state(word, hf_state_text((enum hf_state)i)))
            return hf_state_text((enum hf_state)i);
    for (size_t i = 0; i < RELAY_STATES; i++)
        if (same_state(word, relay_states[i]))
            return relay_states[i];
    return NULL;
}

static void say_states(const char *found, char error[FILTER_ERROR_MAX])
{
    int used = snprintf(error, FILTER_ERROR_MAX, "state %.32s is none; accepted are", found);

    for (unsigned i = HF_STATE_SYN_RECEIVED; i < HF_STATE_TIME_WAIT; i++)
        used += snprintf(error + used, FILTER_ERROR_MAX - (size_t)used, " %s",
                         hf_state_text((enum hf_state)i));
    for (size_t i = 0; i < RELAY_STATES; i++)
        used += snprintf(error + used, FILTER_ERROR_MAX - (size_t)used, " %s", relay_states[i]);
}

/* ---- filters ---- */

__attribute__((format(printf, 2, 3))) static bool refuse(char error[FILTER_ERROR_MAX],
                                                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, FILTER_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

static bool take_pair(struct filter *filter, const char *key, const char *value,
                      char error[FILTER_ERROR_MAX])
{
    if (strcmp(key, "service") == 0) {
        if (filter->service[0] != '\0' || value[0] == '\0' ||
            strlen(value) >= sizeof filter->service)
            return refuse(error, "service %.40s: accepted is one name of at most %zu bytes", value,
                          sizeof filter->service - 1);
        memcpy(filter->service, value, strlen(value) + 1);
    } else if (strcmp(key, "from") == 0) {
        if (filter->has_from || hf_prefix_parse(&filter->from, value) != HF_OK)
            return refuse(error,
                          "from %.60s: accepted is one prefix or address (203.0.113.0/24, "
                          "2001:db8::/32)",
                          value);
        filter->has_from = true;
    } else if (strcmp(key, "state") == 0) {
        const char *name = state_named(value);

        if (name == NULL) {
            say_states(value, error);
            return false;
        }
        if (filter->state[0] != '\0')
            return refuse(error, "state is named twice");
        memcpy(filter->state, name, strlen(name) + 1);
    } else {
        return refuse(error, "%.40s is not understood; accepted are " FILTER_WORDS, key);
    }
    return true;
}

bool filter_parse(struct filter *filter, size_t count, const char *const *words,
                  char error[FILTER_ERROR_MAX])
{
    *filter = (struct filter){0};
    for (size_t i = 0; i < count; i += 2) {
        if (words[i] == NULL || (i + 1 < count && words[i + 1] == NULL))
            return refuse(error, "accepted are words: " FILTER_WORDS);
        if (i + 1 == count)
            return refuse(error, "%.40s has nothing after it; accepted are " FILTER_WORDS,
                          words[i]);
        if (!take_pair(filter, words[i], words[i + 1], error))
            return false;
    }
    return true;
}

bool filter_of_request(struct filter *filter, const json_t *request, size_t first,
                       char error[FILTER_ERROR_MAX])
{
    const char *words[WORDS_MAX];
    size_t count = 0;

    for (size_t i = first; i < request_words(request) && count < WORDS_MAX; i++)
        words[count++] = request_word(request, i);
    return filter_parse(filter, count, words, error);
}

bool filter_is_empty(const struct filter *filter)
{
    return filter->service[0] == '\0' && !filter->has_from && filter->state[0] == '\0';
}

bool filter_takes_address(const struct filter *filter, const struct hf_address *address)
{
    return !filter->has_from || prefix_contains(&filter->from, address);
}

bool filter_takes(const struct filter *filter, const struct relay_view *view)
{
    if (filter->service[0] != '\0' && strcmp(filter->service, view->service) != 0)
        return false;
    if (filter->state[0] != '\0' && strcmp(filter->state, hf_state_text(view->tcp_state)) != 0 &&
        strcmp(filter->state, view->state) != 0)
        return false;
    return filter_takes_address(filter, &view->client.address);
}
