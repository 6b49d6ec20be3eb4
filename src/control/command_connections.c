/* "connections": who is connected, or with the word half-open who is about to be; some rows at a time. */
#include <stdlib.h>
#include <string.h>

#include <handfast/auth.h>

#include "control/commands.h"
#include "control/describe.h"
#include "control/filter_text.h"

#define ROWS_A_TURN 32u     /* made into JSON between two batches of packets: some 300 us  */
#define PLACES_A_TURN 1024u /* looked at */

struct lister {
    struct control_stream stream;
    struct guard *guard;
    struct filter filter;
    bool half_opens;
    uint64_t cursor; /* a slot, or what hf_next_half_open keeps */
    uint64_t shown;
};

/* ---- relayed connections ---- */

/* Which key signs a connection, so that an old one is removed when nobody uses it any more; null: none. */
static json_t *describe_signing(const struct guard *guard, hf_socket client)
{
    struct hf_signing signing;

    if (hf_signing(guard->stack, client, &signing) != HF_OK || signing.algorithm == HF_KEY_NONE)
        return json_null();
    if (signing.algorithm == HF_KEY_MD5) /* it has no ids */
        return json_pack("{s:s}", "algorithm", hf_key_algorithm_text(signing.algorithm));
    return json_pack("{s:s, s:i, s:i, s:i, s:i}", "algorithm",
                     hf_key_algorithm_text(signing.algorithm), "send_id", signing.send_id,
                     "next_id", signing.next_id, "received_id", signing.received_id,
                     "received_next_id", signing.received_next_id);
}

static json_t *describe_relay(const struct guard *guard, const struct relay_view *view,
                              const struct hf_status *status)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
                     "s:o}",
                     "state", hf_state_text(status->state), "relay", view->state, "service",
                     view->service, "backend", view->backend, "id", (json_int_t)view->id, "local",
                     describe_endpoint(&view->local), "peer", describe_endpoint(&view->client),
                     "receive_queued", (json_int_t)status->receive_queued, "send_queued",
                     (json_int_t)status->send_queued, "bytes_in", (json_int_t)view->bytes_in,
                     "bytes_out", (json_int_t)view->bytes_out, "rtt_us", (json_int_t)view->rtt_us,
                     "age_us", (json_int_t)view->age_us, "idle_us", (json_int_t)view->idle_us,
                     "retransmits", (json_int_t)status->retransmits, "signed",
                     describe_signing(guard, guard->relays.slots[view->slot].client));
}

/* False: that was the last slot. */
static bool next_relay(struct lister *lister, json_t *rows, int64_t now_us)
{
    const struct relays *relays = &lister->guard->relays;
    uint32_t slot = (uint32_t)lister->cursor++;
    struct hf_status status = {.state = HF_STATE_CLOSED};
    struct relay_view view;

    if (slot >= relays->unused)
        return false;
    if (!relays_view(relays, slot, &view, now_us))
        return true;
    hf_status(lister->guard->stack, relays->slots[slot].client, &status);
    if (filter_takes(&lister->filter, &view))
        json_array_append_new(rows, describe_relay(lister->guard, &view, &status));
    return true;
}

/* ---- half-opens ---- */

/* The service whose listener has this word. */
static const char *service_of(const struct guard *guard, uint64_t user)
{
    uint64_t index = (user & ~SERVICE_USER) >> 8;
    const struct service *service =
        index < guard->relays.service_count ? describe_service_at(guard, (uint32_t)index) : NULL;

    return (user & SERVICE_USER) && service ? service->config->name : "";
}

static json_t *describe_half_open(const struct hf_half_open *half_open, const char *service)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:i, s:i, s:b, s:b, s:b}", "state",
                     hf_state_text(HF_STATE_SYN_RECEIVED), "service", service, "local",
                     describe_endpoint(&half_open->local), "peer",
                     describe_endpoint(&half_open->remote), "mss", (int)half_open->mss, "syn_acks",
                     (int)half_open->syn_acks, "timestamps", half_open->timestamps, "sack",
                     half_open->sack, "window_scaling", half_open->window_scaling);
}

static bool next_half_open(struct lister *lister, json_t *rows)
{
    const struct filter *filter = &lister->filter;
    struct hf_half_open half_open;
    int found = hf_next_half_open(lister->guard->stack, &lister->cursor, &half_open);

    if (found == HF_AGAIN)
        return false;
    if (found != HF_OK || !filter_takes_address(filter, &half_open.remote.address))
        return true;
    const char *service = service_of(lister->guard, half_open.user);
    if (filter->service[0] == '\0' || strcmp(filter->service, service) == 0)
        json_array_append_new(rows, describe_half_open(&half_open, service));
    return true;
}

/* ---- the stream ---- */

static enum control_more more(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us)
{
    struct lister *lister = loop_owner(self, struct lister, stream);
    json_t *rows = json_array();
    bool going_on = rows != NULL && !stopping;

    for (uint32_t i = 0; going_on && i < PLACES_A_TURN && json_array_size(rows) < ROWS_A_TURN; i++)
        going_on =
            lister->half_opens ? next_half_open(lister, rows) : next_relay(lister, rows, now_us);
    lister->shown += json_array_size(rows);
    if (json_array_size(rows) > 0)
        control_chunk_json(chunk, json_pack("{s:o}", "rows", rows));
    else
        json_decref(rows);
    if (going_on)
        return CONTROL_MORE;
    control_chunk_json(chunk,
                       json_pack("{s:b, s:I}", "end", true, "shown", (json_int_t)lister->shown));
    return CONTROL_END;
}

static void end(struct control_stream *self)
{
    free(loop_owner(self, struct lister, stream));
}

/* Words: "half-open", then a filter. Lines: {"rows": [...]} as many as there are, then {"end": true, "shown": N}. */
static json_t *open_connections(void *context, const json_t *request,
                                struct control_stream **stream)
{
    struct guard *guard = context;
    const char *word = request_word(request, 0);
    bool half_opens = word && strcmp(word, "half-open") == 0;
    char error[FILTER_ERROR_MAX];
    struct filter filter;

    if (!filter_of_request(&filter, request, half_opens ? 1 : 0, error))
        return control_error("%s", error);
    if (half_opens && filter.state[0] != '\0')
        return control_error("half-opens are all SYN-RECEIVED; accepted are service and from");
    if (filter.service[0] != '\0' && !describe_knows_service(guard, filter.service))
        return control_error("there is no service %s", filter.service);
    if (strcmp(filter.state, hf_state_text(HF_STATE_SYN_RECEIVED)) == 0) {
        half_opens = true;
        filter.state[0] = '\0';
    }
    struct lister *lister = calloc(1, sizeof *lister);
    if (lister == NULL)
        return control_error("no memory");
    *lister = (struct lister){
        .stream = {more, end}, .guard = guard, .filter = filter, .half_opens = half_opens};
    *stream = &lister->stream;
    return NULL;
}

void command_connections_register(struct control_server *server, struct guard *guard)
{
    control_server_register_stream(server, "connections", open_connections, guard);
}
