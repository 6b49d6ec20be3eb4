/* A capture told as ladders: a row a packet, with both ends' states after it and what is odd. */
#ifndef APP_EXPLAIN_PRINT_H
#define APP_EXPLAIN_PRINT_H

#include <stdio.h>

#include "explain/observer.h"

struct explain_style {
    FILE *out;
    bool utf8, json;
    bool only_odd;         /* rows without anything odd are left out         */
    bool all;              /* also those of half-opens in a flood            */
    uint64_t conversation; /* only this one; 0: all                          */
    int64_t start_us;      /* of the first packet                            */
    uint64_t folded;       /* packets of a flood since the last row          */
};

/* What was not TCP. */
struct explain_others {
    uint64_t other, fragments, broken, too_short;
};

/* Returns without a row if the style leaves it out. */
void explain_row(struct explain_style *style, const struct observation *seen,
                 const struct dissected *dissected, int64_t at_us);

/* The last lines: conversations, oddities, floods. */
void explain_summary(struct explain_style *style, const struct observer *observer,
                     const struct explain_others *others);

#endif
