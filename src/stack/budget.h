/* How much we say to peers without a connection: resets, challenges, ICMP. [RFC 9293 3.10.7.1; RFC 5961 7, 10; RFC 4443 2.4 f]
 *
 * What an attacker can do: a counter that two peers share tells each of them what the other made us say. So each kind of
 * answer has its own buckets: one for all, and one of a keyed table for the peer's /32 or /64, which must both agree.
 * And as the bucket for all is shared, and a bucket of the table may be, no answer costs a known amount: the global rate
 * is drawn anew each second, the price for a prefix with each answer, and prefixes are dealt to the buckets anew each
 * minute. Whoever counts the answers he gets learns what was drawn, not what others asked. What was configured is the most;
 * on the average it is about four fifths of it.
 */
#ifndef STACK_BUDGET_H
#define STACK_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "crypto/siphash.h"
#include "wire/flow.h"

#define BUDGET_PREFIXES_MOST 512 /* buckets; a power of two                   */
#define BUDGET_PREFIXES_LEAST 32
#define BUDGET_EPOCH_SHIFT 26   /* of an instant in us: 67 s                 */
#define BUDGET_FRACTION_SHIFT 8 /* instants and costs are kept in 1/256 us   */

/* What an answer may be; each has a budget. Challenges of connections are not among them: each connection has its own
 * throttle. [RFC 5961 7] */
enum budget_kind {
    BUDGET_RESET = 0,
    BUDGET_CHALLENGE, /* ACKs to half-opens and TIME-WAIT records */
    BUDGET_ICMP,      /* errors and echo replies                  */
    BUDGETS,
};

/* A bucket is an instant: when it will be full again. Each answer moves it on by its cost. */
struct budget {
    struct siphash_key key;
    int64_t *prefix; /* instants in 1/256 us, as `all` is */
    uint32_t mask;   /* of their number                   */
    int64_t all;
    int64_t cost, prefix_cost; /* of one answer, at least: the inverse of the rate */
    uint64_t drawn;            /* prices drawn so far */
    bool none;                 /* a budget of nothing */
};

/* Takes the memory for the buckets of prefixes: more of them the more peers there may be. */
void budget_take_memory(struct budget *budget, struct arena *arena, uint32_t peers);

/* budget->prefix and ->mask are there. */
void budget_init(struct budget *budget, uint32_t per_s, struct siphash_key key, int64_t now_us);

/* Another rate from now on; who has used up his second waits for it all the same. */
void budget_change(struct budget *budget, uint32_t per_s);

/* Whether an answer to `remote` may be sent; it is then paid for. */
bool budget_take(struct budget *budget, const struct hf_address *remote, int64_t now_us);

#endif
