/* How much we say to peers without a connection: resets, ICMP errors, echo replies. [RFC 9293 3.10.7.1; RFC 4443 2.4 f]
 *
 * Two token buckets must agree: one for all, and one of a keyed table for the peer's /32 or /64. A single global counter
 * could be read by an attacker, who sees how many answers his own probes lost to somebody else's.
 */
#ifndef STACK_BUDGET_H
#define STACK_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/siphash.h"
#include "wire/flow.h"

#define BUDGET_PREFIXES 512 /* buckets; a power of two */

/* A bucket is an instant: when it will be full again. Each answer moves it on by its cost. */
struct budget {
    struct siphash_key key;
    int64_t all_us;
    int64_t prefix_us[BUDGET_PREFIXES];
    int64_t cost_us, prefix_cost_us; /* of one answer: the inverse of the rate */
    bool none;                       /* a budget of nothing */
};

void budget_init(struct budget *budget, uint32_t per_s, struct siphash_key key, int64_t now_us);

/* Whether an answer to `remote` may be sent; it is then paid for. */
bool budget_take(struct budget *budget, const struct hf_address *remote, int64_t now_us);

#endif
