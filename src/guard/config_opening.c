/* Finds `name "title" {`: a word that has no equal sign between itself and its brace. */
#include "guard/config_opening.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *at;
    int line;
    const char *word; /* the last one that is no value; NULL: none */
    size_t length;
    int word_line;
    bool equal; /* a value is next */
};

static void add(struct config_openings *openings, const struct scan *scan)
{
    if (openings->count == openings->room) {
        uint32_t room = openings->room > 0 ? 2 * openings->room : 64;
        struct config_opening *more = realloc(openings->all, room * sizeof *more);

        if (more == NULL)
            return;
        openings->all = more;
        openings->room = room;
    }
    openings->all[openings->count++] =
        (struct config_opening){scan->word, scan->length, scan->word_line};
}

static void skip_string(struct scan *scan)
{
    char quote = *scan->at++;

    while (*scan->at != '\0' && *scan->at != quote)
        scan->at += scan->at[0] == '\\' && scan->at[1] != '\0' ? 2 : 1;
    scan->at += *scan->at != '\0';
}

static void take_word(struct scan *scan, size_t length)
{
    scan->word = scan->equal ? NULL : scan->at;
    scan->length = length;
    scan->word_line = scan->line;
    scan->equal = false;
    scan->at += length;
}

void config_openings_find(struct config_openings *openings, const char *text)
{
    struct scan scan = {.at = text, .line = 1};

    *openings = (struct config_openings){0};
    while (*scan.at != '\0') {
        size_t length = strcspn(scan.at, " \t\r\n={}(),\"'");

        if (length > 0) {
            take_word(&scan, length);
            continue;
        }
        if (*scan.at == '"' || *scan.at == '\'') {
            skip_string(&scan);
            if (scan.equal)
                scan.word = NULL;
            scan.equal = false;
            continue;
        }
        if (*scan.at == '{' && scan.word != NULL && !scan.equal)
            add(openings, &scan);
        if (*scan.at == '{' || *scan.at == '}') {
            scan.word = NULL;
            scan.equal = false;
        }
        scan.equal |= *scan.at == '=';
        scan.line += *scan.at == '\n';
        scan.at++;
    }
}

int config_opening_line(const struct config_openings *openings, const char *name, int64_t after,
                        uint32_t index, int64_t *found)
{
    for (int64_t i = after + 1; i < openings->count; i++) {
        const struct config_opening *opening = &openings->all[i];

        if (opening->length != strlen(name) || strncmp(opening->name, name, opening->length) != 0 ||
            index-- > 0)
            continue;
        *found = i;
        return opening->line;
    }
    return 0;
}
