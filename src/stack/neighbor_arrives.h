/* What the state machine lends to the messages that drive it. [RFC 4861 7.3] */
#ifndef STACK_NEIGHBOR_ARRIVES_H
#define STACK_NEIGHBOR_ARRIVES_H

#include "stack/neighbor.h"

#define NEIGHBOR_DEFEND_US (10 * US_PER_S) /* DEFEND_INTERVAL [RFC 5227 1.1] */

/* The entry of an address, or SLOT_NONE. */
uint32_t neighbor_find(struct neighbors *neighbors, const struct hf_address *address);

/* The link address is known: from an answer (REACHABLE), or from a peer that proved itself (STALE). */
void neighbor_settle(struct neighbors *neighbors, uint32_t slot, const struct hf_mac *mac,
                     enum neighbor_state state, int64_t now_us);

/* Somebody says unasked that `address` is at `mac`. It changes nothing by itself; if we know otherwise, we ask everyone.
 * A neighbour that did not answer before and now speaks is asked again. */
void neighbor_claim(struct neighbors *neighbors, const struct hf_address *address,
                    const struct hf_mac *mac, int64_t now_us);

/* Whether a message about this entry can be the answer to a question of ours. [R4861-17] */
bool neighbor_is_awaited(const struct neighbor *entry);

/* Another station uses our address; and somebody asked for it. */
void neighbor_conflict(struct neighbors *neighbors, const struct hf_address *ours, int64_t now_us);
void neighbor_answer(struct neighbors *neighbors, const struct hf_address *ours,
                     const struct hf_address *asker, const struct hf_mac *mac);

/* Whether a link address can be another station's. */
bool neighbor_mac_is_possible(const struct neighbors *neighbors, const struct hf_mac *mac);

#endif
