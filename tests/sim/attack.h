/* What the tests of attacks share: sizes that an environment may change, and what an attack must leave as it was. */
#ifndef TESTS_SIM_ATTACK_H
#define TESTS_SIM_ATTACK_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "sim/attack_crowd.h"
#include "sim/attack_field.h"
#include "sim/attack_flood.h"
#include "sim/attack_peer.h"

/* Sanitizers get a twentieth of the work. */
#if defined(__SANITIZE_ADDRESS__)
#define SHARE 500
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHARE 500
#endif
#endif
#ifndef SHARE
#define SHARE 10000
#endif

/* HF_SIM_SEEDS, as in the other simulations, says how much work may be done: fewer than 10,000 shrink these tests in
 * proportion. */
static inline uint64_t scaled(uint64_t full, uint64_t least)
{
    const char *seeds = getenv("HF_SIM_SEEDS");
    uint64_t share = seeds ? strtoull(seeds, NULL, 0) : SHARE;
    uint64_t some = share < 10000 ? full * share / 10000 : full;

    return some > least ? some : least;
}

/* A number from the environment, for the full sizes. */
static inline uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 0) : otherwise;
}

/* The field is large: one for each program. */
static struct field the_field;

static inline struct field *field_with(const struct field_setup *setup)
{
    field_open(&the_field, setup);
    return &the_field;
}

#define stat(field, name) (field_stats(field)->name)

/* The gate keeps records of connections that cookies opened until those expire, whatever 2 MSL are. */
#define COOKIE_LIFE_US (40 * (int64_t)US_PER_S)

static inline void assert_held_equal(const struct field_held *before,
                                     const struct field_held *after)
{
    assert_int_equal(after->half_opens, before->half_opens);
    assert_int_equal(after->connections, before->connections);
    assert_int_equal(after->time_waits, before->time_waits);
    assert_int_equal(after->neighbors, before->neighbors);
    assert_int_equal(after->reassemblies, before->reassemblies);
    assert_int_equal(after->pool_bytes, before->pool_bytes);
    assert_int_equal(after->memory_bytes, before->memory_bytes);
}

/* All that the server counted: for whoever looks for the cause of a failure. */
static inline void print_counters(const struct field *field)
{
    const uint64_t *values = (const uint64_t *)(const void *)field_stats(field);

    for (unsigned i = 0; i < HF_STAT_COUNT; i++)
        if (values[i])
            print_error("%12" PRIu64 " %s\n", values[i], hf_stat_name((enum hf_stat)i));
}

/* Every client was served, every byte was right, and nobody whom no client is had a connection. */
static inline void assert_all_served(const struct crowd *crowd)
{
    unsigned told = 0;

    for (uint32_t i = 0; i < crowd->opened && told < 5; i++) {
        const struct crowd_client *client = &crowd->clients[i];

        if (client->over && !client->error)
            continue;
        told++;
        print_error("client %u, port %u: %s, connected after %" PRId64
                    " us, sent %u, received %u\n",
                    i, client->port, client->over ? hf_error_text(client->error) : "not over",
                    client->connected_us ? client->connected_us - client->opened_us : 0,
                    client->sent, client->received);
    }
    if (told)
        print_counters(&the_field);
    assert_int_equal(crowd->succeeded, crowd->setup.clients);
    assert_int_equal(crowd->failed, 0);
    assert_int_equal(crowd->wrong_bytes, 0);
}

#endif
