/* A configuration file and all that it includes, as one text. */
#ifndef HF_GUARD_CONFIG_INCLUDE_H
#define HF_GUARD_CONFIG_INCLUDE_H

#include "guard/config_sources.h"

struct config_whole {
    char *bytes; /* ends with NUL */
    size_t length;
    int lines;
    struct config_sources *sources;
};

/* False: `error` says why, and there is nothing to free. */
bool config_include_read(struct config_whole *whole, const char *file,
                         char error[CONFIG_ERROR_MAX]);

#endif
