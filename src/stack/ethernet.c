/* hf_ethernet, a part of a stack: flows to neighbours. [RFC 1122 2.3.2, 3.3.1] */
#include "stack/ethernet.h"

#include "stack/stack.h"

/* The link address of a flow's next hop. */
static enum neighbor_verdict resolve(struct hf_stack *stack, const struct flow *flow,
                                     struct neighbor_ref *ref, struct hf_mac *mac, int64_t now_us)
{
    struct route_path path;

    if (route_find(&stack->route, &flow->remote, &flow->local, &path) != HF_OK) {
        count_one(&stack->stats, no_route);
        return NEIGHBOR_NO_ROOM;
    }
    return neighbor_resolve(&stack->neighbors, ref, &path.next_hop, mac, now_us);
}

/* The peer has shown that it hears us: its link address may be kept. */
static void confirm(struct hf_stack *stack, const struct flow *flow, const struct hf_mac *from,
                    int64_t now_us)
{
    struct route_path path;

    if (route_find(&stack->route, &flow->remote, &flow->local, &path) == HF_OK)
        neighbor_confirm(&stack->neighbors, &path.next_hop, from, now_us);
}

const struct hf_ethernet hf_ethernet = {
    .init = neighbor_init,
    .resolve = resolve,
    .confirm = confirm,
    .wake = connections_wake,
    .progress = neighbor_progress,
    .doubt = neighbor_doubt,
    .on_arp = neighbor_on_arp,
    .next_message = neighbor_next_message,
    .deadline = neighbor_deadline,
    .tick = neighbor_tick,
};
