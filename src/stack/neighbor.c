/* Link addresses of next hops. [RFC 826; RFC 1122 2.3.2; RFC 4861 7.3; RFC 5227 2.4]
 *
 * What an attacker on the link can do: answer our questions falsely, as everyone on the link can. What he cannot: make
 * entries by asking or announcing, push out entries in use (only those that nobody waits for, least recently used first), or
 * turn an entry over without our having asked again, aloud, so that the true owner answers too. Outside the link nobody can
 * do anything: ARP is not routed, and neighbour discovery must arrive with hop limit 255.
 */
#include "stack/neighbor.h"

#include "base/event_sink.h"
#include "base/must.h"
#include "stack/neighbor_arrives.h"
#include "stack/ipv6.h"
#include "stack/neighbor_message.h"
#include "wire/ethernet.h"

enum {
    QUEUE_NONE = 0,
    QUEUE_TO_ASK,
    QUEUE_ASKED,
};

#define ANNOUNCE_ROUNDS 2                   /* ANNOUNCE_NUM [RFC 5227 1.1]             */
#define ANNOUNCE_INTERVAL_US (2 * US_PER_S) /* ANNOUNCE_INTERVAL                       */
#define DOUBT_INTERVAL_US (5 * US_PER_S)    /* between two questions that claims cause */
#define EVICT_STEPS_MAX 64                  /* entries looked at to find one unused    */

static struct list_links by_use(const struct neighbors *neighbors)
{
    return list_links_in(&neighbors->pool, offsetof(struct neighbor, by_use));
}

static struct list_links by_state(const struct neighbors *neighbors)
{
    return list_links_in(&neighbors->pool, offsetof(struct neighbor, by_state));
}

static struct list_links by_change(const struct neighbors *neighbors)
{
    return list_links_in(&neighbors->pool, offsetof(struct neighbor, by_change));
}

static uint64_t hash_of_address(const struct neighbors *neighbors, const struct hf_address *address)
{
    return siphash_16(neighbors->key, siphash_load(address->bytes),
                      siphash_load(address->bytes + 8));
}

static uint64_t hash_of_slot(const void *context, uint32_t slot)
{
    const struct neighbors *neighbors = context;

    return hash_of_address(neighbors, &neighbor_at(neighbors, slot)->address);
}

void neighbor_init(struct neighbors *neighbors, struct arena *arena,
                   const struct neighbor_setup *setup, int64_t now_us)
{
    const struct hf_config *config = setup->config;
    bool ethernet = config->link == HF_ETHERNET;
    bool speaks = ethernet && !config->addresses_shared;

    *neighbors = (struct neighbors){
        .calls = config->parts.ethernet,
        .ipv6 = config->parts.ipv6,
        .route = setup->route,
        .stats = setup->stats,
        .events = setup->events,
        .key = setup->key,
        .mac = setup->mac,
        .vlan = config->vlan,
        .ethernet = ethernet,
        .shared = config->addresses_shared,
        .announce_rounds = speaks ? ANNOUNCE_ROUNDS - 1 : 0,
        .announce_addresses = speaks && config->gratuitous_arp,
        .report_due = speaks,
        .announce_at_us = now_us + ANNOUNCE_INTERVAL_US,
        .reported_us = now_us,
        .conflict_us = now_us - NEIGHBOR_DEFEND_US,
    };
    pool_init(&neighbors->pool, arena, sizeof(struct neighbor),
              ethernet ? config->max_neighbors : 0);
    table_init(&neighbors->table, arena, ethernet ? config->max_neighbors : 0, hash_of_slot,
               neighbors);
    ring_init(&neighbors->replies, arena, sizeof(struct neighbor_reply),
              ethernet ? NEIGHBOR_REPLIES : 1);
    list_init(&neighbors->by_use);
    list_init(&neighbors->to_ask);
    list_init(&neighbors->asked);
    list_init(&neighbors->changed);
}

static void leave_queue(struct neighbors *neighbors, uint32_t slot)
{
    struct neighbor *entry = neighbor_at(neighbors, slot);

    if (entry->queue == QUEUE_TO_ASK)
        list_remove(&neighbors->to_ask, by_state(neighbors), slot);
    else if (entry->queue == QUEUE_ASKED)
        list_remove(&neighbors->asked, by_state(neighbors), slot);
    entry->queue = QUEUE_NONE;
}

/* [R1122-02, R4861-19] */
static void ask(struct neighbors *neighbors, uint32_t slot, enum neighbor_state state)
{
    struct neighbor *entry = neighbor_at(neighbors, slot);

    leave_queue(neighbors, slot);
    entry->state = (uint8_t)state;
    entry->solicits = 0;
    entry->queue = QUEUE_TO_ASK;
    list_append(&neighbors->to_ask, by_state(neighbors), slot);
}

