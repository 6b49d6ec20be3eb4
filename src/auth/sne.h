/* Sequence numbers of 64 bits from those of 32 on the wire: the sequence number extension.
 * [RFC 9187 4; RFC 5925 6.2; R9187-01; R5925-15]
 *
 * A position is the highest number met so far, extended. Another number lies within half the circle of it, before or behind:
 * that says which turn it belongs to, and no flag has to be kept. RFC 5925's own sample decides by constants and is wrong at
 * the borders.
 */
#ifndef AUTH_SNE_H
#define AUTH_SNE_H

#include "base/seq.h"

/* At the initial sequence number the extension is 0. [RFC 5925 6.2] */
static inline uint64_t sne_start(seq isn)
{
    return isn.value;
}

/* The extended number of a segment near the position. */
static inline uint64_t sne_extend(uint64_t position, seq at)
{
    return position + (uint64_t)(int64_t)seq_diff(at, seq_of((uint32_t)position));
}

static inline uint32_t sne_of(uint64_t extended)
{
    return (uint32_t)(extended >> 32);
}

/* The position after it: only ever forward. */
static inline uint64_t sne_advance(uint64_t position, uint64_t extended)
{
    return (int64_t)(extended - position) > 0 ? extended : position;
}

#endif
