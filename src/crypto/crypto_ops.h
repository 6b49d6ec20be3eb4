/* The MACs that signed segments need, provided from outside: struct hf_crypto_ops of the environment. [RFC 5926 3.2]
 *
 * The core has no cipher or digest of its own: `os` fills the table with a crypto library's, an embedded user with what his
 * device has. A NULL table means no signed segments. The key derivation of RFC 5926 3.1 needs nothing but these MACs.
 */
#ifndef CRYPTO_CRYPTO_OPS_H
#define CRYPTO_CRYPTO_OPS_H

#include <handfast/handfast.h>

enum hf_mac_kind {
    HF_MAC_HMAC_SHA1_96 = 0, /* [RFC 5926 3.2.1] */
    HF_MAC_AES_128_CMAC_96,  /* [RFC 5926 3.2.2] */
    HF_MAC_HMAC_SHA256_128,
    HF_MAC_MD5, /* the digest of the parts and, after them, the key [RFC 2385 2.0] */
    HF_MAC_KINDS,
};

#define HF_MAC_BYTES_MAX 32 /* a MAC before it is cut to what the wire carries */
#define HF_DIGEST_BYTES 32
#define HF_MAC_STATE_BYTES \
    240 /* the two digest states of an HMAC, or eleven AES round keys and two subkeys */

#define HF_MD5_KEY_MAX 80 /* what the kernels of others take too [RFC 2385 4.5] */

/* A key made ready once, so that a segment costs only its own bytes. What the state holds is the provider's affair; it may
 * be a handle. */
struct hf_mac_key {
    enum hf_mac_kind kind;
    _Alignas(16) uint8_t state[HF_MAC_STATE_BYTES];
};

/* A piece of what is signed: pseudo-header, TCP header and text lie in different places. */
struct hf_mac_part {
    const void *data;
    size_t length;
};

struct hf_crypto_ops {
    void *context; /* given to each call */

    /* Makes a key ready; AES-128-CMAC wants 16 bytes, MD5 at most HF_MD5_KEY_MAX. HF_OK, or HF_INVALID for a length that the kind does not take. */
    int (*key_open)(void *context, enum hf_mac_kind kind, const void *secret, size_t length,
                    struct hf_mac_key *key);
    /* Forgets it and wipes the state. */
    void (*key_close)(void *context, struct hf_mac_key *key);
    /* The whole MAC, not cut, of the parts one after another: 20 bytes for SHA-1, 16 for AES and MD5, 32 for SHA-256. */
    void (*sign)(void *context, const struct hf_mac_key *key, const struct hf_mac_part *parts,
                 size_t count, uint8_t mac[HF_MAC_BYTES_MAX]);
    /* SHA-256 of the parts one after another, without a key: for the journal's chain. NULL: no journal. */
    void (*digest)(void *context, const struct hf_mac_part *parts, size_t count,
                   uint8_t digest[HF_DIGEST_BYTES]);
};

/* What is left of a MAC on the wire. */
static inline size_t hf_mac_wire_bytes(enum hf_mac_kind kind)
{
    return kind == HF_MAC_HMAC_SHA256_128 || kind == HF_MAC_MD5 ? 16 : 12;
}

/* A whole MAC. */
static inline size_t hf_mac_bytes(enum hf_mac_kind kind)
{
    if (kind == HF_MAC_HMAC_SHA1_96)
        return 20;
    return kind == HF_MAC_HMAC_SHA256_128 ? 32 : 16;
}

#endif
