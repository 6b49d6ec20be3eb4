/* The Internet checksum with AVX2. [RFC 1071]
 *
 * The sum of 16-bit words is the same modulo 65535 when they are added as 32-bit ones, and swapping the bytes of the result
 * turns a sum of little-endian words into one of big-endian words. So 32-bit lanes are widened into 64-bit sums, which
 * cannot overflow below 2^32 vectors, and folded once at the end.
 */
#include "os/checksum_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

struct sums {
    __m256i even, odd; /* 32-bit lanes, widened */
};

AVX2 static inline void add(struct sums *sums, __m256i v)
{
    sums->even = _mm256_add_epi64(sums->even, _mm256_and_si256(v, _mm256_set1_epi64x(0xffffffff)));
    sums->odd = _mm256_add_epi64(sums->odd, _mm256_srli_epi64(v, 32));
}

AVX2 static inline uint64_t total(const struct sums *a, const struct sums *b)
{
    __m256i v =
        _mm256_add_epi64(_mm256_add_epi64(a->even, a->odd), _mm256_add_epi64(b->even, b->odd));
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

    return (uint64_t)_mm_extract_epi64(half, 0) + (uint64_t)_mm_extract_epi64(half, 1);
}

static inline uint16_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return __builtin_bswap16((uint16_t)sum);
}

/* Fewer than 32 bytes; to may be NULL. */
static inline uint64_t rest(uint8_t *to, const uint8_t *from, size_t length)
{
    uint64_t sum = 0;
    uint32_t word;

    for (; length >= 4; length -= 4, from += 4) {
        memcpy(&word, from, 4);
        if (to) {
            memcpy(to, &word, 4);
            to += 4;
        }
        sum += word;
    }
    word = 0;
    for (size_t i = 0; i < length; i++) {
        word |= (uint32_t)from[i] << 8 * i;
        if (to)
            to[i] = from[i];
    }
    return sum + word;
}

static inline __m256i load(const uint8_t *from) AVX2;
static inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const void *)from);
}

static inline void store(uint8_t *to, __m256i v) AVX2;
static inline void store(uint8_t *to, __m256i v)
{
    _mm256_storeu_si256((void *)to, v);
}

AVX2 uint16_t checksum_avx2(const void *data, size_t length)
{
    const uint8_t *from = data;
    struct sums a = {_mm256_setzero_si256(), _mm256_setzero_si256()}, b = a;

    for (; length >= 128; length -= 128, from += 128) {
        add(&a, load(from));
        add(&b, load(from + 32));
        add(&a, load(from + 64));
        add(&b, load(from + 96));
    }
    for (; length >= 32; length -= 32, from += 32)
        add(&a, load(from));
    return fold(total(&a, &b) + rest(NULL, from, length));
}

AVX2 uint16_t checksum_avx2_copy(void *to, const void *data, size_t length)
{
    const uint8_t *from = data;
    uint8_t *at = to;
    struct sums a = {_mm256_setzero_si256(), _mm256_setzero_si256()}, b = a;

    for (; length >= 64; length -= 64, from += 64, at += 64) {
        __m256i v = load(from), w = load(from + 32);

        store(at, v);
        store(at + 32, w);
        add(&a, v);
        add(&b, w);
    }
    if (length >= 32) {
        __m256i v = load(from);

        store(at, v);
        add(&a, v);
        length -= 32, from += 32, at += 32;
    }
    return fold(total(&a, &b) + rest(at, from, length));
}

#endif
