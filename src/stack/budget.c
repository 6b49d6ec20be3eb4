/* Two token buckets for what we say to the unproven. [RFC 9293 3.10.7.1; RFC 4443 2.4 f]
 *
 * A bucket holds one second's worth. It is kept as the instant at which it will be full, so that filling it costs nothing.
 */
#include "stack/budget.h"

#include "base/bytes.h"
#include "base/time.h"

#define PREFIX_SHARE 16  /* one prefix may use a sixteenth of the budget ... */
#define PREFIX_LEAST 10u /* ... but ten a second in any case, if there are so many */

void budget_init(struct budget *budget, uint32_t per_s, struct siphash_key key, int64_t now_us)
{
    uint32_t per_prefix = max_u32(per_s / PREFIX_SHARE, min_u32(per_s, PREFIX_LEAST));

    budget->key = key;
    budget->none = per_s == 0;
    budget->cost_us = per_s ? time_max(US_PER_S / per_s, 1) : 0;
    budget->prefix_cost_us = per_s ? time_max(US_PER_S / per_prefix, 1) : 0;
    budget->all_us = now_us;
    for (uint32_t i = 0; i < BUDGET_PREFIXES; i++)
        budget->prefix_us[i] = now_us;
}

/* Which bucket: of the /32 of an IPv4 address, the /64 of an IPv6 address. */
static uint32_t bucket_of(const struct budget *budget, const struct hf_address *remote)
{
    uint64_t prefix =
        hf_address_is_v4(remote) ? siphash_load(remote->bytes + 8) : siphash_load(remote->bytes);

    return (uint32_t)siphash_12(budget->key, prefix, 0) & (BUDGET_PREFIXES - 1);
}

/* Whether a bucket that is full at `full_us` still holds an answer; then without it. */
static bool holds(int64_t full_us, int64_t cost_us, int64_t now_us)
{
    return full_us + cost_us <= now_us + US_PER_S;
}

bool budget_take(struct budget *budget, const struct hf_address *remote, int64_t now_us)
{
    int64_t *prefix_us = &budget->prefix_us[bucket_of(budget, remote)];
    int64_t all = time_max(budget->all_us, now_us), prefix = time_max(*prefix_us, now_us);

    if (budget->none || !holds(all, budget->cost_us, now_us) ||
        !holds(prefix, budget->prefix_cost_us, now_us))
        return false;
    budget->all_us = all + budget->cost_us;
    *prefix_us = prefix + budget->prefix_cost_us;
    return true;
}
