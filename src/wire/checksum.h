/* The Internet checksum. [RFC 1071] Sums are 16-bit ones' complement sums, folded, host order, not inverted. */
#ifndef WIRE_CHECKSUM_H
#define WIRE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/flow.h"

uint16_t checksum_sum(const void *data, size_t length);
uint16_t checksum_copy(void *to, const void *from,
                       size_t length); /* copies, and sums what it copied */

static inline uint16_t checksum_fold(uint64_t sum)
{
    uint32_t half;

    /* Each half is added to the other: the carry of the lower sum is the end-around carry of the upper one. */
    sum += sum << 32 | sum >> 32;
    half = (uint32_t)(sum >> 32);
    half += half << 16 | half >> 16;
    return (uint16_t)(half >> 16);
}

/* Adds two sums; one over bytes that begin at an odd offset must be swapped first. */
static inline uint16_t checksum_add(uint16_t a, uint16_t b)
{
    return checksum_fold((uint64_t)a + b);
}

static inline uint16_t checksum_swap(uint16_t sum)
{
    return (uint16_t)(sum << 8 | sum >> 8);
}

/* A running sum of words as they lie in memory: all 64 bits, with end-around carry. The order of bytes does not matter to it,
 * so that one swap at the end mends it. [RFC 1071 1] */
static inline uint64_t checksum_carry(uint64_t running, uint64_t word)
{
    running += word;
    return running + (running < word);
}

static inline uint16_t checksum_finish(uint64_t running)
{
    uint16_t sum = checksum_fold(running);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    sum = checksum_swap(sum);
#endif
    return sum;
}

/* Headers and short texts: to call checksum_sum would cost more than the sum itself. Bytes before these must be even in
 * number. */
#define CHECKSUM_SHORT 96

static inline uint64_t checksum_short(uint64_t running, const uint8_t *data, uint32_t length)
{
    uint8_t last[8] = {0};
    uint64_t word;

    for (; length >= 8; length -= 8, data += 8) {
        memcpy(&word, data, 8);
        running = checksum_carry(running, word);
    }
    if (length == 0)
        return running;
    for (uint32_t i = 0; i < length; i++)
        last[i] = data[i];
    memcpy(&word, last, 8);
    return checksum_carry(running, word);
}

/* A number as a word of memory. */
static inline uint32_t checksum_word(uint32_t number)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    number = __builtin_bswap32(number);
#endif
    return number;
}

/* The sum of a pseudo-header; IPv4 or IPv6 by the addresses. [RFC 9293 3.1; RFC 8200 8.1] */
uint16_t checksum_pseudo_header(const struct hf_address *a, const struct hf_address *b,
                                uint8_t protocol, uint32_t length);

/* The inverted checksum field after one 16-bit word under it changed; works for a field of any content. [RFC 1624 3]
 * [R1624-01] */
static inline uint16_t checksum_update(uint16_t field, uint16_t before, uint16_t after)
{
    return (uint16_t)~checksum_fold((uint64_t)(uint16_t)~field + (uint16_t)~before + after);
}

#endif
