/* The MACs of signed segments, by OpenSSL's libcrypto. [RFC 5926 3.2; RFC 2385 2.0; R5926-01, R5926-08, R5926-09] HMAC is RFC 2104's, CMAC RFC 4493's.
 *
 * A key's state is a value: the two digest states of an HMAC after its padded key, or a cipher's key and subkeys. So a
 * connection's keys lie in the stack's own memory, are wiped there, and a segment costs its own bytes only. The digests are
 * called by their old names, as the new ones keep their state behind an allocation; both run the same code.
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <handfast/os.h>

#if HF_HAS_LIBCRYPTO

#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/crypto_ops.h"
#include "crypto/wipe.h"

#define AES_BLOCK 16
#define HASH_BLOCK 64
#define CHUNK 512 /* bytes given to the cipher at once: a multiple of its block */

struct sha1_state {
    SHA_CTX inner, outer;
};

struct sha256_state {
    SHA256_CTX inner, outer;
};

struct cmac_state {
    uint8_t key[AES_BLOCK], whole[AES_BLOCK], padded[AES_BLOCK]; /* the subkeys K1 and K2 */
};

struct md5_state {
    uint8_t key[HF_MD5_KEY_MAX];
    uint32_t length;
};

_Static_assert(sizeof(struct sha1_state) <= HF_MAC_STATE_BYTES &&
                   sizeof(struct sha256_state) <= HF_MAC_STATE_BYTES &&
                   sizeof(struct cmac_state) <= HF_MAC_STATE_BYTES &&
                   sizeof(struct md5_state) <= HF_MAC_STATE_BYTES,
               "each state fits");

/* ---- HMAC ---- */

/* The key, padded to a block of the hash; a longer one is hashed first. (RFC 2104 2) */
static void pad_key(enum hf_mac_kind kind, const void *secret, size_t length,
                    uint8_t block[HASH_BLOCK])
{
    memset(block, 0, HASH_BLOCK);
    if (length <= HASH_BLOCK)
        memcpy(block, secret, length);
    else if (kind == HF_MAC_HMAC_SHA1_96)
        SHA1(secret, length, block);
    else
        SHA256(secret, length, block);
}

static void mask(uint8_t block[HASH_BLOCK], uint8_t with)
{
    for (int i = 0; i < HASH_BLOCK; i++)
        block[i] ^= with;
}

static void open_hmac(struct hf_mac_key *key, const void *secret, size_t length)
{
    uint8_t block[HASH_BLOCK];
    struct sha1_state *sha1 = (void *)key->state;
    struct sha256_state *sha256 = (void *)key->state;
    bool short_hash = key->kind == HF_MAC_HMAC_SHA1_96;

    pad_key(key->kind, secret, length, block);
    mask(block, 0x36);
    if (short_hash) {
        SHA1_Init(&sha1->inner);
        SHA1_Update(&sha1->inner, block, sizeof block);
    } else {
        SHA256_Init(&sha256->inner);
        SHA256_Update(&sha256->inner, block, sizeof block);
    }
    mask(block, 0x36 ^ 0x5c);
    if (short_hash) {
        SHA1_Init(&sha1->outer);
        SHA1_Update(&sha1->outer, block, sizeof block);
    } else {
        SHA256_Init(&sha256->outer);
        SHA256_Update(&sha256->outer, block, sizeof block);
    }
    wipe(block, sizeof block);
}

static void sign_sha1(const struct hf_mac_key *key, const struct hf_mac_part *parts, size_t count,
                      uint8_t *mac)
{
    const struct sha1_state *state = (const void *)key->state;
    SHA_CTX hash = state->inner;

    for (size_t i = 0; i < count; i++)
        SHA1_Update(&hash, parts[i].data, parts[i].length);
    SHA1_Final(mac, &hash);
    hash = state->outer;
    SHA1_Update(&hash, mac, SHA_DIGEST_LENGTH);
    SHA1_Final(mac, &hash);
}

static void sign_sha256(const struct hf_mac_key *key, const struct hf_mac_part *parts, size_t count,
                        uint8_t *mac)
{
    const struct sha256_state *state = (const void *)key->state;
    SHA256_CTX hash = state->inner;

    for (size_t i = 0; i < count; i++)
        SHA256_Update(&hash, parts[i].data, parts[i].length);
    SHA256_Final(mac, &hash);
    hash = state->outer;
    SHA256_Update(&hash, mac, SHA256_DIGEST_LENGTH);
    SHA256_Final(mac, &hash);
}

