/* Asking the guard that -i names, and saying so when there is none. */
#ifndef APP_GUARD_CLIENT_H
#define APP_GUARD_CLIENT_H

#include <signal.h>
#include <stdint.h>

#include <jansson.h>

#include "app/app.h"
#include "control/client.h"

/* Sends the request (taken over) and gives the reply, or NULL after a message; then *result is APP_NO_GUARD or APP_NO.
 * A reply {"error": ...} counts as failure and is printed. */
json_t *guard_ask(const struct app *app, const char *command, json_t *request, int *result);

/* The same, but a reply {"error": ...} is given as it is. */
json_t *guard_ask_plainly(const struct app *app, const char *command, json_t *request, int *result);

/* A request of words. NULL words are left out. NULL if one is no UTF-8: guard_ask and guard_follow then say so. */
json_t *guard_request(const char *command, size_t count, const char *const *words);

/* A long answer: `line` is called with each line (borrowed) until it answers false or the guard has said all. Returns an enum
 * app_exit; a line {"error": ...} counts as failure and is printed. `patient`: it may take any time until the next line. */
struct guard_stream {
    bool patient;
    bool (*line)(void *context, const json_t *line, struct control_stream_in *in);
    void *context;
    volatile sig_atomic_t *stop; /* set by a signal: ask for the end; or NULL */
};
int guard_follow(const struct app *app, const char *command, json_t *request,
                 const struct guard_stream *stream);

/* "--json" among the words: found, and taken out; then failures are said in JSON too. *count words are left. */
bool guard_take_json(int *count, char **words);

/* 1.23 M: exact up to five digits, rounded above. */
#define GUARD_NUMBER_MAX 32
const char *guard_number(char text[GUARD_NUMBER_MAX], int64_t value);

/* 1.5s, 12m, 3h40m, 5d: a duration in microseconds, for people. */
const char *guard_duration(char text[GUARD_NUMBER_MAX], int64_t us);

int64_t guard_integer(const json_t *object, const char *name);
const char *guard_string(const json_t *object, const char *name); /* "" if there is none */

#endif
