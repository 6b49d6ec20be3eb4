/* Listeners: opened, found, closed. [RFC 9293 3.10.1, 3.10.4] */
#include "stack/listener.h"

#include "gate/reaper.h"
#include "stack/egress.h"
#include "stack/signing.h"
#include "stack/stack.h"
#include "tcp/state.h"

/* Only our own user opens listeners, so the hash needs no key; and one walk finds all listeners of a port. */
static uint64_t hash_of(uint16_t port)
{
    return port * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t hash_of_slot(const void *context, uint32_t slot)
{
    return hash_of(listener_at(context, slot)->port);
}

static struct list_links by_ready(const struct listeners *listeners)
{
    return list_links_in(&listeners->pool, offsetof(struct listener, by_ready));
}

void listeners_init(struct listeners *listeners, struct arena *arena, uint32_t capacity)
{
    pool_init(&listeners->pool, arena, sizeof(struct listener), capacity);
    table_init(&listeners->table, arena, capacity, hash_of_slot, listeners);
    list_init(&listeners->ready);
    listeners->last_port = 0;
}

static uint32_t find_exactly(const struct listeners *listeners, const struct hf_address *address,
                             uint16_t port)
{
    struct table_cursor cursor = table_find(&listeners->table, hash_of(port));
    uint32_t slot;

    while ((slot = table_next(&listeners->table, &cursor)) != SLOT_NONE) {
        const struct listener *listener = listener_at(listeners, slot);

        if (listener->port == port && address_equal(&listener->address, address))
            break;
    }
    return slot;
}

static uint32_t find(const struct listeners *listeners, const struct hf_address *local,
                     uint16_t port)
{
    struct table_cursor cursor = table_find(&listeners->table, hash_of(port));
    uint32_t slot, any = SLOT_NONE;

    while ((slot = table_next(&listeners->table, &cursor)) != SLOT_NONE) {
        const struct listener *listener = listener_at(listeners, slot);

        if (listener->port != port)
            continue;
        if (address_equal(&listener->address, local))
            return slot;
        if (address_is_any(&listener->address))
            any = slot;
    }
    return any;
}

uint32_t listener_find(struct listeners *listeners, const struct hf_address *local, uint16_t port)
{
    if (listeners->last_port != port || !address_equal(&listeners->last_address, local)) {
        listeners->last = find(listeners, local, port);
        listeners->last_address = *local;
        listeners->last_port = port;
    }
    return listeners->last;
}

int listener_open(struct hf_stack *stack, const struct hf_listen_options *options, uint32_t *slot)
{
    struct listeners *listeners = &stack->listeners;
    const struct hf_endpoint *local = &options->local;
    struct listener *listener;
    bool fresh;

    if (local->port == 0)
        return HF_INVALID;
    if (!address_is_any(&local->address) && !route_is_ours(&stack->route, &local->address))
        return HF_NO_ADDRESS;
    if (find_exactly(listeners, &local->address, local->port) != SLOT_NONE)
        return HF_ADDRESS_IN_USE; /* [RFC 9293 MUST-41, MUST-42] */
    *slot = pool_take(&listeners->pool, &fresh);
    if (*slot == SLOT_NONE)
        return HF_NO_ROOM;
    listener = listener_at(listeners, *slot);
    *listener = (struct listener){
        .generation = fresh ? 1 : listener->generation,
        .backlog = options->backlog ? options->backlog : LISTENER_BACKLOG,
        .address = local->address,
        .port = local->port,
        .open = true,
        .require_key = options->require_key,
        .user = options->user,
    };
    list_link_init(&listener->by_ready);
    list_init(&listener->accept_queue);
    table_insert(&listeners->table, hash_of(local->port), *slot);
    listeners->last_port = 0;
    gate_listener_open(&stack->gate, *slot, options, stack->seen_us);
    tcp_state_note(&stack->tcp, TCP_CLOSED, TCP_LISTEN);
    return HF_OK;
}

void listener_change(struct hf_stack *stack, uint32_t slot, const struct hf_listen_options *options,
                     int64_t now_us)
{
    struct listener *listener = listener_at(&stack->listeners, slot);

    listener->backlog = options->backlog ? options->backlog : LISTENER_BACKLOG;
    listener->require_key = options->require_key;
    gate_listener_change(&stack->gate, slot, options, now_us);
}

void listener_close(struct hf_stack *stack, uint32_t slot, int64_t now_us)
{
    struct listeners *listeners = &stack->listeners;
    struct listener *listener = listener_at(listeners, slot);
    struct reaper_task task;

    while (reaper_listener_closed(&stack->gate, slot, &task) == REAPER_RESET) {
        struct auth_terms terms;
        struct outbox_way way = {&task.flow, &task.to, task.hash,
                                 stack->signing.calls ? stack->signing.calls->spontaneous_terms(
                                                            stack, &task.flow, &task.seg, &terms)
                                                      : NULL};

        egress_answer(stack, &way, &task.seg);
        count_one(&stack->stats, resets_sent);
        tcp_state_note(&stack->tcp, TCP_SYN_RECEIVED, TCP_CLOSED);
    }
    connection_abort_queued(stack, slot, now_us);
    table_remove(&listeners->table, hash_of(listener->port), slot);
    listeners->last_port = 0;
    if (list_is_linked(&listener->by_ready))
        list_remove(&listeners->ready, by_ready(listeners), slot);
    listener->open = false;
    listener->generation += listener->generation == UINT32_MAX ? 2 : 1;
    pool_give(&listeners->pool, slot);
    tcp_state_note(&stack->tcp, TCP_LISTEN, TCP_CLOSED);
}

void listener_announce(struct listeners *listeners, uint32_t slot)
{
    struct listener *listener = listener_at(listeners, slot);

    listener->ready |= HF_ACCEPTABLE;
    if (!list_is_linked(&listener->by_ready))
        list_append(&listeners->ready, by_ready(listeners), slot);
}
