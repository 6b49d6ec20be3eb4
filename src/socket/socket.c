/* Sockets: opening, accepting, closing. [RFC 9293 3.9.1, 3.10.1, 3.10.4, 3.10.5]
 *
 * The user's calls, with his handles turned into slots and each call on a connection followed by connection_after(). There
 * is no state here.
 */
#include <handfast/socket.h>

#include "socket/lookup.h"
#include "stack/demux.h"

int hf_listen_with(struct hf_stack *stack, const struct hf_listen_options *options,
                   hf_socket *listener)
{
    uint32_t slot;
    int error = listener_open(stack, options, &slot);

    if (error == HF_OK)
        *listener = socket_value(listener_at(&stack->listeners, slot)->generation, slot, true);
    return error;
}

int hf_listen_change(struct hf_stack *stack, hf_socket listener,
                     const struct hf_listen_options *options, int64_t now_us)
{
    uint32_t slot;
    int error = lookup_listener(stack, listener, &slot);

    if (error == HF_OK)
        listener_change(stack, slot, options, now_us);
    return error;
}

int hf_listen(struct hf_stack *stack, const struct hf_endpoint *local, hf_socket *listener)
{
    return hf_listen_with(stack, &(struct hf_listen_options){.local = *local}, listener);
}

int hf_accept(struct hf_stack *stack, hf_socket listener, hf_socket *connection)
{
    uint32_t slot;
    int error = lookup_listener(stack, listener, &slot);

    if (error != HF_OK)
        return error;
    slot = connection_accept(stack, slot);
    if (slot == SLOT_NONE)
        return HF_AGAIN;
    *connection = socket_value(connection_at(&stack->connections, slot)->generation, slot, false);
    return HF_OK;
}

/* Only one host can be connected to [RFC 9293 MUST-46, MUST-63], and by default not ourselves. */
static bool may_be_connected(const struct hf_stack *stack, const struct hf_endpoint *remote)
{
    if (remote->port == 0 || address_kind(&remote->address) != ADDRESS_UNICAST ||
        route_is_broadcast(&stack->route, &remote->address))
        return false;
    return stack->config.allow_self_connect || !route_is_ours(&stack->route, &remote->address);
}

/* The port that the user named, or one that makes the flow a new one. [RFC 9293 MUST-43; RFC 6056 3.3.3] */
static int choose_port(struct hf_stack *stack, struct flow *flow, uint64_t *hash, int64_t now_us)
{
    if (flow->local_port == 0)
        return demux_choose_port(stack, flow, hash, now_us) ? HF_OK : HF_ADDRESS_IN_USE;
    if (!stack->config.allow_simultaneous_at_listener &&
        listener_find(&stack->listeners, &flow->local, flow->local_port) != SLOT_NONE)
        return HF_ADDRESS_IN_USE;
    *hash = demux_hash(&stack->keys.tuple, flow);
    return demux_is_new(stack, flow, *hash) ? HF_OK : HF_ADDRESS_IN_USE;
}

int hf_connect(struct hf_stack *stack, const struct hf_endpoint *local,
               const struct hf_endpoint *remote, hf_socket *connection, int64_t now_us)
{
    struct flow flow = {
        .remote = remote->address,
        .remote_port = remote->port,
        .local_port = local ? local->port : 0,
    };
    struct route_path path;
    uint64_t hash;
    uint32_t slot;
    int error;

    if (!may_be_connected(stack, remote))
        return HF_INVALID;
    error = route_find(&stack->route, &flow.remote, local ? &local->address : NULL, &path);
    if (error != HF_OK)
        return error;
    flow.local = path.source;
    error = choose_port(stack, &flow, &hash, now_us);
    if (error != HF_OK)
        return error;
    error = connection_open_active(stack, &flow, hash, &slot, now_us);
    if (error != HF_OK)
        return error;
    *connection = socket_value(connection_at(&stack->connections, slot)->generation, slot, false);
    return HF_OK;
}

int hf_shutdown(struct hf_stack *stack, hf_socket socket, int64_t now_us)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    error = tcp_shutdown(&stack->tcp, &connection_at(&stack->connections, slot)->tcb, now_us);
    connection_after(stack, slot, NULL, now_us);
    return error;
}

enum how { CLOSE, ABORT };

/* The user gives up a socket; what the connection still has to do, it does alone. */
static int give_up(struct hf_stack *stack, hf_socket socket, enum how how, int64_t now_us)
{
    uint32_t slot;

    if (lookup_listener(stack, socket, &slot) == HF_OK) {
        listener_close(stack, slot, now_us);
        return HF_OK;
    }
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    struct tcb *tcb = &connection_at(&stack->connections, slot)->tcb;

    if (how == ABORT)
        tcp_abort(&stack->tcp, tcb, now_us);
    else
        tcp_close(&stack->tcp, tcb, now_us); /* one that is over or closing already is no error */
    connection_drop_user(stack, slot, now_us);
    return HF_OK;
}

int hf_close(struct hf_stack *stack, hf_socket socket, int64_t now_us)
{
    return give_up(stack, socket, CLOSE, now_us);
}

int hf_abort(struct hf_stack *stack, hf_socket socket, int64_t now_us)
{
    return give_up(stack, socket, ABORT, now_us);
}
