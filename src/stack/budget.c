/* Token buckets for what we say to the unproven. [RFC 9293 3.10.7.1; RFC 5961 7, 10; RFC 4443 2.4 f]
 *
 * A bucket holds one second's worth. It is kept as the instant at which it will be full, so that filling it costs nothing.
 */
#include "stack/budget.h"

#include "base/bytes.h"
#include "base/time.h"
#include "stack/source.h"

#define PREFIX_SHARE 16  /* one prefix may use a sixteenth of the budget ... */
#define PREFIX_LEAST 10u /* ... but ten a second in any case, if there are so many */
#define SECOND (US_PER_S << BUDGET_FRACTION_SHIFT)

/* What the keyed function is asked for: the second word says which. */
#define DRAW_RATE 1u
#define DRAW_PRICE 2u

static void set_rate(struct budget *budget, uint32_t per_s)
{
    uint32_t per_prefix = max_u32(per_s / PREFIX_SHARE, min_u32(per_s, PREFIX_LEAST));

    budget->none = per_s == 0;
    budget->cost = per_s ? time_max(SECOND / per_s, 1) : 0;
    budget->prefix_cost = per_s ? time_max(SECOND / per_prefix, 1) : 0;
}

void budget_take_memory(struct budget *budget, struct arena *arena, uint32_t peers)
{
    uint32_t places = BUDGET_PREFIXES_LEAST;

    while (places < BUDGET_PREFIXES_MOST && places < 4 * (uint64_t)peers)
        places *= 2;
    budget->mask = places - 1;
    budget->prefix = arena_take(arena, places * sizeof *budget->prefix);
}

void budget_init(struct budget *budget, uint32_t per_s, struct siphash_key key, int64_t now_us)
{
    budget->key = key;
    set_rate(budget, per_s);
    budget->drawn = 0;
    budget->all = now_us << BUDGET_FRACTION_SHIFT;
    for (uint32_t i = 0; i <= budget->mask; i++)
        budget->prefix[i] = budget->all;
}

void budget_change(struct budget *budget, uint32_t per_s)
{
    set_rate(budget, per_s); /* a bucket is an instant, whatever an answer costs */
}

/* Which bucket. Two prefixes that share one now will not in the next minute. */
static uint32_t bucket_of(const struct budget *budget, const struct hf_address *remote,
                          int64_t now_us)
{
    uint32_t epoch = (uint32_t)(now_us >> BUDGET_EPOCH_SHIFT) << 2;

    return (uint32_t)siphash_12(budget->key, source_word(remote), epoch) & budget->mask;
}

/* Between the cost and one and a half times that, by a number that only we know. */
static int64_t price(const struct budget *budget, int64_t cost, uint64_t number, uint32_t what)
{
    return cost + (cost * (int64_t)(siphash_12(budget->key, number, what) & 255) >> 9);
}

/* Whether a bucket that is full at `full` still holds an answer. A full one does, or at a rate of one a second a dear answer
 * would wait for ever. */
static bool holds(int64_t full, int64_t cost, int64_t now)
{
    return full == now || full + cost <= now + SECOND;
}

/* [R4443-08] */
bool budget_take(struct budget *budget, const struct hf_address *remote, int64_t now_us)
{
    int64_t *bucket = &budget->prefix[bucket_of(budget, remote, now_us)];
    int64_t now = now_us << BUDGET_FRACTION_SHIFT;
    int64_t all = time_max(budget->all, now), prefix = time_max(*bucket, now);
    int64_t cost = price(budget, budget->cost, time_s(now_us), DRAW_RATE);
    int64_t prefix_cost = price(budget, budget->prefix_cost, budget->drawn, DRAW_PRICE);

    if (budget->none || !holds(all, cost, now) || !holds(prefix, prefix_cost, now))
        return false;
    budget->drawn++;
    budget->all = all + cost;
    *bucket = prefix + prefix_cost;
    return true;
}
