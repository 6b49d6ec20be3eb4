/* A story as text: each line beside its segment, both ends' states at its sides. */
#include "story/draw.h"

#include <string.h>

#include "base/time.h"
#include "story/columns.h"

#define STATE_COLUMNS 13u /* SYN-RECEIVED and a space */
#define ARROW_ENDS 8u     /* "--- " and " -->"        */

struct strokes {
    const char *line, *forged, *left, *right, *lost;
};

static const struct strokes strokes_utf8 = {"─", "╌", "◀", "▶", "╳"};
static const struct strokes strokes_ascii = {"-", "~", "<", ">", "x"};

static void spaces(const struct draw *draw, unsigned count)
{
    fprintf(draw->out, "%*s", (int)count, "");
}

static void repeat(const struct draw *draw, const char *what, unsigned count)
{
    for (; count > 0; count--)
        fputs(what, draw->out);
}

void draw_paragraph(const struct draw *draw, const char *text, unsigned indent)
{
    while (*text) {
        size_t skip, length = columns_fit(text, draw->columns - indent, &skip);

        spaces(draw, indent);
        fprintf(draw->out, "%.*s\n", (int)length, text);
        text += length + skip;
    }
}

/* ---- a segment ---- */

/* "--- text ------>" in so many columns. What is lost gets two thirds of the way. */
static void draw_arrow(const struct draw *draw, const struct ladder_row *row, const char *text,
                       unsigned columns)
{
    const struct strokes *strokes = draw->ascii ? &strokes_ascii : &strokes_utf8;
    const char *line = row->injected ? strokes->forged : strokes->line;
    unsigned used = columns_of(text) + ARROW_ENDS;
    unsigned dashes = used < columns ? columns - used : 0;
    unsigned gap = row->arrived ? 0 : dashes * 2 / 3;

    fputs(row->injected || !row->arrived ? draw->attack : "", draw->out);
    if (row->to_left) {
        spaces(draw, gap);
        fputs(row->arrived ? strokes->left : strokes->lost, draw->out);
        repeat(draw, line, 2);
        fprintf(draw->out, " %s ", text);
        repeat(draw, line, dashes - gap + 3);
    } else {
        repeat(draw, line, 3);
        fprintf(draw->out, " %s ", text);
        repeat(draw, line, dashes - gap + 2);
        fputs(row->arrived ? strokes->right : strokes->lost, draw->out);
        spaces(draw, *row->state[1] ? gap : 0);
    }
    fputs(draw->plain, draw->out);
}

/* What the note says besides the name of a counter. */
static const char *fate_of(const struct ladder_row *row, enum story_language language)
{
    static const struct story_text lost = {{"lost", "丢失"}};

    return strcmp(row->note, "lost") == 0 ? lost.in[language] : row->note;
}

/* The segment and its note; options that do not fit go to a line of their own. */
static void split(const struct draw *draw, const struct ladder_row *row, unsigned room,
                  char text[PRINT_MAX], char options[PRINT_MAX])
{
    const char *note = fate_of(row, draw->language);
    unsigned note_columns = *note ? columns_of(note) + 3 : 0;
    char *cut;

    memcpy(text, row->text, PRINT_MAX);
    options[0] = '\0';
    cut = strstr(text, " <");
    if (cut && columns_of(text) + note_columns > room) {
        memcpy(options, cut + 1, strlen(cut));
        *cut = '\0';
    }
    if (!*note)
        return;
    bool fits = columns_of(text) + note_columns <= room;
    char *end = fits ? text + strlen(text) : options + strlen(options);
    size_t left = PRINT_MAX - (size_t)(end - (fits ? text : options));

    snprintf(end, left, "%s[%s]", end == options ? "" : " ", note);
}

static void draw_state(const struct draw *draw, const char *state)
{
    fputs(draw->state, draw->out);
    columns_put(draw->out, state, STATE_COLUMNS - 1, false);
    fputs(draw->plain, draw->out);
}

static void draw_row(const struct draw *draw, const struct ladder_row *row)
{
    unsigned middle = draw->columns - 2 * STATE_COLUMNS;
    char text[PRINT_MAX], options[PRINT_MAX] = "";

    draw_state(draw, row->state[0]);
    fputc(' ', draw->out);
    if (row->arrow) {
        split(draw, row, middle - ARROW_ENDS, text, options);
        draw_arrow(draw, row, text, middle);
    } else {
        spaces(draw, middle);
    }
    if (*row->state[1]) {
        fputc(' ', draw->out);
        fprintf(draw->out, "%s%s%s", draw->state, row->state[1], draw->plain);
    }
    fputc('\n', draw->out);
    if (*options) {
        fputs(draw->dim, draw->out);
        draw_paragraph(draw, options, STATE_COLUMNS + 4);
        fputs(draw->plain, draw->out);
    }
}

