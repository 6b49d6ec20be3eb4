/* Between the two halves of a reload: reading, which may wait, and putting in force, which may not. */
#ifndef HF_GUARD_RELOAD_PARTS_H
#define HF_GUARD_RELOAD_PARTS_H

#include "guard/reload.h"

/* All that is read of disks and asked of others. */
struct reload_prepared {
    struct config *config;
    struct filter_image filter;
    struct key_image keys;
};

/* Reads a file and what it names. False: `error` says why, and nothing is left. */
bool reload_prepare(struct reload_prepared *prepared, const char *file,
                    char error[GUARD_ERROR_MAX]);

/* Puts it in force and takes it over. False: nothing has changed, and it is the caller's still. */
bool reload_apply(struct guard *guard, struct reload_prepared *prepared,
                  char error[GUARD_ERROR_MAX], int64_t now_us);

/* Gives it up. */
void reload_discard(struct reload_prepared *prepared);

#endif
