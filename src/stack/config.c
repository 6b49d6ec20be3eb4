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

struct range {
    uint64_t value, least, most;
    const char *sentence;
};

static const char *first_outside(const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most)
            return ranges[i].sentence;
    return NULL;
}

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *limits_error(const struct hf_config *c)
{
    bool ethernet = c->link == HF_ETHERNET;
    const struct range ranges[] = {
        {c->max_connections, 1, SLOTS_MOST, "max_connections must be 1 to 67108864"},
        {c->max_half_opens, 1, SLOTS_MOST, "max_half_opens must be 1 to 67108864"},
        {c->max_time_waits, 0, SLOTS_MOST, "max_time_waits must be 0 to 67108864"},
        {c->max_listeners, 1, UINT16_MAX, "max_listeners must be 1 to 65535"},
        {c->max_neighbors, ethernet, 1u << 20, "max_neighbors must be 1 to 1048576"},
        {c->max_keys, 0, 1u << 20, "max_keys must be 0 to 1048576"},
        {c->max_signed, 0, SLOTS_MOST, "max_signed must be 0 to 67108864"},
        {c->max_reassemblies, 0, UINT16_MAX, "max_reassemblies must be 0 to 65535"},
        {c->max_reassemblies, 0, c->parts.reassembly ? UINT16_MAX : 0,
         "max_reassemblies must be 0 without parts.reassembly"},
        {c->receive_bytes, 1024, WINDOW_MOST, "receive_bytes must be 1024 to 1073725440"},
        {c->window_scale, 0, 14, "window_scale must be 0 to 14"}, /* [RFC 7323 2.3] */
        {c->send_bytes, 1024, WINDOW_MOST, "send_bytes must be 1024 to 1073725440"},
        {c->promise_bytes, 0, 1u << 24, "promise_bytes must be 0 to 16777216"},
        {c->pool_bytes, c->pool_bytes ? c->promise_bytes : 0, POOL_MOST,
         "pool_bytes must be 0, or promise_bytes to 4 TiB"},
        {c->segmentation_bytes, 0, 65535, "segmentation_bytes must be 0 to 65535"},
        {c->segmentation_bytes, 0, c->checksum_offload ? UINT32_MAX : 0,
         "segmentation_bytes must be 0 without checksum_offload"},
    };

    return first_outside(ranges, COUNT_OF(ranges));
}

/* [RFC 9293 MUST-49] */
static const char *times_error(const struct hf_config *c)
{
    const struct range ranges[] = {
        {c->msl_ms, 1, HOUR_MS, "msl_ms must be 1 to 3600000"},
        {c->min_rto_ms, 1, 60000, "min_rto_ms must be 1 to 60000"},
        {c->initial_rto_ms, c->min_rto_ms, 60000, "initial_rto_ms must be min_rto_ms to 60000"},
        {c->max_rto_ms, c->initial_rto_ms, HOUR_MS, "max_rto_ms must be initial_rto_ms to 3600000"},
        {c->delayed_ack_ms, 0, 500, "delayed_ack_ms must be 0 to 500"}, /* [RFC 9293 MUST-40] */
        {c->user_timeout_ms, 1, UINT32_MAX, "user_timeout_ms must be 1 or more"},
        {c->syn_timeout_ms, 1, UINT32_MAX, "syn_timeout_ms must be 1 or more"},
        {c->fin_wait_2_ms, 1, UINT32_MAX, "fin_wait_2_ms must be 1 or more"},
        {c->keepalive_interval_ms, c->keepalive_idle_ms ? 1 : 0, UINT32_MAX,
         "keepalive_interval_ms must be 1 or more"},
        {c->keepalive_count, c->keepalive_idle_ms ? 1 : 0, UINT8_MAX,
         "keepalive_count must be 1 to 255"},
        {c->initial_window, 1, 255, "initial_window must be 1 to 255"},
        {c->ttl, 1, 255, "ttl must be 1 to 255"},
        {c->syn_ack_retries, 0, 10, "syn_ack_retries must be 0 to 10"},
        {c->half_open_timeout_ms, 1, HOUR_MS, "half_open_timeout_ms must be 1 to 3600000"},
        {c->on_timeout, 0, HF_SEND_RESET, "on_timeout must be HF_FORGET or HF_SEND_RESET"},
        {c->stall_timeout_ms, 0, 24 * HOUR_MS, "stall_timeout_ms must be 0 to 86400000"},
        {c->stall_timeout_ms, 0, c->parts.watch ? UINT32_MAX : 0,
         "stall_timeout_ms must be 0 without parts.watch"},
        {c->scan_ports, 0, SCAN_PORTS_MOST, "scan_ports must be 0 to 48"},
        {c->scan_ports, 0, c->parts.scan ? UINT8_MAX : 0,
         "scan_ports must be 0 without parts.scan"},
    };

    return first_outside(ranges, COUNT_OF(ranges));
}

