/* Lines and their files: a list of segments in the order of the text. */
#include "guard/config_sources.h"

#include <stdlib.h>
#include <string.h>

struct config_sources *config_sources_new(void)
{
    return calloc(1, sizeof(struct config_sources));
}

void config_sources_free(struct config_sources *sources)
{
    if (sources == NULL)
        return;
    for (uint32_t i = 0; i < sources->files; i++)
        free(sources->file[i]);
    free(sources->segment);
    free(sources);
}

bool config_sources_add(struct config_sources *sources, const char *file)
{
    char *copy = sources->files < CONFIG_FILES_MAX ? strdup(file) : NULL;

    if (copy == NULL)
        return false;
    sources->file[sources->files++] = copy;
    return true;
}

bool config_sources_mark(struct config_sources *sources, int first, uint32_t file, int line)
{
    if (sources->segments == sources->room) {
        uint32_t room = sources->room > 0 ? 2 * sources->room : 16;
        struct config_segment *more = realloc(sources->segment, room * sizeof *more);

        if (more == NULL)
            return false;
        sources->segment = more;
        sources->room = room;
    }
    sources->segment[sources->segments++] = (struct config_segment){first, line, file};
    return true;
}

static struct config_segment segment_of(const struct config_sources *sources, int line)
{
    uint32_t at = sources->segments;

    while (at > 1 && sources->segment[at - 1].first > line)
        at--;
    return sources->segment[at - 1];
}

const char *config_sources_place(const struct config_sources *sources, int line,
                                 char text[CONFIG_PLACE_MAX])
{
    struct config_segment segment = segment_of(sources, line);

    snprintf(text, CONFIG_PLACE_MAX, "%s:%d", sources->file[segment.file],
             segment.line + (line - segment.first));
    return text;
}

const char *config_place(const struct config *config, int line, char text[CONFIG_PLACE_MAX])
{
    return config_sources_place(config->sources, line, text);
}

const char *config_place_from(const struct config *config, int from, int line,
                              char text[CONFIG_PLACE_MAX])
{
    struct config_segment here = segment_of(config->sources, from);
    struct config_segment there = segment_of(config->sources, line);

    if (here.file != there.file)
        return config_place(config, line, text);
    snprintf(text, CONFIG_PLACE_MAX, "line %d", there.line + (line - there.first));
    return text;
}

void config_say_place(const char *place, const char *file, char *error, size_t size)
{
    size_t length = strlen(error), name = strlen(file);
    bool has_line = strncmp(error, file, name) == 0 && error[name] == ':' &&
                    error[name + 1] >= '0' && error[name + 1] <= '9';
    char *words = has_line ? NULL : strdup(error);

    if (words != NULL)
        snprintf(error, size, "%s: %s", place, words);
    else
        snprintf(error + length, size - length, " (it is named in %s)", place);
    free(words);
}

void config_say_where(const struct config *config, int line, const char *file, char *error,
                      size_t size)
{
    char place[CONFIG_PLACE_MAX];

    if (config->sources != NULL) /* it is of a file */
        config_say_place(config_place(config, line, place), file, error, size);
}
