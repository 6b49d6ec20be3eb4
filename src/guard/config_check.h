/* The second half of config_read: what the parts of a configuration say about each other. */
#ifndef HF_GUARD_CONFIG_CHECK_H
#define HF_GUARD_CONFIG_CHECK_H

#include "guard/config.h"

/* Fills what follows from other values. False: `error` says what was found where, and what is accepted. */
bool config_check(struct config *config, const char *file, char error[CONFIG_ERROR_MAX]);

#endif