static void tell_waiters(struct neighbors *neighbors, uint32_t slot)
{
    struct neighbor *entry = neighbor_at(neighbors, slot);

    if (entry->waiters.count && !list_is_linked(&entry->by_change))
        list_append(&neighbors->changed, by_change(neighbors), slot);
}

void neighbor_settle(struct neighbors *neighbors, uint32_t slot, const struct hf_mac *mac,
                     enum neighbor_state state, int64_t now_us)
{
    struct neighbor *entry = neighbor_at(neighbors, slot);

    leave_queue(neighbors, slot);
    entry->mac = *mac;
    entry->state = (uint8_t)state;
    entry->solicits = 0;
    entry->ask_all = false;
    entry->deadline_us = now_us + NEIGHBOR_REACHABLE_US;
    tell_waiters(neighbors, slot);
}

static void fail(struct neighbors *neighbors, uint32_t slot, int64_t now_us)
{
    struct neighbor *entry = neighbor_at(neighbors, slot);

    entry->state = NEIGHBOR_FAILED;
    entry->deadline_us = now_us + NEIGHBOR_FAILED_US;
    neighbors->stats->neighbor_no_answer++;
    event_sink_put(neighbors->events, &(struct hf_event){.at_us = now_us,
                                                         .kind = HF_EVENT_NEIGHBOR_FAILED,
                                                         .remote.address = entry->address});
    tell_waiters(neighbors, slot);
}

static bool is_entry_of(const struct neighbors *neighbors, uint32_t slot,
                        const struct hf_address *address)
{
    return slot < neighbors->pool.high && neighbor_at(neighbors, slot)->generation != 0 &&
           address_equal(&neighbor_at(neighbors, slot)->address, address);
}

uint32_t neighbor_find(struct neighbors *neighbors, const struct hf_address *address)
{
    struct table_cursor cursor;

    if (is_entry_of(neighbors, neighbors->last_found, address))
        return neighbors->last_found;
    cursor = table_find(&neighbors->table, hash_of_address(neighbors, address));
    for (uint32_t slot; (slot = table_next(&neighbors->table, &cursor)) != SLOT_NONE;)
        if (is_entry_of(neighbors, slot, address))
            return neighbors->last_found = slot;
    return SLOT_NONE;
}

/* Removes the least recently used entry that nobody waits for. [R4861-26] */
static bool make_room(struct neighbors *neighbors)
{
    uint32_t slot = neighbors->by_use.first;

    for (int i = 0; i < EVICT_STEPS_MAX && slot != SLOT_NONE; i++) {
        struct neighbor *entry = neighbor_at(neighbors, slot);

        if (entry->waiters.count == 0 && !list_is_linked(&entry->by_change)) {
            leave_queue(neighbors, slot);
            list_remove(&neighbors->by_use, by_use(neighbors), slot);
            table_remove(&neighbors->table, hash_of_slot(neighbors, slot), slot);
            entry->generation = 0;
            pool_give(&neighbors->pool, slot);
            return true;
        }
        slot = entry->by_use.next;
    }
    return false;
}

static uint32_t insert(struct neighbors *neighbors, const struct hf_address *address,
                       int64_t now_us)
{
    if (neighbors->pool.count == neighbors->pool.capacity && !make_room(neighbors))
        return SLOT_NONE;
    uint32_t slot = pool_take(&neighbors->pool, NULL);
    struct neighbor *entry = neighbor_at(neighbors, slot);

    neighbors->generations += neighbors->generations == UINT32_MAX ? 2 : 1;
    *entry = (struct neighbor){
        .address = *address,
        .generation = neighbors->generations,
        .doubted_us = now_us - DOUBT_INTERVAL_US,
    };
    list_link_init(&entry->by_use);
    list_link_init(&entry->by_state);
    list_link_init(&entry->by_change);
    list_init(&entry->waiters);
    list_append(&neighbors->by_use, by_use(neighbors), slot);
    table_insert(&neighbors->table, hash_of_address(neighbors, address), slot);
    return slot;
}

static bool ref_is_good(const struct neighbors *neighbors, const struct neighbor_ref *ref)
{
    return ref->generation != 0 && ref->slot < neighbors->pool.high &&
           neighbor_at(neighbors, ref->slot)->generation == ref->generation;
}

