/* A story as text for a terminal. */
#ifndef STORY_DRAW_H
#define STORY_DRAW_H

#include "story/story.h"

#define DRAW_COLUMNS_MIN 72u
#define DRAW_COLUMNS_MAX 110u

struct draw {
    FILE *out;
    enum story_language language;
    unsigned columns;
    bool ascii; /* no box drawing       */
    /* Escape sequences, "" for none. */
    const char *bold, *dim, *name, *state, *attack, *plain;
};

void draw_story(const struct draw *draw, const struct story *story);

/* A paragraph, broken into lines of the drawing's width, each behind `indent` spaces. */
void draw_paragraph(const struct draw *draw, const char *text, unsigned indent);

#endif
