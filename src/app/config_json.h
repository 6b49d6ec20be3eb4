/* A configuration for machines. */
#ifndef APP_CONFIG_JSON_H
#define APP_CONFIG_JSON_H

#include <jansson.h>

#include "guard/config.h"

/* Every key in force, as --dump has them: counts and bytes are numbers, durations have their units, lists are arrays;
 * "uplink", "limits" and "filter" are objects, "services" an array, each with its "backends". */
json_t *config_json(const struct config *config);

#endif
