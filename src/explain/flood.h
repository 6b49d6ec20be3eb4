/* SYN floods, as an onlooker knows them: many SYNs to one server and few handshakes that are completed. [RFC 4987 2] */
#ifndef EXPLAIN_FLOOD_H
#define EXPLAIN_FLOOD_H

#include <handfast/handfast.h>

#include <stdbool.h>
#include <stdint.h>

#define FLOOD_SERVERS 256   /* that are counted at a time; the one silent for longest gives way */
#define FLOOD_SYNS 200      /* within a second that nobody completed ...                        */
#define FLOOD_ENDS_BELOW 50 /* SYNs a second: it is over                                        */
#define FLOOD_SOURCE_BITS \
    65536 /* distinct sources are counted in so many (linear counting)        */
/* Above it they cannot be told apart any more. */
#define FLOOD_SOURCES_MOST (UINT64_C(12) * FLOOD_SOURCE_BITS)

struct flooded {
    struct hf_endpoint server;
    int64_t second_us, since_us, until_us, seen_us;
    uint32_t syns, completed; /* within this second */
    uint64_t total;           /* SYNs while it was flooded                 */
    uint64_t half_opens;      /* that were never completed, in the end     */
    bool used, floods, ever;
    uint8_t *sources; /* bits; NULL until it floods */
};

struct floods {
    struct flooded servers[FLOOD_SERVERS];
};

void floods_free(struct floods *floods);

/* A SYN for a server. True: with it a flood begins. */
bool floods_syn(struct floods *floods, const struct hf_endpoint *server, uint64_t source_hash,
                int64_t at_us);

/* A handshake with it was completed. */
void floods_completed(struct floods *floods, const struct hf_endpoint *server, int64_t at_us);

/* NULL: it was not counted. */
struct flooded *floods_find(struct floods *floods, const struct hf_endpoint *server);

/* Distinct sources of its SYNs while it was flooded, about. */
uint64_t flooded_sources(const struct flooded *flooded);

#endif
