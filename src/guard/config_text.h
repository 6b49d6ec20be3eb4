/* A configuration file as text that libconfuse reads without surprises: comments blanked, nothing but text in it; and
 * what it includes. */
#ifndef HF_GUARD_CONFIG_TEXT_H
#define HF_GUARD_CONFIG_TEXT_H

#include "guard/config.h"

#include <sys/types.h>

struct config_include {
    char pattern[CONFIG_HOST_MAX];
    int line;
    size_t end; /* in bytes: where the text goes on, in end_line */
    int end_line;
};

/* One file. */
struct config_text {
    char *bytes; /* ends with NUL; includes are blanked */
    size_t length;
    dev_t device;
    ino_t inode;
    size_t includes;
    struct config_include *include;
};

/* False: `error` says why, and there is nothing to free. */
bool config_text_read(struct config_text *text, const char *file, char error[CONFIG_ERROR_MAX]);
void config_text_free(struct config_text *text);

#endif
