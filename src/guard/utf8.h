/* Text that people and JSON can read. (RFC 3629) */
#ifndef GUARD_UTF8_H
#define GUARD_UTF8_H

#include <stddef.h>

/* How many bytes of the string are well-formed UTF-8 before the first that is not, or its end. */
size_t utf8_valid_length(const char *text);

#endif
