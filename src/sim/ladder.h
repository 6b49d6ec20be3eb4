/* The ladder: time, both ends' states, and between them an arrow for each segment in exact notation.
 *
 * Rows are in the order of sending. A row's time is that of sending; the sender's state is the one in which it sent, the
 * receiver's the one it came to (after all frames of one hf_input). Rows wait until it is known what
 * became of their segment.
 */
#ifndef SIM_LADDER_H
#define SIM_LADDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LADDER_COLUMNS 110 /* no line is wider */

enum ladder_style {
    LADDER_ASCII = 0,
    LADDER_UTF8,
};

struct ladder;
struct ladder_row; /* ladder_draw.h */
struct world;

/* A ladder for a world's first two nodes (left and right): hooks itself into it. out NULL: rows wait for ladder_take. */
struct ladder *ladder_make(struct world *world, FILE *out, enum ladder_style style);

/* Rows go to `take` and are not drawn, from now on: for who tells of them in another way. */
void ladder_take(struct ladder *ladder, void (*take)(void *self, const struct ladder_row *row),
                 void *self);

/* After each step of the world: states that changed without a segment get a row of their own. */
void ladder_step(struct ladder *ladder);

/* Writes the rows that still wait. */
void ladder_finish(struct ladder *ladder);
void ladder_free(struct ladder *ladder);

/* LADDER_UTF8 if the terminal's locale says so (LC_ALL, LC_CTYPE, LANG). */
enum ladder_style ladder_style_of_locale(void);

#endif
