/* Files of the lab, all of them in the cage's own memory. */
#ifndef LAB_FILES_H
#define LAB_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False with errno. */
bool files_write(const char *path, const char *text);
bool files_write_random(const char *path, uint64_t bytes);

/* A whole file in fresh memory, which the caller frees; NULL with errno. A zero follows the last byte. */
uint8_t *files_read(const char *path, size_t *bytes);

/* A line of a log that is not empty, in `line`; "" if there is none. */
void files_last_line(const char *path, char *line, size_t size);
void files_first_line(const char *path, char *line, size_t size);

bool files_copy_to(const char *path, int fd);

#endif
