/* What a guard's filter has decided since it was put in force, list by list and rule by rule. */
#ifndef CONTROL_DESCRIBE_FILTER_H
#define CONTROL_DESCRIBE_FILTER_H

#include "guard/guard.h"

#include <jansson.h>

/* {"prefixes", "memory_bytes", "blocks", "lists": [{"file", "packets"}], "rules": [{"line", "packets"}]}; the rules are those
 * of the file, in its order. */
json_t *describe_filter(const struct guard *guard);

#endif
