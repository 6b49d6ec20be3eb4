/* Which configurations are possible. [RFC 9293 3.8; RFC 1122 3.3.3; RFC 8200 5] */
#include "stack/config.h"

#include <handfast/socket.h>

#include "stack/route.h"
#include "stack/scan.h"
#include "wire/ethernet.h"

#define SLOTS_MOST (1u << 26)
#define WINDOW_MOST (65535u << 14) /* what a scaled window can express [RFC 7323 2.3] */
#define HOUR_MS 3600000u
#define MTU_LEAST_V4 576u
#define MTU_LEAST_V6 1280u
#define POOL_MOST (UINT64_C(1) << 42)

/* A value that lies between two numbers, whatever the others are. */
struct range {
    uint16_t at; /* where it lies in struct hf_config */
    uint8_t bytes, fault;
    uint32_t least, most;
};

#define RANGE(field, least, most, fault)                                                           \
    {                                                                                              \
        offsetof(struct hf_config, field), sizeof(((struct hf_config *)0)->field), CONFIG_##fault, \
            least, most                                                                            \
    }

/* [RFC 9293 MUST-49] */
static const struct range ranges[] = {
    RANGE(max_connections, 1, SLOTS_MOST, MAX_CONNECTIONS),
    RANGE(max_half_opens, 1, SLOTS_MOST, MAX_HALF_OPENS),
    RANGE(max_time_waits, 0, SLOTS_MOST, MAX_TIME_WAITS),
    RANGE(max_listeners, 1, UINT16_MAX, MAX_LISTENERS),
    RANGE(max_neighbors, 0, 1u << 20, MAX_NEIGHBORS),
    RANGE(max_keys, 0, 1u << 20, MAX_KEYS),
    RANGE(max_signed, 0, SLOTS_MOST, MAX_SIGNED),
    RANGE(max_reassemblies, 0, UINT16_MAX, MAX_REASSEMBLIES),
    RANGE(receive_bytes, 1024, WINDOW_MOST, RECEIVE_BYTES),
    RANGE(window_scale, 0, 14, WINDOW_SCALE), /* [RFC 7323 2.3] */
    RANGE(send_bytes, 1024, WINDOW_MOST, SEND_BYTES),
    RANGE(promise_bytes, 0, 1u << 24, PROMISE_BYTES),
    RANGE(segmentation_bytes, 0, 65535, SEGMENTATION_BYTES),
    RANGE(msl_ms, 1, HOUR_MS, MSL),
    RANGE(min_rto_ms, 1, 60000, MIN_RTO),
    RANGE(initial_rto_ms, 0, 60000, INITIAL_RTO),
    RANGE(max_rto_ms, 0, HOUR_MS, MAX_RTO),
    RANGE(delayed_ack_ms, 0, 500, DELAYED_ACK), /* [RFC 9293 MUST-40] */
    RANGE(user_timeout_ms, 1, UINT32_MAX, USER_TIMEOUT),
    RANGE(syn_timeout_ms, 1, UINT32_MAX, SYN_TIMEOUT),
    RANGE(fin_wait_2_ms, 1, UINT32_MAX, FIN_WAIT_2),
    RANGE(initial_window, 1, 255, INITIAL_WINDOW),
    RANGE(ttl, 1, 255, TTL),
    RANGE(syn_ack_retries, 0, 10, SYN_ACK_RETRIES),
    RANGE(half_open_timeout_ms, 1, HOUR_MS, HALF_OPEN_TIMEOUT),
    RANGE(on_timeout, 0, HF_SEND_RESET, ON_TIMEOUT),
    RANGE(stall_timeout_ms, 0, 24 * HOUR_MS, STALL_TIMEOUT),
    RANGE(scan_ports, 0, SCAN_PORTS_MOST, SCAN_PORTS),
};

static uint32_t value_of(const struct hf_config *config, const struct range *range)
{
    const uint8_t *at = (const uint8_t *)config + range->at;
    uint32_t word;
    uint16_t half;

    if (range->bytes == sizeof *at)
        return *at;
    if (range->bytes == sizeof half) {
        memcpy(&half, at, sizeof half);
        return half;
    }
    memcpy(&word, at, sizeof word);
    return word;
}

static enum config_fault check_ranges(const struct hf_config *config)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint32_t value = value_of(config, &ranges[i]);

        if (value < ranges[i].least || value > ranges[i].most)
            return (enum config_fault)ranges[i].fault;
    }
    return CONFIG_POSSIBLE;
}

/* What depends on another value. */
static enum config_fault check_together(const struct hf_config *c)
{
    if (c->answer_ping && !c->parts.icmp)
        return CONFIG_PING_PART;
    if (c->parts.ipv6 && !c->parts.icmp)
        return CONFIG_IPV6_PART;
    if (c->link == HF_ETHERNET && c->max_neighbors == 0)
        return CONFIG_MAX_NEIGHBORS;
    if (c->max_reassemblies && !c->parts.reassembly)
        return CONFIG_REASSEMBLY_PART;
    if (c->pool_bytes && (c->pool_bytes < c->promise_bytes || c->pool_bytes > POOL_MOST))
        return CONFIG_POOL_BYTES;
    if (c->segmentation_bytes && !c->checksum_offload)
        return CONFIG_SEGMENTATION_ALONE;
    if (c->initial_rto_ms < c->min_rto_ms)
        return CONFIG_INITIAL_RTO;
    if (c->max_rto_ms < c->initial_rto_ms)
        return CONFIG_MAX_RTO;
    if (c->keepalive_idle_ms && c->keepalive_interval_ms == 0)
        return CONFIG_KEEPALIVE_INTERVAL;
    if (c->keepalive_idle_ms && c->keepalive_count == 0)
        return CONFIG_KEEPALIVE_COUNT;
    if (c->stall_timeout_ms && !c->parts.watch)
        return CONFIG_WATCH_PART;
    return c->scan_ports && !c->parts.scan ? CONFIG_SCAN_PART : CONFIG_POSSIBLE;
}

