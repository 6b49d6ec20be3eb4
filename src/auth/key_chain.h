/* Master key tuples: which key signs for whom. [RFC 5925 3.1, 3.3; R5925-06, R5925-08]
 *
 * Keys of one host are found by its address, keys of prefixes by a walk. A flow may have several keys, told apart by their
 * ids; the oldest is what a new connection signs with, the newest is what it asks the peer for.
 */
#ifndef AUTH_KEY_CHAIN_H
#define AUTH_KEY_CHAIN_H

#include <handfast/auth.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/table.h"
#include "crypto/crypto_ops.h"
#include "wire/flow.h"

/* The tuple. `master` is ready for key derivation (TCP-AO), or for signing itself (MD5). */
struct key {
    struct list_link by_order; /* all, oldest first: also behind a free slot's link */
    struct list_link by_width; /* those of prefixes */
    struct hf_prefix remote;
    struct hf_address local;
    uint16_t remote_port, local_port;
    uint8_t algorithm; /* enum hf_key_algorithm */
    uint8_t send_id, receive_id;
    bool options_excluded;
    uint32_t
        serial; /* of its adding: never 0, so a copy of what it made can tell whether it is still there */
    struct hf_mac_key master;
};

struct key_chain {
    struct pool pool;
    struct table hosts; /* keys of one address */
    struct list wide;   /* keys of prefixes    */
    struct list all;
    const struct hf_crypto_ops *ops;
    uint32_t serial;
};

void key_chain_init(struct key_chain *chain, struct arena *arena, uint32_t capacity,
                    const struct hf_crypto_ops *ops);

int key_chain_add(struct key_chain *chain, const struct hf_key *key);

/* The key with these tuple and ids, or SLOT_NONE. */
uint32_t key_chain_same(const struct key_chain *chain, const struct hf_key *key);
void key_chain_remove(struct key_chain *chain, uint32_t slot);

static inline struct key *key_chain_at(const struct key_chain *chain, uint32_t slot)
{
    return pool_at(&chain->pool, slot);
}

/* What there is for a flow, by one walk; NULL: none. */
struct key_view {
    const struct key *oldest, *newest, *widest; /* of TCP-AO: by age, and the longest option */
    const struct key *md5;                      /* that of the longest prefix */
};

struct key_view key_chain_view(const struct key_chain *chain, const struct flow *flow);

/* The TCP-AO key of a flow that sends, or receives, by this id; or NULL. */
const struct key *key_chain_sends(const struct key_chain *chain, const struct flow *flow,
                                  uint8_t send_id);
const struct key *key_chain_receives(const struct key_chain *chain, const struct flow *flow,
                                     uint8_t receive_id);

enum hf_mac_kind key_mac_kind(enum hf_key_algorithm algorithm);

#endif
