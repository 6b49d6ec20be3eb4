/* How many connections each prefix holds at each service: a /32 of IPv4, a /64 of IPv6. Memory is taken once, for as many
 * prefixes as there may be connections; the hash is keyed, so nobody outside chooses a chain. */
#ifndef HF_GUARD_PREFIX_COUNT_H
#define HF_GUARD_PREFIX_COUNT_H

#include "crypto/siphash.h"

#include <handfast/handfast.h>

#define PREFIX_COUNT_NONE UINT32_MAX

struct prefix_entry {
    uint64_t prefix; /* the first half of an IPv6 address, the last four bytes of an IPv4 one */
    uint32_t next;   /* in its chain, or in the free list */
    uint32_t count;
    uint16_t service;
    bool v4;
};

struct prefix_count {
    struct siphash_key key;
    struct prefix_entry *entries;
    uint32_t *chains; /* mask + 1 of them */
    uint32_t mask, capacity;
    uint32_t free, unused;
};

/* HF_OK, HF_NO_MEMORY or HF_SYSTEM (no randomness). */
int prefix_count_init(struct prefix_count *count, uint32_t capacity);
void prefix_count_deinit(struct prefix_count *count);

/* One connection more. Returns the entry that now counts it; never more than `capacity` at a time. */
uint32_t prefix_count_add(struct prefix_count *count, uint32_t service,
                          const struct hf_address *address);

/* One less. */
void prefix_count_remove(struct prefix_count *count, uint32_t entry);

/* "192.0.2.7" or "2001:db8::/64". */
#define PREFIX_COUNT_TEXT_MAX (HF_ADDRESS_TEXT_MAX + 4)
const char *prefix_count_text(char text[PREFIX_COUNT_TEXT_MAX], const struct hf_address *address);

#endif
