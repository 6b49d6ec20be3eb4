/* Addresses to connect from. */
#include "guard/source.h"

static bool is_v4_loopback(const struct config_target *target)
{
    return target->path[0] == '\0' && hf_address_is_v4(&target->endpoint.address) &&
           target->endpoint.address.bytes[12] == 127;
}

uint32_t source_count(const struct config_backend *config)
{
    if (config->source.count > 0)
        return config->source.count;
    return is_v4_loopback(&config->to) ? SOURCE_LOOPBACKS : 1;
}

struct backend_source source_choose(const struct service_backend *backend, uint32_t attempt)
{
    const struct config_backend *config = backend->config;
    struct backend_source source = {.bound = true};
    uint32_t at = (backend->source + attempt) % source_count(config);

    if (config->source.count > 0)
        source.from.address = config->source.items[at].endpoint.address;
    else if (at == 0)
        source.bound = false; /* the kernel's choice, as long as it has one */
    else
        source.from.address =
            (struct hf_address){{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = (uint8_t)(1 + at)}};
    return source;
}

void source_used(struct service_backend *backend, uint32_t attempt)
{
    uint32_t count = source_count(backend->config);

    if (backend->config->source.count > 0)
        attempt++;
    backend->source = (backend->source + attempt) % count;
}

struct backend_source source_transparent(const struct hf_endpoint *client, bool same_port)
{
    struct backend_source source = {.bound = true, .transparent = true, .from = *client};

    if (!same_port)
        source.from.port = 0;
    return source;
}
