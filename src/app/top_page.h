/* The screen of `handfast top` as plain rows of characters with styles: what ncurses draws and `--once` prints. */
#ifndef APP_TOP_PAGE_H
#define APP_TOP_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/top_model.h"

#define TOP_ROWS_MIN 12 /* less is not enough to show anything */
#define TOP_COLUMNS_MIN 60
#define TOP_ROWS_MAX 200
#define TOP_COLUMNS_MAX 320

enum top_style {
    TOP_PLAIN,
    TOP_TITLE, /* headings, over the whole width */
    TOP_BOLD,
    TOP_DIM,
    TOP_GOOD,
    TOP_WARN,
    TOP_BAD,
    TOP_SELECTED,
    TOP_STYLES,
};

struct top_page {
    int rows, columns;
    char text[TOP_ROWS_MAX][TOP_COLUMNS_MAX + 1]; /* printable ASCII, whatever was received */
    uint8_t style[TOP_ROWS_MAX][TOP_COLUMNS_MAX];
};

/* What the person at the screen has chosen. */
struct top_view {
    const char *guard;   /* -i NAME */
    const char *trouble; /* why there is no newer answer, or NULL */
    const char *order;   /* "rtt", "bytes", "age" */
    int interval_ms;
    int selected; /* row of the connections, from 0 */
    bool paused, detail, help;
    bool once; /* no keys: nobody is there to press them */
};

/* Draws all of it. rows and columns are cut to what a page can hold. */
void top_page_draw(struct top_page *page, int rows, int columns, const struct top_model *model,
                   const struct top_view *view);

/* How many connections fit the list on a screen of so many rows. */
int top_page_connections(int rows, const struct top_model *model);

/* Texts for people; all return `text`. */
#define TOP_TEXT_MAX 32
const char *top_text_number(char text[TOP_TEXT_MAX], double value); /* "950", "1.23k", "4.50M" */
const char *top_text_time(char text[TOP_TEXT_MAX],
                          int64_t us); /* "350ms", "12s", "3m05s", "4d02h" */
const char *top_text_rtt(char text[TOP_TEXT_MAX],
                         int64_t us); /* "85us", "1.2ms", "240ms", "3.1s" */

#endif
