/* A whole file in memory. */
#ifndef HF_GUARD_TEXT_FILE_H
#define HF_GUARD_TEXT_FILE_H

#include <stddef.h>

#define TEXT_FILE_ERROR_MAX 512

/* A regular file of at most `most` bytes, allocated; NULL: `error` is "FILE: what was found, what is accepted". Blocks while
 * it reads, but waits for no pipe. */
char *text_file_read(const char *file, size_t most, size_t *length,
                     char error[TEXT_FILE_ERROR_MAX]);

#endif
