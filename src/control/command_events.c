/* "events": what happened lately, and with "follow" what happens from now on; a line of JSON each. */
#include <stdlib.h>
#include <string.h>

#include <handfast/os.h>

#include "control/commands.h"
#include "control/describe.h"
#include "control/filter_text.h"

#define PAGE 64 /* facts in one chunk */

struct follower {
    struct control_stream stream;
    const struct guard *guard;
    uint64_t next;  /* the number that is to be said next */
    uint64_t until; /* the last one, if nobody follows */
    bool follow;
};

static bool is_any(const struct hf_endpoint *endpoint)
{
    static const struct hf_endpoint none;

    return memcmp(endpoint, &none, sizeof none) == 0;
}

static json_t *remote(const struct hf_event *event)
{
    if (event->prefix_length == 0)
        return describe_endpoint(&event->remote);
    return describe_prefix(&(struct hf_prefix){event->remote.address, event->prefix_length});
}

static json_t *describe(const struct event_entry *entry, int64_t now_us)
{
    const struct hf_event *about = &entry->about;
    json_t *line =
        json_pack("{s:I, s:o, s:s, s:s}", "number", (json_int_t)entry->number, "at",
                  describe_instant(entry->at_us, now_us), "kind", entry->kind, "text", entry->text);

    if (line == NULL || about->kind == HF_EVENT_NONE)
        return line;
    if (!is_any(&about->local))
        json_object_set_new(line, "local", describe_endpoint(&about->local));
    if (!is_any(&about->remote))
        json_object_set_new(line, "remote", remote(about));
    json_object_set_new(line, "count", json_integer((json_int_t)about->count));
    json_object_set_new(line, "value", json_integer((json_int_t)about->value));
    if (about->since_us > 0)
        json_object_set_new(line, "since", describe_instant(about->since_us, now_us));
    return line;
}

static enum control_more more(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us)
{
    struct follower *follower = loop_owner(self, struct follower, stream);
    const struct events *events = &follower->guard->events;
    uint64_t last = follower->follow ? events->last : follower->until;

    if (follower->next < events_first(events)) {
        uint64_t missed = events_first(events) - follower->next;

        control_chunk_json(chunk, json_pack("{s:I}", "missed", (json_int_t)missed));
        follower->next += missed;
    }
    for (int i = 0; i < PAGE && follower->next <= last; i++, follower->next++)
        control_chunk_json(chunk, describe(events_at(events, follower->next), now_us));
    if (follower->next <= last)
        return CONTROL_MORE;
    if (follower->follow && !stopping)
        return CONTROL_WAIT;
    control_chunk_json(chunk, json_pack("{s:b}", "end", true));
    return CONTROL_END;
}

static void end(struct control_stream *self)
{
    free(loop_owner(self, struct follower, stream));
}

/* Words: "follow", and a number: how many of the past (all that are kept, without it). */
static json_t *open_events(void *context, const json_t *request, struct control_stream **stream)
{
    const struct guard *guard = context;
    const struct events *events = &guard->events;
    uint64_t kept = events->last + 1 - events_first(events), wanted = kept;
    bool follow = false;

    for (size_t i = 0; i < request_words(request); i++) {
        const char *word = request_word(request, i);
        char *rest = NULL;
        unsigned long number = word ? strtoul(word, &rest, 10) : 0;

        if (word && strcmp(word, "follow") == 0)
            follow = true;
        else if (word && word[0] >= '0' && word[0] <= '9' && *rest == '\0')
            wanted = number < kept ? number : kept;
        else
            return control_error("events %.40s is not understood; accepted are follow and how many",
                                 word ? word : "(no word)");
    }
    struct follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL)
        return control_error("no memory");
    *follower = (struct follower){.stream = {more, end},
                                  .guard = guard,
                                  .next = events->last + 1 - wanted,
                                  .until = events->last,
                                  .follow = follow};
    *stream = &follower->stream;
    return NULL;
}

void command_events_register(struct control_server *server, struct guard *guard)
{
    control_server_register_lasting(server, "events", open_events, guard);
}
