/* The Internet checksum, 64 bytes a turn; where the compiler is told to make little code, 4. [RFC 1071]
 *
 * The sum does not care for byte order [RFC 1071 1]: words are added as they lie in memory and one swap at the end
 * mends it. Each 32-bit lane is split into its halves, so that lanes overflow only after 65536 turns.
 */
#include "wire/checksum.h"

#include "base/bytes.h"

/* The last 0 to 63 bytes, or all; copies them if `to` is not NULL. */
static inline uint64_t tail(uint8_t *to, const uint8_t *from, size_t length)
{
    uint64_t sum = 0;
    uint32_t word;
    uint16_t half;

    for (; length >= 4; length -= 4, from += 4) {
        memcpy(&word, from, 4);
        if (to) {
            memcpy(to, &word, 4);
            to += 4;
        }
        sum += word;
    }
    if (length & 2) {
        memcpy(&half, from, 2);
        if (to) {
            memcpy(to, &half, 2);
            to += 2;
        }
        sum += half;
        from += 2;
    }
    if (length & 1) {
        uint8_t last[2] = {*from, 0};

        if (to)
            *to = *from;
        memcpy(&half, last, 2);
        sum += half;
    }
    return sum;
}

#ifdef __OPTIMIZE_SIZE__

static uint16_t sum_and_copy(uint8_t *to, const uint8_t *from, size_t length)
{
    return checksum_finish(tail(to, from, length));
}

#else

typedef uint32_t lanes __attribute__((vector_size(16)));

#define TURN_BYTES 64
#define TURNS_MAX 16384 /* four words are added to each lane a turn: 4 * 16384 * 65535 < 2^32 */

static inline lanes load(const uint8_t *from)
{
    lanes v;

    memcpy(&v, from, sizeof v);
    return v;
}

static inline uint64_t across(lanes v)
{
    return (uint64_t)v[0] + v[1] + v[2] + v[3];
}

static inline uint64_t turns(uint8_t *to, const uint8_t *from, size_t count)
{
    const lanes low = {0xffff, 0xffff, 0xffff, 0xffff};
    lanes even = {0}, odd = {0};

    for (size_t i = 0; i < count; i++, from += TURN_BYTES) {
        lanes a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);

        if (to) {
            memcpy(to, &a, 16);
            memcpy(to + 16, &b, 16);
            memcpy(to + 32, &c, 16);
            memcpy(to + 48, &d, 16);
            to += TURN_BYTES;
        }
        even += ((a & low) + (b & low)) + ((c & low) + (d & low));
        odd += ((a >> 16) + (b >> 16)) + ((c >> 16) + (d >> 16));
    }
    return across(even) + across(odd);
}

static inline uint16_t sum_and_copy(uint8_t *to, const uint8_t *from, size_t length)
{
    uint64_t sum = 0;

    while (length >= TURN_BYTES) {
        size_t count = length / TURN_BYTES;

        if (count > TURNS_MAX)
            count = TURNS_MAX;
        sum += turns(to, from, count);
        from += count * TURN_BYTES;
        if (to)
            to += count * TURN_BYTES;
        length -= count * TURN_BYTES;
    }
    return checksum_finish(sum + tail(to, from, length));
}

#endif

/* [R1071-01] */
uint16_t checksum_sum(const void *data, size_t length)
{
    return sum_and_copy(NULL, data, length);
}

uint16_t checksum_copy(void *to, const void *from, size_t length)
{
    return sum_and_copy(to, from, length);
}

uint16_t checksum_pseudo_header(const struct hf_address *a, const struct hf_address *b,
                                uint8_t protocol, uint32_t length)
{
    uint64_t sum = (uint64_t)protocol + (length >> 16) + (length & 0xffff);

    if (hf_address_is_v4(a))
        return checksum_fold(sum + get_be32(a->bytes + 12) + get_be32(b->bytes + 12));
    for (unsigned i = 0; i < 16; i += 4)
        sum += (uint64_t)get_be32(a->bytes + i) + get_be32(b->bytes + i);
    return checksum_fold(sum);
}
