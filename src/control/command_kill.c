/* "kill FILTER": resets the relayed connections that are meant, some at a time, and says how many. */
#include <stdlib.h>

#include <handfast/os.h>

#include "control/commands.h"
#include "control/describe.h"
#include "control/filter_text.h"

#define SLOTS_A_TURN 256u /* looked at between two batches of packets */

struct killer {
    struct control_stream stream;
    struct guard *guard;
    struct filter filter;
    uint32_t slot, end;
    uint64_t last_id; /* who comes after the question is not meant */
    uint64_t killed;
};

static bool kill_one(struct killer *killer, uint32_t slot, int64_t now_us)
{
    struct relays *relays = &killer->guard->relays;
    struct relay_view view;

    if (!relays_view(relays, slot, &view, now_us) || view.id > killer->last_id)
        return false;
    return filter_takes(&killer->filter, &view) && relays_kill(relays, slot, view.id, now_us);
}

static enum control_more more(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us)
{
    struct killer *killer = loop_owner(self, struct killer, stream);

    for (uint32_t i = 0; i < SLOTS_A_TURN && killer->slot < killer->end; i++, killer->slot++)
        killer->killed += kill_one(killer, killer->slot, now_us);
    if (killer->slot < killer->end && !stopping)
        return CONTROL_MORE;
    control_chunk_json(chunk, json_pack("{s:I}", "killed", (json_int_t)killer->killed));
    return CONTROL_END;
}

/* Who asked may have gone before the last slot: what was done is said all the same. */
static void end(struct control_stream *self)
{
    struct killer *killer = loop_owner(self, struct killer, stream);

    if (killer->killed > 0)
        log_about(&killer->guard->log, hf_os_now_us(),
                  &(struct log_about){
                      .level = LOG_LEVEL_NOTICE, .event = "killed", .count = killer->killed},
                  "%llu connection%s reset by command", (unsigned long long)killer->killed,
                  killer->killed == 1 ? " was" : "s were");
    free(killer);
}

static json_t *open_kill(void *context, const json_t *request, struct control_stream **stream)
{
    struct guard *guard = context;
    char error[FILTER_ERROR_MAX];
    struct filter filter;

    if (!filter_of_request(&filter, request, 0, error))
        return control_error("%s", error);
    if (filter_is_empty(&filter))
        return control_error("kill needs to know which connections; accepted are " FILTER_WORDS);
    if (filter.service[0] != '\0' && !describe_knows_service(guard, filter.service))
        return control_error("there is no service %s", filter.service);
    struct killer *killer = calloc(1, sizeof *killer);
    if (killer == NULL)
        return control_error("no memory");
    *killer = (struct killer){.stream = {more, end},
                              .guard = guard,
                              .filter = filter,
                              .end = guard->relays.unused,
                              .last_id = guard->relays.next_id};
    *stream = &killer->stream;
    return NULL;
}

void command_kill_register(struct control_server *server, struct guard *guard)
{
    control_server_register_stream(server, "kill", open_kill, guard);
}