/* ---- AES-CMAC ---- */

/* One cipher a thread, keyed anew for each segment: the processor does that faster than memory would give a schedule. Its
 * last key is wiped when a key is closed. */
static EVP_CIPHER_CTX *cipher(void)
{
    static _Thread_local EVP_CIPHER_CTX *context;

    if (!context) {
        context = EVP_CIPHER_CTX_new();
        if (!context || EVP_EncryptInit_ex(context, EVP_aes_128_cbc(), NULL, NULL, NULL) != 1)
            return NULL;
    }
    return context;
}

static bool start_cbc(EVP_CIPHER_CTX *context, const uint8_t key[AES_BLOCK])
{
    static const uint8_t zero[AES_BLOCK];

    return context && EVP_EncryptInit_ex(context, NULL, NULL, key, zero) == 1 &&
           EVP_CIPHER_CTX_set_padding(context, 0) == 1;
}

/* Whole blocks into the chain; `last` is where it stands. */
static bool chain(EVP_CIPHER_CTX *context, const uint8_t *blocks, size_t length,
                  uint8_t last[AES_BLOCK])
{
    uint8_t out[CHUNK];
    int got = 0;

    while (length > 0) {
        size_t now = length < sizeof out ? length : sizeof out;

        if (EVP_EncryptUpdate(context, out, &got, blocks, (int)now) != 1)
            return false;
        memcpy(last, out + now - AES_BLOCK, AES_BLOCK);
        blocks += now;
        length -= now;
    }
    return true;
}

/* RFC 4493, 2.3. */
static void double_subkey(uint8_t to[AES_BLOCK], const uint8_t from[AES_BLOCK])
{
    uint8_t carry = (uint8_t)(0x87 & -(from[0] >> 7));

    for (int i = 0; i < AES_BLOCK - 1; i++)
        to[i] = (uint8_t)(from[i] << 1 | from[i + 1] >> 7);
    to[AES_BLOCK - 1] = (uint8_t)(from[AES_BLOCK - 1] << 1 ^ carry);
}

static int open_cmac(struct hf_mac_key *key, const void *secret, size_t length)
{
    struct cmac_state *state = (void *)key->state;
    uint8_t zero[AES_BLOCK] = {0};

    if (length != AES_BLOCK)
        return HF_INVALID;
    memcpy(state->key, secret, AES_BLOCK);
    if (!start_cbc(cipher(), state->key) || !chain(cipher(), zero, AES_BLOCK, zero))
        return HF_NO_MEMORY;
    double_subkey(state->whole, zero);
    double_subkey(state->padded, state->whole);
    wipe(zero, sizeof zero);
    return HF_OK;
}

/* What does not fill the chain yet; the last block, even a full one, waits for its subkey. */
struct cmac_run {
    EVP_CIPHER_CTX *context;
    uint8_t rest[AES_BLOCK], last[AES_BLOCK];
    size_t held;
    bool sound;
};

static void add_part(struct cmac_run *run, const uint8_t *data, size_t length)
{
    size_t whole, fits = min_u32((uint32_t)length, (uint32_t)(AES_BLOCK - run->held));

    memcpy(run->rest + run->held, data, fits);
    run->held += fits;
    data += fits;
    length -= fits;
    if (length == 0)
        return;
    run->sound &= chain(run->context, run->rest, AES_BLOCK, run->last);
    whole = (length - 1) / AES_BLOCK * AES_BLOCK;
    run->sound &= chain(run->context, data, whole, run->last);
    run->held = length - whole;
    memcpy(run->rest, data + whole, run->held);
}

