/* The SYN cache: slots, table and order of age. [RFC 4987 3.3] */
#include "gate/syn_cache.h"

#include <stddef.h>

#include "base/must.h"

static struct list_links by_age(const struct syn_cache *cache)
{
    return list_links_in(&cache->pool, offsetof(struct half_open, by_age));
}

/* [R4987-01] */
void syn_cache_init(struct syn_cache *cache, struct arena *arena,
                    const struct syn_cache_setup *setup, int64_t now_us)
{
    pool_init(&cache->pool, arena, sizeof(struct half_open), setup->capacity);
    table_init(&cache->table, arena, setup->capacity, setup->hash_of, setup->hash_context);
    wheel_init(&cache->wheel, &cache->pool, offsetof(struct half_open, timer), now_us);
}

/* [R4987-04] */
uint32_t syn_cache_insert(struct syn_cache *cache, uint64_t hash, struct list *list)
{
    uint32_t slot = pool_take(&cache->pool, NULL);

    must(slot != SLOT_NONE);
    list_link_init(&syn_cache_at(cache, slot)->by_age);
    list_append(list, by_age(cache), slot);
    wheel_entry_init(&cache->wheel, slot);
    table_insert(&cache->table, hash, slot);
    return slot;
}

void syn_cache_remove(struct syn_cache *cache, uint64_t hash, struct list *list, uint32_t slot)
{
    table_remove(&cache->table, hash, slot);
    wheel_cancel(&cache->wheel, slot);
    list_remove(list, by_age(cache), slot);
    pool_give(&cache->pool, slot);
}
