/* One row of a ladder, as text. */
#include "sim/ladder_draw.h"

#include <string.h>

#define STATE_COLUMNS 14
#define TIME_COLUMNS 14 /* "12345678.123 ms" may push the rest to the right */
#define MIDDLE_COLUMNS (LADDER_COLUMNS - TIME_COLUMNS - 2 * (STATE_COLUMNS + 2))
#define ARROW_ENDS 8 /* "--- " and " -->" */
#define TEXT_COLUMNS (MIDDLE_COLUMNS - ARROW_ENDS)

struct strokes {
    const char *line, *left, *right, *lost;
};

static const struct strokes all_strokes[] = {
    [LADDER_ASCII] = {"-", "<", ">", "x"},
    [LADDER_UTF8] = {"─", "◀", "▶", "╳"},
};

static void repeat(FILE *out, const char *what, int count)
{
    for (; count > 0; count--)
        fputs(what, out);
}

/* "--- text ------>" or its mirror image. What is lost gets as far as two thirds of the way. */
static void draw_arrow(FILE *out, const struct strokes *strokes, const struct ladder_row *row,
                       const char *text)
{
    int dashes = TEXT_COLUMNS - (int)strlen(text);
    int gap = row->arrived ? 0 : dashes * 2 / 3;

    if (row->to_left) {
        fprintf(out, "%*s%s", gap, "", row->arrived ? strokes->left : strokes->lost);
        repeat(out, strokes->line, 2);
        fprintf(out, " %s ", text);
        repeat(out, strokes->line, dashes - gap + 3);
    } else {
        repeat(out, strokes->line, 3);
        fprintf(out, " %s ", text);
        repeat(out, strokes->line, dashes - gap + 2);
        fprintf(out, "%s%*s", row->arrived ? strokes->right : strokes->lost, gap, "");
    }
}

/* Text and note in at most TEXT_COLUMNS; options that do not fit get a line of their own. */
static void split(const struct ladder_row *row, char text[PRINT_MAX], char options[PRINT_MAX])
{
    size_t note = *row->note ? strlen(row->note) + 3 : 0;
    char *cut;

    memcpy(text, row->text, PRINT_MAX);
    options[0] = '\0';
    cut = strstr(text, " <");
    if (strlen(text) + note > TEXT_COLUMNS && cut) {
        memcpy(options, cut + 1, strlen(cut));
        *cut = '\0';
    }
    if (note && strlen(text) + note < PRINT_MAX) {
        char *end = text + strlen(text);

        snprintf(end, (size_t)(text + PRINT_MAX - end), " [%s]", row->note);
    }
    text[TEXT_COLUMNS] = '\0';
    options[MIDDLE_COLUMNS] = '\0';
}

void ladder_draw(FILE *out, enum ladder_style style, const struct ladder_row *row)
{
    const struct strokes *strokes = &all_strokes[style];
    char text[PRINT_MAX], options[PRINT_MAX];

    fprintf(out, "%*.3f ms", TIME_COLUMNS - 3, (double)row->at_us / 1000);
    fprintf(out, "  %-*.*s", STATE_COLUMNS, STATE_COLUMNS, row->state[0]);
    options[0] = '\0';
    if (row->arrow) {
        split(row, text, options);
        draw_arrow(out, strokes, row, text);
    } else if (*row->state[1]) {
        fprintf(out, "%*s", MIDDLE_COLUMNS, "");
    }
    if (*row->state[1])
        fprintf(out, "  %.*s", STATE_COLUMNS, row->state[1]);
    fputc('\n', out);
    if (*options)
        fprintf(out, "%*s%s\n", TIME_COLUMNS + STATE_COLUMNS + 6, "", options);
}
