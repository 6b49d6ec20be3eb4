/* What handfast guard --check finds beyond what reading a file finds. */
#ifndef APP_GUARD_CHECK_H
#define APP_GUARD_CHECK_H

#include <stdbool.h>

#include "guard/config.h"

#define GUARD_CHECK_ERROR_MAX 1280

/* Whether the user is there, and may read the configuration and the files that it names, and whether those are right. Root
 * becomes him for that: a service is him from its first instruction, and every reload is. False: `error` is one sentence,
 * which begins with FILE:LINE: where there is one. */
bool guard_check(const struct config *config, char error[GUARD_CHECK_ERROR_MAX]);

#endif
