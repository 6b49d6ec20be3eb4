/* Which of our addresses speaks to whom, and by which next hop. [RFC 1122 3.3.1] RFC 6724 in small. */
#ifndef STACK_ROUTE_H
#define STACK_ROUTE_H

#include "wire/flow.h"

#define ROUTE_NOT_OURS 255

/* A prefix in words of memory: quick to compare with. */
struct route_network {
    uint64_t high, low, high_mask, low_mask;
};

struct route {
    struct hf_prefix ours[HF_ADDRESSES_MAX];
    struct route_network networks[HF_ADDRESSES_MAX]; /* of `ours` */
    struct hf_route routes[HF_ROUTES_MAX];
    uint8_t our_count, route_count;
    bool
        anywhere; /* gateways may lie outside our networks: the host's own routing has found them */
    bool raw_ip;  /* no link addresses: every next hop is the destination */
};

/* How a packet goes out. */
struct route_path {
    struct hf_address source;
    struct hf_address next_hop; /* on the link: the destination itself, or a gateway */
};

/* Copies what of the configuration is in use. */
void route_init(struct route *route, const struct hf_config *config);

/* The path to `remote`. `local` NULL or unspecified: the source is chosen. HF_OK, HF_NO_ROUTE, or HF_NO_ADDRESS (`local` is
 * not ours, or of the other family). The longest prefix wins, our own networks before routes of equal length. */
int route_find(const struct route *route, const struct hf_address *remote,
               const struct hf_address *local, struct route_path *path);

/* The number of one of our addresses, or ROUTE_NOT_OURS. */
uint8_t route_our_index(const struct route *route, const struct hf_address *address);

static inline bool route_is_ours(const struct route *route, const struct hf_address *address)
{
    return route_our_index(route, address) != ROUTE_NOT_OURS;
}

/* Limited broadcast, or the directed broadcast of one of our IPv4 networks, in its old form (host bits zero) too.
 * [RFC 1122 3.2.1.3] */
bool route_is_broadcast(const struct route *route, const struct hf_address *address);

/* A multicast group that we are in: all nodes, or the solicited-node group of an address of ours. [RFC 4291 2.8] */
bool route_is_our_group(const struct route *route, const struct hf_address *address);

/* Whether an address lies in none of our networks: then it is not ours, nor the broadcast address of one of them. */
static inline bool route_is_stranger(const struct route *route, const struct hf_address *address)
{
    uint64_t high, low;

    memcpy(&high, address->bytes, sizeof high);
    memcpy(&low, address->bytes + 8, sizeof low);
    for (uint8_t i = 0; i < route->our_count; i++) {
        const struct route_network *network = &route->networks[i];

        if ((((high ^ network->high) & network->high_mask) |
             ((low ^ network->low) & network->low_mask)) == 0)
            return false;
    }
    return true;
}

/* Whether an address of the link, reached without a gateway. */
bool route_is_on_link(const struct route *route, const struct hf_address *address);

#endif
