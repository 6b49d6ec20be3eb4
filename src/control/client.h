/* The other end of the control socket, for commands: ask, wait, read. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define CONTROL_PATH_MAX 108 /* sun_path */
#define CONTROL_DIRECTORY "/run/handfast"

/* "/run/handfast/NAME.sock", or the name itself if it is a path that begins with /. HF_INVALID if the name is too long. */
int control_path(char path[CONTROL_PATH_MAX], const char *name);

/* Whether a guard listens there, or somebody who may not be asked. */
bool control_answers(const char *path);

/* Sends the request and reads the reply: a new value, which may be {"error": ...}. HF_OK, HF_REFUSED (no guard is there),
 * HF_NO_PERMISSION, HF_TIMED_OUT, HF_INVALID (the reply is no JSON), HF_NO_MEMORY, HF_SYSTEM with errno. */
int control_ask(const char *path, const json_t *request, json_t **reply);

/* ---- long answers ---- */

struct control_stream_in;

/* Sends the request; the lines come with control_next. Errors as those of control_ask. */
int control_follow(const char *path, const json_t *request, struct control_stream_in **stream);

/* The next line, a new value. HF_OK, HF_CLOSING (the guard has hung up), HF_TIMED_OUT (not if `patient`), HF_AGAIN (nothing yet, or a
 * signal: look at what it says, then ask again), HF_INVALID (no JSON), HF_NO_MEMORY, HF_SYSTEM. */
int control_next(struct control_stream_in *stream, json_t **line, bool patient);

/* So many bytes that follow a line. HF_OK or as above. */
int control_next_bytes(struct control_stream_in *stream, void *to, size_t length);

/* Asks for the end; what is still to be said comes before it. */
int control_stop(struct control_stream_in *stream);

/* NULL is allowed. */
void control_unfollow(struct control_stream_in *stream);

#endif
