/* Journals as lines, one file after another. */
#ifndef APP_JOURNAL_LINES_H
#define APP_JOURNAL_LINES_H

#include "guard/journal_file.h"

#define JOURNAL_FILES_MAX (JOURNAL_KEEP_MAX + 1)

/* The files of a command line, or one with those that it goes on from, the oldest first. */
struct journal_files {
    size_t count;
    char (*names)[JOURNAL_PATH_MAX]; /* allocated */
};

/* False: no memory, or a name is too long; nothing to free. */
bool journal_files_of(struct journal_files *files, size_t count, char **names, bool with_older);
void journal_files_free(struct journal_files *files);

struct journal_lines {
    int fd;
    size_t begin, end; /* what was read and not given yet */
    bool too_long;     /* in the middle of a line that is none of ours */
    char bytes[4 * JOURNAL_LINE_MAX];
};

/* "-" is the standard input. False with errno. */
bool journal_lines_open(struct journal_lines *lines, const char *name);
void journal_lines_close(struct journal_lines *lines);

enum journal_lines_answer {
    JOURNAL_LINES_ONE,
    JOURNAL_LINES_NO_MORE, /* now; *length bytes of an unfinished one wait */
    JOURNAL_LINES_FAILED,  /* errno */
};

/* The next whole line with its newline. Of one that is longer than JOURNAL_LINE_MAX only the beginning comes. */
enum journal_lines_answer journal_lines_next(struct journal_lines *lines, const char **line,
                                             size_t *length);

#endif
