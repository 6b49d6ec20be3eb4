/* Which sockets have something for their user: the asynchronous reports of this stack. [RFC 9293 3.9.1.8]
 *
 * Readiness is announced when it becomes true, once: lists of those that have some make the cost that of what happened, not
 * of what is open.
 */
#include <handfast/socket.h>

#include "socket/lookup.h"

static struct list_links listener_links(const struct hf_stack *stack)
{
    return list_links_in(&stack->listeners.pool, offsetof(struct listener, by_ready));
}

static struct list_links connection_links(const struct hf_stack *stack)
{
    return list_links_in(&stack->connections.pool, offsetof(struct connection, by_ready));
}

static bool take_listener(struct hf_stack *stack, struct hf_ready *ready)
{
    uint32_t slot = list_take(&stack->listeners.ready, listener_links(stack));

    if (slot == SLOT_NONE)
        return false;
    struct listener *listener = listener_at(&stack->listeners, slot);

    list_link_init(&listener->by_ready);
    *ready = (struct hf_ready){
        .socket = socket_value(listener->generation, slot, true),
        .user = listener->user,
        .what = listener->ready,
    };
    listener->ready = 0;
    return true;
}

static bool take_connection(struct hf_stack *stack, struct hf_ready *ready)
{
    uint32_t slot = list_take(&stack->connections.ready, connection_links(stack));

    if (slot == SLOT_NONE)
        return false;
    struct connection *connection = connection_at(&stack->connections, slot);

    list_link_init(&connection->by_ready);
    *ready = (struct hf_ready){
        .socket = socket_value(connection->generation, slot, false),
        .user = connection->user,
        .what = connection->ready,
    };
    connection->ready = 0;
    return true;
}

size_t hf_take_ready(struct hf_stack *stack, struct hf_ready *ready, size_t count)
{
    size_t taken = 0;

    if (stack->listeners.ready.count + stack->connections.ready.count == 0)
        return 0;
    while (taken < count && take_listener(stack, &ready[taken]))
        taken++;
    while (taken < count && take_connection(stack, &ready[taken]))
        taken++;
    return taken;
}