static bool is_prefix(const struct hf_prefix *prefix)
{
    return prefix->length <= (hf_address_is_v4(&prefix->address) ? 32 : 128);
}

/* Sentences about what names an address: `route` holds what of the configuration is in use. */
static const char *addresses_error(const struct route *route)
{
    if (route->our_count == 0)
        return "addresses must name at least one address";
    for (uint8_t i = 0; i < route->our_count; i++) {
        const struct hf_prefix *ours = &route->ours[i];

        if (!is_prefix(ours))
            return "addresses: a prefix length must be 0 to 32 for IPv4, 0 to 128 for IPv6";
        if (address_kind(&ours->address) != ADDRESS_UNICAST ||
            route_is_broadcast(route, &ours->address))
            return "addresses must be unicast addresses of a host";
        for (uint8_t other = 0; other < i; other++)
            if (address_equal(&route->ours[other].address, &ours->address))
                return "addresses must name each address once";
    }
    return NULL;
}

static const char *routes_error(const struct route *route)
{
    for (uint8_t i = 0; i < route->route_count; i++) {
        const struct hf_route *one = &route->routes[i];

        if (!is_prefix(&one->to))
            return "routes: a prefix length must be 0 to 32 for IPv4, 0 to 128 for IPv6";
        if (hf_address_is_v4(&one->to.address) != hf_address_is_v4(&one->gateway))
            return "routes: a gateway must be of the same family as its prefix";
        if (address_kind(&one->gateway) != ADDRESS_UNICAST || route_is_ours(route, &one->gateway))
            return "routes: a gateway must be another host's unicast address";
        if (!route->raw_ip && !route->anywhere && !route_is_on_link(route, &one->gateway) &&
            !address_is_link_local(&one->gateway))
            return "routes: a gateway must lie in one of the networks of addresses";
    }
    return NULL;
}

static bool has_v6(const struct route *route)
{
    for (uint8_t i = 0; i < route->our_count; i++)
        if (!hf_address_is_v4(&route->ours[i].address))
            return true;
    return false;
}

/* [R1122-38, R8200-17] */
static const char *link_error(const struct hf_config *config, const struct route *route)
{
    if (config->link != HF_ETHERNET && config->link != HF_RAW_IP)
        return "link must be HF_ETHERNET or HF_RAW_IP";
    if (config->link == HF_ETHERNET && !config->parts.ethernet)
        return "link must be HF_RAW_IP without parts.ethernet";
    if (!config->parts.ipv6 && has_v6(route))
        return "addresses and routes must be of IPv4 without parts.ipv6";
    if (has_v6(route) ? config->mtu < MTU_LEAST_V6 : config->mtu < MTU_LEAST_V4)
        return has_v6(route) ? "mtu must be 1280 to 65535 with an IPv6 address"
                             : "mtu must be 576 to 65535";
    if (config->vlan > 4094)
        return "vlan must be 0 to 4094";
    if (config->vlan && config->link == HF_RAW_IP)
        return "vlan must be 0 with HF_RAW_IP";
    if (mac_is_group(&config->mac))
        return "mac must not be a group address: its first byte must be even";
    return NULL;
}

/* Where addresses have 32 bits, what was asked for may be more than they can tell apart: a generous sum, so that no
 * measure of hf_memory_needed wraps. */
static const char *size_error(const struct hf_config *c)
{
    uint64_t waits = c->max_time_waits ? c->max_time_waits : c->max_connections;
    uint64_t bytes = UINT64_C(1024) * c->max_connections + UINT64_C(256) * c->max_half_opens +
                     UINT64_C(256) * waits + UINT64_C(512) * c->max_neighbors +
                     UINT64_C(1024) * c->max_keys + UINT64_C(512) * c->max_signed +
                     UINT64_C(8192) * c->max_reassemblies +
                     (CHUNK_BYTES + UINT64_C(16)) * config_chunks(c);

    return bytes > SIZE_MAX / 2 ? "the limits are more than this machine can address" : NULL;
}

const char *hf_config_error(const struct hf_config *config)
{
    struct route route;
    const char *error;

    if (!config)
        return "config must not be NULL";
    route_init(&route, config);
    error = link_error(config, &route);
    if (!error)
        error = addresses_error(&route);
    if (!error)
        error = routes_error(&route);
    if (!error)
        error = limits_error(config);
    if (!error)
        error = size_error(config);
    return error ? error : times_error(config);
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
