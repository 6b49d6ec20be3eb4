/* What the tests above the waterline share: cmocka and a small generator. */
#ifndef UNIT_OS_TEST_H
#define UNIT_OS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* xorshift64* */
static inline uint64_t test_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1dull;
}

static inline void test_fill(uint64_t *seed, void *to, size_t length)
{
    uint8_t *at = to;

    for (size_t i = 0; i < length; i++)
        at[i] = (uint8_t)(test_random(seed) >> 56);
}

#endif
