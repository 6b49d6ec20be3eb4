/* Sequence numbers: positions on a circle of 2^32. [RFC 9293 3.4]
 *
 * seq is a struct so that `a < b` does not compile: on a circle there is no "less" without saying from where.
 */
#ifndef BASE_SEQ_H
#define BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t value;
} seq;

static inline seq seq_of(uint32_t value)
{
    return (seq){value};
}

static inline seq seq_add(seq a, uint32_t bytes)
{
    return (seq){a.value + bytes};
}

static inline seq seq_sub(seq a, uint32_t bytes)
{
    return (seq){a.value - bytes};
}

/* How far b lies behind a: a - b; negative if a comes first. [RFC 9293 X-01] */
static inline int32_t seq_diff(seq a, seq b)
{
    return (int32_t)(a.value - b.value);
}

/* The distance from `from` forward to `to`. */
static inline uint32_t seq_distance(seq from, seq to)
{
    return to.value - from.value;
}

static inline bool seq_eq(seq a, seq b)
{
    return a.value == b.value;
}

static inline bool seq_lt(seq a, seq b)
{
    return seq_diff(a, b) < 0;
}

static inline bool seq_leq(seq a, seq b)
{
    return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(seq a, seq b)
{
    return seq_diff(a, b) > 0;
}

static inline bool seq_geq(seq a, seq b)
{
    return seq_diff(a, b) >= 0;
}

static inline seq seq_max(seq a, seq b)
{
    return seq_lt(a, b) ? b : a;
}

static inline seq seq_min(seq a, seq b)
{
    return seq_lt(a, b) ? a : b;
}

/* start <= a < start + length */
static inline bool seq_in_window(seq a, seq start, uint32_t length)
{
    return seq_distance(start, a) < length;
}

#endif
