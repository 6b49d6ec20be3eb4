/* The MD5 signature option. [RFC 2385 2.0; R2385-01, R2385-08, R2385-IOP]
 *
 * It is weak (MD5, no key ids, nothing against a replay after sequence numbers come again), and options are not signed at all:
 * whoever is on the path may change timestamps. It is here as many routers speak nothing else.
 */
#include "auth/md5_option.h"

#include "wire/ip_protocol.h"
#include "wire/tcp_header.h"

void md5_option_mac(const struct hf_crypto_ops *ops, const struct key *key,
                    const struct auth_bytes *segment, uint8_t mac[HF_MAC_BYTES_MAX])
{
    const struct flow *flow = segment->flow;
    const struct hf_address *from = segment->inbound ? &flow->remote : &flow->local;
    const struct hf_address *to = segment->inbound ? &flow->local : &flow->remote;
    uint32_t length = segment->header_length + segment->text_length, at;
    uint8_t start[40 + TCP_HEADER];

    if (hf_address_is_v4(from)) {
        memcpy(start, address_v4_bytes(from), 4);
        memcpy(start + 4, address_v4_bytes(to), 4);
        put_be32(start + 8, (uint32_t)IP_TCP << 16 | length);
        at = 12;
    } else {
        memcpy(start, from->bytes, 16);
        memcpy(start + 16, to->bytes, 16);
        put_be32(start + 32, length);
        put_be32(start + 36, IP_TCP);
        at = 40;
    }
    memcpy(start + at, segment->header, TCP_HEADER);
    put_be16(start + at + TCP_CHECKSUM_OFFSET, 0);
    const struct hf_mac_part parts[] = {{start, at + TCP_HEADER},
                                        {segment->text, segment->text_length}};

    ops->sign(ops->context, &key->master, parts, segment->text_length ? 2 : 1, mac);
}
