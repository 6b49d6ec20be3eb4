/* A stack's counters and gauges as JSON. [include/handfast/stats.h] */
#ifndef CONTROL_SNAPSHOT_H
#define CONTROL_SNAPSHOT_H

#include <jansson.h>

#include <handfast/stats.h>

/* {"counters": {NAME: value, ...}, "gauges": {NAME: value, ...}, "connections": {STATE: count, ...}}: a new object. Every row of
 * stats.h is there. In "connections" half-opens count as SYN-RECEIVED and records of TIME-WAIT as TIME-WAIT. */
json_t *snapshot_of(const struct hf_stack *stack);

#endif
