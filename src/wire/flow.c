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
