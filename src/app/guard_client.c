/* Asking the guard that -i names. */
#include "app/guard_client.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <string.h>

#include <handfast/handfast.h>

#define OTHERS_MAX 200

/* ": web, mail", the guards that are there; "" if there are none. */
static const char *others(char text[OTHERS_MAX])
{
    glob_t found = {.gl_pathc = 0};
    size_t length = 0;

    text[0] = '\0';
    if (glob(CONTROL_DIRECTORY "/*.sock", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && length < OTHERS_MAX; i++) {
            const char *name = strrchr(found.gl_pathv[i], '/') + 1;

            if (control_answers(found.gl_pathv[i]))
                length += (size_t)snprintf(text + length, OTHERS_MAX - length, "%s %.*s",
                                           length > 0 ? "," : ":",
                                           (int)(strlen(name) - strlen(".sock")), name);
        }
    globfree(&found);
    return text;
}

static int explain(const char *command, const char *path, int error)
{
    char names[OTHERS_MAX];

    switch (error) {
    case HF_REFUSED:
        app_fail(command, "no guard is running: nobody answers at %s (-i NAME chooses another%s)",
                 path, others(names));
        return APP_NO_GUARD;
    case HF_NO_PERMISSION:
        return app_fail(command, "%s: no permission; root and the group handfast may ask", path);
    case HF_TIMED_OUT: return app_fail(command, "%s: the guard does not answer in time", path);
    case HF_SYSTEM: return app_fail(command, "%s: %s", path, strerror(errno));
    case HF_CLOSING: return app_fail(command, "%s: the guard has hung up", path);
    default: return app_fail(command, "%s: %s", path, hf_error_text(error));
    }
}

/* What is not sent at all. */
static int refuse_request(const struct app *app, const char *command, int error)
{
    if (error)
        return app_usage(command, "the name %s is too long for a socket's path", app->guard);
    return app_usage(command, "a word of it is no text, accepted is UTF-8");
}

json_t *guard_ask_plainly(const struct app *app, const char *command, json_t *request, int *result)
{
    char path[CONTROL_PATH_MAX];
    json_t *reply = NULL;
    int error = control_path(path, app->guard);

    *result = APP_OK;
    if (error || !request) {
        json_decref(request);
        *result = refuse_request(app, command, error);
        return NULL;
    }
    error = control_ask(path, request, &reply);
    json_decref(request);
    if (error)
        *result = explain(command, path, error);
    return error ? NULL : reply;
}

json_t *guard_ask(const struct app *app, const char *command, json_t *request, int *result)
{
    json_t *reply = guard_ask_plainly(app, command, request, result);
    const char *refusal = json_string_value(json_object_get(reply, "error"));

    if (refusal) {
        *result = app_fail(command, "%s", refusal);
        json_decref(reply);
        return NULL;
    }
    return reply;
}

/* ---- long answers ---- */

/* What a line means by itself: true if the stream goes on, else *result. */
static bool take_line(const char *command, const json_t *line, int *result)
{
    const char *refusal = json_string_value(json_object_get(line, "error"));

    if (refusal) {
        *result = app_fail(command, "%s", refusal);
        return false;
    }
    return true;
}

static int read_all(const char *command, const char *path, const struct guard_stream *stream,
                    struct control_stream_in *in)
{
    bool told_stop = false, going_on = true;
    int result = APP_OK;

    while (going_on) {
        json_t *line = NULL;
        int error = control_next(in, &line, stream->patient);

        if (error == HF_AGAIN || (error == HF_OK && stream->stop && *stream->stop && !told_stop)) {
            if (stream->stop && *stream->stop && !told_stop)
                told_stop = control_stop(in) == HF_OK;
            if (error == HF_AGAIN)
                continue;
        }
        if (error != HF_OK)
            return explain(command, path, error);
        going_on = take_line(command, line, &result) && stream->line(stream->context, line, in) &&
                   !json_is_true(json_object_get(line, "end"));
        json_decref(line);
    }
    return result;
}

int guard_follow(const struct app *app, const char *command, json_t *request,
                 const struct guard_stream *stream)
{
    struct control_stream_in *in = NULL;
    char path[CONTROL_PATH_MAX];
    int error, result;

    error = control_path(path, app->guard);
    if (error || !request) {
        json_decref(request);
        return refuse_request(app, command, error);
    }
    error = control_follow(path, request, &in);
    json_decref(request);
    if (error != HF_OK)
        return explain(command, path, error);
    result = read_all(command, path, stream, in);
    control_unfollow(in);
    return result;
}

/* ---- words ---- */

json_t *guard_request(const char *command, size_t count, const char *const *words)
{
    json_t *arguments = json_array();

    for (size_t i = 0; i < count; i++)
        if (words[i] && json_array_append_new(arguments, json_string(words[i])) != 0) {
            json_decref(arguments);
            return NULL;
        }
    return json_pack("{s:s, s:o}", "command", command, "arguments", arguments);
}

bool guard_take_json(int *count, char **words)
{
    bool found = false;
    int kept = 0;

    for (int i = 0; i < *count; i++) {
        if (strcmp(words[i], "--json") == 0)
            found = true;
        else
            words[kept++] = words[i];
    }
    *count = kept;
    app_fail_in_json(found);
    return found;
}

const char *guard_number(char text[GUARD_NUMBER_MAX], int64_t value)
{
    static const char units[] = "kMGTPE";
    double scaled = (double)value;
    size_t unit = 0;

    if (value < 100000) {
        snprintf(text, GUARD_NUMBER_MAX, "%" PRId64, value);
        return text;
    }
    for (scaled /= 1000; scaled >= 999.95 && unit + 1 < sizeof units - 1; unit++)
        scaled /= 1000;
    snprintf(text, GUARD_NUMBER_MAX, "%.*f %c",
             scaled < 10    ? 3
             : scaled < 100 ? 2
                            : 1,
             scaled, units[unit]);
    return text;
}

const char *guard_duration(char text[GUARD_NUMBER_MAX], int64_t us)
{
    int64_t s = us / 1000000;

    if (us == 0)
        snprintf(text, GUARD_NUMBER_MAX, "0s");
    else if (us < 1000)
        snprintf(text, GUARD_NUMBER_MAX, "%" PRId64 "us", us);
    else if (us < 100000)
        snprintf(text, GUARD_NUMBER_MAX, "%.1fms", (double)us / 1000);
    else if (s < 10)
        snprintf(text, GUARD_NUMBER_MAX, "%.1fs", (double)us / 1000000);
    else if (s < 60)
        snprintf(text, GUARD_NUMBER_MAX, "%" PRId64 "s", s);
    else if (s < 3600)
        snprintf(text, GUARD_NUMBER_MAX, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, GUARD_NUMBER_MAX, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(text, GUARD_NUMBER_MAX, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
    return text;
}

int64_t guard_integer(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

const char *guard_string(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}