/* The entry of a next hop, made if there is none, and the last to be evicted. */
static uint32_t find_or_insert(struct neighbors *neighbors, struct neighbor_ref *ref,
                               const struct hf_address *next_hop, int64_t now_us)
{
    uint32_t slot = ref->slot;

    if (!ref_is_good(neighbors, ref) ||
        !address_equal(&neighbor_at(neighbors, slot)->address, next_hop)) {
        slot = neighbor_find(neighbors, next_hop);
        if (slot == SLOT_NONE) {
            slot = insert(neighbors, next_hop, now_us);
            if (slot == SLOT_NONE)
                return SLOT_NONE;
            ask(neighbors, slot, NEIGHBOR_INCOMPLETE);
        }
        *ref = (struct neighbor_ref){slot, neighbor_at(neighbors, slot)->generation};
    }
    if (neighbors->by_use.last != slot) {
        list_remove(&neighbors->by_use, by_use(neighbors), slot);
        list_append(&neighbors->by_use, by_use(neighbors), slot);
    }
    return slot;
}

enum neighbor_verdict neighbor_resolve(struct neighbors *neighbors, struct neighbor_ref *ref,
                                       const struct hf_address *next_hop, struct hf_mac *mac,
                                       int64_t now_us)
{
    if (!neighbors->ethernet) {
        *mac = (struct hf_mac){{0}};
        return NEIGHBOR_READY;
    }
    uint32_t slot = find_or_insert(neighbors, ref, next_hop, now_us);

    if (slot == SLOT_NONE)
        return NEIGHBOR_NO_ROOM;
    struct neighbor *entry = neighbor_at(neighbors, slot);

    *mac = entry->mac;
    switch ((enum neighbor_state)entry->state) {
    case NEIGHBOR_REACHABLE:
        if (now_us >= entry->deadline_us)
            ask(neighbors, slot, NEIGHBOR_PROBE);
        return NEIGHBOR_READY;
    case NEIGHBOR_STALE: ask(neighbors, slot, NEIGHBOR_PROBE); return NEIGHBOR_READY;
    case NEIGHBOR_PROBE: return NEIGHBOR_READY;
    case NEIGHBOR_INCOMPLETE: return NEIGHBOR_WAIT;
    case NEIGHBOR_FAILED:
        if (now_us < entry->deadline_us) {
            neighbors->stats->neighbor_no_answer++;
            return NEIGHBOR_NO_ANSWER;
        }
        ask(neighbors, slot, NEIGHBOR_INCOMPLETE);
        return NEIGHBOR_WAIT;
    case NEIGHBOR_FREE: break;
    }
    never();
}

uint32_t neighbor_take_changed(struct neighbors *neighbors)
{
    uint32_t slot = list_take(&neighbors->changed, by_change(neighbors));

    if (slot != SLOT_NONE)
        list_link_init(&neighbor_at(neighbors, slot)->by_change);
    return slot;
}

void neighbor_claim(struct neighbors *neighbors, const struct hf_address *address,
                    const struct hf_mac *mac, int64_t now_us)
{
    uint32_t slot = neighbor_find(neighbors, address);

    if (slot == SLOT_NONE)
        return;
    struct neighbor *entry = neighbor_at(neighbors, slot);
    bool failed = entry->state == NEIGHBOR_FAILED;

    if (entry->state == NEIGHBOR_INCOMPLETE || (!failed && mac_equal(&entry->mac, mac)))
        return;
    if (now_us - entry->doubted_us < DOUBT_INTERVAL_US)
        return;
    entry->doubted_us = now_us;
    entry->ask_all = true;
    ask(neighbors, slot, failed ? NEIGHBOR_INCOMPLETE : NEIGHBOR_PROBE);
}

/* [R826-06] */
bool neighbor_mac_is_possible(const struct neighbors *neighbors, const struct hf_mac *mac)
{
    static const struct hf_mac zero;

    return !mac_is_group(mac) && !mac_equal(mac, &zero) && !mac_equal(mac, &neighbors->mac);
}

void neighbor_confirm(struct neighbors *neighbors, const struct hf_address *next_hop,
                      const struct hf_mac *mac, int64_t now_us)
{
    if (!neighbors->ethernet || !neighbor_mac_is_possible(neighbors, mac))
        return;
    uint32_t slot = neighbor_find(neighbors, next_hop);

    if (slot == SLOT_NONE) {
        slot = insert(neighbors, next_hop, now_us);
        if (slot == SLOT_NONE)
            return;
        neighbor_settle(neighbors, slot, mac, NEIGHBOR_STALE, now_us);
        neighbor_at(neighbors, slot)->ask_all = true;
        return;
    }
    struct neighbor *entry = neighbor_at(neighbors, slot);

    if (entry->state == NEIGHBOR_INCOMPLETE || entry->state == NEIGHBOR_FAILED) {
        neighbor_settle(neighbors, slot, mac, NEIGHBOR_STALE, now_us);
        entry->ask_all = true;
    } else if (!mac_equal(&entry->mac, mac)) {
        neighbor_claim(neighbors, next_hop, mac, now_us);
    } else if (!entry->ask_all) {
        neighbor_settle(neighbors, slot, mac, NEIGHBOR_REACHABLE, now_us);
    }
}

