/* Reading journals, also while they are written. */
#include "app/journal_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which files ---- */

static bool is_there(const char *path, uint32_t number)
{
    char name[JOURNAL_PATH_MAX];

    return journal_file_name(name, path, number) && access(name, F_OK) == 0;
}

static bool add(struct journal_files *files, const char *path, uint32_t number)
{
    return files->count < JOURNAL_FILES_MAX &&
           journal_file_name(files->names[files->count++], path, number);
}

/* FILE.1, FILE.2 ..., the oldest first. One that is missing between others is not the end: verify must see the hole. */
static bool add_older(struct journal_files *files, const char *path)
{
    for (uint32_t number = JOURNAL_KEEP_MAX; number > 0; number--)
        if (is_there(path, number) && !add(files, path, number))
            return false;
    return true;
}

bool journal_files_of(struct journal_files *files, size_t count, char **names, bool with_older)
{
    *files = (struct journal_files){.names = calloc(JOURNAL_FILES_MAX, sizeof *files->names)};
    if (files->names == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if ((with_older && !add_older(files, names[i])) || !add(files, names[i], 0)) {
            journal_files_free(files);
            return false;
        }
    return true;
}

void journal_files_free(struct journal_files *files)
{
    free(files->names);
    *files = (struct journal_files){.count = 0};
}

/* ---- lines ---- */

bool journal_lines_open(struct journal_lines *lines, const char *name)
{
    lines->begin = lines->end = 0;
    lines->too_long = false;
    lines->fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
    return lines->fd >= 0;
}

void journal_lines_close(struct journal_lines *lines)
{
    if (lines->fd >= 0)
        close(lines->fd);
    lines->fd = -1;
}

/* 1: more is there. 0: not now. -1: errno. */
static int fill(struct journal_lines *lines)
{
    ssize_t got;

    memmove(lines->bytes, lines->bytes + lines->begin, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    do
        got = read(lines->fd, lines->bytes + lines->end, sizeof lines->bytes - lines->end);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        lines->end += (size_t)got;
    return got > 0 ? 1 : (int)got;
}

/* The whole line at begin, or what there is of one that is too long. 0: more must be read. */
static size_t whole(struct journal_lines *lines, const char **line)
{
    size_t held = lines->end - lines->begin;
    const char *at = lines->bytes + lines->begin, *newline = memchr(at, '\n', held);

    *line = at;
    if (newline != NULL)
        return (size_t)(newline - at) + 1;
    return held > JOURNAL_LINE_MAX ? held : 0;
}

enum journal_lines_answer journal_lines_next(struct journal_lines *lines, const char **line,
                                             size_t *length)
{
    for (;;) {
        size_t found = whole(lines, line);
        bool ends = found > 0 && (*line)[found - 1] == '\n', rest = lines->too_long;

        if (found > 0) {
            lines->begin += found;
            lines->too_long = !ends;
            *length = found;
            if (!rest)
                return JOURNAL_LINES_ONE;
            continue; /* the rest of one that was given */
        }
        int got = fill(lines);
        if (got <= 0) {
            *length = lines->end - lines->begin;
            return got == 0 ? JOURNAL_LINES_NO_MORE : JOURNAL_LINES_FAILED;
        }
    }
}
