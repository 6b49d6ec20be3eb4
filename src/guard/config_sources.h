/* Where the lines of a configuration come from. A file and what it includes are read as one text; this says which of its
 * lines is which line of which file. */
#ifndef HF_GUARD_CONFIG_SOURCES_H
#define HF_GUARD_CONFIG_SOURCES_H

#include "guard/config.h"

struct config_segment {
    int first; /* its first line in the whole text ... */
    int line;  /* ... is this one of its file */
    uint32_t file;
};

struct config_sources {
    uint32_t files, segments, room;
    char *file[CONFIG_FILES_MAX]; /* the first is the one that was named */
    struct config_segment *segment;
};

struct config_sources *config_sources_new(void);
void config_sources_free(struct config_sources *sources);

/* Another file; false if there are too many, or no memory. Its number is sources->files - 1. */
bool config_sources_add(struct config_sources *sources, const char *file);

/* From line `first` of the text on it is the file's `line`. */
bool config_sources_mark(struct config_sources *sources, int first, uint32_t file, int line);

/* Puts the place where the configuration names a file into what was wrong with that file: "guard.conf:3: FILE: no such
 * file", but behind what was wrong with one of its lines: "FILE:7: ... (it is named in guard.conf:3)". */
void config_say_where(const struct config *config, int line, const char *file, char *error,
                      size_t size);
void config_say_place(const char *place, const char *file, char *error, size_t size);

/* The same as config_place. */
const char *config_sources_place(const struct config_sources *sources, int line,
                                 char text[CONFIG_PLACE_MAX]);

/* "line 3", or "conf.d/web.conf:3" if that is another file than the one which `from` is in. */
const char *config_place_from(const struct config *config, int from, int line,
                              char text[CONFIG_PLACE_MAX]);

#endif
