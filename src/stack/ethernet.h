/* hf_ethernet, a part of a stack: a link with addresses. [RFC 826; RFC 1122 2.3] */
#ifndef STACK_ETHERNET_H
#define STACK_ETHERNET_H

#include "stack/neighbor.h"

struct hf_stack;

/* neighbor.h, but that next hops are found by route. */
struct hf_ethernet {
    void (*init)(struct neighbors *neighbors, struct arena *arena,
                 const struct neighbor_setup *setup, int64_t now_us);
    enum neighbor_verdict (*resolve)(struct hf_stack *stack, const struct flow *flow,
                                     struct neighbor_ref *ref, struct hf_mac *mac, int64_t now_us);
    void (*confirm)(struct hf_stack *stack, const struct flow *flow, const struct hf_mac *from,
                    int64_t now_us);
    void (*wake)(struct hf_stack *stack); /* connections_wake */
    void (*progress)(struct neighbors *neighbors, const struct neighbor_ref *ref, int64_t now_us);
    void (*doubt)(struct neighbors *neighbors, const struct neighbor_ref *ref);
    enum hf_stat (*on_arp)(struct neighbors *neighbors, const struct packet *packet,
                           int64_t now_us);
    uint32_t (*next_message)(struct neighbors *neighbors, uint8_t *frame, int64_t now_us);
    int64_t (*deadline)(const struct neighbors *neighbors);
    void (*tick)(struct neighbors *neighbors, int64_t now_us);
};

#endif
