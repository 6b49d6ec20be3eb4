/* Which of our addresses speaks to whom, and by which next hop. [RFC 1122 3.3.1; RFC 6724 5] */
#include "stack/route.h"

#include "base/bytes.h"
#include "wire/ipv6.h"

static bool is_used(const struct hf_prefix *prefix)
{
    return !address_is_any(&prefix->address);
}

static struct route_network network_of(const struct hf_prefix *prefix)
{
    uint32_t bits = prefix->length + (hf_address_is_v4(&prefix->address) ? 96u : 0u);
    struct route_network network;
    uint8_t mask[16];

    for (uint32_t i = 0; i < sizeof mask; i++) {
        uint32_t in_byte = bits > 8 * i ? bits - 8 * i : 0;

        mask[i] = (uint8_t)(0xff00u >> (in_byte < 8 ? in_byte : 8));
    }
    memcpy(&network.high, prefix->address.bytes, 8);
    memcpy(&network.low, prefix->address.bytes + 8, 8);
    memcpy(&network.high_mask, mask, 8);
    memcpy(&network.low_mask, mask + 8, 8);
    return network;
}

void route_init(struct route *route, const struct hf_config *config)
{
    *route =
        (struct route){.raw_ip = config->link == HF_RAW_IP, .anywhere = config->addresses_shared};
    for (unsigned i = 0; i < HF_ADDRESSES_MAX; i++)
        if (is_used(&config->addresses[i])) {
            route->networks[route->our_count] = network_of(&config->addresses[i]);
            route->ours[route->our_count++] = config->addresses[i];
        }
    for (unsigned i = 0; i < HF_ROUTES_MAX; i++)
        if (is_used(&config->routes[i].to) ||
            is_used(&(struct hf_prefix){config->routes[i].gateway, 0}))
            route->routes[route->route_count++] = config->routes[i];
}

uint8_t route_our_index(const struct route *route, const struct hf_address *address)
{
    for (uint8_t i = 0; i < route->our_count; i++)
        if (address_equal(&route->ours[i].address, address))
            return i;
    return ROUTE_NOT_OURS;
}

/* The longest of our networks that holds an address, or ROUTE_NOT_OURS. */
static uint8_t our_network(const struct route *route, const struct hf_address *address)
{
    uint8_t best = ROUTE_NOT_OURS;

    for (uint8_t i = 0; i < route->our_count; i++)
        if (prefix_contains(&route->ours[i], address) &&
            (best == ROUTE_NOT_OURS || route->ours[i].length > route->ours[best].length))
            best = i;
    return best;
}

bool route_is_on_link(const struct route *route, const struct hf_address *address)
{
    return our_network(route, address) != ROUTE_NOT_OURS;
}

/* The longest of the routes, or ROUTE_NOT_OURS. Link-local addresses are never beyond a router [RFC 4291 2.5.6]. */
static uint8_t longest_route(const struct route *route, const struct hf_address *remote)
{
    uint8_t best = ROUTE_NOT_OURS;

    if (address_is_link_local(remote))
        return ROUTE_NOT_OURS;
    for (uint8_t i = 0; i < route->route_count; i++)
        if (prefix_contains(&route->routes[i].to, remote) &&
            (best == ROUTE_NOT_OURS || route->routes[i].to.length > route->routes[best].to.length))
            best = i;
    return best;
}

static uint32_t common_bits(const struct hf_address *a, const struct hf_address *b)
{
    for (uint32_t i = 0; i < sizeof a->bytes; i++)
        if (a->bytes[i] != b->bytes[i])
            return i * 8 + (uint32_t)__builtin_clz((uint32_t)(a->bytes[i] ^ b->bytes[i])) - 24;
    return 128;
}

/* Of our addresses of the remote's family: the remote itself, then one of the same scope, then one in the network of the next
 * hop, then the one that agrees longest, then the first. Rules 1, 2, 5.5 and 8 of [RFC 6724 5].
 * [RFC 9293 MUST-44; R2827-01, R1122-11] */
