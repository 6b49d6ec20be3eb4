/* Reads a configuration file and refuses what libconfuse would swallow: binary bytes, strings and comments without an
 * end, variables of the environment. Comments become blanks, so that its line numbers are ours. */
#include "guard/config_text.h"
#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SYSCALLS("openat:read");

#define DEPTH_MAX 8

struct scan {
    char *at;
    int line;
    int depth; /* of braces; libconfuse would take a section that the file's end cuts off */
    int opened[DEPTH_MAX]; /* in which lines */
    const char *file;
    char *error;
};

static bool refuse(struct scan *scan, int line, const char *sentence)
{
    snprintf(scan->error, CONFIG_ERROR_MAX, "%s:%d: %s", scan->file, line, sentence);
    return false;
}

static bool refuse_byte(struct scan *scan)
{
    snprintf(scan->error, CONFIG_ERROR_MAX, "%s:%d: a byte 0x%02x, accepted is text", scan->file,
             scan->line, (unsigned char)*scan->at);
    return false;
}

static bool refuse_file(const char *file, const char *found, char error[CONFIG_ERROR_MAX])
{
    snprintf(error, CONFIG_ERROR_MAX, "%s: %s, accepted is a text file of at most %d bytes", file,
             found, CONFIG_FILE_MAX);
    return false;
}

/* The whole file; a FIFO or a device must not make us wait. */
static bool read_all(struct config_text *text, int fd, const char *file,
                     char error[CONFIG_ERROR_MAX])
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return refuse_file(file, strerror(errno), error);
    if (!S_ISREG(status.st_mode))
        return refuse_file(file, S_ISDIR(status.st_mode) ? "a directory" : "not a regular file",
                           error);
    if (status.st_size > CONFIG_FILE_MAX)
        return refuse_file(file, "too large", error);

    text->bytes = malloc((size_t)status.st_size + 1);
    if (text->bytes == NULL)
        return refuse_file(file, strerror(ENOMEM), error);
    text->length = 0;
    while (text->length < (size_t)status.st_size) {
        ssize_t got = read(fd, text->bytes + text->length, (size_t)status.st_size - text->length);
        if (got < 0) {
            free(text->bytes);
            return refuse_file(file, strerror(errno), error);
        }
        if (got == 0)
            break;
        text->length += (size_t)got;
    }
    text->bytes[text->length] = '\0';
    return true;
}

static bool is_word(char c)
{
    return c != '\0' && strchr(" \t\n\r={}(),\"'#", c) == NULL;
}

static void blank(struct scan *scan)
{
    if (*scan->at == '\n')
        scan->line++;
    else
        *scan->at = ' ';
    scan->at++;
}

static bool skip_block_comment(struct scan *scan)
{
    int began = scan->line;

    blank(scan);
    blank(scan);
    while (*scan->at != '\0' && !(scan->at[0] == '*' && scan->at[1] == '/'))
        blank(scan);
    if (*scan->at == '\0')
        return refuse(scan, began, "a comment that does not end, accepted is /* ... */");
    blank(scan);
    blank(scan);
    return true;
}

static bool skip_string(struct scan *scan)
{
    char quote = *scan->at++;

    for (; *scan->at != quote; scan->at++) {
        if (*scan->at == '\\' && scan->at[1] != '\0' && scan->at[1] != '\n')
            scan->at++;
        else if (*scan->at == '\0' || *scan->at == '\n' || *scan->at == '\\')
            return refuse(scan, scan->line,
                          "a string that does not end on its line, accepted is \"...\"");
        else if (scan->at[0] == '$' && scan->at[1] == '{')
            return refuse(scan, scan->line,
                          "\"${\", accepted is plain text: variables are not replaced");
    }
    scan->at++;
    return true;
}

static bool skip_word(struct scan *scan)
{
    for (; is_word(*scan->at); scan->at++) {
        if (scan->at[0] == '$' && scan->at[1] == '{')
            return refuse(scan, scan->line,
                          "\"${\", accepted is plain text: variables are not replaced");
        if (*scan->at == '*' || (scan->at[0] == '+' && scan->at[1] != '='))
            return refuse(scan, scan->line,
                          "\"*\" or \"+\" outside a string, accepted is KEY = VALUE");
        if ((unsigned char)*scan->at < ' ' || *scan->at == 0x7f)
            return refuse_byte(scan);
    }
    return true;
}

static bool count_brace(struct scan *scan)
{
    if (*scan->at == '{' && scan->depth == DEPTH_MAX)
        return refuse(scan, scan->line, "sections too deep, accepted are backends in services");
    if (*scan->at == '{')
        scan->opened[scan->depth++] = scan->line;
    if (*scan->at == '}' && scan->depth-- == 0)
        return refuse(scan, scan->line,
                      "a \"}\" that closes nothing, accepted is one for every \"{\"");
    scan->at++;
    return true;
}

static bool clean(struct scan *scan)
{
    while (*scan->at != '\0') {
        bool ok = true;

        if (*scan->at == '#' || (scan->at[0] == '/' && scan->at[1] == '/'))
            while (*scan->at != '\0' && *scan->at != '\n')
                blank(scan);
        else if (scan->at[0] == '/' && scan->at[1] == '*')
            ok = skip_block_comment(scan);
        else if (*scan->at == '"' || *scan->at == '\'')
            ok = skip_string(scan);
        else if (is_word(*scan->at))
            ok = skip_word(scan);
        else if (strchr("{}", *scan->at) != NULL)
            ok = count_brace(scan);
        else if (strchr("=(),", *scan->at) != NULL)
            scan->at++;
        else
            blank(scan);
        if (!ok)
            return false;
    }
    return true;
}

bool config_text_read(struct config_text *text, const char *file, char error[CONFIG_ERROR_MAX])
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok;

    if (fd < 0)
        return refuse_file(file, strerror(errno), error);
    ok = read_all(text, fd, file, error);
    close(fd);
    if (!ok)
        return false;

    struct scan scan = {.at = text->bytes, .line = 1, .file = file, .error = error};
    ok = clean(&scan);
    if (ok && scan.at != text->bytes + text->length)
        ok = refuse_byte(&scan); /* a NUL */
    if (ok && scan.depth > 0)
        ok = refuse(&scan, scan.opened[scan.depth - 1],
                    "a \"{\" that is not closed, accepted is one \"}\" for every \"{\"");
    text->lines = scan.line;
    if (!ok)
        free(text->bytes);
    return ok;
}
