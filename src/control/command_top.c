/* "top": a snapshot, the listeners, and what the last pass over all connections found. */
#include "control/command_top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <handfast/os.h>

#include "control/describe.h"
#include "control/snapshot.h"
#include "control/top_walk.h"

struct command_top {
    struct guard *guard;
    struct loop_timer timer;
    int64_t wanted_until_us;
    struct top_walk walk;
};

/* ---- looking, while somebody asks ---- */

static void on_time(struct loop_timer *self, int64_t now_us)
{
    struct command_top *top = loop_owner(self, struct command_top, timer);
    bool finished;

    if (now_us > top->wanted_until_us)
        return;
    finished = top_walk_step(&top->walk, &top->guard->relays, now_us);
    loop_timer_set(&top->guard->loop, self, now_us + (finished ? TOP_PASS_US : TOP_STEP_US));
}

static void want(struct command_top *top, int64_t now_us)
{
    if (now_us > top->wanted_until_us) /* what was found the last time is old */
        memset(&top->walk, 0, sizeof top->walk);
    top->wanted_until_us = now_us + TOP_WANTED_US;
    if (!top->timer.place)
        loop_timer_set(&top->guard->loop, &top->timer, now_us);
}

/* ---- the answer ---- */

static json_t *services(const struct guard *guard, int64_t now_us)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < guard->relays.service_count; i++) {
        const struct service *service = describe_service_at(guard, i);

        if (service)
            json_array_append_new(array, describe_service(guard, service, now_us));
    }
    return array;
}

/* What a list shows of a connection. */
static json_t *connection(const struct relay_view *view, const struct hf_status *status)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "id",
                     (json_int_t)view->id, "slot", (json_int_t)view->slot, "remote",
                     describe_endpoint(&view->client), "local", describe_endpoint(&view->local),
                     "service", view->service, "backend", view->backend, "relay", view->state,
                     "state", hf_state_text(status->state), "srtt_us", (json_int_t)view->rtt_us,
                     "bytes_in", (json_int_t)view->bytes_in, "bytes_out",
                     (json_int_t)view->bytes_out, "age_us", (json_int_t)view->age_us, "idle_us",
                     (json_int_t)view->idle_us);
}

/* The relay that had this id, if it still has. */
static bool look_at(const struct guard *guard, uint32_t slot, uint64_t id, struct relay_view *view,
                    struct hf_status *status)
{
    const struct relays *relays = &guard->relays;

    return slot < relays->unused && relays_view(relays, slot, view, hf_os_now_us()) &&
           view->id == id && hf_status(guard->stack, relays->slots[slot].client, status) == HF_OK;
}

static json_t *largest(const struct command_top *top, enum top_order order, uint32_t limit)
{
    struct top_entry sorted[TOP_LISTED];
    uint32_t count = top_list_sorted(&top->walk.done.list[order], sorted);
    json_t *array = json_array();
    struct relay_view view;
    struct hf_status status;

    for (uint32_t i = 0; i < count && json_array_size(array) < limit; i++)
        if (look_at(top->guard, sorted[i].slot, sorted[i].id, &view, &status))
            json_array_append_new(array, connection(&view, &status));
    return array;
}

static json_t *prefixes(const struct top_result *result)
{
    struct top_prefix sorted[TOP_ANSWER_PREFIXES];
    uint32_t count = top_prefixes_sorted(result, sorted, TOP_ANSWER_PREFIXES);
    json_t *array = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(array, json_pack("{s:o, s:I, s:I, s:I}", "prefix",
                                               describe_prefix(&sorted[i].prefix), "connections",
                                               (json_int_t)sorted[i].connections, "bytes_in",
                                               (json_int_t)sorted[i].bytes_in, "bytes_out",
                                               (json_int_t)sorted[i].bytes_out));
    }
    return array;
}

