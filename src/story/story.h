/* Stories: what happens in a scene, as data. The real stacks act in the simulator; a story holds each segment as it was on the
 * wire, both ends' states, what was counted, and the words beside them in two languages. How it is shown is another's affair.
 */
#ifndef STORY_STORY_H
#define STORY_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/ladder_draw.h"

enum story_language {
    STORY_EN = 0,
    STORY_ZH,
    STORY_LANGUAGES,
};

/* The same words in each language. */
struct story_text {
    const char *in[STORY_LANGUAGES];
};

enum story_who {
    STORY_NARRATOR = 0,
    STORY_KARMA, /* the client, on the left   */
    STORY_AMILY, /* the server, on the right  */
    STORY_IMPOSTOR,
    STORY_NETWORK, /* an old letter, that it delivers late */
};

const char *story_name(enum story_who who, enum story_language language);

#define STORY_COLUMNS_MAX 4
#define STORY_ROWS_MAX 12

struct story_table {
    struct story_text columns[STORY_COLUMNS_MAX];
    unsigned column_count, row_count;
    struct {
        struct story_text label;
        int64_t value[STORY_COLUMNS_MAX];
        enum story_unit {
            STORY_COUNT = 0,
            STORY_PER_CENT,
            STORY_MS,    /* value in microseconds                */
            STORY_RATIO, /* value in thousandths: "0.987"         */
            STORY_YES,   /* 0 or 1                               */
        } unit;
    } rows[STORY_ROWS_MAX];
};

/* One beat: a line and its segment, a segment, a change of states, a remark, or a table. */
/* From here on a pause is worth telling. */
#define STORY_PAUSE_US 100000

struct story_beat {
    enum story_who who;
    char *line[STORY_LANGUAGES]; /* what is said; NULL: nothing            */
    char *why[STORY_LANGUAGES];  /* what it means; NULL: it needs no words */
    const char *term;            /* of the glossary: why says what it means */
    bool shown;                  /* row counts: a segment, or states       */
    bool first;                  /* of another pair of ends or another try */
    int64_t pause_us;            /* since the row before, of the same part   */
    struct ladder_row row;
    struct story_table *table;
};

struct story_fact {
    const char *name;
    int64_t value;
};

#define STORY_FACTS_MAX 48

struct story_scene;

struct story {
    const struct story_scene *scene;
    struct story_beat *beats;
    size_t count, capacity;
    struct story_fact facts[STORY_FACTS_MAX];
    size_t fact_count;
    bool failed; /* the run was not as the words have it: a defect of ours */
    char trouble[256];
};

struct story_scene {
    const char *name;
    struct story_text title;
    void (*tell)(struct story *story);
};

/* All of them, in the order of telling; the last has no name. */
extern const struct story_scene story_scenes[];

/* NULL: there is none of this name. */
const struct story_scene *story_find(const char *name);

/* Runs the scene. It takes well under a second; the same each time. */
struct story *story_tell(const struct story_scene *scene);
void story_free(struct story *story);

/* What was counted; a fact that the story does not have is a failure of the caller's. */
int64_t story_fact(const struct story *story, const char *name);

/* A table's cell, as text. */
#define STORY_CELL_MAX 32
void story_cell(const struct story_table *table, unsigned row, unsigned column,
                enum story_language language, char text[STORY_CELL_MAX]);

/* ---- for the scenes ---- */

struct story_beat *story_add(struct story *story);
void story_remark(struct story *story, const char *en, const char *zh, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));
/* What the last beat means. */
void story_why(struct story *story, const char *en, const char *zh);
void story_say(struct story *story, enum story_who who, const char *en, const char *zh);
void story_note(struct story *story, const char *name, int64_t value);
struct story_table *story_table(struct story *story, unsigned columns,
                                const struct story_text *names);
/* Adds a row; values: as many as the table has columns. */
void story_row(struct story_table *table, enum story_unit unit, const char *en, const char *zh,
               const int64_t *values);
void story_fail(struct story *story, const char *format, ...) __attribute__((format(printf, 2, 3)));

void scene_handshake(struct story *story);
void scene_close(struct story *story);
void scene_two_way(struct story *story);
void scene_flags(struct story *story);
void scene_refused(struct story *story);
void scene_dos(struct story *story);
void scene_ddos(struct story *story);
void scene_drdos(struct story *story);
void scene_flood(struct story *story);
void scene_release(struct story *story);
void scene_cache(struct story *story);
void scene_cookie(struct story *story);
void scene_timeout(struct story *story);
void scene_forged_reset(struct story *story);
void scene_signed(struct story *story);
void scene_glossary(struct story *story);

#endif
