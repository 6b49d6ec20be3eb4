/* Reads a configuration file and refuses what libconfuse would swallow: bytes that are no text, strings and comments
 * without an end, variables of the environment, escapes that would put invisible letters into a name. Comments become
 * blanks, so that its line numbers are ours. */
#include "guard/config_text.h"

#include "base/utf8.h"
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
    struct config_text *text;
};

static bool refuse(struct scan *scan, int line, const char *sentence)
{
    snprintf(scan->error, CONFIG_ERROR_MAX, "%s:%d: %s", scan->file, line, sentence);
    return false;
}

static bool refuse_byte(struct scan *scan)
{
    snprintf(scan->error, CONFIG_ERROR_MAX, "%s:%d: a byte 0x%02x, accepted is text in UTF-8",
             scan->file, scan->line, (unsigned char)*scan->at);
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

    text->device = status.st_dev;
    text->inode = status.st_ino;
    text->bytes = malloc((size_t)status.st_size + 1);
    if (text->bytes == NULL)
        return refuse_file(file, strerror(ENOMEM), error);
    while (text->length < (size_t)status.st_size) {
        ssize_t got = read(fd, text->bytes + text->length, (size_t)status.st_size - text->length);
        if (got < 0)
            return refuse_file(file, strerror(errno), error);
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

static bool is_control(char c)
{
    return ((unsigned char)c < ' ' && c != '\t' && c != '\r') || c == 0x7f;
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

/* Names and paths are printed, in JSON too: nothing invisible gets into them. */
static bool skip_string(struct scan *scan)
{
    char quote = *scan->at++;

    for (; *scan->at != quote; scan->at++) {
        if (*scan->at == '\\' && (scan->at[1] == quote || scan->at[1] == '\\'))
            scan->at++;
        else if (*scan->at == '\0' || *scan->at == '\n' ||
                 (*scan->at == '\r' && scan->at[1] == '\n') ||
                 (*scan->at == '\\' && (scan->at[1] == '\0' || scan->at[1] == '\n')))
            return refuse(scan, scan->line,
                          "a string that does not end on its line, accepted is \"...\"");
        else if (*scan->at == '\\')
            return refuse(scan, scan->line,
                          "an escape in a string, accepted are \\\\ and \\\" alone");
        else if (is_control(*scan->at) || *scan->at == '\t' || *scan->at == '\r')
            return refuse_byte(scan);
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
        if (is_control(*scan->at))
            return refuse_byte(scan);
    }
    return true;
}

static void skip_blanks(struct scan *scan)
{
    while (*scan->at != '\0' && strchr(" \t\r\n", *scan->at) != NULL)
        blank(scan);
}

/* At `c` after blanks? It is blanked. */
static bool take(struct scan *scan, char c)
{
    skip_blanks(scan);
    if (*scan->at != c)
        return false;
    blank(scan);
    return true;
}

static bool refuse_include(struct scan *scan)
{
    return refuse(scan, scan->line,
                  "include without a pattern, accepted is "
                  "include(\"conf.d/*.conf\")");
}

/* include("PATTERN"), which is blanked and remembered. */
static bool take_include(struct scan *scan)
{
    struct config_include *more, *include;
    const char *start;
    size_t length;

    if (scan->depth > 0)
        return refuse(scan, scan->line,
                      "include within a section, accepted is include outside of sections");
    more = realloc(scan->text->include, (scan->text->includes + 1) * sizeof *more);
    if (more == NULL)
        return refuse(scan, scan->line, "no memory to read it, accepted is a machine with more");
    scan->text->include = more;
    include = &more[scan->text->includes];
    *include = (struct config_include){.line = scan->line};
    for (size_t i = 0; i < strlen("include"); i++)
        blank(scan);
    if (!take(scan, '('))
        return refuse_include(scan);
    skip_blanks(scan);
    if (*scan->at != '"')
        return refuse_include(scan);
    start = scan->at + 1;
    length = strcspn(start, "\"\\\n");
    if (start[length] != '"' || length == 0 || length >= sizeof include->pattern)
        return refuse_include(scan);
    snprintf(include->pattern, sizeof include->pattern, "%.*s", (int)length, start);
    for (length += 2; length > 0; length--)
        blank(scan);
    if (!take(scan, ')'))
        return refuse_include(scan);
    include->end = (size_t)(scan->at - scan->text->bytes);
    include->end_line = scan->line;
    scan->text->includes++;
    return true;
}

static bool is_include(const struct scan *scan)
{
    size_t length = strlen("include");

    return strncmp(scan->at, "include", length) == 0 && !is_word(scan->at[length]);
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

/* libconfuse would take the next key for the value. A list may begin on the next line. */
static bool check_value(struct scan *scan)
{
    const char *value;

    scan->at++;
    value = scan->at + strspn(scan->at, " \t\r");

    if (*value != '\n')
        return true;
    value += strspn(value, " \t\r\n");
    return *value == '{' || *value == '\0' ||
           refuse(scan, scan->line, "no value behind \"=\", accepted is KEY = VALUE on one line");
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
        else if (is_include(scan))
            ok = take_include(scan);
        else if (is_word(*scan->at))
            ok = skip_word(scan);
        else if (strchr("{}", *scan->at) != NULL)
            ok = count_brace(scan);
        else if (*scan->at == '=')
            ok = check_value(scan);
        else if (strchr("(),", *scan->at) != NULL)
            scan->at++;
        else
            blank(scan);
        if (!ok)
            return false;
    }
    return true;
}

/* Names would be lost in every answer in JSON, and with them the answer. What some editors put before the first line to
 * say UTF-8 is no text. */
static bool check_utf8(struct scan *scan)
{
    char *start = scan->at;
    size_t wrong;

    if (strncmp(start, "\xef\xbb\xbf", 3) == 0)
        memset(start, ' ', 3);
    wrong = utf8_valid_length(start);
    if (start[wrong] == '\0')
        return true;
    for (; scan->at < start + wrong; scan->at++)
        scan->line += *scan->at == '\n';
    return refuse_byte(scan);
}

bool config_text_read(struct config_text *text, const char *file, char error[CONFIG_ERROR_MAX])
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok;

    *text = (struct config_text){.bytes = NULL};
    if (fd < 0)
        return refuse_file(file, strerror(errno), error);
    ok = read_all(text, fd, file, error);
    close(fd);

    struct scan scan = {.at = text->bytes, .line = 1, .file = file, .error = error, .text = text};
    ok = ok && check_utf8(&scan) && clean(&scan);
    if (ok && scan.at != text->bytes + text->length)
        ok = refuse_byte(&scan); /* a NUL */
    if (ok && scan.depth > 0)
        ok = refuse(&scan, scan.opened[scan.depth - 1],
                    "a \"{\" that is not closed, accepted is one \"}\" for every \"{\"");
    if (!ok)
        config_text_free(text);
    return ok;
}

void config_text_free(struct config_text *text)
{
    free(text->bytes);
    free(text->include);
    *text = (struct config_text){.bytes = NULL};
}
