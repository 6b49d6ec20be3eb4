/* "reload": the file is read again by a thread; whoever asked hears how it ended. */
#include <stdio.h>
#include <stdlib.h>

#include <handfast/os.h>

#include "control/commands.h"
#include "control/filter_text.h"
#include "guard/journal_writer.h"
#include "guard/reload.h"

struct waiter {
    struct control_stream stream;
    struct command_reload *command;
    bool done, ok;
    char error[GUARD_ERROR_MAX];
};

static void on_done(void *context, bool ok, const char *error)
{
    struct waiter *waiter = context;
    struct guard *guard = waiter->command->guard;
    struct log_about about = {.level = ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
                              .event = ok ? "reload" : "reload-failed"};

    waiter->done = true;
    waiter->ok = ok;
    if (ok)
        log_about(&guard->log, hf_os_now_us(), &about,
                  "the configuration was read again and is in force");
    else
        log_about(&guard->log, hf_os_now_us(), &about, "nothing has changed: %s", error);
    snprintf(waiter->error, sizeof waiter->error, "%s", ok ? "" : error);
}

static enum control_more more(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us)
{
    struct waiter *waiter = loop_owner(self, struct waiter, stream);

    (void)now_us;
    if (!waiter->done && !stopping)
        return CONTROL_WAIT;
    if (!waiter->done)
        control_chunk_json(chunk, control_error("the file is still being read"));
    else if (waiter->ok)
        control_chunk_json(chunk, json_pack("{s:b, s:I}", "reloaded", true, "services",
                                            (json_int_t)waiter->command->guard->config->services));
    else
        control_chunk_json(chunk, control_error("%s", waiter->error));
    return CONTROL_END;
}

static void end(struct control_stream *self)
{
    struct waiter *waiter = loop_owner(self, struct waiter, stream);

    if (!waiter->done)
        reload_forget(waiter->command->reload, waiter);
    free(waiter);
}

static json_t *open_reload(void *context, const json_t *request, struct control_stream **stream)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);

    if (request_words(request) != 0 || waiter == NULL) {
        free(waiter);
        return control_error(waiter ? "reload takes nothing: the file is the one it began with"
                                    : "no memory");
    }
    waiter->stream = (struct control_stream){more, end};
    waiter->command = context;
    journal_reopen(waiter->command->guard->journal, hf_os_now_us());
    if (!reload_request(waiter->command->reload, on_done, waiter)) {
        free(waiter);
        return control_error("too many have asked for a reload already");
    }
    *stream = &waiter->stream;
    return NULL;
}

void command_reload_register(struct control_server *server, struct command_reload *command)
{
    control_server_register_stream(server, "reload", open_reload, command);
}
