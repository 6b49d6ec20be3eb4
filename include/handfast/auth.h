/* Signed segments: TCP-AO and, for old peers, the MD5 option. [RFC 5925; RFC 5926; RFC 2385; R5925-01]
 *
 * A key says whose segments it signs: peers of a prefix, a port of theirs, an address and a port of ours. As soon as one key
 * speaks of a peer, all that he sends must be signed: what is not, or wrongly, meets silence and is counted. Nobody else pays
 * for it. Several keys for one peer are told apart by their ids and take over from each other without a break: both ends
 * add the new key, live connections go over to it by themselves, both remove the old one.
 *
 * The environment's crypto must be there (libhandfast-os: hf_os_crypto()), and hf_config.max_keys above 0. A stack never
 * gives a secret back; it keeps what the MAC makes of it, and wipes that when the key is removed.
 */
#ifndef HANDFAST_AUTH_H
#define HANDFAST_AUTH_H

#include <handfast/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_KEY_SECRET_MAX 128u
#define HF_KEY_SECRET_MD5_MAX 80u /* [RFC 2385 4.5; R2385-07] */

enum hf_key_algorithm {
    HF_KEY_NONE = 0,
    HF_KEY_HMAC_SHA_1_96,    /* TCP-AO [RFC 5926 3.2.1]                                     */
    HF_KEY_AES_128_CMAC_96,  /* TCP-AO [RFC 5926 3.2.2]                                     */
    HF_KEY_HMAC_SHA_256_128, /* TCP-AO, as Linux has it: hmac(sha256), 128 bits on the wire */
    HF_KEY_MD5, /* RFC 2385: weak, without ids, and only where no TCP-AO key speaks of the peer */
    HF_KEY_ALGORITHMS,
};

/* "hmac-sha-1-96"; "?" for a number that is none. */
HF_API const char *hf_key_algorithm_text(enum hf_key_algorithm algorithm);

/* A master key tuple. [RFC 5925 3.1] */
struct hf_key {
    enum hf_key_algorithm algorithm;
    struct hf_prefix
        remote; /* the peers; length 0: every peer of the address's family, all zero: everybody */
    struct hf_address local; /* all zero: each address of ours */
    uint16_t remote_port;    /* 0: any */
    uint16_t local_port;     /* 0: any */
    uint8_t send_id;         /* KeyID of what we send, ...                                        */
    uint8_t receive_id;      /* ... and of what we receive; neither means anything with MD5       */
    bool options_excluded;   /* other TCP options are not signed: for paths that change them      */
    const void *secret;      /* 1 to HF_KEY_SECRET_MAX bytes, not kept                            */
    size_t secret_length;
};

/* Adds a key; connections that are signed for this peer offer it to him at once. HF_NO_CRYPTO: the environment has none.
 * HF_INVALID: algorithm, prefix or secret is impossible. HF_EXISTS: another key speaks of some of the same segments by the
 * same id (MD5: of the same peers and ports). HF_NO_ROOM: max_keys. */
HF_API int hf_key_add(struct hf_stack *stack, const struct hf_key *key);

/* Removes the key that has this algorithm, these peers, addresses, ports and ids (the secret is not looked at) and wipes it.
 * Connections go on with another of the peer's keys; one that has none left is mute until it times out. HF_NO_SOCKET: there
 * is no such key. */
HF_API int hf_key_remove(struct hf_stack *stack, const struct hf_key *key);

/* Walks the keys, without their secrets: start with *cursor = 0; HF_AGAIN at the end. */
HF_API int hf_key_next(const struct hf_stack *stack, uint64_t *cursor, struct hf_key *key);

/* How a connection is signed. [RFC 5925 7.1; R5925-16, R5925-17] */
struct hf_signing {
    enum hf_key_algorithm algorithm; /* HF_KEY_NONE: it is not */
    uint8_t send_id; /* current_key: what we sign with                             */
    uint8_t next_id; /* RNextKeyID: the key that we want to be signed to with      */
    uint8_t received_id,
        received_next_id; /* of the last segment that was verified                  */
};

HF_API int hf_signing(const struct hf_stack *stack, hf_socket socket, struct hf_signing *signing);

/* Chooses what is signed with (send_id of a key) and what is asked for (receive_id of a key) from now on. HF_INVALID: no key
 * of the peer has this id, or the connection is not signed with TCP-AO. */
HF_API int hf_sign_with(struct hf_stack *stack, hf_socket socket, uint8_t send_id, uint8_t next_id);

/* Why a segment was not believed: the value of HF_EVENT_SIGNATURE. */
enum hf_signature_fault {
    HF_SIGNATURE_MISSING = 1, /* it has none, and a key speaks of its sender       */
    HF_SIGNATURE_WRONG,       /* the MAC is another                                */
    HF_SIGNATURE_NO_KEY,      /* no key of the sender has this id or kind          */
    HF_SIGNATURE_LENGTH,      /* the option is not as long as the key makes it     */
    HF_SIGNATURE_BOTH,        /* MD5 and TCP-AO in one segment, or one of them twice */
    HF_SIGNATURE_STRAY, /* of a peer with a key, and to no connection: silence where others get a RST */
    HF_SIGNATURE_FAULTS,
};

#ifdef __cplusplus
}
#endif

#endif
