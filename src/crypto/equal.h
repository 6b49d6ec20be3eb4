/* Comparing secrets in a time that says only whether they are equal, not where they differ. */
#ifndef CRYPTO_EQUAL_H
#define CRYPTO_EQUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The empty asm hides from the compiler what has been gathered so far, or it could leave the loop early. */
static inline bool equal_bytes(const void *a, const void *b, size_t length)
{
    const uint8_t *left = (const uint8_t *)a, *right = (const uint8_t *)b;
    unsigned differs = 0;

    for (size_t i = 0; i < length; i++) {
        differs |= (unsigned)(left[i] ^ right[i]);
        __asm__("" : "+r"(differs));
    }
    return differs == 0;
}

static inline bool equal_u64(uint64_t a, uint64_t b)
{
    uint64_t differs = a ^ b;

    __asm__("" : "+r"(differs));
    return differs == 0;
}

#endif
