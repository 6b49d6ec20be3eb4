/* Round robin over the backends that are up. */
#include "guard/balance.h"

enum rank {
    RANK_NEVER,
    RANK_REFUSES,
    RANK_UP,
    RANK_BEST,
};

static enum rank rank_of(const struct service_backend *backend, bool client_is_v4)
{
    const struct config_backend *config = backend->config;

    if (config == NULL)
        return RANK_NEVER;
    if (!backend->health.up)
        return backend->health.silent ? RANK_NEVER : RANK_REFUSES;
    if (config->client_address == CONFIG_CLIENT_TRANSPARENT && config->to.path[0] == '\0' &&
        hf_address_is_v4(&config->to.endpoint.address) != client_is_v4)
        return RANK_UP;
    return RANK_BEST;
}

uint32_t balance_pick(const struct service *service, uint32_t tried, bool client_is_v4)
{
    enum rank best = RANK_NEVER;
    uint32_t chosen = BALANCE_NONE;

    for (uint32_t i = 0; i < SERVICE_BACKENDS_MAX && best < RANK_BEST; i++) {
        uint32_t at = (service->next_backend + i) % SERVICE_BACKENDS_MAX;
        enum rank rank =
            tried >> at & 1 ? RANK_NEVER : rank_of(&service->backends[at], client_is_v4);

        if (rank > best) {
            best = rank;
            chosen = at;
        }
    }
    return chosen;
}
