/* Relays for people: one at a time, all, and the end of one by command. */
#include "guard/relay_life.h"

static const char *state_text(const struct relay *relay)
{
    switch (relay->state) {
    case RELAY_FREE: break;
    case RELAY_WAITING: return "waiting";
    case RELAY_CONNECTING: return "connecting";
    case RELAY_OPEN:
        return relay->client_done    ? "client-closed"
               : relay->backend_done ? "backend-closed"
                                     : "open";
    }
    return "";
}

bool relays_view(const struct relays *relays, uint32_t slot, struct relay_view *view,
                 int64_t now_us)
{
    const struct relay *relay = slot < relays->unused ? &relays->slots[slot] : NULL;
    struct hf_status status;

    if (relay == NULL || relay->state == RELAY_FREE ||
        hf_status(relays->stack, relay->client, &status) != HF_OK)
        return false;
    *view = (struct relay_view){
        .id = relay->id,
        .slot = slot,
        .rtt_us = status.srtt_us,
        .service = relay->service->config->name,
        .backend =
            relay->server == RELAY_NO_BACKEND ? "" : relay->service->backends[relay->server].name,
        .state = state_text(relay),
        .tcp_state = status.state,
        .client = status.remote,
        .local = status.local,
        .bytes_in = relay->bytes_in,
        .bytes_out = relay->bytes_out,
        .age_us = now_us - relay->born_at_us,
        .idle_us = now_us - relay->moved_at_us,
    };
    return true;
}

bool relays_visit(const struct relays *relays,
                  bool (*visit)(void *context, const struct relay_view *view), void *context,
                  int64_t now_us)
{
    struct relay_view view;

    for (uint32_t slot = 0; slot < relays->unused; slot++)
        if (relays_view(relays, slot, &view, now_us) && !visit(context, &view))
            return false;
    return true;
}

bool relays_kill(struct relays *relays, uint32_t slot, uint64_t id, int64_t now_us)
{
    if (slot >= relays->unused || relays->slots[slot].state == RELAY_FREE ||
        relays->slots[slot].id != id)
        return false;
    relay_end(&relays->slots[slot], RELAY_KILLED, now_us);
    return true;
}
