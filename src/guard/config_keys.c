/* The table of keys. Names are those of guard.conf; what later versions add is refused as unknown until then. */
#include "guard/config_keys.h"

#include "guard/config_value.h"

#include <string.h>

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define LIST CONFIG_LIST_MAX

#define ROOT(field) offsetof(struct config, field)
#define UPLINK(field) offsetof(struct config_uplink, field)
#define LIMITS(field) offsetof(struct config_limits, field)
#define FILTER(field) offsetof(struct config_filter, field)
#define SERVICE(field) offsetof(struct config_service, field)
#define BACKEND(field) offsetof(struct config_backend, field)
#define END                                                   \
    {                                                         \
        NULL, CONFIG_TEXT, 0, 0, 0, NULL, NULL, CONFIG_RELOAD \
    }

/* clang-format off */
static const struct config_key root_keys[] = {
    {"control", CONFIG_TEXT, ROOT(control), 0, 0, NULL, "/run/handfast/guard.sock", CONFIG_RESTART},
    {"metrics", CONFIG_SOCKET, ROOT(metrics), 0, 0, NULL, "", CONFIG_RESTART},
    {"log", CONFIG_WORD, ROOT(log), 0, 0, "auto | journald | json | text", "auto", CONFIG_RESTART},
    {"capture", CONFIG_TEXT, ROOT(capture), 0, 0, NULL, "", CONFIG_RESTART},
    {"journal", CONFIG_TEXT, ROOT(journal), 0, 0, NULL, "", CONFIG_RESTART},
    {"journal_size", CONFIG_SIZE, ROOT(journal_size), MIB, 1024 * GIB, NULL, "64m", CONFIG_RESTART},
    {"journal_keep", CONFIG_COUNT, ROOT(journal_keep), 1, 999, NULL, "8", CONFIG_RESTART},
    {"journal_seal", CONFIG_DURATION, ROOT(journal_seal_ms), SECOND, 10 * MINUTE, NULL, "10s", CONFIG_RESTART},
    {"user", CONFIG_NAME, ROOT(user), 0, 0, NULL, "handfast", CONFIG_RESTART},
    {"sandbox", CONFIG_WORD, ROOT(sandbox), 0, 0, "kill | log", "kill", CONFIG_RESTART},
    {"state_directory", CONFIG_TEXT, ROOT(state_directory), 0, 0, NULL, "/var/lib/handfast", CONFIG_RESTART},
    {"cookie_key_file", CONFIG_TEXT, ROOT(cookie_key_file), 0, 0, NULL, "", CONFIG_RESTART},
    {"drain_timeout", CONFIG_DURATION, ROOT(drain_timeout_ms), 0, HOUR, NULL, "5s", CONFIG_RELOAD},
    END,
};

static const struct config_key uplink_keys[] = {
    {"mode", CONFIG_WORD, UPLINK(mode), 0, 0, "address | port", NULL, CONFIG_RESTART},
    {"addresses", CONFIG_PREFIX, UPLINK(addresses), 0, HF_ADDRESSES_MAX, NULL, NULL, CONFIG_RESTART},
    {"host_address", CONFIG_PREFIX, UPLINK(host_address), 0, HF_ADDRESSES_MAX, NULL, NULL, CONFIG_RESTART},
    {"gateway", CONFIG_GATEWAY, UPLINK(gateway), 0, 2, NULL, NULL, CONFIG_RESTART},
    {"routes", CONFIG_ROUTE, UPLINK(routes), 0, HF_ROUTES_MAX, NULL, NULL, CONFIG_RESTART},
    {"mtu", CONFIG_COUNT, UPLINK(mtu), 576, 65521, NULL, "1500", CONFIG_RESTART},
    {"tap", CONFIG_NAME, UPLINK(tap), 0, 0, NULL, "", CONFIG_RESTART},
    {"when_stopped", CONFIG_WORD, UPLINK(when_stopped), 0, 0, "pass | drop", "pass", CONFIG_RESTART},
    {"bridge", CONFIG_NAME, UPLINK(bridge), 0, 0, NULL, "", CONFIG_RESTART},
    END,
};

