/* Randomness from one seed: SplitMix64 and what is drawn from it. */
#include "sim/random.h"

#include "base/bytes.h"
#include "base/must.h"

/* The high half of a product of 128 bits, which a machine of 32 bits has no type for. */
static uint64_t high_of_product(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;

    return a_high * b_high + (middle >> 32) + (other >> 32);
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* An odd number whose bits change often enough: the step of a stream of its own. */
static uint64_t mix_gamma(uint64_t z)
{
    z = (z ^ (z >> 33)) * 0xff51afd7ed558ccdu;
    z = (z ^ (z >> 33)) * 0xc4ceb9fe1a85ec53u;
    z = (z ^ (z >> 33)) | 1;
    return __builtin_popcountll(z ^ (z >> 1)) < 24 ? z ^ 0xaaaaaaaaaaaaaaaau : z;
}

void random_seed(struct random *random, uint64_t seed)
{
    *random = (struct random){mix(seed), 0x9e3779b97f4a7c15u};
}

uint64_t random_next(struct random *random)
{
    return mix(random->state += random->gamma);
}

struct random random_split(struct random *random)
{
    uint64_t state = random_next(random);

    return (struct random){state, mix_gamma(random_next(random))};
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    must(limit > 0);
    /* The bias is below 2^-64 * limit: no test can see it. */
    return high_of_product(random_next(random), limit);
}

uint64_t random_between(struct random *random, uint64_t low, uint64_t high)
{
    must(low <= high && high - low < UINT64_MAX);
    return low + random_below(random, high - low + 1);
}

bool random_chance(struct random *random, uint32_t per_million)
{
    return per_million > 0 && random_below(random, 1000000) < per_million;
}

uint64_t random_scaled(struct random *random, uint64_t high)
{
    unsigned bits = high ? 64 - (unsigned)__builtin_clzll(high) : 0;
    unsigned some = (unsigned)random_below(random, bits + 1u);
    uint64_t mask = some == 64 ? UINT64_MAX : ((uint64_t)1 << some) - 1;
    uint64_t value = random_next(random) & mask;

    return value <= high ? value : high;
}

void random_fill(struct random *random, void *bytes, uint32_t length)
{
    uint8_t *at = bytes;

    for (; length >= 8; at += 8, length -= 8)
        put_le64(at, random_next(random));
    for (; length > 0; length--)
        *at++ = (uint8_t)random_next(random);
}
