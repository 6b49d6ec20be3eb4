/* Bytes to and from the user: SEND and RECEIVE, with and without a copy. [RFC 9293 3.10.2, 3.10.3] */
#include <handfast/socket.h>

#include "socket/lookup.h"

static struct tcb *tcb_at(struct hf_stack *stack, uint32_t slot)
{
    return &connection_at(&stack->connections, slot)->tcb;
}

ptrdiff_t hf_send(struct hf_stack *stack, hf_socket socket, const void *data, size_t length,
                  int64_t now_us)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    ptrdiff_t taken = tcp_send(&stack->tcp, tcb_at(stack, slot), data, length, now_us);

    connection_after(stack, slot, NULL, now_us);
    return taken;
}

ptrdiff_t hf_send_urgent(struct hf_stack *stack, hf_socket socket, const void *data, size_t length,
                         int64_t now_us)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    ptrdiff_t taken = tcp_send_urgent(&stack->tcp, tcb_at(stack, slot), data, length, now_us);

    connection_after(stack, slot, NULL, now_us);
    return taken;
}

ptrdiff_t hf_receive(struct hf_stack *stack, hf_socket socket, void *buffer, size_t capacity,
                     int64_t now_us)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    ptrdiff_t copied = tcp_receive(&stack->tcp, tcb_at(stack, slot), buffer, capacity, now_us);

    if (copied > 0) /* the window may be worth an update */
        connection_after(stack, slot, NULL, now_us);
    return copied;
}

ptrdiff_t hf_peek_spans(struct hf_stack *stack, hf_socket socket, struct hf_span *spans,
                        size_t *count)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    return tcp_peek(&stack->tcp, tcb_at(stack, slot), spans, count);
}

ptrdiff_t hf_peek(struct hf_stack *stack, hf_socket socket, const void **data)
{
    struct hf_span span = {NULL, 0};
    size_t count = 1;
    ptrdiff_t length = hf_peek_spans(stack, socket, &span, &count);

    *data = length > 0 ? span.data : NULL;
    return length;
}

int hf_consume(struct hf_stack *stack, hf_socket socket, size_t length, int64_t now_us)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    error = tcp_consume(&stack->tcp, tcb_at(stack, slot), length, now_us);
    connection_after(stack, slot, NULL, now_us);
    return error;
}

ptrdiff_t hf_reserve(struct hf_stack *stack, hf_socket socket, struct hf_span *spans, size_t *count)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    return tcp_reserve(&stack->tcp, tcb_at(stack, slot), spans, count);
}

int hf_commit(struct hf_stack *stack, hf_socket socket, size_t length, int64_t now_us)
{
    uint32_t slot;
    int error = lookup_connection(stack, socket, &slot);

    if (error != HF_OK)
        return error;
    error = tcp_commit(&stack->tcp, tcb_at(stack, slot), length, now_us);
    connection_after(stack, slot, NULL, now_us);
    return error;
}
