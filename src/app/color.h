/* Colours, only on a terminal and never with NO_COLOR set (no-color.org). */
#ifndef APP_COLOR_H
#define APP_COLOR_H

#include <stdio.h>

enum color {
    COLOR_PLAIN = 0,
    COLOR_BOLD,
    COLOR_DIM,
    COLOR_RED,
    COLOR_GREEN,
    COLOR_YELLOW,
    COLOR_BLUE,
    COLOR_CYAN,
};

/* The escape sequence that turns a colour on (COLOR_PLAIN: all off); "" where colours have no place. */
const char *color(FILE *stream, enum color which);

#endif
