/* What `handfast top` knows: the guard's last two answers, and what lies between them a second. */
#ifndef APP_TOP_MODEL_H
#define APP_TOP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* All a second; `known` is false for the first answer, and when a counter went back: another guard answers there. */
struct top_rates {
    bool known;
    double seconds; /* between the two */
    double syns, cookies, accepted, refused;
    double bits_in, bits_out, packets_in, packets_out;
    double dropped; /* frames that the interface could not take */
};

struct top_model {
    json_t *before, *now; /* answers to "top"; NULL: none yet */
    struct top_rates rates;
};

/* The next answer, which the model keeps. */
void top_model_take(struct top_model *model, json_t *answer);
void top_model_clear(struct top_model *model);

/* Bits a second of one row of "top" since the answer before. False: it was not in that one. */
bool top_model_connection(const struct top_model *model, const json_t *connection, double *bits_in,
                          double *bits_out);

/* {"seconds", "syns", ...}: a new object, or null while nothing is known. */
json_t *top_rates_json(const struct top_rates *rates);

#endif
