/* mode = address: the kernel's end of a TAP with addresses of the guard's own behind it. [rtnetlink(7)] */
#include "guard/link.h"
#include "guard/uplink_parts.h"

#include <errno.h>

/* Without the right to change an interface it may already be as it should: `guard --net up` has made it. */
static bool is_ready(const char *tap, uint32_t mtu, int result)
{
    struct network_link link;
    int number = errno;
    bool ready = result == HF_NO_PERMISSION && network_link(tap, &link) == HF_OK && link.up &&
                 link.mtu == mtu;

    errno = number;
    return ready;
}

static bool has_address(const char *tap, const struct hf_prefix *prefix, int result)
{
    struct network_address there[NETWORK_ADDRESSES_MAX];
    struct network_link link;
    uint32_t count;

    if (result != HF_NO_PERMISSION || network_link(tap, &link) != HF_OK ||
        network_addresses(there, &count) != HF_OK)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (there[i].index == link.index &&
            __builtin_memcmp(&there[i].prefix, prefix, sizeof *prefix) == 0)
            return true;
    return false;
}

static bool join_bridge(const struct config_uplink *config, const char *tap,
                        char error[UPLINK_ERROR_MAX])
{
    struct network_link bridge, own;
    int result;

    if (network_link(config->bridge, &bridge) != HF_OK)
        return uplink_refuse(error, "uplink \"%s\": there is no bridge \"%s\"", config->name,
                             config->bridge);
    if (network_link(tap, &own) == HF_OK && own.master == bridge.index)
        return true;
    result = link_join(tap, bridge.index);
    return result == HF_OK ||
           uplink_refuse(error, "uplink \"%s\": %s cannot join bridge \"%s\": %s", config->name,
                         tap, config->bridge, uplink_reason(result));
}

bool uplink_address_prepare(const struct config_uplink *config, const char *tap,
                            char error[UPLINK_ERROR_MAX])
{
    char text[HF_ADDRESS_TEXT_MAX];
    int result;

    result = link_up(tap, config->mtu);
    if (result != HF_OK && !is_ready(tap, config->mtu, result))
        return uplink_refuse(error, "uplink \"%s\": cannot be brought up with an MTU of %u: %s",
                             config->name, config->mtu, uplink_reason(result));
    for (uint32_t i = 0; i < config->host_address.count; i++) {
        const struct hf_prefix *prefix = &config->host_address.items[i].prefix;

        result = link_add_address(tap, prefix);
        if (result != HF_OK && !has_address(tap, prefix, result))
            return uplink_refuse(error, "uplink \"%s\": host_address %s/%u cannot be set: %s",
                                 config->name, hf_address_format(text, &prefix->address),
                                 prefix->length, uplink_reason(result));
    }
    return config->bridge[0] == '\0' || join_bridge(config, tap, error);
}

void uplink_address_show(const struct config_uplink *config, const char *tap, FILE *out)
{
    char text[HF_ADDRESS_TEXT_MAX];

    fprintf(out, "ip link set dev %s mtu %u txqueuelen %d up\n", tap, config->mtu,
            LINK_QUEUE_PACKETS);
    for (uint32_t i = 0; i < config->host_address.count; i++) {
        const struct hf_prefix *prefix = &config->host_address.items[i].prefix;

        fprintf(out, "ip address add %s/%u dev %s%s\n", hf_address_format(text, &prefix->address),
                prefix->length, tap, hf_address_is_v4(&prefix->address) ? "" : " nodad");
    }
    if (config->bridge[0] != '\0')
        fprintf(out, "ip link set dev %s master %s\n", tap, config->bridge);
}
