/* Records that name the one before, and seals with keys that forget. The theory is in chain.h. */
#include "journal/chain.h"

#include <string.h>

#include "base/must.h"
#include "crypto/wipe.h"

static const char next_epoch[] = "handfast journal: next epoch",
                  for_seal[] = "handfast journal: seal", for_id[] = "handfast journal: key id";

/* ---- keys ---- */

static void hmac(const struct hf_crypto_ops *ops, const uint8_t secret[JOURNAL_KEY_BYTES],
                 const char *text, size_t length, uint8_t mac[HF_MAC_BYTES_MAX])
{
    struct hf_mac_key key;
    struct hf_mac_part part = {text, length};

    must(ops->key_open(ops->context, HF_MAC_HMAC_SHA256_128, secret, JOURNAL_KEY_BYTES, &key) ==
         HF_OK);
    ops->sign(ops->context, &key, &part, 1, mac);
    ops->key_close(ops->context, &key);
}

void journal_key_init(struct journal_key *key, const struct hf_crypto_ops *ops,
                      const uint8_t secret[JOURNAL_KEY_BYTES])
{
    uint8_t mac[HF_MAC_BYTES_MAX];

    *key = (struct journal_key){.present = true};
    memcpy(key->secret, secret, JOURNAL_KEY_BYTES);
    hmac(ops, secret, for_id, sizeof for_id - 1, mac);
    memcpy(key->id, mac, sizeof key->id);
}

void journal_key_evolve(struct journal_key *key, const struct hf_crypto_ops *ops)
{
    uint8_t next[HF_MAC_BYTES_MAX];

    hmac(ops, key->secret, next_epoch, sizeof next_epoch - 1, next);
    memcpy(key->secret, next, sizeof key->secret);
    wipe(next, sizeof next);
    key->epoch++;
}

void journal_key_wipe(struct journal_key *key)
{
    wipe(key, sizeof *key);
}

void journal_key_sign(const struct journal_key *key, const struct hf_crypto_ops *ops,
                      const char *line, size_t length, uint8_t mac[JOURNAL_HASH_BYTES])
{
    uint8_t seal_key[HF_MAC_BYTES_MAX];

    hmac(ops, key->secret, for_seal, sizeof for_seal - 1, seal_key);
    hmac(ops, seal_key, line, length, mac);
    wipe(seal_key, sizeof seal_key);
}

/* ---- the chain ---- */

void chain_init(struct chain *chain, const struct hf_crypto_ops *ops)
{
    must(ops != NULL && ops->digest != NULL && ops->sign != NULL);
    *chain = (struct chain){.ops = ops};
}

void chain_hash(const struct hf_crypto_ops *ops, const char *line, size_t length,
                uint8_t hash[JOURNAL_HASH_BYTES])
{
    ops->digest(ops->context, &(struct hf_mac_part){line, length}, 1, hash);
}

static void follow(struct chain *chain, const char *line, size_t length)
{
    chain->seq++;
    chain_hash(chain->ops, line, length, chain->hash);
}

static struct record next_record(const struct chain *chain, const struct chain_fact *fact)
{
    struct record record = {
        .seq = chain->seq + 1,
        .time = fact->time,
        .kind = fact->kind,
        .kind_length = fact->kind_length,
        .body = fact->body,
        .body_length = fact->body_length,
    };

    memcpy(record.prev, chain->hash, sizeof record.prev);
    return record;
}

size_t chain_append(struct chain *chain, const struct chain_fact *fact, char line[JOURNAL_LINE_MAX])
{
    struct record record = next_record(chain, fact);
    size_t length = record_build(line, &record);

    follow(chain, line, length);
    return length;
}

size_t chain_seal(struct chain *chain, struct journal_time time, const char *why,
                  char line[JOURNAL_LINE_MAX])
{
    struct record_body body = {.length = 0};
    uint8_t mac[JOURNAL_HASH_BYTES];
    struct record record;
    size_t length;

    must(chain->key.present);
    record_add_text(&body, "why", why);
    record_add_number(&body, "epoch", chain->key.epoch);
    record_add_hex(&body, "key", chain->key.id, sizeof chain->key.id);
    record = next_record(chain, &(struct chain_fact){time, JOURNAL_KIND_SEAL, body.bytes,
                                                     sizeof JOURNAL_KIND_SEAL - 1, body.length});
    record.is_seal = true;
    length = record_build(line, &record);
    journal_key_sign(&chain->key, chain->ops, line, length, mac);
    length = record_close_seal(line, length, mac);
    follow(chain, line, length);
    return length;
}
