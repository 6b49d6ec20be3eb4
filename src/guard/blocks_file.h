/* Blocks as they lie on disk: JSON. */
#ifndef HF_GUARD_BLOCKS_FILE_H
#define HF_GUARD_BLOCKS_FILE_H

#include "guard/blocks.h"

/* A keeper_render: the snapshot is an array of struct block. */
char *blocks_file_render(const void *snapshot, size_t bytes, size_t *length);

/* Reads at most BLOCKS_MAX blocks: wall times only, prefixes tidy, in no order. How many, or -1 with one sentence in `error`
 * that says what is wrong with the file. None if there is no file. */
int blocks_file_read(const char *path, struct block *all, char error[BLOCKS_ERROR_MAX]);

#endif