static bool is_prefix(const struct hf_prefix *prefix)
{
    return prefix->length <= (hf_address_is_v4(&prefix->address) ? 32 : 128);
}

/* `route` holds what of the configuration is in use. */
static enum config_fault check_addresses(const struct hf_config *config, const struct route *route)
{
    if (route->our_count == 0)
        return CONFIG_ADDRESSES;
    for (uint8_t i = 0; i < route->our_count; i++) {
        const struct hf_prefix *ours = &route->ours[i];

        if (!config->parts.ipv6 && !hf_address_is_v4(&ours->address))
            return CONFIG_ADDRESSES_PART;
        if (!is_prefix(ours))
            return CONFIG_ADDRESSES_LENGTH;
        if (address_kind(&ours->address) != ADDRESS_UNICAST ||
            route_is_broadcast(route, &ours->address))
            return CONFIG_ADDRESSES_KIND;
        if (route_our_index(route, &ours->address) != i)
            return CONFIG_ADDRESSES_TWICE;
    }
    return CONFIG_POSSIBLE;
}

static enum config_fault check_routes(const struct hf_config *config, const struct route *route)
{
    for (uint8_t i = 0; i < route->route_count; i++) {
        const struct hf_route *one = &route->routes[i];

        if (!is_prefix(&one->to))
            return CONFIG_ROUTES_LENGTH;
        if (hf_address_is_v4(&one->to.address) != hf_address_is_v4(&one->gateway))
            return CONFIG_ROUTES_FAMILY;
        if (!config->parts.ipv6 && !hf_address_is_v4(&one->gateway))
            return CONFIG_ROUTES_PART;
        if (address_kind(&one->gateway) != ADDRESS_UNICAST || route_is_ours(route, &one->gateway))
            return CONFIG_ROUTES_KIND;
        if (!route->raw_ip && !route->anywhere && !route_is_on_link(route, &one->gateway) &&
            !address_is_link_local(&one->gateway))
            return CONFIG_ROUTES_ON_LINK;
    }
    return CONFIG_POSSIBLE;
}

static bool has_v6(const struct route *route)
{
    for (uint8_t i = 0; i < route->our_count; i++)
        if (!hf_address_is_v4(&route->ours[i].address))
            return true;
    return false;
}

/* [R1122-38, R8200-17] */
static enum config_fault check_link(const struct hf_config *config, const struct route *route)
{
    if (config->link != HF_ETHERNET && config->link != HF_RAW_IP)
        return CONFIG_LINK;
    if (config->link == HF_ETHERNET && !config->parts.ethernet)
        return CONFIG_LINK_PART;
    if (config->mtu < MTU_LEAST_V6 && has_v6(route))
        return CONFIG_MTU_V6;
    if (config->mtu < MTU_LEAST_V4)
        return CONFIG_MTU;
    if (config->vlan > 4094)
        return CONFIG_VLAN;
    if (config->vlan && config->link == HF_RAW_IP)
        return CONFIG_VLAN_RAW_IP;
    return mac_is_group(&config->mac) ? CONFIG_MAC : CONFIG_POSSIBLE;
}

/* Where addresses have 32 bits, what was asked for may be more than they can tell apart: a generous sum, so that no
 * measure of hf_memory_needed wraps. */
static bool is_too_large(const struct hf_config *c)
{
    uint64_t waits = c->max_time_waits ? c->max_time_waits : c->max_connections;
    uint64_t bytes = UINT64_C(1024) * c->max_connections + UINT64_C(256) * c->max_half_opens +
                     UINT64_C(256) * waits + UINT64_C(512) * c->max_neighbors +
                     UINT64_C(1024) * c->max_keys + UINT64_C(512) * c->max_signed +
                     UINT64_C(8192) * c->max_reassemblies +
                     (CHUNK_BYTES + UINT64_C(16)) * config_chunks(c);

    return bytes > SIZE_MAX / 2;
}

enum config_fault config_find_fault(const struct hf_config *config)
{
    struct route route;
    enum config_fault fault;

    if (!config)
        return CONFIG_NULL;
    route_init(&route, config);
    fault = check_link(config, &route);
    if (fault == CONFIG_POSSIBLE)
        fault = check_addresses(config, &route);
    if (fault == CONFIG_POSSIBLE)
        fault = check_routes(config, &route);
    if (fault == CONFIG_POSSIBLE)
        fault = check_ranges(config);
    if (fault == CONFIG_POSSIBLE)
        fault = check_together(config);
    return fault == CONFIG_POSSIBLE && is_too_large(config) ? CONFIG_SIZE : fault;
}

uint32_t config_chunk_promise(const struct hf_config *config)
{
    return (config->promise_bytes + 2 * CHUNK_BYTES - 1) / (2 * CHUNK_BYTES);
}

uint32_t config_chunks(const struct hf_config *config)
{
    uint64_t promise = 2 * (uint64_t)config_chunk_promise(config);
    uint64_t promised = promise * config->max_connections;
    uint64_t chunks =
        config->pool_bytes ? config->pool_bytes / CHUNK_BYTES : promised + promised / 4;

    if (chunks < promise)
        chunks = promise;
    if (chunks < 1)
        chunks = 1;
    return chunks < UINT32_MAX - 2 ? (uint32_t)chunks : UINT32_MAX - 2;
}
