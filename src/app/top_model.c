/* Rates from two answers of a guard. */
#include "app/top_model.h"

#include <handfast/stats.h>

#define US_PER_SECOND 1e6

/* What the door refused, whoever came. A SYN that is answered by a cookie is not refused. */
static const enum hf_stat refusals[] = {
    HF_STAT_syn_cache_full,
    HF_STAT_syn_accept_queue_full,
    HF_STAT_syn_odd_flags,
    HF_STAT_syn_capped,
    HF_STAT_syn_without_timestamps,
    HF_STAT_handshake_accept_queue_full,
    HF_STAT_cookie_bad,
    HF_STAT_handshake_no_connection,
    HF_STAT_cookie_unseen,
    HF_STAT_cookie_replayed,
    HF_STAT_filter_blocked,
    HF_STAT_filter_denied,
    HF_STAT_filter_not_allowed,
    HF_STAT_filter_rule,
    HF_STAT_filter_default,
    HF_STAT_filter_sharing,
    HF_STAT_filter_bogon,
    HF_STAT_filter_reverse_path,
};

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static int64_t counter(const json_t *answer, enum hf_stat stat)
{
    return number(json_object_get(answer, "counters"), hf_stat_name(stat));
}

static int64_t refused(const json_t *answer)
{
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        sum += counter(answer, refusals[i]);
    return sum;
}

/* A difference a second; `known` becomes false if it went back. */
static double rate(struct top_rates *rates, int64_t before, int64_t after)
{
    if (after < before) {
        rates->known = false;
        return 0;
    }
    return (double)(after - before) / rates->seconds;
}

static struct top_rates rates_between(const json_t *before, const json_t *after)
{
    struct top_rates rates = {.known = true};
    int64_t passed_us = number(after, "now_us") - number(before, "now_us");

    if (passed_us <= 0)
        return (struct top_rates){.known = false};
    rates.seconds = (double)passed_us / US_PER_SECOND;
#define RATE(stat) rate(&rates, counter(before, HF_STAT_##stat), counter(after, HF_STAT_##stat))
    rates.syns = RATE(syn_received);
    rates.cookies = RATE(syn_cookie_sent);
    rates.accepted = RATE(handshake_done);
    rates.refused = rate(&rates, refused(before), refused(after));
    rates.bits_in = 8 * RATE(bytes_in);
    rates.bits_out = 8 * RATE(bytes_out);
    rates.packets_in = RATE(frames_in);
    rates.packets_out = RATE(frames_out);
#undef RATE
    rates.dropped = rate(&rates, number(json_object_get(before, "driver"), "dropped"),
                         number(json_object_get(after, "driver"), "dropped"));
    return rates.known ? rates : (struct top_rates){.known = false};
}

void top_model_take(struct top_model *model, json_t *answer)
{
    json_decref(model->before);
    model->before = model->now;
    model->now = answer;
    model->rates =
        model->before ? rates_between(model->before, answer) : (struct top_rates){.known = false};
}

void top_model_clear(struct top_model *model)
{
    json_decref(model->before);
    json_decref(model->now);
    *model = (struct top_model){.before = NULL};
}

bool top_model_connection(const struct top_model *model, const json_t *connection, double *bits_in,
                          double *bits_out)
{
    const json_t *old;
    size_t i;

    if (!model->rates.known)
        return false;
    json_array_foreach(json_object_get(model->before, "top"), i, old)
    {
        struct top_rates rates = model->rates;

        if (number(old, "id") != number(connection, "id"))
            continue;
        *bits_in = 8 * rate(&rates, number(old, "bytes_in"), number(connection, "bytes_in"));
        *bits_out = 8 * rate(&rates, number(old, "bytes_out"), number(connection, "bytes_out"));
        return rates.known;
    }
    return false;
}

json_t *top_rates_json(const struct top_rates *rates)
{
    if (!rates->known)
        return json_null();
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "seconds",
                     rates->seconds, "syns", rates->syns, "cookies", rates->cookies, "accepted",
                     rates->accepted, "refused", rates->refused, "bits_in", rates->bits_in,
                     "bits_out", rates->bits_out, "packets_in", rates->packets_in, "packets_out",
                     rates->packets_out, "dropped", rates->dropped);
}
