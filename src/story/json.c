/* A story as JSON. */
#include "story/json.h"

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == '<')
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void put_member(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\"%s\":", name);
    put_string(out, text);
}

/* {"en":...,"zh":...} */
static void put_text(FILE *out, const char *name, const char *const in[STORY_LANGUAGES])
{
    fprintf(out, "\"%s\":{", name);
    put_member(out, "en", in[STORY_EN]);
    fputc(',', out);
    put_member(out, "zh", in[STORY_ZH]);
    fputc('}', out);
}

static void put_row(FILE *out, const struct story_table *table, unsigned row)
{
    char cell[STORY_CELL_MAX];

    fputc('{', out);
    put_text(out, "label", table->rows[row].label.in);
    for (unsigned language = 0; language < STORY_LANGUAGES; language++) {
        fprintf(out, ",\"%s\":[", language == STORY_EN ? "en" : "zh");
        for (unsigned i = 0; i < table->column_count; i++) {
            story_cell(table, row, i, (enum story_language)language, cell);
            fputs(i ? "," : "", out);
            put_string(out, cell);
        }
        fputc(']', out);
    }
    fputs(",\"values\":[", out);
    for (unsigned i = 0; i < table->column_count; i++)
        fprintf(out, "%s%lld", i ? "," : "", (long long)table->rows[row].value[i]);
    fputs("]}", out);
}

static void put_table(FILE *out, const struct story_table *table)
{
    fputs(",\"table\":{\"columns\":[", out);
    for (unsigned i = 0; i < table->column_count; i++) {
        fputs(i ? ",{" : "{", out);
        put_text(out, "name", table->columns[i].in);
        fputc('}', out);
    }
    fputs("],\"rows\":[", out);
    for (unsigned row = 0; row < table->row_count; row++) {
        fputs(row ? "," : "", out);
        put_row(out, table, row);
    }
    fputs("]}", out);
}

static void put_segment(FILE *out, const struct story_beat *beat)
{
    const struct ladder_row *row = &beat->row;
    static const char *const truth[] = {"false", "true"};

    if (beat->pause_us >= STORY_PAUSE_US)
        fprintf(out, ",\"pause_us\":%lld", (long long)beat->pause_us);
    fprintf(out, ",\"at_us\":%lld,\"states\":[", (long long)row->at_us);
    put_string(out, row->state[0]);
    fputc(',', out);
    put_string(out, row->state[1]);
    fputc(']', out);
    if (!row->arrow)
        return;
    fputc(',', out);
    put_member(out, "segment", row->text);
    fputc(',', out);
    put_member(out, "note", row->note);
    fprintf(out, ",\"to_left\":%s,\"arrived\":%s,\"forged\":%s", truth[row->to_left],
            truth[row->arrived], truth[row->injected]);
}

static void put_beat(FILE *out, const struct story_beat *beat)
{
    static const char *const who[] = {"", "karma", "amily", "impostor", "network"};

    fputc('{', out);
    put_member(out, "who", who[beat->who]);
    if (beat->first)
        fputs(",\"first\":true", out);
    if (beat->term) {
        fputc(',', out);
        put_member(out, "term", beat->term);
    }
    if (beat->line[STORY_EN]) {
        fputc(',', out);
        put_text(out, "line", (const char *const *)beat->line);
    }
    if (beat->why[STORY_EN]) {
        fputc(',', out);
        put_text(out, "why", (const char *const *)beat->why);
    }
    if (beat->shown)
        put_segment(out, beat);
    if (beat->table)
        put_table(out, beat->table);
    fputc('}', out);
}

void json_story(FILE *out, const struct story *story)
{
    fputc('{', out);
    put_member(out, "scene", story->scene->name);
    fputc(',', out);
    put_text(out, "title", story->scene->title.in);
    fprintf(out, ",\"told\":%s,\"facts\":{", story->failed ? "false" : "true");
    for (size_t i = 0; i < story->fact_count; i++)
        fprintf(out, "%s\"%s\":%lld", i ? "," : "", story->facts[i].name,
                (long long)story->facts[i].value);
    fputs("},\"steps\":[", out);
    for (size_t i = 0; i < story->count; i++) {
        fputs(i ? "," : "", out);
        put_beat(out, &story->beats[i]);
    }
    fputs("]}", out);
}