static void sign_cmac(const struct hf_mac_key *key, const struct hf_mac_part *parts, size_t count,
                      uint8_t *mac)
{
    const struct cmac_state *state = (const void *)key->state;
    struct cmac_run run = {.context = cipher()};
    const uint8_t *subkey = state->whole;

    run.sound = start_cbc(run.context, state->key);
    for (size_t i = 0; i < count && run.sound; i++)
        if (parts[i].length > 0)
            add_part(&run, parts[i].data, parts[i].length);
    if (run.held < AES_BLOCK) {
        memset(run.rest + run.held, 0, AES_BLOCK - run.held);
        run.rest[run.held] = 0x80;
        subkey = state->padded;
    }
    for (int i = 0; i < AES_BLOCK; i++)
        run.rest[i] ^= subkey[i];
    run.sound = run.sound && chain(run.context, run.rest, AES_BLOCK, run.last);
    if (!run.sound) /* no memory for a cipher: a MAC that nobody can guess is wrong on both ends */
        memcpy(run.last, state->padded, AES_BLOCK);
    memcpy(mac, run.last, AES_BLOCK);
    wipe(&run, sizeof run);
}

/* ---- MD5 with the key behind ---- */

static int open_md5(struct hf_mac_key *key, const void *secret, size_t length)
{
    struct md5_state *state = (void *)key->state;

    if (length == 0 || length > sizeof state->key)
        return HF_INVALID;
    memcpy(state->key, secret, length);
    state->length = (uint32_t)length;
    return HF_OK;
}

static void sign_md5(const struct hf_mac_key *key, const struct hf_mac_part *parts, size_t count,
                     uint8_t *mac)
{
    const struct md5_state *state = (const void *)key->state;
    MD5_CTX hash;

    MD5_Init(&hash);
    for (size_t i = 0; i < count; i++)
        MD5_Update(&hash, parts[i].data, parts[i].length);
    MD5_Update(&hash, state->key, state->length);
    MD5_Final(mac, &hash);
    wipe(&hash, sizeof hash);
}

/* ---- the table ---- */

static int key_open(void *context, enum hf_mac_kind kind, const void *secret, size_t length,
                    struct hf_mac_key *key)
{
    (void)context;
    key->kind = kind;
    switch (kind) {
    case HF_MAC_HMAC_SHA1_96:
    case HF_MAC_HMAC_SHA256_128: open_hmac(key, secret, length); return HF_OK;
    case HF_MAC_AES_128_CMAC_96: return open_cmac(key, secret, length);
    case HF_MAC_MD5: return open_md5(key, secret, length);
    case HF_MAC_KINDS: break;
    }
    return HF_INVALID;
}

static void key_close(void *context, struct hf_mac_key *key)
{
    static const uint8_t zero[AES_BLOCK];

    (void)context;
    if (key->kind == HF_MAC_AES_128_CMAC_96)
        (void)start_cbc(cipher(), zero);
    wipe(key->state, sizeof key->state);
}

static void sign(void *context, const struct hf_mac_key *key, const struct hf_mac_part *parts,
                 size_t count, uint8_t mac[HF_MAC_BYTES_MAX])
{
    (void)context;
    switch (key->kind) {
    case HF_MAC_HMAC_SHA1_96: sign_sha1(key, parts, count, mac); break;
    case HF_MAC_HMAC_SHA256_128: sign_sha256(key, parts, count, mac); break;
    case HF_MAC_AES_128_CMAC_96: sign_cmac(key, parts, count, mac); break;
    case HF_MAC_MD5: sign_md5(key, parts, count, mac); break;
    case HF_MAC_KINDS: break;
    }
}

static void digest_of(void *context, const struct hf_mac_part *parts, size_t count,
                      uint8_t digest[HF_DIGEST_BYTES])
{
    SHA256_CTX hash;

    (void)context;
    SHA256_Init(&hash);
    for (size_t i = 0; i < count; i++)
        SHA256_Update(&hash, parts[i].data, parts[i].length);
    SHA256_Final(digest, &hash);
}

/* libcrypto reads its configuration and looks for its ciphers at their first use: that is now, and not behind a sandbox. */
const struct hf_crypto_ops *hf_os_crypto(void)
{
    static const struct hf_crypto_ops ops = {NULL, key_open, key_close, sign, digest_of};
    uint8_t block[AES_BLOCK] = {0};

    if (start_cbc(cipher(), block))
        (void)chain(cipher(), block, sizeof block, block);
    return &ops;
}

#else

const struct hf_crypto_ops *hf_os_crypto(void)
{
    return NULL;
}

#endif
