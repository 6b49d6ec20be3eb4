/* What the tests of wire share: frames in memory of exactly their size, so that a sanitizer sees one byte too many, and a
 * small generator with a printed seed. */
#ifndef TESTS_UNIT_WIRE_SUPPORT_H
#define TESTS_UNIT_WIRE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/checksum.h"
#include "wire/packet.h"

static const struct packet_rules ethernet_rules = {
    .link = HF_ETHERNET,
    .mac = {{0x02, 0x00, 0xc0, 0xa8, 0x00, 0x02}},
    .checksum = checksum_sum,
    .ipv6 = packet_ipv6,
};

static inline uint8_t *exact_copy(const uint8_t *data, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);

    assert_non_null(copy);
    if (length)
        memcpy(copy, data, length);
    return copy;
}

/* Parses a frame; *packet points into `data`. */
static inline void parse_with(struct packet *packet, const struct packet_rules *rules,
                              uint8_t *data, size_t length)
{
    struct hf_frame frame = {
        .data = data, .length = (uint32_t)length, .link = (uint8_t)rules->link};

    packet_parse(packet, rules, &frame);
}

static inline struct hf_address address_of(const char *text)
{
    struct hf_address address;

    assert_int_equal(hf_address_parse(&address, text), HF_OK);
    return address;
}

#define assert_address(address, text) \
    assert_memory_equal(&(address), &(struct hf_address[]){address_of(text)}, 16)

static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#endif
