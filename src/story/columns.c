/* Text in columns. */
#include "story/columns.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The next character; the number of its bytes. What is no UTF-8 counts byte by byte. */
static size_t next(const char *text, uint32_t *code)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc0 ? 2 : 1;

    *code = length == 1 ? *at : *at & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            *code = *at;
            return 1;
        }
        *code = *code << 6 | (at[i] & 0x3f);
    }
    return length;
}

static unsigned width(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},  {0x3041, 0xa4cf}, {0xac00, 0xd7a3},
                {0xf900, 0xfaff},   {0xfe30, 0xfe6f},  {0xff00, 0xff60}, {0xffe0, 0xffe6},
                {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};

    if ((code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) || code == 0xfeff)
        return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (code >= wide[i].first && code <= wide[i].last)
            return 2;
    return 1;
}

unsigned columns_of(const char *text)
{
    unsigned columns = 0;
    uint32_t code;

    while (*text) {
        text += next(text, &code);
        columns += width(code);
    }
    return columns;
}

/* Must not begin a line. */
static bool closes(uint32_t code)
{
    static const uint32_t closing[] = {0x3001, 0x3002, 0xff0c, 0xff1a, 0xff1b, 0xff01, 0xff1f,
                                       0xff09, 0x300b, 0x300d, 0x201d, 0x2019, 0x2026, ',',
                                       '.',    ')',    ':',    ';',    '!',    '?'};

    for (size_t i = 0; i < sizeof closing / sizeof *closing; i++)
        if (code == closing[i])
            return true;
    return false;
}

/* Must not end one. */
static bool opens(uint32_t code)
{
    return code == 0xff08 || code == 0x300a || code == 0x300c || code == 0x201c || code == '(';
}

size_t columns_fit(const char *text, unsigned columns, size_t *skip)
{
    size_t at = 0, best = 0, best_skip = 0;
    unsigned used = 0;
    uint32_t code = 0, before = 0;

    for (; text[at]; before = code) {
        size_t length = next(text + at, &code);

        if (code == ' ') {
            best = at;
            best_skip = length;
        } else if (at > 0 && before != ' ' && !closes(code) && !opens(before) &&
                   (width(code) == 2 || width(before) == 2)) {
            best = at;
            best_skip = 0;
        }
        if (used + width(code) > columns)
            break;
        used += width(code);
        at += length;
    }
    if (!text[at]) {
        *skip = 0;
        return at;
    }
    *skip = best ? best_skip : 0;
    if (best)
        return best;
    return at ? at : next(text, &code);
}

void columns_put(FILE *out, const char *text, unsigned columns, int right)
{
    unsigned used = columns_of(text);
    int gap = used < columns ? (int)(columns - used) : 0;

    fprintf(out, "%*s%s%*s", right ? gap : 0, "", text, right ? 0 : gap, "");
}
