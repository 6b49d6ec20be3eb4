/* Text that people and JSON can read. (RFC 3629, section 4) */
#include "guard/utf8.h"

#include <stdbool.h>

static bool is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Of one character; 0: none. Overlong forms, surrogates and what lies beyond U+10FFFF are none. */
static size_t character_length(const unsigned char *at)
{
    unsigned char first = at[0], low = 0x80, high = 0xbf; /* of the second byte */
    size_t length = first < 0x80   ? 1
                    : first < 0xc2 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf5 ? 4
                                   : 0;

    if (length < 2)
        return length;
    if (first == 0xe0)
        low = 0xa0;
    if (first == 0xed)
        high = 0x9f;
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) /* a NUL is no tail */
        if (!is_tail(at[i]))
            return 0;
    return length;
}

size_t utf8_valid_length(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length;

    while (*at != '\0' && (length = character_length(at)) > 0)
        at += length;
    return (size_t)((const char *)at - text);
}
