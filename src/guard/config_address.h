/* What a configuration asks of addresses. */
#ifndef HF_GUARD_CONFIG_ADDRESS_H
#define HF_GUARD_CONFIG_ADDRESS_H

#include <handfast/handfast.h>

#include <string.h>

static inline bool address_same(const struct hf_address *a, const struct hf_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool address_is_any(const struct hf_address *address)
{
    return address_same(address, &(struct hf_address){{0}});
}

static inline bool address_is_loopback(const struct hf_address *address)
{
    static const struct hf_address loopback = {{[15] = 1}};

    return hf_address_is_v4(address) ? address->bytes[12] == 127 : address_same(address, &loopback);
}

/* An address that a host can have on a network: not 0/8, loopback, multicast, reserved. */
static inline bool address_is_host(const struct hf_address *address)
{
    const uint8_t *b = address->bytes;

    if (address_is_loopback(address) || address_is_any(address))
        return false;
    return hf_address_is_v4(address) ? b[12] != 0 && b[12] < 224 : b[0] != 0xff;
}

static inline bool address_in_prefix(const struct hf_prefix *prefix,
                                     const struct hf_address *address)
{
    unsigned bits = prefix->length + (hf_address_is_v4(&prefix->address) ? 96u : 0u);

    if (hf_address_is_v4(&prefix->address) != hf_address_is_v4(address))
        return false;
    for (unsigned i = 0; i < bits; i++)
        if ((prefix->address.bytes[i / 8] ^ address->bytes[i / 8]) & (0x80u >> i % 8))
            return false;
    return true;
}

#endif
