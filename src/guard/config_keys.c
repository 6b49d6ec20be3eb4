/* The table of keys. Names are those of guard.conf; what later versions add is refused as unknown until then. */
#include "guard/config_keys.h"

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* clang-format off */
static const struct config_key root_keys[] = {
    {"control", CONFIG_TEXT, offsetof(struct config, control), 0, 0, NULL, "/run/handfast/guard.sock"},
    {"capture", CONFIG_TEXT, offsetof(struct config, capture), 0, 0, NULL, ""},
    {"drain_timeout", CONFIG_DURATION, offsetof(struct config, drain_timeout_ms), 0, HOUR, NULL, "5s"},
    {NULL, CONFIG_TEXT, 0, 0, 0, NULL, NULL},
};

static const struct config_key uplink_keys[] = {
    {"mode", CONFIG_WORD, offsetof(struct config_uplink, mode), 0, 0, "address", "address"},
    {"addresses", CONFIG_PREFIX, offsetof(struct config_uplink, addresses), 0, 0, NULL, NULL},
    {"host_address", CONFIG_PREFIX, offsetof(struct config_uplink, host_address), 0, 0, NULL, NULL},
    {"gateway", CONFIG_ADDRESS, offsetof(struct config_uplink, gateway), 0, 0, NULL, NULL},
    {"routes", CONFIG_ROUTE, offsetof(struct config_uplink, routes), 0, 0, NULL, NULL},
    {"mtu", CONFIG_COUNT, offsetof(struct config_uplink, mtu), 576, 65535, NULL, "1500"},
    {NULL, CONFIG_TEXT, 0, 0, 0, NULL, NULL},
};

static const struct config_key limits_keys[] = {
    {"max_connections", CONFIG_COUNT, offsetof(struct config_limits, max_connections), 1, 1 << 24, NULL, "10000"},
    {"receive_buffer", CONFIG_SIZE, offsetof(struct config_limits, receive_buffer), 4 * KIB, GIB, NULL, "256k"},
    {"send_buffer", CONFIG_SIZE, offsetof(struct config_limits, send_buffer), 4 * KIB, GIB, NULL, "256k"},
    {"buffer_memory", CONFIG_SIZE, offsetof(struct config_limits, buffer_memory), MIB, 1024 * GIB, NULL, "256m"},
    {"stall_timeout", CONFIG_DURATION, offsetof(struct config_limits, stall_timeout_ms), SECOND, DAY, NULL, "60s"},
    {"reset_budget", CONFIG_COUNT, offsetof(struct config_limits, reset_budget), 0, 1000000, NULL, "1000"},
    {"challenge_budget", CONFIG_COUNT, offsetof(struct config_limits, challenge_budget), 0, 1000000, NULL, "1000"},
    {"icmp_budget", CONFIG_COUNT, offsetof(struct config_limits, icmp_budget), 0, 1000000, NULL, "1000"},
    {"scan_ports", CONFIG_COUNT, offsetof(struct config_limits, scan_ports), 0, 48, NULL, "16"},
    {NULL, CONFIG_TEXT, 0, 0, 0, NULL, NULL},
};

static const struct config_key service_keys[] = {
    {"listen", CONFIG_ENDPOINT, offsetof(struct config_service, listen), 0, 0, NULL, NULL},
    {"half_open_limit", CONFIG_COUNT, offsetof(struct config_service, half_open_limit), 1, 1 << 22, NULL, "4096"},
    {"half_open_timeout", CONFIG_DURATION, offsetof(struct config_service, half_open_timeout_ms),
     SECOND, 10 * MINUTE, NULL, "10s"},
    {"on_timeout", CONFIG_WORD, offsetof(struct config_service, on_timeout), 0, 0, "forget | reset", "forget"},
    {"syn_ack_retries", CONFIG_COUNT, offsetof(struct config_service, syn_ack_retries), 0, 10, NULL, "2"},
    {"half_open_per_prefix", CONFIG_COUNT, offsetof(struct config_service, half_open_per_prefix), 0, 1 << 22, NULL, "0"},
    {"syn_ack_cap", CONFIG_COUNT, offsetof(struct config_service, syn_ack_cap), 0, 1 << 30, NULL, "0"},
    {"cookies", CONFIG_WORD, offsetof(struct config_service, cookies), 0, 0,
     "under-pressure | off | always", "under-pressure"},
    {"without_timestamps", CONFIG_WORD, offsetof(struct config_service, without_timestamps), 0, 0,
     "accept | strict | seen | refuse", "accept"},
    {"when_full", CONFIG_WORD, offsetof(struct config_service, when_full), 0, 0, "evict | drop", "evict"},
    {"enforce", CONFIG_WORD, offsetof(struct config_service, enforce), 0, 0, "yes | no", "yes"},
    {"max_connections", CONFIG_COUNT, offsetof(struct config_service, max_connections), 1, 1 << 24, NULL, NULL},
    {"connect_timeout", CONFIG_DURATION, offsetof(struct config_service, connect_timeout_ms),
     10, 10 * MINUTE, NULL, "5s"},
    {"idle_timeout", CONFIG_DURATION, offsetof(struct config_service, idle_timeout_ms), SECOND, 7 * DAY, NULL, "5m"},
    {"backlog", CONFIG_COUNT, offsetof(struct config_service, backlog), 1, 65535, NULL, "512"},
    {NULL, CONFIG_TEXT, 0, 0, 0, NULL, NULL},
};

static const struct config_key backend_keys[] = {
    {"to", CONFIG_TARGET, offsetof(struct config_backend, to), 0, 0, NULL, NULL},
    {"client_address", CONFIG_WORD, offsetof(struct config_backend, client_address), 0, 0, "none | proxy-v2", "none"},
    {NULL, CONFIG_TEXT, 0, 0, 0, NULL, NULL},
};

const struct config_section config_sections[CONFIG_SECTIONS] = {
    [CONFIG_ROOT] = {"root", "", false, CONFIG_ROOT, root_keys},
    [CONFIG_UPLINK] = {"uplink", "uplink \"NAME\" { ... }", true, CONFIG_ROOT, uplink_keys},
    [CONFIG_LIMITS] = {"limits", "limits { ... }", false, CONFIG_ROOT, limits_keys},
    [CONFIG_SERVICE] = {"service", "service \"NAME\" { ... }", true, CONFIG_ROOT, service_keys},
    [CONFIG_BACKEND] = {"backend", "backend \"NAME\" { ... }", true, CONFIG_SERVICE, backend_keys},
};
/* clang-format on */

bool config_kind_is_list(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_ENDPOINT:
    case CONFIG_PREFIX:
    case CONFIG_ADDRESS:
    case CONFIG_ROUTE: return true;
    case CONFIG_TEXT:
    case CONFIG_COUNT:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_WORD:
    case CONFIG_TARGET: break;
    }
    return false;
}

void *config_key_value(const struct config_key *key, const void *section)
{
    return (char *)(uintptr_t)section + key->offset;
}
