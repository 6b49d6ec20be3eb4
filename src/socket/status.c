/* STATUS, and what a user sets on a socket. [RFC 9293 3.10.6, 3.9.1.7] */
#include <handfast/socket.h>

#include "socket/lookup.h"

#define CURSOR_CONNECTIONS (UINT64_C(1) << 63)

int hf_set_user(struct hf_stack *stack, hf_socket socket, uint64_t user)
{
    uint32_t slot;

    if (lookup_listener(stack, socket, &slot) == HF_OK) {
        listener_at(&stack->listeners, slot)->user = user;
        return HF_OK;
    }
    int error = lookup_connection(stack, socket, &slot);

    if (error == HF_OK)
        connection_at(&stack->connections, slot)->user = user;
    return error;
}

/* Kept for those that the listener will accept. */
static int set_for_accepted(struct listener *listener, enum hf_option option, uint32_t value)
{
    if (option < HF_NODELAY || option > HF_DSCP || (option == HF_DSCP && value > 63))
        return HF_INVALID;
    listener->options[option] = value;
    listener->options_set |= (uint16_t)(1u << option);
    return HF_OK;
}

_Static_assert(HF_DSCP < LISTENER_OPTIONS, "a listener has a place for every option");

int hf_set_option(struct hf_stack *stack, hf_socket socket, enum hf_option option, uint32_t value,
                  int64_t now_us)
{
    uint32_t slot;

    if (lookup_listener(stack, socket, &slot) == HF_OK)
        return set_for_accepted(listener_at(&stack->listeners, slot), option, value);
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    error = tcp_set_option(&stack->tcp, &connection_at(&stack->connections, slot)->tcb, option,
                           value, now_us);
    connection_after(stack, slot, NULL, now_us);
    return error;
}

static void listener_status(const struct hf_stack *stack, uint32_t slot, struct hf_status *status)
{
    const struct listener *listener = listener_at(&stack->listeners, slot);
    const struct gate_listener *gate = &stack->gate.listeners[slot];

    *status = (struct hf_status){
        .state = HF_STATE_LISTEN,
        .local = {listener->address, listener->port},
        .user = listener->user,
        .accept_queued = listener->accept_queue.count,
        .half_opens = gate->half_opens.count,
        .backlog = listener->backlog,
        .pressure = gate->pressure.level,
        .pressure_since_us = gate->pressure.since_us,
        .cookies_sent = gate->cookies_sent,
    };
}

/* A connection whose TIME-WAIT record is still there is in TIME-WAIT, whatever is left of its TCB. */
static void connection_status(const struct hf_stack *stack, uint32_t slot, struct hf_status *status)
{
    const struct connection *connection = connection_at(&stack->connections, slot);
    const struct flow *flow = &connection->flow;

    *status = (struct hf_status){0};
    tcp_status(&connection->tcb, status);
    status->local = (struct hf_endpoint){flow->local, flow->local_port};
    status->remote = (struct hf_endpoint){flow->remote, flow->remote_port};
    status->user = connection->user;
    if (!(connection->flags & CONNECTION_TIME_WAIT))
        return;
    bool waits = time_wait_find(&stack->time_waits, connection->hash, flow) != SLOT_NONE;

    status->state = waits ? HF_STATE_TIME_WAIT : HF_STATE_CLOSED;
    status->error = HF_OK;
}

/* A connection that nobody holds, by the value that hf_next_socket gave. */
static bool is_observed(const struct hf_stack *stack, hf_socket socket, uint32_t *slot)
{
    *slot = socket_slot(socket & ~SOCKET_OBSERVER_BIT);
    if (!(socket & SOCKET_OBSERVER_BIT) || socket_is_listener(socket) ||
        *slot >= stack->connections.pool.high)
        return false;
    const struct connection *connection = connection_at(&stack->connections, *slot);

    return (connection->flags & CONNECTION_OPEN) &&
           connection->generation == socket_generation(socket);
}

int hf_status(const struct hf_stack *stack, hf_socket socket, struct hf_status *status)
{
    uint32_t slot;

    if (lookup_listener(stack, socket, &slot) == HF_OK) {
        listener_status(stack, slot, status);
        return HF_OK;
    }
    if (lookup_connection(stack, socket, &slot) != HF_OK && !is_observed(stack, socket, &slot))
        return HF_NO_SOCKET;
    connection_status(stack, slot, status);
    return HF_OK;
}

static bool next_listener(const struct hf_stack *stack, uint64_t *cursor, hf_socket *socket)
{
    while (*cursor < stack->listeners.pool.high) {
        uint32_t slot = (uint32_t)(*cursor)++;
        const struct listener *listener = listener_at(&stack->listeners, slot);

        if (!listener->open)
            continue;
        *socket = socket_value(listener->generation, slot, true);
        return true;
    }
    return false;
}

int hf_next_socket(const struct hf_stack *stack, uint64_t *cursor, hf_socket *socket)
{
    if (!(*cursor & CURSOR_CONNECTIONS)) {
        if (next_listener(stack, cursor, socket))
            return HF_OK;
        *cursor = CURSOR_CONNECTIONS;
    }
    while ((*cursor & ~CURSOR_CONNECTIONS) < stack->connections.pool.high) {
        uint32_t slot = (uint32_t)(*cursor)++;
        const struct connection *connection = connection_at(&stack->connections, slot);

        if (!(connection->flags & CONNECTION_OPEN))
            continue;
        *socket = socket_value(connection->generation, slot, false);
        if (!(connection->flags & CONNECTION_HAS_USER))
            *socket |= SOCKET_OBSERVER_BIT;
        return HF_OK;
    }
    return HF_AGAIN;
}