static const struct config_key limits_keys[] = {
    {"max_connections", CONFIG_COUNT, LIMITS(max_connections), 1, 1 << 24, NULL, "10000", CONFIG_RELOAD},
    {"receive_buffer", CONFIG_SIZE, LIMITS(receive_buffer), 4 * KIB, 1023 * MIB, NULL, "256k", CONFIG_RESTART},
    {"send_buffer", CONFIG_SIZE, LIMITS(send_buffer), 4 * KIB, 1023 * MIB, NULL, "256k", CONFIG_RESTART},
    {"buffer_memory", CONFIG_SIZE, LIMITS(buffer_memory), MIB, 1024 * GIB, NULL, "256m", CONFIG_RESTART},
    {"stall_timeout", CONFIG_DURATION, LIMITS(stall_timeout_ms), SECOND, DAY, NULL, "60s", CONFIG_RELOAD},
    {"reset_budget", CONFIG_COUNT, LIMITS(reset_budget), 0, 1000000, NULL, "1000", CONFIG_RELOAD},
    {"challenge_budget", CONFIG_COUNT, LIMITS(challenge_budget), 0, 1000000, NULL, "1000", CONFIG_RELOAD},
    {"icmp_budget", CONFIG_COUNT, LIMITS(icmp_budget), 0, 1000000, NULL, "1000", CONFIG_RELOAD},
    {"scan_ports", CONFIG_COUNT, LIMITS(scan_ports), 0, 48, NULL, "16", CONFIG_RELOAD},
    END,
};

static const struct config_key filter_keys[] = {
    {"deny_files", CONFIG_PATHS, FILTER(deny_files), 0, CONFIG_PATHS_MAX, NULL, NULL, CONFIG_RELOAD},
    {"bogons", CONFIG_WORD, FILTER(bogons), 0, 0, "accept | log | refuse", "accept", CONFIG_RELOAD},
    {"reverse_path", CONFIG_WORD, FILTER(reverse_path), 0, 0, "off | loose | strict", "off", CONFIG_RELOAD},
    {"file_sharing", CONFIG_WORD, FILTER(file_sharing), 0, 0, "deny | accept", "deny", CONFIG_RELOAD},
    {"inside", CONFIG_PREFIX, FILTER(inside), 0, LIST, NULL, NULL, CONFIG_RELOAD},
    {"rules", CONFIG_TEXT, FILTER(rules), 0, 0, NULL, "", CONFIG_RELOAD},
    {"egress", CONFIG_ENDPOINT, FILTER(egress), 0, LIST, NULL, NULL, CONFIG_RELOAD},
    END,
};

static const struct config_key service_keys[] = {
    {"listen", CONFIG_ENDPOINT, SERVICE(listen), 0, LIST, NULL, NULL, CONFIG_RELOAD},
    {"allow", CONFIG_PREFIX, SERVICE(allow), 0, LIST, NULL, NULL, CONFIG_RELOAD},
    {"half_open_limit", CONFIG_COUNT, SERVICE(half_open_limit), 1, 1 << 22, NULL, "4096", CONFIG_RELOAD},
    {"half_open_timeout", CONFIG_DURATION, SERVICE(half_open_timeout_ms), SECOND, 10 * MINUTE, NULL, "10s", CONFIG_RELOAD},
    {"on_timeout", CONFIG_WORD, SERVICE(on_timeout), 0, 0, "forget | reset", "forget", CONFIG_RELOAD},
    {"syn_ack_retries", CONFIG_COUNT, SERVICE(syn_ack_retries), 0, 10, NULL, "2", CONFIG_RELOAD},
    {"half_open_per_prefix", CONFIG_COUNT, SERVICE(half_open_per_prefix), 0, 1 << 22, NULL, "0", CONFIG_RELOAD},
    {"syn_ack_cap", CONFIG_COUNT, SERVICE(syn_ack_cap), 0, 1 << 30, NULL, "0", CONFIG_RELOAD},
    {"cookies", CONFIG_WORD, SERVICE(cookies), 0, 0, "under-pressure | off | always", "under-pressure", CONFIG_RELOAD},
    {"without_timestamps", CONFIG_WORD, SERVICE(without_timestamps), 0, 0,
     "accept | strict | seen | refuse", "accept", CONFIG_RELOAD},
    {"when_full", CONFIG_WORD, SERVICE(when_full), 0, 0, "evict | drop", "evict", CONFIG_RELOAD},
    {"enforce", CONFIG_WORD, SERVICE(enforce), 0, 0, "yes | no", "yes", CONFIG_RELOAD},
    {"key_file", CONFIG_TEXT, SERVICE(key_file), 0, 0, NULL, "", CONFIG_RELOAD},
    {"require_key", CONFIG_WORD, SERVICE(require_key), 0, 0, "no | yes", "no", CONFIG_RELOAD},
    {"max_connections", CONFIG_COUNT, SERVICE(max_connections), 1, 1 << 24, NULL, NULL, CONFIG_RELOAD},
    {"max_per_prefix", CONFIG_COUNT, SERVICE(max_per_prefix), 0, 1 << 24, NULL, "0", CONFIG_RELOAD},
    {"connect_timeout", CONFIG_DURATION, SERVICE(connect_timeout_ms), 10, 10 * MINUTE, NULL, "5s", CONFIG_RELOAD},
    {"connect_retries", CONFIG_COUNT, SERVICE(connect_retries), 0, 10, NULL, "1", CONFIG_RELOAD},
    {"idle_timeout", CONFIG_DURATION, SERVICE(idle_timeout_ms), SECOND, 7 * DAY, NULL, "5m", CONFIG_RELOAD},
    {"total_timeout", CONFIG_DURATION, SERVICE(total_timeout_ms), 0, 30 * DAY, NULL, "0", CONFIG_RELOAD},
    {"check_interval", CONFIG_DURATION, SERVICE(check_interval_ms), 0, HOUR, NULL, "2s", CONFIG_RELOAD},
    {"check_timeout", CONFIG_DURATION, SERVICE(check_timeout_ms), 10, MINUTE, NULL, "1s", CONFIG_RELOAD},
    {"check_fall", CONFIG_COUNT, SERVICE(check_fall), 1, 100, NULL, "3", CONFIG_RELOAD},
    {"check_rise", CONFIG_COUNT, SERVICE(check_rise), 1, 100, NULL, "2", CONFIG_RELOAD},
    {"backlog", CONFIG_COUNT, SERVICE(backlog), 1, 65535, NULL, "512", CONFIG_RELOAD},
    END,
};

