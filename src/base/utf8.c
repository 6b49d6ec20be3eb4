/* Text that people and JSON can read. (RFC 3629, section 4) */
#include "base/utf8.h"

/* Overlong forms, surrogates and what lies beyond U+10FFFF are no characters. */
size_t utf8_character_length(const uint8_t *text)
{
    uint8_t first = text[0], low = 0x80, high = 0xbf; /* of the byte looked at */
    size_t length = first < 0x80   ? 1
                    : first < 0xc2 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf5 ? 4
                                   : 0;

    if (first == 0xe0)
        low = 0xa0;
    if (first == 0xed)
        high = 0x9f;
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < length; i++, low = 0x80, high = 0xbf)
        if (text[i] < low || text[i] > high) /* a NUL is below */
            return 0;
    return length;
}

size_t utf8_valid_length(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t length;

    while (*at != '\0' && (length = utf8_character_length(at)) > 0)
        at += length;
    return (size_t)((const char *)at - text);
}
