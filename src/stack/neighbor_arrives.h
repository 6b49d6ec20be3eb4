/* What the state machine lends to the messages that drive it. [RFC 4861 7.3] */
#ifndef STACK_NEIGHBOR_ARRIVES_H
#define STACK_NEIGHBOR_ARRIVES_H

#include "stack/neighbor.h"

#define NEIGHBOR_DEFEND_US (10 * US_PER_S) /* DEFEND_INTERVAL [RFC 5227 1.1] */

static inline struct neighbor *neighbor_at(const struct neighbors *neighbors, uint32_t slot)
{
    return pool_at(&neighbors->pool, slot);
}

/* The entry of an address, or SLOT_NONE. */
uint32_t neighbor_find(struct neighbors *neighbors, const struct hf_address *address);

/* The link address is known: from an answer (REACHABLE), or from a peer that proved itself (STALE). */
void neighbor_settle(struct neighbors *neighbors, uint32_t slot, const struct hf_mac *mac,
                     enum neighbor_state state, int64_t now_us);

/* Somebody says unasked that `address` is at `mac`. It changes nothing by itself; if we know otherwise, we ask everyone.
 * A neighbour that did not answer before and now speaks is asked again. */
void neighbor_claim(struct neighbors *neighbors, const struct hf_address *address,
                    const struct hf_mac *mac, int64_t now_us);

/* Whether a link address can be another station's. */
bool neighbor_mac_is_possible(const struct neighbors *neighbors, const struct hf_mac *mac);

#endif
