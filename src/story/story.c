/* Stories as data: what a scene adds to them. */
#include "story/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

const char *story_name(enum story_who who, enum story_language language)
{
    static const struct story_text names[] = {
        [STORY_NARRATOR] = {{"", ""}},
        [STORY_KARMA] = {{"Karma", "Karma"}},
        [STORY_AMILY] = {{"Amily", "Amily"}},
        [STORY_IMPOSTOR] = {{"an impostor", "冒充者"}},
        [STORY_NETWORK] = {{"the network", "网络"}},
    };

    return names[who].in[language];
}

const struct story_scene *story_find(const char *name)
{
    for (const struct story_scene *scene = story_scenes; scene->name; scene++)
        if (strcmp(scene->name, name) == 0)
            return scene;
    return NULL;
}

struct story *story_tell(const struct story_scene *scene)
{
    struct story *story = calloc(1, sizeof *story);

    must(story);
    story->scene = scene;
    scene->tell(story);
    return story;
}

void story_free(struct story *story)
{
    for (size_t i = 0; i < story->count; i++) {
        for (unsigned language = 0; language < STORY_LANGUAGES; language++) {
            free(story->beats[i].line[language]);
            free(story->beats[i].why[language]);
        }
        free(story->beats[i].table);
    }
    free(story->beats);
    free(story);
}

struct story_beat *story_add(struct story *story)
{
    if (story->count == story->capacity) {
        story->capacity = story->capacity ? 2 * story->capacity : 16;
        story->beats = realloc(story->beats, story->capacity * sizeof *story->beats);
        must(story->beats);
    }
    story->beats[story->count] = (struct story_beat){0};
    return &story->beats[story->count++];
}

static char *copy_of(const char *text)
{
    char *copy = strdup(text);

    must(copy);
    return copy;
}

void story_remark(struct story *story, const char *en, const char *zh, ...)
{
    const char *formats[STORY_LANGUAGES] = {en, zh};
    struct story_beat *beat = story_add(story);
    va_list arguments;

    for (unsigned language = 0; language < STORY_LANGUAGES; language++) {
        va_start(arguments, zh);
        must(vasprintf(&beat->why[language], formats[language], arguments) >= 0);
        va_end(arguments);
    }
}

void story_why(struct story *story, const char *en, const char *zh)
{
    must(story->count > 0);
    struct story_beat *beat = &story->beats[story->count - 1];

    must(!beat->why[STORY_EN]);
    beat->why[STORY_EN] = copy_of(en);
    beat->why[STORY_ZH] = copy_of(zh);
}

void story_say(struct story *story, enum story_who who, const char *en, const char *zh)
{
    struct story_beat *beat = story_add(story);

    beat->who = who;
    beat->line[STORY_EN] = copy_of(en);
    beat->line[STORY_ZH] = copy_of(zh);
}

void story_note(struct story *story, const char *name, int64_t value)
{
    must(story->fact_count < STORY_FACTS_MAX);
    story->facts[story->fact_count++] = (struct story_fact){name, value};
}

int64_t story_fact(const struct story *story, const char *name)
{
    for (size_t i = 0; i < story->fact_count; i++)
        if (strcmp(story->facts[i].name, name) == 0)
            return story->facts[i].value;
    never();
}

struct story_table *story_table(struct story *story, unsigned columns,
                                const struct story_text *names)
{
    struct story_beat *beat = story_add(story);

    must(columns <= STORY_COLUMNS_MAX);
    beat->table = calloc(1, sizeof *beat->table);
    must(beat->table);
    beat->table->column_count = columns;
    memcpy(beat->table->columns, names, columns * sizeof *names);
    return beat->table;
}

void story_row(struct story_table *table, enum story_unit unit, const char *en, const char *zh,
               const int64_t *values)
{
    unsigned row = table->row_count++;

    must(row < STORY_ROWS_MAX);
    table->rows[row].label = (struct story_text){{en, zh}};
    table->rows[row].unit = unit;
    memcpy(table->rows[row].value, values, table->column_count * sizeof *values);
}

/* 1234567 as "1,234,567". */
static void grouped(char text[STORY_CELL_MAX], int64_t value)
{
    char digits[STORY_CELL_MAX];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value), at = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

void story_cell(const struct story_table *table, unsigned row, unsigned column,
                enum story_language language, char text[STORY_CELL_MAX])
{
    static const struct story_text truth[] = {{{"no", "否"}}, {{"yes", "是"}}};
    int64_t value = table->rows[row].value[column];

    switch (table->rows[row].unit) {
    case STORY_COUNT: grouped(text, value); break;
    case STORY_PER_CENT: snprintf(text, STORY_CELL_MAX, "%lld %%", (long long)value); break;
    case STORY_MS: snprintf(text, STORY_CELL_MAX, "%.1f ms", (double)value / 1000); break;
    case STORY_RATIO: snprintf(text, STORY_CELL_MAX, "%.3f", (double)value / 1000); break;
    case STORY_YES: snprintf(text, STORY_CELL_MAX, "%s", truth[value != 0].in[language]); break;
    }
}

void story_fail(struct story *story, const char *format, ...)
{
    va_list arguments;

    if (story->failed)
        return;
    story->failed = true;
    va_start(arguments, format);
    vsnprintf(story->trouble, sizeof story->trouble, format, arguments);
    va_end(arguments);
}
