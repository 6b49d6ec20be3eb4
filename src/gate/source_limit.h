/* Whose half-opens these are: how many each /32 or /64 has, in fixed memory. [RFC 4987 3.1]
 *
 * A count-min sketch of two rows [Cormode and Muthukrishnan, 2005]: each half-open is counted in one counter of each row, and
 * taken off again when it leaves, so the counters are exact and only shared. The lesser of a prefix's two counters is never
 * below what the prefix holds, and above it by what others hold in the same counter: on average N / width, for N half-opens
 * in all. Both rows exceed by as much as the usual share (N / 16) with a chance below (16 / width)^2. A prefix that is taken for
 * too large loses nothing but the cache: its SYNs are answered without memory. Counters are chosen under a key, so nobody
 * can aim at the counters of another.
 */
#ifndef GATE_SOURCE_LIMIT_H
#define GATE_SOURCE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/handfast.h>

#include "base/arena.h"
#include "crypto/siphash.h"

struct source_limit {
    struct siphash_key key;
    uint32_t *counters; /* two rows, one after the other */
    uint32_t mask;      /* width - 1                     */
};

/* For up to so many half-opens: a counter for every four of them in each row, within bounds. */
void source_limit_init(struct source_limit *limit, struct arena *arena, struct siphash_key key,
                       uint32_t half_opens);

/* The /32 of an IPv4 address or the /64 of an IPv6 address, as a word. */
static inline uint64_t source_prefix(const struct hf_address *remote)
{
    return siphash_load(remote->bytes + (hf_address_is_v4(remote) ? 8 : 0));
}

/* The prefix under our key: what filters and counters go by. */
static inline uint64_t source_hash(const struct source_limit *limit, uint64_t prefix)
{
    return siphash_8(limit->key, prefix);
}

/* How many half-opens a prefix has: at least so many as it really has. */
uint32_t source_limit_count(const struct source_limit *limit, uint64_t hash);
void source_limit_add(struct source_limit *limit, uint64_t hash);
void source_limit_remove(struct source_limit *limit, uint64_t hash);

#endif