/* Everything that is known of one connection; null if it is no more. */
static json_t *detail(const struct guard *guard, const json_t *request)
{
    const json_t *slot = json_object_get(request, "slot"), *id = json_object_get(request, "id");
    struct relay_view view;
    struct hf_status s;

    if (!slot || !id || json_integer_value(slot) < 0 || json_integer_value(slot) >= UINT32_MAX ||
        !look_at(guard, (uint32_t)json_integer_value(slot), (uint64_t)json_integer_value(id), &view,
                 &s))
        return json_null();
    json_t *object = connection(&view, &s);
#define NUMBER(name) json_object_set_new(object, #name, json_integer((json_int_t)s.name))
#define TRUTH(name) json_object_set_new(object, #name, json_boolean(s.name))
    NUMBER(rttvar_us);
    NUMBER(rto_us);
    NUMBER(receive_queued);
    NUMBER(send_queued);
    NUMBER(unsent);
    NUMBER(receive_window);
    NUMBER(send_window);
    NUMBER(congestion_window);
    NUMBER(slow_start_threshold);
    NUMBER(retransmits);
    NUMBER(mss);
    NUMBER(send_scale);
    NUMBER(receive_scale);
    TRUTH(timestamps);
    TRUTH(sack);
    TRUTH(window_scaling);
    TRUTH(peer_closed);
    TRUTH(nodelay);
#undef NUMBER
#undef TRUTH
    return object;
}

static bool read_order(const json_t *request, enum top_order *order)
{
    const char *name = json_string_value(json_object_get(request, "order"));

    *order = TOP_BY_BYTES;
    if (!json_object_get(request, "order"))
        return true;
    for (unsigned i = 0; name && i < TOP_ORDERS; i++)
        if (strcmp(name, top_order_name((enum top_order)i)) == 0) {
            *order = (enum top_order)i;
            return true;
        }
    return false;
}

static json_t *answer(void *context, const json_t *request)
{
    struct command_top *top = context;
    const struct guard *guard = top->guard;
    const json_t *limit = json_object_get(request, "limit");
    int64_t now_us = hf_os_now_us();
    enum top_order order;

    if (!read_order(request, &order))
        return control_error("order: accepted are rtt, bytes and age");
    if (limit && (json_integer_value(limit) < 0 || json_integer_value(limit) > TOP_LISTED))
        return control_error("limit: accepted is 0 to %d", TOP_LISTED);
    want(top, now_us);

    json_t *reply = snapshot_of(guard->stack);
    json_t *more = json_pack(
        "{s:I, s:I, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "now_us", (json_int_t)now_us, "up_us",
        (json_int_t)(now_us - guard->started_at_us), "services", services(guard, now_us), "seen",
        (json_int_t)top->walk.done.seen, "passes", (json_int_t)top->walk.passes, "prefixes_missed",
        (json_int_t)top->walk.done.prefixes_missed, "prefixes", prefixes(&top->walk.done), "top",
        largest(top, order, limit ? (uint32_t)json_integer_value(limit) : 20), "detail",
        detail(guard, request));
    json_object_update(reply, more);
    json_decref(more);
    json_object_set_new(reply, "driver",
                        json_pack("{s:s, s:I, s:I}", "name", guard->config->uplink.name, "dropped",
                                  (json_int_t)guard->tap.dropped, "errors",
                                  (json_int_t)guard->tap.errors));
    json_object_set_new(reply, "relays",
                        json_pack("{s:I, s:I}", "active", (json_int_t)guard->relays.active, "limit",
                                  (json_int_t)guard->relays.limit));
    return reply;
}

struct command_top *command_top_open(struct control_server *server, struct guard *guard)
{
    struct command_top *top = calloc(1, sizeof *top);

    if (!top)
        return NULL;
    top->guard = guard;
    top->timer.run = on_time;
    control_server_register(server, "top", answer, top);
    return top;
}

void command_top_close(struct command_top *top)
{
    if (!top)
        return;
    loop_timer_cancel(&top->guard->loop, &top->timer);
    free(top);
}
