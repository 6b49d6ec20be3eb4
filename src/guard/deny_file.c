/* Lists of prefixes in files. The file is read at once: a million lines are 20 MB and a fraction of a second. */
#include "guard/deny_file.h"
#include "os/syscalls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/text_file.h"

_Static_assert(DENY_ERROR_MAX == TEXT_FILE_ERROR_MAX, "one takes the other's");

SYSCALLS("openat:read");

#define PREFIX_TEXT_MAX 64 /* longer than any prefix */
#define SHOWN 40           /* of a line that is wrong */

__attribute__((format(printf, 2, 3))) static bool refuse(char error[DENY_ERROR_MAX],
                                                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, DENY_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- one line ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The line without its comment and blanks around it. */
static void trim(const char **begin, const char **end)
{
    for (const char *c = *begin; c < *end; c++)
        if (*c == '#' || *c == ';')
            *end = c;
    while (*begin < *end && is_blank(**begin))
        ++*begin;
    while (*end > *begin && is_blank((*end)[-1]))
        --*end;
}

/* What was found, fit to be shown. */
static void show(const char *begin, const char *end, char text[SHOWN + 4])
{
    size_t length = (size_t)(end - begin) < SHOWN ? (size_t)(end - begin) : SHOWN;

    for (size_t i = 0; i < length; i++)
        text[i] = (unsigned char)begin[i] >= ' ' && (unsigned char)begin[i] < 0x7f ? begin[i] : '?';
    snprintf(text + length, 4, "%s", (size_t)(end - begin) > SHOWN ? "..." : "");
}

static bool parse(const char *begin, const char *end, struct hf_prefix *prefix)
{
    char text[PREFIX_TEXT_MAX];
    size_t length = (size_t)(end - begin);

    if (length >= sizeof text || memchr(begin, '\0', length) != NULL)
        return false;
    memcpy(text, begin, length);
    text[length] = '\0';
    return hf_prefix_parse(prefix, text) == HF_OK;
}

static bool add(struct deny_list *list, const struct hf_prefix *prefix, uint32_t value)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 1024;
        struct hf_filter_entry *entries = realloc(list->entries, capacity * sizeof *entries);

        if (entries == NULL)
            return false;
        list->entries = entries;
        list->capacity = capacity;
    }
    list->entries[list->count++] = (struct hf_filter_entry){*prefix, value};
    return true;
}

struct source {
    const char *file;
    uint32_t line, value;
};

static bool take_line(struct deny_list *list, const struct source *source, const char *begin,
                      const char *end, char error[DENY_ERROR_MAX])
{
    char shown[SHOWN + 4];
    struct hf_prefix prefix;

    trim(&begin, &end);
    if (begin == end)
        return true;
    show(begin, end, shown);
    if (!parse(begin, end, &prefix))
        return refuse(error,
                      "%s:%u: \"%s\", accepted is one prefix a line such as 192.0.2.0/24 or "
                      "2001:db8::/32, or an address",
                      source->file, source->line, shown);
    if (prefix.length == 0)
        return refuse(error, "%s:%u: %s would deny everybody, accepted is a length of 1 and more",
                      source->file, source->line, shown);
    if (list->count == DENY_ENTRIES_MAX)
        return refuse(error, "%s:%u: one prefix more, accepted are %u in all deny_files together",
                      source->file, source->line, DENY_ENTRIES_MAX);
    return add(list, &prefix, source->value) ||
           refuse(error, "%s:%u: no memory for more prefixes", source->file, source->line);
}

/* ---- one file ---- */

static bool take_text(struct deny_list *list, struct source *source, const char *text,
                      size_t length, char error[DENY_ERROR_MAX])
{
    const char *end = text + length;

    for (source->line = 1; text < end; source->line++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));

        if (newline == NULL)
            newline = end;
        if (!take_line(list, source, text, newline, error))
            return false;
        text = newline + 1;
    }
    return true;
}

bool deny_file_read(struct deny_list *list, const char *file, uint32_t value,
                    char error[DENY_ERROR_MAX])
{
    struct source source = {.file = file, .value = value};
    size_t length;
    char *text = text_file_read(file, DENY_FILE_MAX, &length, error);
    bool good;

    if (text == NULL)
        return false;
    good = take_text(list, &source, text, length, error);
    free(text);
    return good;
}
