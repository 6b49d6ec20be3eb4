/* Connections of each prefix, counted. */
#include "guard/prefix_count.h"

#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int prefix_count_init(struct prefix_count *count, uint32_t capacity)
{
    uint32_t chains = 1;
    uint8_t secret[16];

    while (chains < capacity)
        chains *= 2;
    *count = (struct prefix_count){
        .entries = calloc(capacity, sizeof *count->entries),
        .chains = malloc(chains * sizeof *count->chains),
        .mask = chains - 1,
        .capacity = capacity,
        .free = PREFIX_COUNT_NONE,
    };
    if (count->entries == NULL || count->chains == NULL) {
        prefix_count_deinit(count);
        return HF_NO_MEMORY;
    }
    if (getrandom(secret, sizeof secret, 0) != sizeof secret) {
        prefix_count_deinit(count);
        return HF_SYSTEM;
    }
    count->key = siphash_key_from(secret);
    memset(count->chains, 0xff, chains * sizeof *count->chains);
    return HF_OK;
}

void prefix_count_deinit(struct prefix_count *count)
{
    free(count->entries);
    free(count->chains);
    *count = (struct prefix_count){0};
}

static struct prefix_entry key_of(uint32_t service, const struct hf_address *address)
{
    struct prefix_entry key = {.service = (uint16_t)service, .v4 = hf_address_is_v4(address)};

    if (key.v4)
        memcpy(&key.prefix, address->bytes + 12, 4);
    else
        memcpy(&key.prefix, address->bytes, 8);
    return key;
}

static uint32_t *chain_of(const struct prefix_count *count, const struct prefix_entry *entry)
{
    uint64_t rest = (uint64_t)entry->service << 1 | entry->v4;

    return &count->chains[siphash_16(count->key, entry->prefix, rest) & count->mask];
}

static uint32_t take(struct prefix_count *count)
{
    uint32_t entry = count->free;

    if (entry != PREFIX_COUNT_NONE) {
        count->free = count->entries[entry].next;
        return entry;
    }
    must(count->unused < count->capacity);
    return count->unused++;
}

uint32_t prefix_count_add(struct prefix_count *count, uint32_t service,
                          const struct hf_address *address)
{
    struct prefix_entry key = key_of(service, address);
    uint32_t *chain = chain_of(count, &key), at;

    for (at = *chain; at != PREFIX_COUNT_NONE; at = count->entries[at].next) {
        struct prefix_entry *entry = &count->entries[at];

        if (entry->prefix == key.prefix && entry->service == key.service && entry->v4 == key.v4) {
            entry->count++;
            return at;
        }
    }
    at = take(count);
    key.count = 1;
    key.next = *chain;
    count->entries[at] = key;
    *chain = at;
    return at;
}

void prefix_count_remove(struct prefix_count *count, uint32_t entry)
{
    struct prefix_entry *gone = &count->entries[entry];

    must(gone->count > 0);
    if (--gone->count > 0)
        return;
    uint32_t *link = chain_of(count, gone);

    while (*link != entry)
        link = &count->entries[*link].next;
    *link = gone->next;
    gone->next = count->free;
    count->free = entry;
}

const char *prefix_count_text(char text[PREFIX_COUNT_TEXT_MAX], const struct hf_address *address)
{
    struct hf_address prefix = *address;

    if (hf_address_is_v4(address))
        return hf_address_format(text, address);
    memset(prefix.bytes + 8, 0, 8);
    hf_address_format(text, &prefix);
    memcpy(text + strlen(text), "/64", sizeof "/64");
    return text;
}
