/* Asking the guard that -i names. */
#include "app/guard_client.h"

#include <errno.h>
#include <string.h>

#include <handfast/handfast.h>

#include "control/client.h"

static int explain(const char *command, const char *path, int error)
{
    switch (error) {
    case HF_REFUSED:
        app_fail(command, "no guard is running: nobody answers at %s (-i NAME chooses another)",
                 path);
        return APP_NO_GUARD;
    case HF_NO_PERMISSION:
        return app_fail(command, "%s: no permission; root and the group handfast may ask", path);
    case HF_TIMED_OUT: return app_fail(command, "%s: the guard does not answer in time", path);
    case HF_SYSTEM: return app_fail(command, "%s: %s", path, strerror(errno));
    default: return app_fail(command, "%s: %s", path, hf_error_text(error));
    }
}

json_t *guard_ask(const struct app *app, const char *command, json_t *request, int *result)
{
    char path[CONTROL_PATH_MAX];
    json_t *reply = NULL;
    int error = control_path(path, app->guard);

    *result = APP_OK;
    if (error) {
        json_decref(request);
        *result = app_usage(command, "the name %s is too long for a socket's path", app->guard);
        return NULL;
    }
    error = control_ask(path, request, &reply);
    json_decref(request);
    if (error) {
        *result = explain(command, path, error);
        return NULL;
    }
    const char *refusal = json_string_value(json_object_get(reply, "error"));
    if (refusal) {
        *result = app_fail(command, "%s", refusal);
        json_decref(reply);
        return NULL;
    }
    return reply;
}
