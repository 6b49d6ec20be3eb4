/* PROXY protocol version 2 (HAProxy's proxy-protocol.txt, section 2.2): signature, version and command, family and
 * protocol, length, addresses and ports in network order. */
#include "guard/proxy_v2.h"

#include "base/bytes.h"

#define VERSION_2_LOCAL 0x20
#define VERSION_2_PROXY 0x21
#define INET_STREAM 0x11
#define INET6_STREAM 0x21
#define FIXED_BYTES 16u

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                      '\n', 'Q',  'U',  'I',  'T', '\n'};

size_t proxy_v2_build(uint8_t header[PROXY_V2_MAX], const struct hf_endpoint *client,
                      const struct hf_endpoint *local)
{
    bool v4 = hf_address_is_v4(&client->address) && hf_address_is_v4(&local->address);
    size_t skip = v4 ? 12 : 0;
    size_t bytes = sizeof client->address.bytes - skip;
    uint8_t *at = header + FIXED_BYTES;

    memcpy(header, signature, sizeof signature);
    header[12] = VERSION_2_PROXY;
    header[13] = v4 ? INET_STREAM : INET6_STREAM;
    put_be16(header + 14, (uint16_t)(2 * bytes + 4));
    memcpy(at, client->address.bytes + skip, bytes);
    memcpy(at + bytes, local->address.bytes + skip, bytes);
    put_be16(at + 2 * bytes, client->port);
    put_be16(at + 2 * bytes + 2, local->port);
    return FIXED_BYTES + 2 * bytes + 4;
}

size_t proxy_v2_build_local(uint8_t header[PROXY_V2_MAX])
{
    memcpy(header, signature, sizeof signature);
    header[12] = VERSION_2_LOCAL;
    header[13] = 0; /* unspecified */
    put_be16(header + 14, 0);
    return FIXED_BYTES;
}
