/* Kinds of addresses, and prefixes. [RFC 6890; RFC 4291 2.4] */
#include "wire/flow.h"

#include "base/bytes.h"

static enum address_kind kind_v4(uint32_t address)
{
    switch (address >> 24) {
    case 0: return ADDRESS_UNSPECIFIED;
    case 127: return ADDRESS_LOOPBACK;
    default: break;
    }
    if (address < 0xe0000000)
        return ADDRESS_UNICAST;
    if (address < 0xf0000000)
        return ADDRESS_MULTICAST;
    return address == 0xffffffff ? ADDRESS_BROADCAST : ADDRESS_RESERVED;
}

enum address_kind address_kind(const struct hf_address *address)
{
    static const struct hf_address loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

    if (hf_address_is_v4(address))
        return kind_v4(get_be32(address_v4_bytes(address)));
    if (address->bytes[0] == 0xff)
        return ADDRESS_MULTICAST;
    if (address->bytes[0] != 0)
        return ADDRESS_UNICAST;
    if (address_is_any(address))
        return ADDRESS_UNSPECIFIED;
    return address_equal(address, &loopback) ? ADDRESS_LOOPBACK : ADDRESS_UNICAST;
}

bool address_is_link_local(const struct hf_address *address)
{
    const uint8_t *b = address->bytes;

    if (hf_address_is_v4(address))
        return b[12] == 169 && b[13] == 254;
    return b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

/* The first `bits` of a word of 64, 0 to 64. */
static inline uint64_t first_bits(uint64_t word, uint32_t bits)
{
    return bits == 0 ? 0 : word >> (64 - bits);
}

bool prefix_contains(const struct hf_prefix *prefix, const struct hf_address *address)
{
    bool v4 = hf_address_is_v4(&prefix->address);
    uint32_t bits = prefix->length + (v4 ? 96u : 0u); /* of the mapped form */
    uint64_t high = get_be64(prefix->address.bytes) ^ get_be64(address->bytes);
    uint64_t low = get_be64(prefix->address.bytes + 8) ^ get_be64(address->bytes + 8);

    if (v4 != hf_address_is_v4(address) || bits > 128)
        return false;
    if (bits <= 64)
        return first_bits(high, bits) == 0;
    return high == 0 && first_bits(low, bits - 64) == 0;
}
