/* Filters in a stack: the strictest of them is heard. [RFC 2827; RFC 3704] */
#include "stack/filtering.h"

#include "stack/neighbor_arrives.h"
#include "wire/ethernet.h"

static void filtering_look_up(const struct hf_stack *stack, const struct packet *const *packets,
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

/* ---- reverse path ---- */

/* Whether a neighbour's link address is known, and this one. */
static bool speaks_for(struct hf_stack *stack, const struct hf_address *neighbor,
                       const struct hf_mac *mac, bool *known)
{
    uint32_t slot = neighbor_find(&stack->neighbors, neighbor);
    const struct neighbor *entry;

    *known = false;
    if (slot == SLOT_NONE)
        return false;
    entry = neighbor_at(&stack->neighbors, slot);
    *known = entry->state == NEIGHBOR_REACHABLE || entry->state == NEIGHBOR_STALE ||
             entry->state == NEIGHBOR_PROBE;
    return *known && mac_equal(&entry->mac, mac);
}

/* Whether one of the gateways of the source's family sent the frame. `doubt`: one that we do not know might have. */
static bool is_from_gateway(struct hf_stack *stack, const struct packet *packet, bool *doubt)
{
    bool found = false;

    *doubt = false;
    for (uint8_t i = 0; i < stack->route.route_count; i++) {
        const struct hf_address *gateway = &stack->route.routes[i].gateway;
        bool known;

        if (address_is_any(gateway) ||
            hf_address_is_v4(gateway) != hf_address_is_v4(&packet->source))
            continue;
        found |= speaks_for(stack, gateway, &packet->link.source, &known);
        *doubt |= !known;
    }
    return found;
}

static bool is_gateway(const struct hf_stack *stack, const struct hf_address *address)
{
    for (uint8_t i = 0; i < stack->route.route_count; i++)
        if (address_equal(&stack->route.routes[i].gateway, address))
            return true;
    return false;
}

/* Strict: what is on the link comes from no gateway but the gateway's own, what is beyond comes from one. A gateway whose
 * link address is not known yet may be anybody. [RFC 3704 2.2; RFC 2827 3] [R2827-03, R3704-01, R3704-03] */
static bool came_the_way_back(struct hf_stack *stack, const struct packet *packet, bool strict)
{
    struct route_path path;
    bool doubt, from_gateway;

    if (address_is_link_local(&packet->source))
        return true;
    if (route_find(&stack->route, &packet->source, NULL, &path) != HF_OK)
        return false;
    if (!strict || !stack->link_header || is_gateway(stack, &packet->source))
        return true;
    from_gateway = is_from_gateway(stack, packet, &doubt);
    if (address_equal(&path.next_hop, &packet->source))
        return !from_gateway;
    return from_gateway || doubt;
}

static bool is_of_a_host(const struct packet *packet)
{
    return packet->kind != PACKET_ARP && packet->kind != PACKET_FOREIGN &&
           packet->kind != PACKET_REFUSED && address_kind(&packet->source) == ADDRESS_UNICAST;
}

/* ---- a packet ---- */

static enum filter_verdict ask_one(struct hf_stack *stack, struct hf_filter *filter,
                                   const struct packet *packet, uint32_t listed,
                                   enum hf_stat *counter)
{
    enum filter_verdict verdict = filter_match(filter, packet, listed, counter);

    if (verdict == FILTER_REFUSE)
        return verdict;
    stack->stats.filter_bogon_seen += filter_sees_bogon(filter, packet, listed);
    if (filter->reverse_path == HF_REVERSE_PATH_OFF || !is_of_a_host(packet) ||
        came_the_way_back(stack, packet, filter->reverse_path == HF_REVERSE_PATH_STRICT))
        return verdict;
    *counter = HF_STAT_filter_reverse_path;
    return FILTER_REFUSE;
}

static enum filter_verdict filtering_ask(struct hf_stack *stack, const struct packet *packet,
                                         const struct filtering_lists *lists, enum hf_stat *counter)
{
    enum filter_verdict all = FILTER_PASS;

    for (unsigned place = 0; place < HF_FILTERS; place++) {
        struct hf_filter *filter = stack->filter[place];
        enum hf_stat named = HF_STAT_none;
        enum filter_verdict one;

        if (!filter)
            continue;
        one = ask_one(stack, filter, packet, lists->listed[place], &named);
        if (one > all) {
            all = one;
            *counter = named;
        }
        if (all == FILTER_REFUSE)
            break;
    }
    if (all != FILTER_OBSERVED)
        return all;
    stack->stats.would_refuse++;
    return FILTER_PASS;
}

/* [R2827-01] */
static bool filtering_may_open(struct hf_stack *stack, const struct flow *flow)
{
    const struct hf_endpoint remote = {flow->remote, flow->remote_port};

    for (unsigned place = 0; place < HF_FILTERS; place++)
        if (stack->filter[place] &&
            !hf_filter_may_open(stack->filter[place], &flow->local, &remote)) {
            stack->stats.filter_egress++;
            return false;
        }
    return true;
}

/* ---- in place ---- */

static const struct filtering_calls filtering_calls = {
    .look_up = filtering_look_up,
    .ask = filtering_ask,
    .may_open = filtering_may_open,
};

struct hf_filter *hf_set_filter(struct hf_stack *stack, unsigned place, struct hf_filter *filter)
{
    struct hf_filter *before;

    if (place >= HF_FILTERS)
        return NULL;
    before = stack->filter[place];
    stack->filter[place] = filter;
    stack->filtering = &filtering_calls;
    stack->filters = 0;
    for (unsigned i = 0; i < HF_FILTERS; i++)
        stack->filters += stack->filter[i] != NULL;
    return before;
}
