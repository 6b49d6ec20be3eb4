/* Parts of a guard as JSON, said in the same words by every command. */
#ifndef CONTROL_DESCRIBE_H
#define CONTROL_DESCRIBE_H

#include <jansson.h>

#include "guard/guard.h"

/* The service in a place of guard->services, or NULL if the place is free. */
const struct service *describe_service_at(const struct guard *guard, uint32_t index);

/* Whether a service has this name, or had it and its last connections go on. */
bool describe_knows_service(const struct guard *guard, const char *name);

/* The state of a listener of a service, below SERVICE_LISTENERS_MAX. False: there is none. */
bool describe_listener_at(const struct guard *guard, const struct service *service, uint32_t index,
                          struct hf_status *status);

/* {"name", "life", "active", "max_connections", every counter, "listeners": [...], "backends": [...]} */
json_t *describe_service(const struct guard *guard, const struct service *service, int64_t now_us);

json_t *describe_endpoint(const struct hf_endpoint *endpoint);
json_t *describe_prefix(const struct hf_prefix *prefix);
const char *describe_pressure(enum hf_pressure pressure); /* "calm", "strained", "flooded" */

/* An instant as wall time, as the clock is set now: "2026-03-01T12:00:00.123Z". */
json_t *describe_instant(int64_t at_us, int64_t now_us);

/* A wall time in microseconds in the same form. */
json_t *describe_wall(int64_t wall_us);

/* What is wrong at this moment, a sentence each; an empty array if all is well. */
json_t *describe_alarms(const struct guard *guard, int64_t now_us);

#endif
