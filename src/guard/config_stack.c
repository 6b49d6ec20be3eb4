/* The stack behind a configuration: addresses, routes and how much of everything it may hold. */
#include "guard/config.h"
#include "guard/guard_keys.h"

#include <string.h>

#define LISTENERS_SPARE \
    128 /* for services that come with a reload, and while old listeners are there */
#define SIGNED_MAX 8192 /* connections: less than a kilobyte each, and only when they are there */
#define HALF_OPENS_MAX (UINT64_C(1) << 22)

static bool is_any(const struct hf_address *address)
{
    return memcmp(address, &(struct hf_address){{0}}, sizeof *address) == 0;
}

/* What is listened on, as networks of one host each: the uplink knows what lies around them. */
static void add_listened(const struct config *config, struct hf_config *stack)
{
    uint32_t count = 0;

    for (uint32_t s = 0; s < config->services; s++)
        for (uint32_t i = 0; i < config->service[s].listen.count; i++) {
            const struct hf_address *address = &config->service[s].listen.items[i].endpoint.address;
            uint32_t known = 0;

            while (known < count &&
                   memcmp(&stack->addresses[known].address, address, sizeof *address) != 0)
                known++;
            if (is_any(address) || known < count || count == HF_ADDRESSES_MAX)
                continue;
            stack->addresses[count++] =
                (struct hf_prefix){*address, hf_address_is_v4(address) ? 32 : 128};
        }
}

static void add_routes(const struct config_uplink *uplink, struct hf_config *stack)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < uplink->gateway.count && count < HF_ROUTES_MAX; i++) {
        const struct hf_address *gateway = &uplink->gateway.items[i].endpoint.address;

        if (is_any(gateway)) /* auto: the uplink learns it */
            continue;
        stack->routes[count].gateway = *gateway;
        if (hf_address_is_v4(gateway)) /* 0.0.0.0/0, in its mapped form */
            stack->routes[count].to.address.bytes[10] = stack->routes[count].to.address.bytes[11] =
                0xff;
        count++;
    }
    for (uint32_t i = 0; i < uplink->routes.count && count < HF_ROUTES_MAX; i++, count++) {
        stack->routes[count].to = uplink->routes.items[i].prefix;
        stack->routes[count].gateway = uplink->routes.items[i].endpoint.address;
    }
}

void config_stack(const struct config *config, struct hf_config *stack)
{
    uint64_t half_opens = 0, waiting = 0;

    *stack = (struct hf_config)HF_CONFIG_DEFAULT;
    for (uint32_t i = 0; i < config->uplink.addresses.count; i++)
        stack->addresses[i] = config->uplink.addresses.items[i].prefix;
    if (config->uplink.mode == CONFIG_MODE_PORT && config->uplink.addresses.count == 0)
        add_listened(config, stack);
    add_routes(&config->uplink, stack);
    stack->mtu = (uint16_t)config->uplink.mtu;

    stack->max_listeners = 0;
    for (uint32_t i = 0; i < config->services; i++) {
        const struct config_service *service = &config->service[i];

        stack->max_listeners += service->listen.count;
        half_opens += (uint64_t)service->half_open_limit * service->listen.count;
        waiting += (uint64_t)service->backlog * service->listen.count;
    }
    stack->max_listeners += LISTENERS_SPARE;
    stack->max_half_opens = (uint32_t)(half_opens < HALF_OPENS_MAX ? half_opens : HALF_OPENS_MAX);

    /* Beside those being relayed there are those that wait to be, and those whose last bytes are still under way. */
    waiting += config->limits.max_connections / 4;
    stack->max_connections = config->limits.max_connections + (uint32_t)waiting;
    stack->receive_bytes = (uint32_t)config->limits.receive_buffer;
    stack->send_bytes = (uint32_t)config->limits.send_buffer;
    stack->pool_bytes = (uint64_t)stack->max_connections * stack->promise_bytes;
    stack->pool_bytes += stack->pool_bytes / 4;
    if (stack->pool_bytes < config->limits.buffer_memory)
        stack->pool_bytes = config->limits.buffer_memory;
    stack->stall_timeout_ms = config->limits.stall_timeout_ms;
    stack->reset_budget_per_s = config->limits.reset_budget;
    stack->challenge_budget_per_s = config->limits.challenge_budget;
    stack->icmp_budget_per_s = config->limits.icmp_budget;
    stack->scan_ports = (uint8_t)config->limits.scan_ports;
    if (guard_keys_wanted(config)) {
        stack->max_keys = KEY_FILE_KEYS_MAX;
        stack->max_signed =
            stack->max_connections < SIGNED_MAX ? stack->max_connections : SIGNED_MAX;
    }
    stack->nagle = false; /* a backend's writes are passed on as they come */
}
