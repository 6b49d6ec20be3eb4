/* One row of a ladder, as text of at most LADDER_COLUMNS. */
#ifndef SIM_LADDER_DRAW_H
#define SIM_LADDER_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/ladder.h"
#include "wire/print.h"

#define LADDER_STATE_MAX 24

struct ladder_row {
    int64_t at_us;                   /* from the start                  */
    char state[2][LADDER_STATE_MAX]; /* of the left and right end; "": not shown */
    bool arrow;                      /* a segment: what follows counts  */
    bool to_left, arrived;
    bool injected; /* of nobody's stack: it came from neither end */
    char text[PRINT_MAX];
    char note[64]; /* "": nothing to say */
};

void ladder_draw(FILE *out, enum ladder_style style, const struct ladder_row *row);

#endif
