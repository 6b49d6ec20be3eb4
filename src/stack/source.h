/* Where a peer comes from, as coarse as he could change it: the /32 of an IPv4 address, the /64 of an IPv6 address.
 * [RFC 4291 2.5.4] */
#ifndef STACK_SOURCE_H
#define STACK_SOURCE_H

#include <handfast/event.h>

#include "crypto/siphash.h"
#include "wire/flow.h"

/* The prefix in a word. That of an IPv4 address begins with ffff, which no network of hosts does (ff00::/8 are groups). */
static inline uint64_t source_word(const struct hf_address *remote)
{
    return siphash_load(remote->bytes + (hf_address_is_v4(remote) ? 8 : 0));
}

/* For an event: the prefix, and its length. */
static inline void source_describe(const struct hf_address *remote, struct hf_event *event)
{
    event->remote = (struct hf_endpoint){.address = *remote};
    event->prefix_length = 32;
    if (!hf_address_is_v4(remote)) {
        memset(event->remote.address.bytes + 8, 0, 8);
        event->prefix_length = 64;
    }
}

#endif
