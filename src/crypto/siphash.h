/* SipHash-2-4: a keyed hash of short inputs. [Aumasson and Bernstein, 2012]
 *
 * Whoever does not know the key can neither predict an output nor choose inputs that collide; so flows, cookies and ISNs
 * are hashed with it. Freestanding: compiled for the library and for the kernel's packet path alike, so there are no calls
 * and no loops without a constant bound on the fixed-size paths.
 *
 * Words are what a little-endian machine reads from the input: siphash_load turns bytes into them.
 */
#ifndef CRYPTO_SIPHASH_H
#define CRYPTO_SIPHASH_H

#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

struct siphash {
    uint64_t v0, v1, v2, v3;
};

#if defined __OPTIMIZE__ && !defined __OPTIMIZE_SIZE__
#define SIPHASH_INLINE static inline __attribute__((always_inline))
#else /* for who counts which lines ran, or steps through them: one function stays one */
#define SIPHASH_INLINE static inline __attribute__((unused))
#endif

/* Where the compiler is told to make little code (-Os), a hash is called: crypto/shared.c has the one copy. */
#ifndef __OPTIMIZE_SIZE__
#define SIPHASH_STEP SIPHASH_INLINE
#elif defined SIPHASH_HERE
#define SIPHASH_STEP
#else
#define SIPHASH_ELSEWHERE
#endif

SIPHASH_INLINE uint64_t siphash_rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

