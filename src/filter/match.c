/* One packet, one verdict. In this order, until one refuses: is its source possible (bogons); do the lists refuse it; does the
 * service that it is for; what do the rules say; is it file sharing from outside; does the default refuse what nobody spoke
 * of. */
#include "filter/match.h"

#include "filter/bogons.h"
#include "wire/icmpv6.h"

const struct filter_service *filter_service_at(const struct hf_filter *filter,
                                               const struct hf_address *address, uint16_t port)
{
    uint32_t low = 0, high = filter->endpoint_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (filter->endpoints[middle].port < port)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < filter->endpoint_count && filter->endpoints[low].port == port; low++) {
        const struct filter_endpoint *endpoint = &filter->endpoints[low];

        if (address_is_any(&endpoint->address) || address_equal(&endpoint->address, address))
            return &filter->services[endpoint->service];
    }
    return NULL;
}

/* Neighbour and group discovery: without it the prefix's other hosts, or a router in it, could not be spoken to. */
static bool is_discovery(const struct packet *packet)
{
    uint8_t type = packet->payload_length ? packet->payload[0] : 0;

    return packet->kind == PACKET_ICMPV6 && ((type >= 130 && type <= 137) || type == 143);
}

static bool is_asked_about(const struct packet *packet)
{
    switch (packet->kind) {
    case PACKET_TCP:
    case PACKET_ICMPV4:
    case PACKET_FRAGMENT: return true;
    case PACKET_ICMPV6: return !is_discovery(packet);
    case PACKET_REFUSED: return packet->problem; /* it would be answered */
    case PACKET_FOREIGN: return packet->problem;
    case PACKET_ARP: break;
    }
    return false;
}

void filter_look_up(const struct hf_filter *filter, const struct packet *const *packets,
                    unsigned count, uint32_t *listed)
{
    const struct hf_address *sources[PREFIX_TABLE_GROUP] = {NULL};
    uint32_t found[PREFIX_TABLE_GROUP], places[PREFIX_TABLE_GROUP];
    unsigned asked = 0;

    for (unsigned i = 0; i < count; i++) {
        listed[i] = PREFIX_TABLE_NONE;
        if (is_asked_about(packets[i])) {
            sources[asked] = &packets[i]->source;
            places[asked++] = i;
        }
    }
    prefix_table_find_group(&filter->sources, sources, asked, found);
    for (unsigned i = 0; i < asked; i++)
        listed[places[i]] = found[i];
}

/* What a list allows, and our own networks, are no bogons whatever their number is. */
static bool is_bogon(const struct hf_filter *filter, const struct packet *packet, uint32_t listed)
{
    if (listed != PREFIX_TABLE_NONE && filter->lists[listed - 1].allow)
        return false;
    return prefix_table_find(&filter->bogons, &packet->source) == BOGONS_ARE &&
           prefix_table_find(&filter->inside, &packet->source) == PREFIX_TABLE_NONE;
}

static enum hf_stat by_lists(struct hf_filter *filter, uint32_t listed)
{
    if (listed == PREFIX_TABLE_NONE)
        return HF_STAT_none;
    filter->list_packets[listed - 1]++;
    return filter->lists[listed - 1].allow ? HF_STAT_none : filter->lists[listed - 1].counter;
}

static enum hf_stat by_service(const struct filter_service *service, const struct packet *packet)
{
    if (!service || !service->restricted ||
        prefix_table_find(&service->allow, &packet->source) != PREFIX_TABLE_NONE)
        return HF_STAT_none;
    return HF_STAT_filter_not_allowed;
}

/* TCP that no rule speaks of. */
static enum hf_stat by_default(const struct hf_filter *filter, const struct packet *packet,
                               const struct filter_service *service)
{
    if (service && service->restricted) /* and it is among those allowed */
        return HF_STAT_none;
    if (filter->deny_sharing && hf_filter_is_sharing_port(packet->segment.destination_port) &&
        prefix_table_find(&filter->inside, &packet->source) == PREFIX_TABLE_NONE)
        return HF_STAT_filter_sharing;
    return filter->rules.deny_inward && !service ? HF_STAT_filter_default : HF_STAT_none;
}

static enum hf_stat by_rules(struct hf_filter *filter, const struct packet *packet,
                             const struct filter_service *service)
{
    uint32_t place;
    const struct hf_filter_rule *rule;

    if (packet->kind != PACKET_TCP && packet->kind != PACKET_ICMPV4 &&
        packet->kind != PACKET_ICMPV6)
        return HF_STAT_none; /* a fragment: when it is whole */
    place = rulebook_first(&filter->inward, packet);
    if (place == RULEBOOK_NONE)
        return packet->kind == PACKET_TCP ? by_default(filter, packet, service) : HF_STAT_none;
    rule = &filter->inward.rules[place];
    filter->rule_packets[filter->inward.numbers[place]]++;
    if (rule->allow)
        return HF_STAT_none;
    return rule->ttl_below ? HF_STAT_filter_ttl : HF_STAT_filter_rule;
}

static enum filter_verdict verdict_for(enum hf_stat counter, const struct filter_service *service)
{
    if (counter == HF_STAT_none)
        return FILTER_PASS;
    if (service && service->observe)
        return FILTER_OBSERVED;
    return counter == HF_STAT_filter_bogon || counter == HF_STAT_filter_ttl ? FILTER_REFUSE
                                                                            : FILTER_REFUSE_FRESH;
}

enum filter_verdict filter_match(struct hf_filter *filter, const struct packet *packet,
                                 uint32_t listed, enum hf_stat *counter)
{
    const struct filter_service *service = NULL;

    *counter = HF_STAT_none;
    if (!is_asked_about(packet))
        return FILTER_PASS;
    if (packet->kind == PACKET_TCP && filter->endpoint_count)
        service = filter_service_at(filter, &packet->destination, packet->segment.destination_port);
    if (filter->check_bogons == HF_BOGONS_REFUSE && is_bogon(filter, packet, listed))
        *counter = HF_STAT_filter_bogon;
    if (*counter == HF_STAT_none)
        *counter = by_lists(filter, listed);
    if (*counter == HF_STAT_none)
        *counter = by_service(service, packet);
    if (*counter == HF_STAT_none && filter->asks_rules)
        *counter = by_rules(filter, packet, service);
    return verdict_for(*counter, service);
}

bool filter_sees_bogon(const struct hf_filter *filter, const struct packet *packet, uint32_t listed)
{
    return filter->check_bogons == HF_BOGONS_COUNT && is_asked_about(packet) &&
           is_bogon(filter, packet, listed);
}
