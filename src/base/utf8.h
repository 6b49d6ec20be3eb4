/* Text that people and JSON can read. (RFC 3629) */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the well-formed character at `text` has, 1 to 4; 0: there is none. Reads no byte behind a NUL. */
size_t utf8_character_length(const uint8_t *text);

/* How many bytes of the string are well-formed UTF-8 before the first that is not, or its end. */
size_t utf8_valid_length(const char *text);

#endif
