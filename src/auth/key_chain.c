/* Master key tuples. [RFC 5925 3.1, 3.3; RFC 5926 3.1.1.2] */
#include "auth/key_chain.h"

#include "crypto/wipe.h"

#define AES_KEY 16

/* Only our own user adds keys, so the hash needs no secret. */
static uint64_t hash_of(const struct hf_address *address)
{
    uint64_t high = get_be64(address->bytes), low = get_be64(address->bytes + 8);

    low = (low ^ high * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
    return (low ^ low >> 32) * UINT64_C(0xd6e8feb86659fd93);
}

static uint64_t hash_of_slot(const void *context, uint32_t slot)
{
    return hash_of(&key_chain_at(context, slot)->remote.address);
}

static struct list_links by_order(const struct key_chain *chain)
{
    return list_links_in(&chain->pool, offsetof(struct key, by_order));
}

static struct list_links by_width(const struct key_chain *chain)
{
    return list_links_in(&chain->pool, offsetof(struct key, by_width));
}

void key_chain_init(struct key_chain *chain, struct arena *arena, uint32_t capacity,
                    const struct hf_crypto_ops *ops)
{
    pool_init(&chain->pool, arena, (sizeof(struct key) + CACHE_LINE - 1) & ~(CACHE_LINE - 1u),
              capacity);
    table_init(&chain->hosts, arena, capacity, hash_of_slot, chain);
    list_init(&chain->wide);
    list_init(&chain->all);
    chain->ops = ops;
    chain->serial = 0;
}

enum hf_mac_kind key_mac_kind(enum hf_key_algorithm algorithm)
{
    switch (algorithm) {
    case HF_KEY_HMAC_SHA_1_96: return HF_MAC_HMAC_SHA1_96;
    case HF_KEY_AES_128_CMAC_96: return HF_MAC_AES_128_CMAC_96;
    case HF_KEY_HMAC_SHA_256_128: return HF_MAC_HMAC_SHA256_128;
    case HF_KEY_MD5: return HF_MAC_MD5;
    case HF_KEY_NONE:
    case HF_KEY_ALGORITHMS: break;
    }
    return HF_MAC_KINDS;
}

const char *hf_key_algorithm_text(enum hf_key_algorithm algorithm)
{
    switch (algorithm) {
    case HF_KEY_NONE: return "none";
    case HF_KEY_HMAC_SHA_1_96: return "hmac-sha-1-96";
    case HF_KEY_AES_128_CMAC_96: return "aes-128-cmac-96";
    case HF_KEY_HMAC_SHA_256_128: return "hmac-sha-256-128";
    case HF_KEY_MD5: return "md5";
    case HF_KEY_ALGORITHMS: break;
    }
    return "?";
}

/* ---- finding ---- */

static bool is_everybody(const struct hf_prefix *prefix)
{
    return prefix->length == 0 && address_is_any(&prefix->address);
}

static bool is_one_host(const struct hf_prefix *prefix)
{
    return prefix->length == (hf_address_is_v4(&prefix->address) ? 32 : 128);
}

/* Segments of this flow are the key's. [RFC 5925 3.1] */
static bool speaks_of(const struct key *key, const struct flow *flow)
{
    if ((key->local_port && key->local_port != flow->local_port) ||
        (key->remote_port && key->remote_port != flow->remote_port))
        return false;
    if (!address_is_any(&key->local) && !address_equal(&key->local, &flow->local))
        return false;
    return is_everybody(&key->remote) || prefix_contains(&key->remote, &flow->remote);
}

/* A walk over all keys that speak of a flow, in no order. */
struct walk {
    const struct key_chain *chain;
    const struct flow *flow;
    struct table_cursor hosts;
    uint32_t wide;
};

static struct walk walk_from(const struct key_chain *chain, const struct flow *flow)
{
    return (struct walk){chain, flow, table_find(&chain->hosts, hash_of(&flow->remote)),
                         chain->wide.first};
}

static const struct key *walk_on(struct walk *walk)
{
    const struct key *key;
    uint32_t slot;

    while ((slot = table_next(&walk->chain->hosts, &walk->hosts)) != SLOT_NONE) {
        key = key_chain_at(walk->chain, slot);
        if (speaks_of(key, walk->flow))
            return key;
    }
    while ((slot = walk->wide) != SLOT_NONE) {
        key = key_chain_at(walk->chain, slot);
        walk->wide = key->by_width.next;
        if (speaks_of(key, walk->flow))
            return key;
    }
    return NULL;
}

static size_t option_bytes(const struct key *key)
{
    return hf_mac_wire_bytes(key_mac_kind((enum hf_key_algorithm)key->algorithm));
}

struct key_view key_chain_view(const struct key_chain *chain, const struct flow *flow)
{
    struct key_view view = {.oldest = NULL};
    const struct key *key;

    if (chain->pool.count == 0)
        return view;
    for (struct walk walk = walk_from(chain, flow); (key = walk_on(&walk)) != NULL;) {
        if (key->algorithm == HF_KEY_MD5) {
            if (!view.md5 || key->remote.length > view.md5->remote.length)
                view.md5 = key;
            continue;
        }
        if (!view.oldest || key->serial < view.oldest->serial)
            view.oldest = key;
        if (!view.newest || key->serial > view.newest->serial)
            view.newest = key;
        if (!view.widest || option_bytes(key) > option_bytes(view.widest))
            view.widest = key;
    }
    return view;
}

const struct key *key_chain_sends(const struct key_chain *chain, const struct flow *flow,
                                  uint8_t send_id)
{
    const struct key *key;

    if (chain->pool.count == 0)
        return NULL;
    for (struct walk walk = walk_from(chain, flow); (key = walk_on(&walk)) != NULL;)
        if (key->send_id == send_id && key->algorithm != HF_KEY_MD5)
            break;
    return key;
}

const struct key *key_chain_receives(const struct key_chain *chain, const struct flow *flow,
                                     uint8_t receive_id)
{
    const struct key *key;

    if (chain->pool.count == 0)
        return NULL;
    for (struct walk walk = walk_from(chain, flow); (key = walk_on(&walk)) != NULL;)
        if (key->receive_id == receive_id && key->algorithm != HF_KEY_MD5)
            break;
    return key;
}

/* ---- adding and removing ---- */

static bool prefixes_meet(const struct hf_prefix *a, const struct hf_prefix *b)
{
    return is_everybody(a) || is_everybody(b) || prefix_contains(a, &b->address) ||
           prefix_contains(b, &a->address);
}

static bool ports_meet(uint16_t a, uint16_t b)
{
    return a == 0 || b == 0 || a == b;
}

static bool addresses_meet(const struct hf_address *a, const struct hf_address *b)
{
    return address_is_any(a) || address_is_any(b) || address_equal(a, b);
}

/* Whether some segment would be both keys'. */
static bool overlaps(const struct key *key, const struct hf_key *other)
{
    return ports_meet(key->local_port, other->local_port) &&
           ports_meet(key->remote_port, other->remote_port) &&
           addresses_meet(&key->local, &other->local) &&
           prefixes_meet(&key->remote, &other->remote);
}

static bool has_tuple(const struct key *key, const struct hf_key *other)
{
    return key->remote.length == other->remote.length &&
           address_equal(&key->remote.address, &other->remote.address) &&
           address_equal(&key->local, &other->local) && key->local_port == other->local_port &&
           key->remote_port == other->remote_port;
}

/* Keys that speak of the same segments have other ids; what a key is made of never changes. [RFC 5925 3.1; R5925-07] */
static bool is_in_the_way(const struct key *key, const struct hf_key *other)
{
    if ((key->algorithm == HF_KEY_MD5) != (other->algorithm == HF_KEY_MD5))
        return false;
    if (key->algorithm == HF_KEY_MD5)
        return has_tuple(key, other);
    return overlaps(key, other) &&
           (key->send_id == other->send_id || key->receive_id == other->receive_id);
}

static bool is_possible(const struct hf_key *key)
{
    uint8_t bits = hf_address_is_v4(&key->remote.address) ? 32 : 128;

    return key->algorithm > HF_KEY_NONE && key->algorithm < HF_KEY_ALGORITHMS && key->secret &&
           key->secret_length > 0 && key->remote.length <= bits &&
           key->secret_length <=
               (key->algorithm == HF_KEY_MD5 ? HF_KEY_SECRET_MD5_MAX : HF_KEY_SECRET_MAX);
}

/* A master key of another length than the cipher's goes through CMAC under the zero key.
 * [RFC 5926 3.1.1.2; R5926-03, R5926-06] */
static int open_master(const struct hf_crypto_ops *ops, enum hf_mac_kind kind,
                       const struct hf_key *from, struct hf_mac_key *master)
{
    static const uint8_t zero[AES_KEY];
    const struct hf_mac_part part = {from->secret, from->secret_length};
    uint8_t mac[HF_MAC_BYTES_MAX];
    int error;

    if (kind != HF_MAC_AES_128_CMAC_96 || from->secret_length == AES_KEY)
        return ops->key_open(ops->context, kind, from->secret, from->secret_length, master);
    error = ops->key_open(ops->context, kind, zero, sizeof zero, master);
    if (error != HF_OK)
        return error;
    ops->sign(ops->context, master, &part, 1, mac);
    ops->key_close(ops->context, master);
    error = ops->key_open(ops->context, kind, mac, AES_KEY, master);
    wipe(mac, sizeof mac);
    return error;
}

static void file(struct key_chain *chain, uint32_t slot)
{
    struct key *key = key_chain_at(chain, slot);

    list_link_init(&key->by_order);
    list_link_init(&key->by_width);
    list_append(&chain->all, by_order(chain), slot);
    if (is_one_host(&key->remote))
        table_insert(&chain->hosts, hash_of(&key->remote.address), slot);
    else
        list_append(&chain->wide, by_width(chain), slot);
}

int key_chain_add(struct key_chain *chain, const struct hf_key *from)
{
    const struct list_links order = by_order(chain);
    struct key *key;
    uint32_t slot;
    int error;

    if (!is_possible(from))
        return HF_INVALID;
    if (!chain->ops)
        return HF_NO_CRYPTO;
    for (slot = chain->all.first; slot != SLOT_NONE; slot = list_link_at(order, slot)->next)
        if (is_in_the_way(key_chain_at(chain, slot), from))
            return HF_EXISTS;
    slot = pool_take(&chain->pool, NULL);
    if (slot == SLOT_NONE)
        return HF_NO_ROOM;
    key = key_chain_at(chain, slot);
    *key = (struct key){
        .remote = from->remote,
        .local = from->local,
        .remote_port = from->remote_port,
        .local_port = from->local_port,
        .algorithm = (uint8_t)from->algorithm,
        .send_id = from->send_id,
        .receive_id = from->receive_id,
        .options_excluded = from->options_excluded,
        .serial = ++chain->serial,
    };
    error = open_master(chain->ops, key_mac_kind(from->algorithm), from, &key->master);
    if (error != HF_OK) {
        pool_give(&chain->pool, slot);
        return error;
    }
    file(chain, slot);
    return HF_OK;
}

uint32_t key_chain_same(const struct key_chain *chain, const struct hf_key *other)
{
    const struct list_links order = by_order(chain);
    uint32_t slot = chain->all.first;

    for (; slot != SLOT_NONE; slot = list_link_at(order, slot)->next) {
        const struct key *key = key_chain_at(chain, slot);
        bool ids = key->send_id == other->send_id && key->receive_id == other->receive_id;

        if (key->algorithm == other->algorithm && has_tuple(key, other) &&
            (ids || key->algorithm == HF_KEY_MD5))
            break;
    }
    return slot;
}

void key_chain_remove(struct key_chain *chain, uint32_t slot)
{
    struct key *key = key_chain_at(chain, slot);

    if (is_one_host(&key->remote))
        table_remove(&chain->hosts, hash_of(&key->remote.address), slot);
    else
        list_remove(&chain->wide, by_width(chain), slot);
    list_remove(&chain->all, by_order(chain), slot);
    chain->ops->key_close(chain->ops->context, &key->master);
    wipe(key, sizeof *key);
    pool_give(&chain->pool, slot);
}
