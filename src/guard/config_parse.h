/* The first half of config_read: a file's syntax and every value on its own. */
#ifndef HF_GUARD_CONFIG_PARSE_H
#define HF_GUARD_CONFIG_PARSE_H

#include "guard/config.h"

/* A word without a default of its own that the file does not say: config_check finds one. */
#define CONFIG_WORD_UNSAID UINT32_MAX

/* Fills a zeroed configuration. False: `error` says what was found where, and what is accepted. */
bool config_parse(struct config *config, const char *file, char error[CONFIG_ERROR_MAX]);

#endif
