/* SYN floods, as an onlooker knows them. [RFC 4987 2] */
#include "explain/flood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "wire/flow.h"

void floods_free(struct floods *floods)
{
    for (unsigned i = 0; i < FLOOD_SERVERS; i++)
        free(floods->servers[i].sources);
}

struct flooded *floods_find(struct floods *floods, const struct hf_endpoint *server)
{
    uint32_t start = get_be32(server->address.bytes + 12) * 0x9e3779b1u ^ server->port;

    for (uint32_t i = 0; i < FLOOD_SERVERS; i++) {
        struct flooded *flooded = &floods->servers[(start + i) % FLOOD_SERVERS];

        if (!flooded->used)
            return NULL;
        if (flooded->server.port == server->port &&
            address_equal(&flooded->server.address, &server->address))
            return flooded;
    }
    return NULL;
}

/* A place for one that was not seen so far. Who once was flooded stays to the end, if there is any other. */
static struct flooded *take(struct floods *floods, const struct hf_endpoint *server)
{
    uint32_t start = get_be32(server->address.bytes + 12) * 0x9e3779b1u ^ server->port;
    struct flooded *taken = NULL;

    for (uint32_t i = 0; i < FLOOD_SERVERS; i++) {
        struct flooded *flooded = &floods->servers[(start + i) % FLOOD_SERVERS];

        if (!flooded->used) {
            taken = flooded;
            break;
        }
        if (!flooded->ever && (!taken || flooded->seen_us < taken->seen_us))
            taken = flooded;
    }
    if (taken)
        *taken = (struct flooded){.server = *server, .used = true};
    return taken;
}

static void turn_second(struct flooded *flooded, int64_t at_us)
{
    if (at_us - flooded->second_us < US_PER_S)
        return;
    if (flooded->floods && flooded->syns < FLOOD_ENDS_BELOW)
        flooded->floods = false;
    if (flooded->floods)
        flooded->until_us = at_us;
    flooded->second_us = at_us;
    flooded->syns = flooded->completed = 0;
}

static bool begins(struct flooded *flooded, int64_t at_us)
{
    if (flooded->floods || flooded->syns < FLOOD_SYNS + flooded->completed * 10)
        return false;
    if (!flooded->ever)
        flooded->since_us = at_us;
    if (!flooded->sources)
        flooded->sources = calloc(FLOOD_SOURCE_BITS / 8, 1);
    flooded->floods = flooded->ever = true;
    flooded->total += flooded->syns - 1;
    return true;
}

bool floods_syn(struct floods *floods, const struct hf_endpoint *server, uint64_t source_hash,
                int64_t at_us)
{
    struct flooded *flooded = floods_find(floods, server);
    bool begun;

    if (!flooded)
        flooded = take(floods, server);
    if (!flooded)
        return false;
    turn_second(flooded, at_us);
    flooded->seen_us = at_us;
    flooded->syns++;
    begun = begins(flooded, at_us);
    if (flooded->floods) {
        flooded->total++;
        flooded->until_us = at_us;
        if (flooded->sources)
            flooded->sources[source_hash % FLOOD_SOURCE_BITS / 8] |=
                (uint8_t)(1u << source_hash % 8);
    }
    return begun;
}

void floods_completed(struct floods *floods, const struct hf_endpoint *server, int64_t at_us)
{
    struct flooded *flooded = floods_find(floods, server);

    if (!flooded)
        return;
    turn_second(flooded, at_us);
    flooded->completed++;
}

uint64_t flooded_sources(const struct flooded *flooded)
{
    uint32_t empty = FLOOD_SOURCE_BITS;

    if (!flooded->sources)
        return 0;
    for (uint32_t i = 0; i < FLOOD_SOURCE_BITS / 8; i++)
        empty -= (uint32_t)__builtin_popcount(flooded->sources[i]);
    if (empty == 0)
        return FLOOD_SOURCES_MOST;
    return (uint64_t)(-(double)FLOOD_SOURCE_BITS * log((double)empty / FLOOD_SOURCE_BITS) + 0.5);
}
