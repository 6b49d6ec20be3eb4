/* Asking the guard that -i names, and saying so when there is none. */
#ifndef APP_GUARD_CLIENT_H
#define APP_GUARD_CLIENT_H

#include <jansson.h>

#include "app/app.h"

/* Sends the request (taken over) and gives the reply, or NULL after a message; then *result is APP_NO_GUARD or APP_NO.
 * A reply {"error": ...} counts as failure and is printed. */
json_t *guard_ask(const struct app *app, const char *command, json_t *request, int *result);

#endif
