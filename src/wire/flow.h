/* A flow: the four-tuple of a connection, seen from us. [RFC 9293 3.4] */
#ifndef WIRE_FLOW_H
#define WIRE_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <handfast/handfast.h>

#include "base/bytes.h"
#include "base/shared.h"

struct flow {
    struct hf_address remote, local;
    uint16_t remote_port, local_port; /* host order */
};

_Static_assert(sizeof(struct flow) == 36, "a flow is 36 bytes without padding");

#ifdef __OPTIMIZE_SIZE__
bool address_equal(const struct hf_address *a, const struct hf_address *b);
bool flow_equal(const struct flow *a, const struct flow *b);
bool address_is_any(const struct hf_address *address);
#endif
#ifndef SHARED_ELSEWHERE
SHARED bool address_equal(const struct hf_address *a, const struct hf_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

SHARED bool flow_equal(const struct flow *a, const struct flow *b)
{
    uint64_t x[4], y[4];
    uint32_t ports =
        (uint32_t)((a->remote_port ^ b->remote_port) | (a->local_port ^ b->local_port));

    memcpy(x, a, sizeof x); /* in words: a call of memcmp would cost more */
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | ports) == 0;
}

SHARED bool address_is_any(const struct hf_address *address)
{
    static const struct hf_address any;

    return address_equal(address, &any);
}
#endif

/* What kind an address is, by itself (what is a broadcast address of our networks, `stack` knows). */
enum address_kind {
    ADDRESS_UNICAST = 0,
    ADDRESS_UNSPECIFIED, /* ::, 0.0.0.0/8             */
    ADDRESS_LOOPBACK,    /* ::1, 127.0.0.0/8          */
    ADDRESS_MULTICAST,   /* ff00::/8, 224.0.0.0/4     */
    ADDRESS_BROADCAST,   /* 255.255.255.255           */
    ADDRESS_RESERVED,    /* 240.0.0.0/4, but the last */
};

enum address_kind address_kind(const struct hf_address *address);

/* ADDRESS_UNICAST of IPv4, at a glance: 1.0.0.0 to 223.255.255.255, but 127.0.0.0/8. */
static inline bool address_is_v4_unicast(const struct hf_address *address)
{
    uint8_t first = address->bytes[12];

    return hf_address_is_v4(address) && first != 0 && first != 127 && first < 224;
}
bool address_is_link_local(const struct hf_address *address); /* fe80::/10, 169.254.0.0/16 */

static inline struct hf_address address_v4(uint32_t host_order)
{
    return (struct hf_address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
                                (uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
                                (uint8_t)(host_order >> 8), (uint8_t)host_order}};
}

#ifdef __OPTIMIZE_SIZE__
struct hf_address address_v4_from(const uint8_t *bytes);
#endif
#ifndef SHARED_ELSEWHERE
/* The same from the four bytes of a header, in one store: what is then read as a whole need not wait for parts. */
SHARED struct hf_address address_v4_from(const uint8_t *bytes)
{
    typedef uint32_t words __attribute__((vector_size(16)));
    struct hf_address address = address_v4(0);
    uint32_t v4;
    words mapped;

    memcpy(&v4, bytes, sizeof v4);
    memcpy(&mapped, &address, sizeof mapped);
    mapped[3] = v4;
    memcpy(&address, &mapped, sizeof address);
    return address;
}
#endif

static inline const uint8_t *address_v4_bytes(const struct hf_address *address)
{
    return address->bytes + 12;
}

/* The first `bits` of a word of 64, 0 to 64. */
static inline uint64_t address_first_bits(uint64_t word, uint32_t bits)
{
    return bits == 0 ? 0 : word >> (64 - bits);
}

#ifdef __OPTIMIZE_SIZE__
bool prefix_contains(const struct hf_prefix *prefix, const struct hf_address *address);
#endif
#ifndef SHARED_ELSEWHERE
/* Whether the first `length` bits (counted in the prefix's own family) agree. */
SHARED bool prefix_contains(const struct hf_prefix *prefix, const struct hf_address *address)
{
    bool v4 = hf_address_is_v4(&prefix->address);
    uint32_t bits = prefix->length + (v4 ? 96u : 0u); /* of the mapped form */
    uint64_t high = get_be64(prefix->address.bytes) ^ get_be64(address->bytes);
    uint64_t low = get_be64(prefix->address.bytes + 8) ^ get_be64(address->bytes + 8);

    if (v4 != hf_address_is_v4(address) || bits > 128)
        return false;
    if (bits <= 64)
        return address_first_bits(high, bits) == 0;
    return high == 0 && address_first_bits(low, bits - 64) == 0;
}
#endif

#endif
