/* TCP-AO: traffic keys and MACs. [RFC 5925 2.2, 5; RFC 5926 3] */
#ifndef AUTH_AO_H
#define AUTH_AO_H

#include "auth/key_chain.h"
#include "base/seq.h"

#define AO_HEADER 4 /* kind, length, KeyID, RNextKeyID */

/* Initial sequence numbers, ours and the peer's. */
struct auth_isns {
    seq local, remote;
};

/* A segment as bytes: its TCP header, whose checksum and MAC may hold anything, and its text. */
struct auth_bytes {
    const struct flow *flow;
    uint8_t *header;
    uint32_t header_length; /* with options */
    uint32_t option;        /* out: where the signature's kind byte lies in it, at an even place */
    const void *text;
    uint32_t text_length;
    bool inbound;
    struct auth_isns isns; /* that it is, or must have been, signed with */
};

/* Where the option lies, and what else the MAC is made of. */
struct ao_place {
    uint32_t offset; /* of the kind byte, in the header */
    uint32_t length; /* of the whole option             */
    uint32_t sne;
    bool options_excluded;
};

/* The traffic key that a master key makes for one direction of a connection; a bare SYN's has 0 in place of the number that it
 * cannot know. [RFC 5925 5.2; RFC 5926 3.1.1] The caller closes it. */
void ao_derive(const struct hf_crypto_ops *ops, const struct key *key,
               const struct auth_bytes *segment, struct hf_mac_key *traffic);

/* MAC over extension, pseudo-header, header (without other options, if they are excluded) and text. [RFC 5925 5.1] */
void ao_mac(const struct hf_crypto_ops *ops, const struct hf_mac_key *traffic,
            const struct auth_bytes *segment, const struct ao_place *place,
            uint8_t mac[HF_MAC_BYTES_MAX]);

#endif
