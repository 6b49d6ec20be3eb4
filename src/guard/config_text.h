/* A configuration file as text that libconfuse reads without surprises: comments blanked, nothing but text in it. */
#ifndef HF_GUARD_CONFIG_TEXT_H
#define HF_GUARD_CONFIG_TEXT_H

#include "guard/config.h"

struct config_text {
    char *bytes; /* ends with NUL */
    size_t length;
    int lines;
};

/* False: `error` says why. The caller frees `bytes`. */
bool config_text_read(struct config_text *text, const char *file, char error[CONFIG_ERROR_MAX]);

#endif
