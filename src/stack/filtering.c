/* Filters in a stack: the strictest of them is heard. [RFC 2827; RFC 3704] */
#include "stack/filtering.h"

void filtering_look_up(const struct hf_stack *stack, const struct packet *const *packets,
                       unsigned count, struct filtering_lists *lists)
{
    uint32_t listed[PREFIX_TABLE_GROUP];

    for (unsigned place = 0; place < HF_FILTERS; place++) {
        if (!stack->filter[place])
            continue;
        filter_look_up(stack->filter[place], packets, count, listed);
        for (unsigned i = 0; i < count; i++)
            lists[i].listed[place] = listed[i];
    }
}

enum filter_verdict filtering_ask(struct hf_stack *stack, const struct packet *packet,
                                  const struct filtering_lists *lists, enum hf_stat *counter)
{
    enum filter_verdict all = FILTER_PASS;

    for (unsigned place = 0; place < HF_FILTERS; place++) {
        enum hf_stat named = HF_STAT_none;
        enum filter_verdict one;

        if (!stack->filter[place])
            continue;
        one = filter_match(stack->filter[place], packet, lists->listed[place], &named);
        if (one > all) {
            all = one;
            *counter = named;
        }
        if (all >= FILTER_REFUSE_FRESH)
            break;
    }
    if (all != FILTER_OBSERVED)
        return all;
    stack->stats.would_refuse++;
    return FILTER_PASS;
}

struct hf_filter *hf_set_filter(struct hf_stack *stack, unsigned place, struct hf_filter *filter)
{
    struct hf_filter *before;

    if (place >= HF_FILTERS)
        return NULL;
    before = stack->filter[place];
    stack->filter[place] = filter;
    stack->filters = 0;
    for (unsigned i = 0; i < HF_FILTERS; i++)
        stack->filters += stack->filter[i] != NULL;
    return before;
}
