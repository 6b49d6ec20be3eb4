/* Half-opens, one by one, for people: what the SYN cache holds. [RFC 9293 3.10.7.2] */
#include <handfast/socket.h>

#include "stack/stack.h"

static void describe(const struct hf_stack *stack, uint32_t slot, struct hf_half_open *out)
{
    const struct half_open *half_open = syn_cache_at(&stack->gate.cache, slot);
    struct flow flow = gate_flow(&stack->gate, slot);

    *out = (struct hf_half_open){
        .local = {flow.local, flow.local_port},
        .remote = {flow.remote, flow.remote_port},
        .user = listener_at(&stack->listeners, half_open->listener)->user,
        .mss = half_open->mss,
        .syn_acks = half_open->sent,
        .timestamps = (half_open->flags & HALF_OPEN_TIMESTAMPS) != 0,
        .sack = (half_open->flags & HALF_OPEN_SACK) != 0,
        .window_scaling = (half_open->flags & HALF_OPEN_SCALING) != 0,
    };
}

/* A free slot has no mark: but the table leads to a half-open from its flow, and never to a free slot. */
int hf_next_half_open(const struct hf_stack *stack, uint64_t *cursor, struct hf_half_open *out)
{
    const struct gate *gate = &stack->gate;
    struct flow flow;
    uint32_t slot;

    if (*cursor >= gate->cache.pool.high)
        return HF_AGAIN;
    slot = (uint32_t)(*cursor)++;
    flow = gate_flow(gate, slot);
    if (gate_find(gate, gate_hash_of(gate, slot), &flow) != slot)
        return HF_NO_SOCKET;
    describe(stack, slot, out);
    return HF_OK;
}
