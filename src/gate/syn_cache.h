/* The SYN cache: half-opens in 64 bytes each. [RFC 9293 3.10.7.2; RFC 4987 3.3]
 *
 * A half-open that outlives its usefulness is cheap, not free: so each listener has a limit, and when there is no room the
 * oldest of the listener that holds most gives way.
 */
#ifndef GATE_SYN_CACHE_H
#define GATE_SYN_CACHE_H

#include "base/list.h"
#include "base/seq.h"
#include "base/table.h"
#include "base/wheel.h"
#include "wire/flow.h"
#include "wire/segment.h"

/* Options that were agreed on have the bits of enum tcp_option_bit. */
enum half_open_flag {
    HALF_OPEN_SCALING = TCP_OPTION_SCALE,
    HALF_OPEN_SACK = TCP_OPTION_SACK_PERMITTED,
    HALF_OPEN_TIMESTAMPS = TCP_OPTION_TIMESTAMPS,
    HALF_OPEN_OPTIONS = HALF_OPEN_SCALING | HALF_OPEN_SACK | HALF_OPEN_TIMESTAMPS,
    HALF_OPEN_ASKED_AGAIN = 0x40, /* its SYN came again: our SYN-ACK may have been lost    */
    HALF_OPEN_HURRIED = 0x80,     /* its listener is under pressure: little time, no retries */
};

_Static_assert((HALF_OPEN_OPTIONS & (HALF_OPEN_ASKED_AGAIN | HALF_OPEN_HURRIED)) == 0,
               "each flag is a bit of its own");

/* What a SYN and our configuration agree on. */
struct syn_terms {
    uint32_t ts_value; /* 0 without timestamps */
    uint16_t mss;
    uint8_t scale; /* 0 without scaling     */
    uint8_t flags; /* HALF_OPEN_OPTIONS     */
};

/* The wheel's deadline says when the SYN-ACK was last sent: the intervals follow from `sent` and the listener's rules. */
struct half_open {
    _Alignas(CACHE_LINE) struct list_link by_age; /* in its listener's list, oldest first */
    struct wheel_entry timer;
    struct hf_address remote;
    seq iss, irs;
    uint32_t ts_recent;
    uint16_t remote_port;
    uint16_t mss;
    uint16_t listener;
    struct hf_mac back; /* the link address that the SYN came from */
    uint8_t local;      /* which of our addresses */
    uint8_t scale;      /* the peer's shift */
    uint8_t flags;      /* enum half_open_flag */
    uint8_t sent;       /* SYN-ACKs so far, duplicates' answers not counted */
};

_Static_assert(sizeof(struct half_open) == 64, "a half-open is 64 bytes");

struct syn_cache {
    struct pool pool;
    struct table table;
    struct wheel wheel;
};

struct syn_cache_setup {
    uint32_t capacity;
    table_hash_of *hash_of; /* T of the half-open in a slot */
    const void *hash_context;
};

void syn_cache_init(struct syn_cache *cache, struct arena *arena,
                    const struct syn_cache_setup *setup, int64_t now_us);

static inline struct half_open *syn_cache_at(const struct syn_cache *cache, uint32_t slot)
{
    return pool_at(&cache->pool, slot);
}

static inline bool syn_cache_is_full(const struct syn_cache *cache)
{
    return cache->pool.count == cache->pool.capacity;
}

/* A slot in the table and at the end of `by_age`, its fields for the caller to fill (before the next insert). There must be
 * room. */
uint32_t syn_cache_insert(struct syn_cache *cache, uint64_t hash, struct list *by_age);
void syn_cache_remove(struct syn_cache *cache, uint64_t hash, struct list *by_age, uint32_t slot);

#endif
