/* Neighbour discovery: what IPv6 has in the place of ARP. [RFC 4861 4.3, 4.4, 7.2; RFC 3810 5] */
#ifndef STACK_NEIGHBOR_DISCOVERY_H
#define STACK_NEIGHBOR_DISCOVERY_H

#include "stack/neighbor.h"

/* A solicitation or advertisement arrived; HF_STAT_none, or neighbor_malformed, which is counted here. */
enum hf_stat neighbor_discovery_arrives(struct neighbors *neighbors, const struct packet *packet,
                                        int64_t now_us);

/* An MLD query: our groups are reported once more. [RFC 3810 5.1, 6.2] */
void neighbor_discovery_on_group_query(struct neighbors *neighbors, int64_t now_us);

/* Frames, built whole; all give the length, 0: there is nothing to be said. A question from an address of ours, an answer or
 * announcement, and the report of our groups. */
uint32_t neighbor_discovery_solicit(const struct neighbors *neighbors, const struct neighbor *entry,
                                    const struct hf_address *source, uint8_t *frame);
uint32_t neighbor_discovery_advertise(const struct neighbors *neighbors,
                                      const struct neighbor_reply *reply, uint8_t *frame);
uint32_t neighbor_discovery_report(const struct neighbors *neighbors, uint8_t *frame);

#endif
