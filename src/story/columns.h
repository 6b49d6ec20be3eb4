/* Text in columns: how wide it is on a terminal, and where it may be broken. [Unicode UAX #11, UAX #14 in small] */
#ifndef STORY_COLUMNS_H
#define STORY_COLUMNS_H

#include <stdio.h>

/* Columns that UTF-8 text takes: two for each East Asian wide character, none for what combines. */
unsigned columns_of(const char *text);

/* How many bytes of the text fit into so many columns, broken where a reader expects it: at spaces (which are then left
 * out: *skip bytes) and beside wide characters, but never before closing punctuation. At least one character. */
size_t columns_fit(const char *text, unsigned columns, size_t *skip);

/* The text and spaces up to so many columns; before it if it is right-aligned. */
void columns_put(FILE *out, const char *text, unsigned columns, int right);

#endif