/* "Karma: Amily, I like you." above the arrow, on the speaker's side. */
static void draw_line(const struct draw *draw, const struct story_beat *beat)
{
    const char *name = story_name(beat->who, draw->language);
    const char *line = beat->line[draw->language];
    bool right = beat->shown && beat->row.to_left;
    unsigned columns = columns_of(name) + 2 + (line ? columns_of(line) : 0);

    if (!line && beat->who != STORY_IMPOSTOR && beat->who != STORY_NETWORK)
        return;
    if (right && columns < draw->columns)
        spaces(draw, draw->columns - columns);
    fprintf(draw->out, "%s%s%s%s%s\n",
            beat->who == STORY_IMPOSTOR || beat->who == STORY_NETWORK ? draw->attack : draw->name,
            name, draw->plain, line ? ": " : "", line ? line : "");
}

/* ---- tables ---- */

static unsigned widest_label(const struct story_table *table, enum story_language language)
{
    unsigned most = 0;

    for (unsigned row = 0; row < table->row_count; row++) {
        unsigned columns = columns_of(table->rows[row].label.in[language]);

        most = columns > most ? columns : most;
    }
    return most;
}

static unsigned column_width(const struct story_table *table, unsigned column,
                             enum story_language language)
{
    unsigned most = columns_of(table->columns[column].in[language]);
    char cell[STORY_CELL_MAX];

    for (unsigned row = 0; row < table->row_count; row++) {
        story_cell(table, row, column, language, cell);
        most = columns_of(cell) > most ? columns_of(cell) : most;
    }
    return most + 2;
}

static void draw_table(const struct draw *draw, const struct story_table *table)
{
    unsigned label = widest_label(table, draw->language);
    char cell[STORY_CELL_MAX];

    fputs(draw->dim, draw->out);
    spaces(draw, label + 2);
    for (unsigned i = 0; i < table->column_count; i++)
        columns_put(draw->out, table->columns[i].in[draw->language],
                    column_width(table, i, draw->language), true);
    fprintf(draw->out, "%s\n", draw->plain);
    for (unsigned row = 0; row < table->row_count; row++) {
        spaces(draw, 2);
        columns_put(draw->out, table->rows[row].label.in[draw->language], label, false);
        fputs(draw->bold, draw->out);
        for (unsigned i = 0; i < table->column_count; i++) {
            story_cell(table, row, i, draw->language, cell);
            columns_put(draw->out, cell, column_width(table, i, draw->language), true);
        }
        fprintf(draw->out, "%s\n", draw->plain);
    }
}

/* ---- all of it ---- */

/* "SYN  Synchronize: ..." */
static void draw_term(const struct draw *draw, const struct story_beat *beat)
{
    fprintf(draw->out, "%s%s%s\n", draw->name, beat->term, draw->plain);
    draw_paragraph(draw, beat->why[draw->language], 4);
}

/* "... 3.0 s later", where a reader would otherwise think that all went on at once. */
static void draw_pause(const struct draw *draw, const struct story_beat *beat)
{
    char text[64];

    if (beat->pause_us < STORY_PAUSE_US)
        return;
    snprintf(text, sizeof text, draw->language == STORY_ZH ? "…… %.1f 秒之后" : "... %.1f s later",
             (double)beat->pause_us / US_PER_S);
    fprintf(draw->out, "%s%*s%s%s\n", draw->dim, (int)STATE_COLUMNS, "", text, draw->plain);
}

static void draw_beat(const struct draw *draw, const struct story_beat *beat)
{
    const char *why = beat->why[draw->language];
    bool remark = !beat->shown && !beat->line[draw->language] && !beat->table;

    if (beat->term) {
        draw_term(draw, beat);
        return;
    }
    if (beat->table || beat->first || remark)
        fputc('\n', draw->out);
    draw_pause(draw, beat);
    draw_line(draw, beat);
    if (beat->table)
        draw_table(draw, beat->table);
    if (beat->shown)
        draw_row(draw, &beat->row);
    if (!why)
        return;
    fputs(remark ? "" : draw->dim, draw->out);
    draw_paragraph(draw, why, remark ? 0 : STATE_COLUMNS);
    fputs(draw->plain, draw->out);
}

void draw_story(const struct draw *draw, const struct story *story)
{
    bool ends = false;

    fprintf(draw->out, "%s%s%s  (%s)\n", draw->bold, story->scene->title.in[draw->language],
            draw->plain, story->scene->name);
    for (size_t i = 0; i < story->count; i++) {
        if (story->beats[i].shown && !ends) {
            unsigned middle = draw->columns - 2 * STATE_COLUMNS;

            ends = true;
            fprintf(draw->out, "\n%s", draw->name);
            columns_put(draw->out, "Karma", STATE_COLUMNS + middle + 1, false);
            fprintf(draw->out, "Amily%s\n", draw->plain);
        }
        draw_beat(draw, &story->beats[i]);
    }
    if (story->failed)
        fprintf(draw->out, "\n%s%s%s\n", draw->attack, story->trouble, draw->plain);
}
