/* The chain of records, and the keys that seal it.
 *
 * Each record names the hash of the line before it, so nothing can be changed, removed or moved without changing everything
 * after it. Who can write the file could still do just that. So now and then a record is a seal: a MAC over itself, and by
 * the chain over all before it, under the key of its epoch. After a seal the key is replaced by a one-way function of it, and
 * the old one is wiped. Who takes the machine over finds the present key: with it he can write what comes, but no seal that
 * was made before, and so no past that ends in one. Who holds the first key, elsewhere, can compute all of them.
 *
 *     K(0)    32 random bytes, made by `handfast journal init`, kept off the machine
 *     K(n+1)  HMAC-SHA-256(K(n), "handfast journal: next epoch")
 *     S(n)    HMAC-SHA-256(K(n), "handfast journal: seal")
 *     seal    HMAC-SHA-256(S(n), the line up to the MAC)
 *     id      the first 8 bytes of HMAC-SHA-256(K(0), "handfast journal: key id")
 */
#ifndef JOURNAL_CHAIN_H
#define JOURNAL_CHAIN_H

#include "crypto/crypto_ops.h"
#include "journal/record.h"

#define JOURNAL_KEY_BYTES 32

struct journal_key {
    bool present;
    uint64_t epoch;
    uint8_t id[JOURNAL_KEY_ID_BYTES];
    uint8_t secret[JOURNAL_KEY_BYTES];
};

/* The key of epoch 0. */
void journal_key_init(struct journal_key *key, const struct hf_crypto_ops *ops,
                      const uint8_t secret[JOURNAL_KEY_BYTES]);

/* That of the next epoch takes its place. */
void journal_key_evolve(struct journal_key *key, const struct hf_crypto_ops *ops);

void journal_key_wipe(struct journal_key *key);

/* The MAC of a seal's line under this key. */
void journal_key_sign(const struct journal_key *key, const struct hf_crypto_ops *ops,
                      const char *line, size_t length, uint8_t mac[JOURNAL_HASH_BYTES]);

/* A value: who cannot write what it gave him puts a copy of before in its place. */
struct chain {
    const struct hf_crypto_ops *ops;
    uint64_t seq;                     /* of the last record, 0: none yet */
    uint8_t hash[JOURNAL_HASH_BYTES]; /* of its line, zeros: none yet    */
    struct journal_key key;
};

/* ops has the MACs and the digest. Without a key nothing can be sealed. */
void chain_init(struct chain *chain, const struct hf_crypto_ops *ops);

struct chain_fact {
    struct journal_time time;
    const char *kind, *body;
    size_t kind_length, body_length;
};

/* The next record. Returns its length. */
size_t chain_append(struct chain *chain, const struct chain_fact *fact,
                    char line[JOURNAL_LINE_MAX]);

/* A seal, made with the key that is there and stays: when the line is safe, journal_key_evolve. `why` is a word of letters.
 * Returns the length. */
size_t chain_seal(struct chain *chain, struct journal_time time, const char *why,
                  char line[JOURNAL_LINE_MAX]);

/* SHA-256 of a line with its newline. */
void chain_hash(const struct hf_crypto_ops *ops, const char *line, size_t length,
                uint8_t hash[JOURNAL_HASH_BYTES]);

#endif
