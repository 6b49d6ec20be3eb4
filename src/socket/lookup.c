/* From a socket's value to what it names, while it is held. [RFC 9293 3.9.1]
 *
 * A value carries the generation of its slot: whoever keeps one past hf_close meets HF_NO_SOCKET, never somebody else's
 * connection.
 */
#include "socket/lookup.h"

static bool names_listener(const struct hf_stack *stack, hf_socket socket)
{
    uint32_t slot = socket_slot(socket);

    if (!socket_is_listener(socket) || slot >= stack->listeners.pool.high)
        return false;
    const struct listener *listener = listener_at(&stack->listeners, slot);

    return listener->open && listener->generation == socket_generation(socket);
}

static bool names_connection(const struct hf_stack *stack, hf_socket socket)
{
    uint32_t slot = socket_slot(socket);

    if (socket_is_listener(socket) || slot >= stack->connections.pool.high)
        return false;
    const struct connection *connection = connection_at(&stack->connections, slot);

    return (connection->flags & CONNECTION_OPEN) && (connection->flags & CONNECTION_HAS_USER) &&
           connection->generation == socket_generation(socket);
}

int lookup_connection(const struct hf_stack *stack, hf_socket socket, uint32_t *slot)
{
    *slot = socket_slot(socket);
    if (names_connection(stack, socket))
        return HF_OK;
    return names_listener(stack, socket) ? HF_NOT_CONNECTED : HF_NO_SOCKET;
}

int lookup_listener(const struct hf_stack *stack, hf_socket socket, uint32_t *slot)
{
    *slot = socket_slot(socket);
    if (names_listener(stack, socket))
        return HF_OK;
    return names_connection(stack, socket) ? HF_INVALID : HF_NO_SOCKET;
}
