/* Filters in a stack: asked once for each packet, before it is led to a connection. */
#ifndef STACK_FILTERING_H
#define STACK_FILTERING_H

#include "filter/match.h"
#include "stack/stack.h"

/* What the lists of each filter say about a packet's source. */
struct filtering_lists {
    uint32_t listed[HF_FILTERS];
};

/* What a stack with filters does: stack->filtering, NULL until there is one, so that who never sets one has none of this in
 * his image. */
struct filtering_calls {
    /* For up to PREFIX_TABLE_GROUP packets at once. Like ask only to be called while stack->filters is not 0. */
    void (*look_up)(const struct hf_stack *stack, const struct packet *const *packets,
                    unsigned count, struct filtering_lists *lists);

    /* What all filters together say, and whether an answer would go the way that the packet came. Counts nothing but what is let
     * through though seen; `counter` is the name of a refusal. */
    enum filter_verdict (*ask)(struct hf_stack *stack, const struct packet *packet,
                               const struct filtering_lists *lists, enum hf_stat *counter);

    /* Whether a connection of ours may be opened; counts if not. */
    bool (*may_open)(struct hf_stack *stack, const struct flow *flow);
};

#endif