SIPHASH_INLINE uint64_t siphash_load(const void *bytes)
{
    uint64_t word;

    __builtin_memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

SIPHASH_INLINE uint32_t siphash_load32(const void *bytes)
{
    uint32_t word;

    __builtin_memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

SIPHASH_INLINE struct siphash_key siphash_key_from(const uint8_t bytes[16])
{
    return (struct siphash_key){siphash_load(bytes), siphash_load(bytes + 8)};
}

#define SIPHASH_LABEL_MAX 32

#ifdef __OPTIMIZE_SIZE__
void siphash_round(struct siphash *s);
struct siphash siphash_begin(struct siphash_key key);
void siphash_word(struct siphash *s, uint64_t word);
uint64_t siphash_end(struct siphash *s, uint64_t rest, uint64_t length);
uint64_t siphash_words(struct siphash_key key, const uint64_t *words, uint32_t count, uint32_t rest,
                       uint32_t length);
uint64_t siphash_8(struct siphash_key key, uint64_t word);
uint64_t siphash_12(struct siphash_key key, uint64_t word, uint32_t rest);
uint64_t siphash_16(struct siphash_key key, uint64_t a, uint64_t b);
uint64_t siphash_20(struct siphash_key key, uint64_t a, uint64_t b, uint32_t rest);
uint64_t siphash_24(struct siphash_key key, uint64_t a, uint64_t b, uint64_t c);
uint64_t siphash_36(struct siphash_key key, const uint64_t words[4], uint32_t rest);
uint64_t siphash_40(struct siphash_key key, const uint64_t words[5]);
uint64_t siphash_bytes(struct siphash_key key, const void *data, uint64_t length);
struct siphash_key siphash_derive(struct siphash_key master, const char *label, uint32_t number);
#endif
#ifndef SIPHASH_ELSEWHERE
SIPHASH_STEP void siphash_round(struct siphash *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
    s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
    s->v0 = siphash_rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
    s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
    s->v2 = siphash_rotate(s->v2, 32);
}

/* Piece by piece: begin, each whole word, end with the rest. */
SIPHASH_STEP struct siphash siphash_begin(struct siphash_key key)
{
    return (struct siphash){
        key.k0 ^ 0x736f6d6570736575,
        key.k1 ^ 0x646f72616e646f6d,
        key.k0 ^ 0x6c7967656e657261,
        key.k1 ^ 0x7465646279746573,
    };
}

SIPHASH_STEP void siphash_word(struct siphash *s, uint64_t word)
{
    s->v3 ^= word;
    siphash_round(s);
    siphash_round(s);
    s->v0 ^= word;
}

/* rest: the last 0 to 7 bytes, as the low bytes of a word. length: of the whole input; its low 8 bits count. */
SIPHASH_STEP uint64_t siphash_end(struct siphash *s, uint64_t rest, uint64_t length)
{
    siphash_word(s, rest | length << 56);
    s->v2 ^= 0xff;
    siphash_round(s);
    siphash_round(s);
    siphash_round(s);
    siphash_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* `count` whole words, and the rest: the count is constant where it is called, and no loop is left of it. */
SIPHASH_STEP uint64_t siphash_words(struct siphash_key key, const uint64_t *words, uint32_t count,
                                    uint32_t rest, uint32_t length)
{
    struct siphash s = siphash_begin(key);

    for (uint32_t i = 0; i < count; i++)
        siphash_word(&s, words[i]);
    return siphash_end(&s, rest, length);
}

/* Whole inputs of the sizes that the packet path has. 8: a prefix. */
SIPHASH_STEP uint64_t siphash_8(struct siphash_key key, uint64_t word)
{
    return siphash_words(key, &word, 1, 0, 8);
}

/* 12: an IPv4 tuple. */
SIPHASH_STEP uint64_t siphash_12(struct siphash_key key, uint64_t word, uint32_t rest)
{
    return siphash_words(key, &word, 1, rest, 12);
}

SIPHASH_STEP uint64_t siphash_16(struct siphash_key key, uint64_t a, uint64_t b)
{
    return siphash_words(key, (const uint64_t[]){a, b}, 2, 0, 16);
}

/* 20: what the MAC of a cookie covers. */
SIPHASH_STEP uint64_t siphash_20(struct siphash_key key, uint64_t a, uint64_t b, uint32_t rest)
{
    return siphash_words(key, (const uint64_t[]){a, b}, 2, rest, 20);
}

SIPHASH_STEP uint64_t siphash_24(struct siphash_key key, uint64_t a, uint64_t b, uint64_t c)
{
    return siphash_words(key, (const uint64_t[]){a, b, c}, 3, 0, 24);
}

/* 36: an IPv6 tuple. */
SIPHASH_STEP uint64_t siphash_36(struct siphash_key key, const uint64_t words[4], uint32_t rest)
{
    return siphash_words(key, words, 4, rest, 36);
}

SIPHASH_STEP uint64_t siphash_40(struct siphash_key key, const uint64_t words[5])
{
    return siphash_words(key, words, 5, 0, 40);
}

/* Any input. */
SIPHASH_STEP uint64_t siphash_bytes(struct siphash_key key, const void *data, uint64_t length)
{
    struct siphash s = siphash_begin(key);
    const uint8_t *bytes = (const uint8_t *)data;
    uint64_t whole = length & ~(uint64_t)7;
    uint64_t rest = 0;

    for (uint64_t i = 0; i < whole; i += 8)
        siphash_word(&s, siphash_load(bytes + i));
    for (uint64_t i = whole; i < length; i++)
        rest |= (uint64_t)bytes[i] << (i - whole) * 8;
    return siphash_end(&s, rest, length);
}

/* A key for one purpose from a master key: K(label, n) of HF1. Purposes with different labels or numbers have keys that say
 * nothing about each other. Of a label at most SIPHASH_LABEL_MAX characters count. Off the packet path. */
SIPHASH_STEP struct siphash_key siphash_derive(struct siphash_key master, const char *label,
                                               uint32_t number)
{
    uint8_t input[SIPHASH_LABEL_MAX + 5];
    struct siphash_key key;
    uint32_t length = 0;

    for (; length < SIPHASH_LABEL_MAX && label[length]; length++)
        input[length] = (uint8_t)label[length];
    for (uint32_t i = 0; i < 4; i++)
        input[length++] = (uint8_t)(number >> i * 8);
    input[length] = 0;
    key.k0 = siphash_bytes(master, input, length + 1);
    input[length] = 1;
    key.k1 = siphash_bytes(master, input, length + 1);
    return key;
}
#endif

#endif
