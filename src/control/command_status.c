/* "status": one screen about a guard: since when, what it serves, how it is, what is wrong now. */
#include <unistd.h>

#include <handfast/os.h>
#include <handfast/stats.h>

#include "control/commands.h"
#include "control/describe.h"

static const char *life_word(enum guard_life life)
{
    switch (life) {
    case GUARD_SERVING: return "serving";
    case GUARD_DRAINING: return "draining";
    case GUARD_ENDED: return "ended";
    }
    return "?";
}

static json_t *uplink(const struct guard *guard)
{
    const struct config_uplink *uplink = &guard->config->uplink;
    json_t *addresses = json_array();
    bool port = uplink->mode == CONFIG_MODE_PORT;
    char trouble[UPLINK_ERROR_MAX];

    for (uint32_t i = 0; i < uplink->addresses.count; i++)
        json_array_append_new(addresses, describe_prefix(&uplink->addresses.items[i].prefix));
    for (uint32_t i = 0; i < guard->uplink.address_count && uplink->addresses.count == 0; i++)
        json_array_append_new(addresses, describe_prefix(&guard->uplink.addresses[i]));
    return json_pack("{s:s, s:s, s:s, s:i, s:b, s:o}", "name", uplink->name, "mode",
                     port ? "port" : "address", "interface",
                     guard->tap.fd >= 0 ? guard->tap.name : "", "mtu", (int)uplink->mtu, "up",
                     uplink_trouble(&guard->uplink, trouble) == NULL, "addresses", addresses);
}

static json_t *load(const struct guard *guard)
{
    struct hf_gauges g;

    hf_gauges(guard->stack, &g);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "relayed",
                     (json_int_t)guard->relays.active, "limit", (json_int_t)guard->relays.limit,
                     "half_opens", (json_int_t)g.half_opens, "half_opens_limit",
                     (json_int_t)g.max_half_opens, "pool_used_bytes", (json_int_t)g.pool_used_bytes,
                     "pool_bytes", (json_int_t)g.pool_bytes, "time_waits", (json_int_t)g.time_waits,
                     "memory_bytes", (json_int_t)g.memory_bytes);
}

static json_t *answer(void *context, const json_t *request)
{
    const struct guard *guard = context;
    int64_t now_us = hf_os_now_us();
    json_t *services = json_array();

    (void)request;
    for (uint32_t i = 0; i < guard->relays.service_count; i++) {
        const struct service *service = describe_service_at(guard, i);

        if (service)
            json_array_append_new(services, describe_service(guard, service, now_us));
    }
    return json_pack("{s:s, s:I, s:s, s:o, s:I, s:o, s:o, s:o, s:I, s:I, s:o}", "version",
                     HF_VERSION, "pid", (json_int_t)getpid(), "life", life_word(guard->life),
                     "since", describe_instant(guard->started_at_us, now_us), "up_s",
                     (json_int_t)((now_us - guard->started_at_us) / 1000000), "uplink",
                     uplink(guard), "services", services, "load", load(guard), "blocks",
                     (json_int_t)guard->filter.blocks.count, "log_lost",
                     (json_int_t)log_lost(&guard->log), "alarms", describe_alarms(guard, now_us));
}

void command_status_register(struct control_server *server, struct guard *guard)
{
    control_server_register(server, "status", answer, guard);
}
