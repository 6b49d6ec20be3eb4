/* Doubly linked lists of slots: the links lie in the slots themselves, as numbers. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/shared.h"

/* A link's next when it is in no list. */
#define SLOT_UNLINKED (UINT32_MAX - 1)

struct list_link {
    uint32_t next, prev;
};

struct list {
    uint32_t first, last, count;
};

/* Where the links of a family of lists lie: slot i's is at base + i * stride. */
struct list_links {
    uint8_t *base;
    uint32_t stride;
};

static inline struct list_links list_links_in(const struct pool *pool, size_t offset)
{
    return (struct list_links){pool->slots ? pool->slots + offset : NULL, pool->stride};
}

static inline struct list_link *list_link_at(struct list_links links, uint32_t slot)
{
    return (struct list_link *)(void *)(links.base + (size_t)slot * links.stride);
}

static inline void list_init(struct list *list)
{
    list->first = list->last = SLOT_NONE;
    list->count = 0;
}

static inline void list_link_init(struct list_link *link)
{
    link->next = link->prev = SLOT_UNLINKED;
}

static inline bool list_is_linked(const struct list_link *link)
{
    return link->next != SLOT_UNLINKED;
}

#ifdef __OPTIMIZE_SIZE__
void list_append(struct list *list, struct list_links links, uint32_t slot);
void list_remove(struct list *list, struct list_links links, uint32_t slot);
uint32_t list_take(struct list *list, struct list_links links);
#endif
#ifndef SHARED_ELSEWHERE
SHARED void list_append(struct list *list, struct list_links links, uint32_t slot)
{
    struct list_link *link = list_link_at(links, slot);

    must(!list_is_linked(link));

    link->next = SLOT_NONE;
    link->prev = list->last;
    if (list->last == SLOT_NONE)
        list->first = slot;
    else
        list_link_at(links, list->last)->next = slot;
    list->last = slot;
    list->count++;
}

SHARED void list_remove(struct list *list, struct list_links links, uint32_t slot)
{
    struct list_link *link = list_link_at(links, slot);

    must(list_is_linked(link) && list->count > 0);

    if (link->prev == SLOT_NONE)
        list->first = link->next;
    else
        list_link_at(links, link->prev)->next = link->next;
    if (link->next == SLOT_NONE)
        list->last = link->prev;
    else
        list_link_at(links, link->next)->prev = link->prev;
    list->count--;
    list_link_init(link);
}

/* The first slot, taken off; SLOT_NONE if there is none. */
SHARED uint32_t list_take(struct list *list, struct list_links links)
{
    uint32_t slot = list->first;

    if (slot != SLOT_NONE)
        list_remove(list, links, slot);
    return slot;
}
#endif

#endif
