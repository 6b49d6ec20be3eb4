/* What the tests of this layer share: addresses from text, memory, and a plain source of chance. */
#ifndef TESTS_UNIT_STACK_SUPPORT_H
#define TESTS_UNIT_STACK_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/time.h"
#include "wire/packet.h"

/* Calls that can be asserted on cannot be inline in an expression of a test's table. */
static inline struct hf_address address(const char *text)
{
    struct hf_address a;

    assert_int_equal(hf_address_parse(&a, text), HF_OK);
    return a;
}

static inline struct hf_prefix prefix(const char *text)
{
    struct hf_prefix p;

    assert_int_equal(hf_prefix_parse(&p, text), HF_OK);
    return p;
}

/* Memory that is not zero, so that nothing relies on it. */
static inline struct arena make_arena(size_t bytes)
{
    size_t rounded = (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    struct arena arena = {.base = aligned_alloc(CACHE_LINE, rounded ? rounded : CACHE_LINE)};

    assert_non_null(arena.base);
    memset(arena.base, 0xa5, rounded);
    return arena;
}

/* splitmix64 */
static inline uint64_t chance(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* 0 to limit - 1 */
static inline uint32_t chance_below(uint64_t *seed, uint32_t limit)
{
    return (uint32_t)(chance(seed) % limit);
}

#endif
