/* One packet, one verdict: the lists first, then the service that it is for. */
#include "filter/match.h"

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

/* Whether a list refuses the source. */
static bool is_refused(struct hf_filter *filter, uint32_t listed, enum hf_stat *counter)
{
    if (listed == PREFIX_TABLE_NONE)
        return false;
    filter->list_packets[listed - 1]++;
    *counter = filter->lists[listed - 1].counter;
    return !filter->lists[listed - 1].allow;
}

enum filter_verdict filter_match(struct hf_filter *filter, const struct packet *packet,
                                 uint32_t listed, enum hf_stat *counter)
{
    const struct filter_service *service = NULL;
    bool refused;

    if (!is_asked_about(packet))
        return FILTER_PASS;
    refused = is_refused(filter, listed, counter);
    if (packet->kind == PACKET_TCP && filter->endpoint_count)
        service = filter_service_at(filter, &packet->destination, packet->segment.destination_port);
    if (!refused && service && service->restricted &&
        prefix_table_find(&service->allow, &packet->source) == PREFIX_TABLE_NONE) {
        *counter = HF_STAT_filter_not_allowed;
        refused = true;
    }
    if (!refused)
        return FILTER_PASS;
    return service && service->observe ? FILTER_OBSERVED : FILTER_REFUSE_FRESH;
}