static uint8_t choose_source(const struct route *route, const struct hf_address *remote,
                             const struct hf_address *next_hop)
{
    bool v4 = hf_address_is_v4(remote), local_scope = address_is_link_local(remote);
    uint8_t best = ROUTE_NOT_OURS;
    uint32_t best_merit = 0;

    for (uint8_t i = 0; i < route->our_count; i++) {
        const struct hf_prefix *ours = &route->ours[i];

        if (hf_address_is_v4(&ours->address) != v4)
            continue;
        uint32_t merit = 1 + common_bits(&ours->address, remote);

        merit += prefix_contains(ours, next_hop) ? 0x100 : 0;
        merit += address_is_link_local(&ours->address) == local_scope ? 0x200 : 0;
        merit += address_equal(&ours->address, remote) ? 0x400 : 0;
        if (merit > best_merit) {
            best_merit = merit;
            best = i;
        }
    }
    return best;
}

/* Our own networks win over routes of equal length. [R1122-31] */
static bool find_next_hop(const struct route *route, const struct hf_address *remote,
                          struct hf_address *next_hop)
{
    uint8_t network = our_network(route, remote), by = longest_route(route, remote);
    bool direct = network != ROUTE_NOT_OURS;

    if (direct && by != ROUTE_NOT_OURS)
        direct = route->ours[network].length >= route->routes[by].to.length;
    if (!direct && by == ROUTE_NOT_OURS)
        return false;
    *next_hop = direct ? *remote : route->routes[by].gateway;
    if (address_is_any(next_hop)) /* a route without a gateway: the network is on the link */
        *next_hop = *remote;
    return true;
}

int route_find(const struct route *route, const struct hf_address *remote,
               const struct hf_address *local, struct route_path *path)
{
    if (local && !address_is_any(local)) {
        if (!route_is_ours(route, local) || hf_address_is_v4(local) != hf_address_is_v4(remote))
            return HF_NO_ADDRESS;
    } else {
        local = NULL;
    }

    if (!find_next_hop(route, remote, &path->next_hop)) {
        if (!route->raw_ip) /* a link without addresses takes every packet */
            return HF_NO_ROUTE;
        path->next_hop = *remote;
    }
    if (local) {
        path->source = *local;
        return HF_OK;
    }
    uint8_t source = choose_source(route, remote, &path->next_hop);

    if (source == ROUTE_NOT_OURS)
        return HF_NO_ROUTE;
    path->source = route->ours[source].address;
    return HF_OK;
}

/* [R1122-40] */
bool route_is_broadcast(const struct route *route, const struct hf_address *address)
{
    if (!hf_address_is_v4(address))
        return false;
    uint32_t word = get_be32(address_v4_bytes(address));

    if (word == 0xffffffff)
        return true;
    for (uint8_t i = 0; i < route->our_count; i++) {
        const struct hf_prefix *ours = &route->ours[i];

        if (ours->length > 30) /* networks of one or two addresses have no broadcast (RFC 3021) */
            continue;
        uint32_t host_mask = 0xffffffff >> ours->length;
        uint32_t host = word & host_mask;

        if ((host == host_mask || host == 0) && prefix_contains(ours, address))
            return true;
    }
    return false;
}

/* [R4861-07] */
bool route_is_our_group(const struct route *route, const struct hf_address *address)
{
    static const struct hf_address all_nodes = {
        {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

    if (address->bytes[0] != 0xff)
        return hf_address_is_v4(address) && get_be32(address_v4_bytes(address)) == 0xe0000001;
    if (address_equal(address, &all_nodes))
        return true;
    for (uint8_t i = 0; i < route->our_count; i++) {
        struct hf_address group;

        if (hf_address_is_v4(&route->ours[i].address))
            continue;
        group = ipv6_solicited_node(&route->ours[i].address);
        if (address_equal(address, &group))
            return true;
    }
    return false;
}
