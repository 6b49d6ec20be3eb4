/* The other end of the control socket, for commands: ask, wait, read. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stddef.h>

#include <jansson.h>

#define CONTROL_PATH_MAX 108 /* sun_path */

/* "/run/handfast/NAME.sock". HF_INVALID if the name is too long. */
int control_path(char path[CONTROL_PATH_MAX], const char *name);

/* Sends the request and reads the reply: a new value, which may be {"error": ...}. HF_OK, HF_REFUSED (no guard is there),
 * HF_NO_PERMISSION, HF_TIMED_OUT, HF_INVALID (the reply is no JSON), HF_NO_MEMORY, HF_SYSTEM with errno. */
int control_ask(const char *path, const json_t *request, json_t **reply);

#endif
