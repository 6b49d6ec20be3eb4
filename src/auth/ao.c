/* TCP-AO: traffic keys and MACs. [RFC 5925 5; RFC 5926 3]
 *
 * The pitfalls that the test vectors name [RFC 9235 8; R9235-01, R9235-02, R9235-03, R9235-04, R9235-05] are all of this
 * file: the counter is 1, the length of the output is part of the input, the numbers are the initial ones and not the
 * segment's, the label has no zero behind it, checksum and MAC are zero while the MAC is made, and the header's length is
 * what the segment says.
 */
#include "auth/ao.h"

#include "base/must.h"
#include "crypto/wipe.h"
#include "wire/ip_protocol.h"
#include "wire/tcp_header.h"

#define TCP_HEADER_MAX (TCP_HEADER + TCP_OPTIONS_MAX)
#define LABEL "TCP-AO"
#define LABEL_BYTES 6
#define CONTEXT_MAX (2 * 16 + 2 * 2 + 2 * 4)
#define PSEUDO_MAX 40

/* Writes an address as its family has it. */
static uint32_t put_address(uint8_t *to, const struct hf_address *address)
{
    bool v4 = hf_address_is_v4(address);

    memcpy(to, v4 ? address_v4_bytes(address) : address->bytes, v4 ? 4 : 16);
    return v4 ? 4 : 16;
}

/* Who sends the segment, and who gets it. */
struct ends {
    const struct hf_address *from, *to;
    uint16_t from_port, to_port;
    seq from_isn, to_isn;
};

static struct ends ends_of(const struct auth_bytes *segment)
{
    const struct flow *flow = segment->flow;

    struct ends ends = {
        .from = &flow->local,
        .to = &flow->remote,
        .from_port = flow->local_port,
        .to_port = flow->remote_port,
        .from_isn = segment->isns.local,
        .to_isn = segment->isns.remote,
    };

    if (segment->inbound)
        ends = (struct ends){
            .from = &flow->remote,
            .to = &flow->local,
            .from_port = flow->remote_port,
            .to_port = flow->local_port,
            .from_isn = segment->isns.remote,
            .to_isn = segment->isns.local,
        };
    return ends;
}

/* i || Label || Context || Output_Length [RFC 5926 3.1.1; R5926-04]; the context is sockets and numbers, sender first; a bare SYN
 * does not know the other's number. [RFC 5925 5.2; R5925-12, R5925-13] */
static uint32_t kdf_input(uint8_t input[1 + LABEL_BYTES + CONTEXT_MAX + 2], const struct ends *ends,
                          bool bare_syn, uint32_t key_bytes)
{
    uint32_t at = 1 + LABEL_BYTES;

    input[0] = 1;
    memcpy(input + 1, LABEL, LABEL_BYTES);
    at += put_address(input + at, ends->from);
    at += put_address(input + at, ends->to);
    put_be16(input + at, ends->from_port);
    put_be16(input + at + 2, ends->to_port);
    put_be32(input + at + 4, ends->from_isn.value);
    put_be32(input + at + 8, bare_syn ? 0 : ends->to_isn.value);
    put_be16(input + at + 12, (uint16_t)(key_bytes * 8));
    return at + 14;
}

/* The MAC of a kind is its derivation, too. [R5926-02, R5926-05, R5926-10] */
void ao_derive(const struct hf_crypto_ops *ops, const struct key *key,
               const struct auth_bytes *segment, struct hf_mac_key *traffic)
{
    enum hf_mac_kind kind = key_mac_kind((enum hf_key_algorithm)key->algorithm);
    const struct ends ends = ends_of(segment);
    bool bare_syn = (segment->header[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    uint32_t key_bytes = (uint32_t)hf_mac_bytes(kind);
    uint8_t input[1 + LABEL_BYTES + CONTEXT_MAX + 2], derived[HF_MAC_BYTES_MAX];
    struct hf_mac_part part = {input, kdf_input(input, &ends, bare_syn, key_bytes)};
    int error;

    ops->sign(ops->context, &key->master, &part, 1, derived);
    error = ops->key_open(ops->context, kind, derived, key_bytes, traffic);
    wipe(derived, sizeof derived);
    must(error == HF_OK); /* the length is what this kind's own MAC gives */
}

/* SNE || pseudo-header [RFC 5925 5.1; R5925-10; RFC 9293 3.1; RFC 8200 8.1] */
static uint32_t put_pseudo(uint8_t to[4 + PSEUDO_MAX], const struct auth_bytes *segment,
                           uint32_t sne)
{
    const struct flow *flow = segment->flow;
    uint32_t length = segment->header_length + segment->text_length, at = 4;
    bool v4 = hf_address_is_v4(&flow->remote);

    put_be32(to, sne);
    at += put_address(to + at, segment->inbound ? &flow->remote : &flow->local);
    at += put_address(to + at, segment->inbound ? &flow->local : &flow->remote);
    if (v4) {
        put_be32(to + at, (uint32_t)IP_TCP << 16 | length);
        return at + 4;
    }
    put_be32(to + at, length);
    put_be32(to + at + 4, IP_TCP);
    return at + 8;
}

void ao_mac(const struct hf_crypto_ops *ops, const struct hf_mac_key *traffic,
            const struct auth_bytes *segment, const struct ao_place *place,
            uint8_t mac[HF_MAC_BYTES_MAX])
{
    uint8_t start[4 + PSEUDO_MAX], header[TCP_HEADER_MAX];
    uint32_t header_length = segment->header_length;
    struct hf_mac_part parts[3] = {{start, put_pseudo(start, segment, place->sne)},
                                   {header, 0},
                                   {segment->text, segment->text_length}};

    must(header_length <= sizeof header && place->length >= AO_HEADER &&
         place->offset + place->length <= header_length);
    memcpy(header, segment->header, header_length);
    put_be16(header + TCP_CHECKSUM_OFFSET, 0);
    memset(header + place->offset + AO_HEADER, 0, place->length - AO_HEADER);
    if (place->options_excluded) { /* only the option itself stays [RFC 5925 5.1; R5925-11] */
        memmove(header + TCP_HEADER, header + place->offset, place->length);
        header_length = TCP_HEADER + place->length;
    }
    parts[1].length = header_length;
    ops->sign(ops->context, traffic, parts, segment->text_length ? 3 : 2, mac);
}
