/* Wiping secrets so that the compiler keeps the wiping, though nobody reads the memory again. */
#ifndef CRYPTO_WIPE_H
#define CRYPTO_WIPE_H

#include <stddef.h>
#include <string.h>

static inline void wipe(void *secret, size_t length)
{
    memset(secret, 0, length);
    __asm__ volatile("" : : "r"(secret) : "memory");
}

#endif