/* [R4861-17] [R1122-33] */
void neighbor_progress(struct neighbors *neighbors, const struct neighbor_ref *ref, int64_t now_us)
{
    if (!neighbors->ethernet || !ref_is_good(neighbors, ref))
        return;
    struct neighbor *entry = neighbor_at(neighbors, ref->slot);

    if (entry->state == NEIGHBOR_REACHABLE)
        entry->deadline_us = now_us + NEIGHBOR_REACHABLE_US;
    else if ((entry->state == NEIGHBOR_STALE || entry->state == NEIGHBOR_PROBE) && !entry->ask_all)
        neighbor_settle(neighbors, ref->slot, &entry->mac, NEIGHBOR_REACHABLE, now_us);
}

/* [R1122-33] */
void neighbor_doubt(struct neighbors *neighbors, const struct neighbor_ref *ref)
{
    if (neighbors->ethernet && ref_is_good(neighbors, ref) &&
        neighbor_at(neighbors, ref->slot)->state == NEIGHBOR_REACHABLE)
        neighbor_at(neighbors, ref->slot)->state = NEIGHBOR_STALE;
}

static uint32_t next_question(struct neighbors *neighbors, uint8_t *frame, int64_t now_us)
{
    uint32_t slot = list_take(&neighbors->to_ask, by_state(neighbors));
    struct neighbor *entry = neighbor_at(neighbors, slot);

    entry->queue = QUEUE_ASKED;
    entry->solicits++;
    entry->deadline_us = now_us + NEIGHBOR_RETRANSMIT_US;
    list_append(&neighbors->asked, by_state(neighbors), slot);
    uint32_t length = neighbor_message_solicit(neighbors, entry, frame);

    neighbors->stats->neighbor_solicited += length != 0;
    return length;
}

uint32_t neighbor_next_message(struct neighbors *neighbors, uint8_t *frame, int64_t now_us)
{
    uint32_t length = 0;

    while (length == 0 && neighbor_wants_output(neighbors)) {
        const struct neighbor_reply *reply = ring_peek(&neighbors->replies);

        if (neighbors->to_ask.count) {
            length = next_question(neighbors, frame, now_us);
        } else if (neighbors->report_due) {
            neighbors->report_due = false;
            neighbors->reported_us = now_us;
            if (neighbors->ipv6)
                length = neighbors->ipv6->report(neighbors, frame);
        } else if (neighbor_has_announcement(neighbors)) {
            uint8_t index = neighbors->announce_next++;

            length =
                neighbor_message_announce(neighbors, &neighbors->route->ours[index].address, frame);
        } else {
            length = neighbor_message_reply(neighbors, reply, frame);
            ring_drop(&neighbors->replies);
        }
    }
    return length;
}

int64_t neighbor_deadline(const struct neighbors *neighbors)
{
    int64_t deadline = neighbors->announce_rounds ? neighbors->announce_at_us : NEVER_US;

    if (neighbors->asked.count)
        deadline = time_min(deadline, neighbor_at(neighbors, neighbors->asked.first)->deadline_us);
    return deadline;
}

/* No answer within the interval: ask again, then aloud, then give up. [RFC 4861 7.2.2, 7.3.3] [R4861-08] */
static void unanswered(struct neighbors *neighbors, uint32_t slot, int64_t now_us)
{
    struct neighbor *entry = neighbor_at(neighbors, slot);
    uint8_t solicits = entry->solicits;

    if (solicits < NEIGHBOR_SOLICITS_MAX) {
        ask(neighbors, slot, (enum neighbor_state)entry->state);
        entry->solicits = solicits;
    } else if (entry->state == NEIGHBOR_PROBE && !entry->ask_all) {
        ask(neighbors, slot, NEIGHBOR_INCOMPLETE);
    } else {
        leave_queue(neighbors, slot);
        fail(neighbors, slot, now_us);
    }
}

/* [R1122-01] */
void neighbor_tick(struct neighbors *neighbors, int64_t now_us)
{
    if (neighbors->announce_rounds && now_us >= neighbors->announce_at_us) {
        neighbors->announce_rounds--;
        neighbors->announce_at_us = now_us + ANNOUNCE_INTERVAL_US;
        neighbors->announce_next = 0;
        neighbors->report_due = true;
    }
    while (neighbors->asked.count) {
        uint32_t slot = neighbors->asked.first;

        if (now_us < neighbor_at(neighbors, slot)->deadline_us)
            return;
        unanswered(neighbors, slot, now_us);
    }
}