static const struct config_key backend_keys[] = {
    {"to", CONFIG_TARGET, BACKEND(to), 0, 0, NULL, NULL, CONFIG_RELOAD},
    {"client_address", CONFIG_WORD, BACKEND(client_address), 0, 0, "none | proxy-v2 | transparent", NULL, CONFIG_RELOAD},
    {"source", CONFIG_ADDRESS, BACKEND(source), 0, LIST, NULL, NULL, CONFIG_RELOAD},
    END,
};

_Static_assert(sizeof service_keys / sizeof *service_keys <= CONFIG_KEYS_MAX,
               "the longest of them is not too long");

const struct config_section config_sections[CONFIG_SECTIONS] = {
    [CONFIG_ROOT] = {"root", "", false, CONFIG_ROOT, root_keys},
    [CONFIG_UPLINK] = {"uplink", "uplink \"NAME\" { ... }", true, CONFIG_ROOT, uplink_keys},
    [CONFIG_LIMITS] = {"limits", "limits { ... }", false, CONFIG_ROOT, limits_keys},
    [CONFIG_FILTER] = {"filter", "filter { ... }", false, CONFIG_ROOT, filter_keys},
    [CONFIG_SERVICE] = {"service", "service \"NAME\" { ... }", true, CONFIG_ROOT, service_keys},
    [CONFIG_BACKEND] = {"backend", "backend \"NAME\" { ... }", true, CONFIG_SERVICE, backend_keys},
};
/* clang-format on */

bool config_kind_is_list(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_PATHS:
    case CONFIG_ENDPOINT:
    case CONFIG_PREFIX:
    case CONFIG_ADDRESS:
    case CONFIG_GATEWAY:
    case CONFIG_ROUTE: return true;
    case CONFIG_TEXT:
    case CONFIG_NAME:
    case CONFIG_COUNT:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
    case CONFIG_WORD:
    case CONFIG_TARGET:
    case CONFIG_SOCKET: break;
    }
    return false;
}

void *config_key_value(const struct config_key *key, const void *section)
{
    return (char *)(uintptr_t)section + key->offset;
}

uint32_t config_key_count(const struct config_key *key, const void *section)
{
    if (!config_kind_is_list(key->kind))
        return 1;
    if (key->kind == CONFIG_PATHS)
        return ((const struct config_filter *)section)->deny_files;
    return ((const struct config_list *)config_key_value(key, section))->count;
}

static size_t key_at(enum config_section_id id, const char *name)
{
    size_t at = 0;

    while (config_sections[id].keys[at].name != NULL &&
           strcmp(config_sections[id].keys[at].name, name) != 0)
        at++;
    return at;
}

bool config_key_is_written(const struct config *config, enum config_section_id id, const char *name)
{
    return config->key_line[id][key_at(id, name)] > 0;
}

int config_key_line(const struct config *config, enum config_section_id id, const char *name)
{
    const int lines[CONFIG_SINGLE_SECTIONS] = {config->last_line, config->uplink.line,
                                               config->limits.line, config->filter.line};
    size_t at = key_at(id, name);

    return config->key_line[id][at] > 0 ? config->key_line[id][at] : lines[id];
}

bool config_key_equal(const struct config_key *key, const void *a, const void *b)
{
    char one[CONFIG_VALUE_TEXT_MAX], other[CONFIG_VALUE_TEXT_MAX];
    uint32_t count = config_key_count(key, a);

    if (config_key_count(key, b) != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        config_value_format(key, a, i, one);
        config_value_format(key, b, i, other);
        if (strcmp(one, other) != 0)
            return false;
    }
    return true;
}
