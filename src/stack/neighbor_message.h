/* The frames that neighbours exchange, built whole. [RFC 826; RFC 5227] */
#ifndef STACK_NEIGHBOR_MESSAGE_H
#define STACK_NEIGHBOR_MESSAGE_H

#include "stack/neighbor.h"

enum neighbor_reply_kind {
    NEIGHBOR_REPLY_ANSWER = 0, /* to whoever asked for an address of ours      */
    NEIGHBOR_REPLY_DEFENCE,    /* to all: an address of ours is claimed        */
};

/* An answer that waits for hf_output. */
struct neighbor_reply {
    uint8_t kind;            /* enum neighbor_reply_kind                     */
    struct hf_mac mac;       /* of whoever asked                             */
    struct hf_address ours;  /* the address asked for                        */
    struct hf_address asker; /* unspecified: a probe, or duplicate detection */
};

/* All give the frame's whole length; 0: there is nothing to be said. */
uint32_t neighbor_message_solicit(const struct neighbors *neighbors, const struct neighbor *entry,
                                  uint8_t *frame);
uint32_t neighbor_message_reply(const struct neighbors *neighbors,
                                const struct neighbor_reply *reply, uint8_t *frame);
uint32_t neighbor_message_announce(const struct neighbors *neighbors, const struct hf_address *ours,
                                   uint8_t *frame);

/* A link header from us, for neighbor_discovery too. */
uint32_t neighbor_link_header(const struct neighbors *neighbors, uint8_t *frame,
                              const struct hf_mac *to, uint16_t ethertype);

#endif
