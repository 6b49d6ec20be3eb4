/* What must be true of the door, and of all that holds slots: what is counted is what a walk finds. [RFC 9293 3.10.7] */
#include "fuzz/stand_gate.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/time.h"
#include "stack/stack.h"

#define RING_SLOTS 4096u
#define DAY_MS 86400000u
#define ROUNDING 64 /* ticks: each change of a listener may round up once more */

/* ---- what holds slots ---- */

/* The free list ends, and holds what is not in use: no slot twice, none that was never used. */
static void check_pool(const struct pool *pool)
{
    uint32_t free = 0;

    must(pool->count <= pool->high && pool->high <= pool->capacity);
    for (uint32_t slot = pool->free; slot != SLOT_NONE; free++) {
        must(slot < pool->high && free < pool->high);
        memcpy(&slot, pool_at(pool, slot), sizeof slot);
    }
    must(free + pool->count == pool->high);
}

/* Entries lie densely, in the bucket and under the tag that their hash names, and none lies twice. */
static void check_table(const struct table *table, uint32_t slots)
{
    bool *seen = calloc(slots + 1, sizeof *seen);
    uint32_t entries = 0, overflow = 0;

    must(seen);
    check_pool(&table->overflow);
    for (uint32_t i = 0; i < table->used; i++) {
        const struct table_bucket *bucket = &table->buckets[i];
        bool last = false;

        for (;;) {
            for (uint32_t at = 0; at < TABLE_BUCKET_ENTRIES; at++) {
                if (bucket->tags[at] == 0) {
                    last = true;
                    continue;
                }
                uint32_t slot = bucket->slots[at];
                uint64_t hash = table->hash_of(table->context, slot);

                must(!last && slot < slots && !seen[slot]);
                seen[slot] = true;
                must(bucket->tags[at] == table_tag(hash));
                must(table_bucket_of(table, hash) == &table->buckets[i]);
                entries++;
            }
            if (bucket->overflow == SLOT_NONE)
                break;
            must(!last);
            bucket = pool_at(&table->overflow, bucket->overflow);
            overflow++;
        }
    }
    must(entries == table->count && overflow == table->overflow.count);
    free(seen);
}

/* What a walk over a list calls for each slot. */
typedef void meet(const struct hf_stack *stack, uint32_t slot, const void *about);

static void walk(const struct hf_stack *stack, const struct list *list, struct list_links links,
                 meet *met, const void *about)
{
    uint32_t before = SLOT_NONE, count = 0;

    for (uint32_t slot = list->first; slot != SLOT_NONE;
         slot = list_link_at(links, slot)->next, count++) {
        must(count < list->count && list_link_at(links, slot)->prev == before);
        met(stack, slot, about);
        before = slot;
    }
    must(count == list->count && list->last == before);
}

/* Each entry lies in its place, and only there. */
static void check_wheel(const struct wheel *wheel)
{
    uint32_t entries = 0;

    for (uint32_t level = 0; level < WHEEL_LEVELS; level++)
        for (uint32_t digit = 0; digit < WHEEL_PLACES; digit++) {
            uint32_t before = SLOT_NONE;

            if (!(wheel->occupied[level][digit / 64] >> digit % 64)) { /* the rest is empty */
                digit |= 63;
                continue;
            }
            must((wheel->occupied[level][digit / 64] >> digit % 64 & 1) ==
                 (wheel->first[level][digit] != SLOT_NONE));
            for (uint32_t slot = wheel->first[level][digit]; slot != SLOT_NONE; entries++) {
                const struct wheel_entry *entry =
                    (const void *)(wheel->entries + (size_t)slot * wheel->stride);

                must(entries < wheel->count && entry->prev == before);
                must((entry->tick >> 8 * level & 255) == digit);
                before = slot;
                slot = entry->next;
            }
        }
    must(entries == wheel->count);
}

/* ---- half-opens ---- */

static struct list_links by_age(const struct gate *gate)
{
    return list_links_in(&gate->cache.pool, offsetof(struct half_open, by_age));
}

static int64_t ticks_left(const struct wheel *wheel, const struct wheel_entry *entry)
{
    return (uint32_t)(entry->tick - (uint32_t)wheel->now);
}

static void meet_half_open(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    const struct gate *gate = &stack->gate;
    const struct gate_listener *listener = about;
    const struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    struct flow flow = gate_flow(gate, slot);

    must(&gate->listeners[half_open->listener] == listener && listener->open);
    must(half_open->sent >= 1 && half_open->sent <= 24);
    must(gate_find(gate, gate_hash_of(gate, slot), &flow) == slot);
    must(connection_find(&stack->connections, gate_hash_of(gate, slot), &flow) == SLOT_NONE);
    must(wheel_is_set(&gate->cache.wheel, slot));
    must(ticks_left(&gate->cache.wheel, &half_open->timer) <=
         (stack->seen_us >> WHEEL_TICK_SHIFT) - gate->cache.wheel.now + ROUNDING +
             (ms_to_us(listener->timeout_ms) >> WHEEL_TICK_SHIFT));
}

/* Counters of prefixes, counted anew. */
static void check_sources(const struct gate *gate)
{
    const struct source_limit *limit = &gate->sources;
    size_t width = (size_t)limit->mask + 1;
    uint32_t *counters = calloc(2 * width, sizeof *counters);

    must(counters);
    for (uint32_t number = 0; number < gate->config.max_listeners; number++)
        for (uint32_t slot = gate->listeners[number].half_opens.first; slot != SLOT_NONE;
             slot = list_link_at(by_age(gate), slot)->next) {
            const struct hf_address *remote = &syn_cache_at(&gate->cache, slot)->remote;
            uint64_t hash = source_hash(limit, source_prefix(remote));

            counters[(uint32_t)hash & limit->mask]++;
            counters[width + ((uint32_t)(hash >> 32) & limit->mask)]++;
        }
    must(memcmp(counters, limit->counters, 2 * width * sizeof *counters) == 0);
    free(counters);
}

/* A level that is not calm ends by itself: there is an instant at which it is asked. */
static void check_pressure(const struct gate *gate, const struct gate_listener *listener,
                           int64_t now_us)
{
    const struct pressure *pressure = &listener->pressure;

    must(pressure->level <= HF_FLOODED && pressure->lead <= pressure->syns);
    must(pressure->period_us <= now_us && pressure->since_us <= now_us);
    if (pressure->level == HF_CALM)
        return;
    must(pressure->loud_us <= now_us && pressure->since_us <= pressure->loud_us);
    must(gate->calmer_at_us <= pressure_deadline(pressure));
}

/* Each half-open that there ever was is there still, or ended in a way that is counted. */
static void check_half_open_counters(const struct hf_stats *stats, uint32_t half_opens)
{
    uint64_t ended = stats->syn_cache_evicted + stats->syn_cache_reset + stats->syn_cache_timeout +
                     stats->syn_cache_listener_closed;
    uint64_t by_cookie = stats->cookie_opened, opened;

    must(stats->syn_cached >= ended + half_opens);
    opened = stats->syn_cached - ended - half_opens;
    must(opened <= stats->handshake_done && opened + by_cookie >= stats->handshake_done);
    must(stats->syn_cookie_sent + stats->syn_cached == stats->syn_ack_sent);
}

static void check_gate(const struct hf_stack *stack)
{
    const struct gate *gate = &stack->gate;
    uint32_t half_opens = 0;

    for (uint32_t number = 0; number < gate->config.max_listeners; number++) {
        const struct gate_listener *listener = &gate->listeners[number];
        bool open =
            number < stack->listeners.pool.high && listener_at(&stack->listeners, number)->open;

        must(listener->open == open);
        half_opens += listener->half_opens.count;
        if (!open) {
            must(listener->half_opens.count == 0);
            continue;
        }
        must(listener->port == listener_at(&stack->listeners, number)->port);
        walk(stack, &listener->half_opens, by_age(gate), meet_half_open, listener);
        check_pressure(gate, listener, stack->seen_us);
    }
    must(half_opens == gate->cache.pool.count && half_opens == gate->cache.table.count &&
         half_opens == gate->cache.wheel.count);
    check_pool(&gate->cache.pool);
    check_table(&gate->cache.table, gate->cache.pool.high);
    check_wheel(&gate->cache.wheel);
    check_sources(gate);
    check_half_open_counters(&stack->stats, half_opens);
    must(!gate->tell_full && !gate->tell_pressure);
}

/* ---- connections ---- */

/* Counted on the way. */
struct tally {
    uint32_t used, known, timers, queued, signed_, ready, waiting, members;
    uint32_t owed, watched, places[2][WATCH_PLACES_MOST];
};

static uint32_t promise_left(const struct hf_stack *stack, uint32_t held)
{
    uint32_t promise = stack->tcp.chunks.promise;

    return held < promise ? promise - held : 0;
}

/* Its place in the lists of the watch: never below what it holds. */
static void check_watched(const struct hf_stack *stack, const struct connection *connection,
                          struct tally *tally)
{
    const struct watched *watched = &connection->watched;

    if (!stack->watching)
        return;
    must(!watch_is_above(watched, connection->tcb.snd_held + connection->tcb.rcv_held));
    must(list_is_linked(&watched->by_held) == (watched->list != 0));
    tally->watched += watched->list != 0;
    tally->places[0][watched->place]++;
    tally->places[1][watched->other_place]++;
}

/* Its timer is not later than what it waits for. */
static void check_timer(const struct hf_stack *stack, const struct connection *connection,
                        uint32_t slot)
{
    const struct wheel *wheel = &stack->connections.wheel;
    int64_t deadline_us = tcb_deadline(&connection->tcb);

    if (deadline_us == NEVER_US)
        return;
    must(wheel_is_set(wheel, slot));
    must(wheel->now + ticks_left(wheel, &connection->timer) <=
         time_max((deadline_us >> WHEEL_TICK_SHIFT) + 1, wheel->now));
}

/* One that segments and instants can find. */
static void check_attached(const struct hf_stack *stack, const struct connection *connection,
                           uint32_t slot, struct tally *tally)
{
    const struct flow *flow = &connection->flow;

    tally->known++;
    must(connection_find(&stack->connections, connection->hash, flow) == slot);
    must(gate_find(&stack->gate, connection->hash, flow) == SLOT_NONE);
    must(time_wait_find(&stack->time_waits, connection->hash, flow) == SLOT_NONE);
    must(connection->tcb.end == TCP_END_NONE && connection->tcb.state != TCP_TIME_WAIT);
    if (connection->flags & CONNECTION_WAITS)
        must(list_is_linked(&connection->by_output));
    tally->waiting += (connection->flags & CONNECTION_WAITS) != 0;
    if (signing_is_signed(connection) && stack->signing.of_connection)
        tally->signed_ += stack->signing.of_connection[slot] != SLOT_NONE;
    check_watched(stack, connection, tally);
    if (!list_is_linked(&connection->by_output) || (connection->flags & CONNECTION_WAITS))
        check_timer(stack, connection, slot); /* else filed when its turn of output is over */
}

static void check_connection(const struct hf_stack *stack, const struct connection *connection,
                             uint32_t slot, struct tally *tally)
{
    uint32_t flags = connection->flags;

    tally->used++;
    tally->queued += (flags & CONNECTION_QUEUED) != 0;
    tally->ready += list_is_linked(&connection->by_ready);
    tally->timers += wheel_is_set(&stack->connections.wheel, slot);
    tally->owed += promise_left(stack, connection->tcb.snd_held) +
                   promise_left(stack, connection->tcb.rcv_held);
    tally->members += 2;
    must(connection->generation != 0);
    must((flags & (CONNECTION_HAS_USER | CONNECTION_QUEUED)) !=
         (CONNECTION_HAS_USER | CONNECTION_QUEUED));
    must(list_is_linked(&connection->by_accept) == ((flags & CONNECTION_QUEUED) != 0));
    if (list_is_linked(&connection->by_ready))
        must((flags & CONNECTION_HAS_USER) && connection->ready);
    if ((flags & CONNECTION_HAS_USER) && connection->ready)
        must(list_is_linked(&connection->by_ready));
    if (!(flags & CONNECTION_DETACHED)) {
        check_attached(stack, connection, slot, tally);
        return;
    }
    must((flags & CONNECTION_HAS_USER) && !(flags & CONNECTION_WAITS));
    must(!list_is_linked(&connection->by_output) && !wheel_is_set(&stack->connections.wheel, slot));
}

static void meet_queued(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    const struct connection *connection = connection_at(&stack->connections, slot);

    must((connection->flags & (CONNECTION_OPEN | CONNECTION_QUEUED | CONNECTION_DETACHED)) ==
         (CONNECTION_OPEN | CONNECTION_QUEUED));
    must(listener_at(&stack->listeners, connection->listener) == about);
}

static void meet_output(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    const struct connection *connection = connection_at(&stack->connections, slot);
    const uint32_t *waiting_for = about;

    must((connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) == CONNECTION_OPEN);
    must(((connection->flags & CONNECTION_WAITS) != 0) == (waiting_for != NULL));
    must(!waiting_for || connection->neighbor.slot == *waiting_for);
}

static void meet_held(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    must(connection_at(&stack->connections, slot)->watched.list == *(const uint32_t *)about + 1);
}

static void meet_any(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    must(connection_at(&stack->connections, slot)->flags & CONNECTION_OPEN);
    (void)about;
}

static struct list_links links_at(const struct hf_stack *stack, size_t offset)
{
    return list_links_in(&stack->connections.pool, offset);
}

static void check_queues(const struct hf_stack *stack, const struct tally *tally)
{
    struct list_links by_output = links_at(stack, offsetof(struct connection, by_output));
    struct list_links by_held = links_at(stack, offsetof(struct connection, watched.by_held));
    uint32_t queued = 0, waiting = 0, watched = 0;

    for (uint32_t i = 0; i < stack->listeners.pool.high; i++) {
        const struct listener *listener = listener_at(&stack->listeners, i);

        if (!listener->open)
            continue;
        walk(stack, &listener->accept_queue,
             links_at(stack, offsetof(struct connection, by_accept)), meet_queued, listener);
        queued += listener->accept_queue.count;
    }
    walk(stack, &stack->connections.output, by_output, meet_output, NULL);
    for (uint32_t i = 0; stack->link_header && i < stack->neighbors.pool.high; i++) {
        const struct neighbor *neighbor = neighbor_at(&stack->neighbors, i);

        if (neighbor->generation == 0)
            continue;
        walk(stack, &neighbor->waiters, by_output, meet_output, &i);
        waiting += neighbor->waiters.count;
    }
    for (uint32_t i = 0; stack->watching && i < WATCH_LISTS; i++) {
        must((stack->watch.filled >> i & 1) == (stack->watch.held[i].count != 0));
        walk(stack, &stack->watch.held[i], by_held, meet_held, &i);
        watched += stack->watch.held[i].count;
    }
    walk(stack, &stack->connections.ready, links_at(stack, offsetof(struct connection, by_ready)),
         meet_any, NULL);
    must(queued == tally->queued && waiting == tally->waiting && watched == tally->watched);
    must(stack->connections.ready.count == tally->ready);
}

static void check_all_connections(const struct hf_stack *stack)
{
    static struct tally tally; /* large */
    const struct connections *connections = &stack->connections;

    memset(&tally, 0, offsetof(struct tally, places));
    for (int i = 0; stack->watching && i < 2; i++)
        memset(tally.places[i], 0, stack->watch.places * sizeof *tally.places[i]);
    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        const struct connection *connection = connection_at(connections, slot);

        if (connection->flags & CONNECTION_OPEN)
            check_connection(stack, connection, slot, &tally);
    }
    must(tally.used == connections->pool.count && tally.known == connections->table.count);
    must(tally.timers == connections->wheel.count);
    must(tally.members == stack->tcp.chunks.members && tally.owed == stack->tcp.chunks.owed);
    must(stack->tcp.chunks.pool.count + tally.owed <= stack->tcp.chunks.pool.capacity);
    must(tally.signed_ == stack->signing.sessions.count);
    for (int i = 0; stack->watching && i < 2; i++)
        must(memcmp(tally.places[i], stack->watch.counts[i],
                    stack->watch.places * sizeof *tally.places[i]) == 0);
    check_pool(&connections->pool);
    check_pool(&stack->tcp.chunks.pool);
    check_pool(&stack->listeners.pool);
    check_pool(&stack->signing.sessions);
    check_table(&connections->table, connections->pool.high);
    check_table(&stack->listeners.table, stack->listeners.pool.high);
    check_wheel(&connections->wheel);
    check_queues(stack, &tally);
    must(!stack->tcp.reset.wanted && !stack->tcp.path_in_doubt && !stack->signing.door_keyed);
}

/* ---- TIME-WAIT ---- */

/* What the walk over one of the lists has met so far. */
struct waits_met {
    bool guards;
    uint32_t *seals;
    uint32_t *ends_at_ms; /* of the last */
};

static void meet_record(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    const struct time_waits *waits = &stack->time_waits;
    const struct time_wait_record *record = pool_at(&waits->pool, slot);
    const struct waits_met *met = about;
    int32_t left_ms = (int32_t)(record->ends_at_ms - time_ms(stack->seen_us));

    must(record->guard == met->guards && record->local < stack->route.our_count);
    must(left_ms <= (int32_t)waits->lasts_ms || met->guards);
    must((int32_t)(record->ends_at_ms - *met->ends_at_ms) >= 0);
    *met->ends_at_ms = record->ends_at_ms;
    *met->seals += record->seal != 0;
    must(!record->seal || (!met->guards && record->seal <= waits->pool.high));
}

static void check_time_waits(const struct hf_stack *stack)
{
    const struct time_waits *waits = &stack->time_waits;
    struct list_links links =
        list_links_in(&waits->pool, offsetof(struct time_wait_record, by_age));
    uint32_t seals = 0, ends_at_ms = time_ms(stack->seen_us) - DAY_MS;

    walk(stack, &waits->by_age, links, meet_record,
         &(struct waits_met){false, &seals, &ends_at_ms});
    ends_at_ms = time_ms(stack->seen_us) - DAY_MS;
    walk(stack, &waits->guards, links, meet_record, &(struct waits_met){true, &seals, &ends_at_ms});
    must(waits->by_age.count + waits->guards.count == waits->table.count);
    must(waits->table.count + seals == waits->pool.count);
    check_pool(&waits->pool);
    check_table(&waits->table, waits->pool.high);
}

/* ---- neighbours ---- */

static void meet_neighbor(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    const struct neighbor *neighbor = neighbor_at(&stack->neighbors, slot);
    bool asks = neighbor->state == NEIGHBOR_INCOMPLETE || neighbor->state == NEIGHBOR_PROBE;

    (void)about;
    must(neighbor->generation != 0 && neighbor->state != NEIGHBOR_FREE);
    must(asks == list_is_linked(&neighbor->by_state) && asks == (neighbor->queue != 0));
    must(neighbor->solicits <= NEIGHBOR_SOLICITS_MAX);
    if (neighbor->waiters.count) /* or nobody would ever wake them */
        must(neighbor->state == NEIGHBOR_INCOMPLETE || list_is_linked(&neighbor->by_change));
}

static void meet_asked(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    const struct neighbor *neighbor = neighbor_at(&stack->neighbors, slot);
    int64_t *before_us = *(int64_t *const *)about;

    must(neighbor->deadline_us >= *before_us);
    must(neighbor->deadline_us <= stack->seen_us + NEIGHBOR_RETRANSMIT_US);
    *before_us = neighbor->deadline_us;
}

static void meet_to_ask(const struct hf_stack *stack, uint32_t slot, const void *about)
{
    (void)about;
    must(neighbor_at(&stack->neighbors, slot)->queue == 1);
}

static void check_neighbors(const struct hf_stack *stack)
{
    const struct neighbors *neighbors = &stack->neighbors;
    struct list_links by_use = list_links_in(&neighbors->pool, offsetof(struct neighbor, by_use));
    struct list_links by_state =
        list_links_in(&neighbors->pool, offsetof(struct neighbor, by_state));
    int64_t before_us = INT64_MIN, *before = &before_us;

    if (!stack->link_header)
        return;
    walk(stack, &neighbors->by_use, by_use, meet_neighbor, NULL);
    walk(stack, &neighbors->asked, by_state, meet_asked, &before);
    walk(stack, &neighbors->to_ask, by_state, meet_to_ask, NULL);
    must(neighbors->by_use.count == neighbors->pool.count);
    must(neighbors->table.count == neighbors->pool.count);
    must(neighbors->changed.count == 0); /* their waiters were woken */
    check_pool(&neighbors->pool);
    check_table(&neighbors->table, neighbors->pool.high);
}

/* ---- the rest ---- */

static void check_reassembly(const struct hf_stack *stack)
{
    const struct ip_reassembly *reassembly = &stack->reassembly;
    uint32_t datagrams = 0, blocks = 0;

    if (reassembly->datagrams.capacity == 0)
        return;
    for (uint32_t i = 0; i < IP_REASSEMBLY_SOURCES; i++) {
        must(reassembly->by_source[i].count <= reassembly->datagrams_each);
        must(reassembly->source_blocks[i] <= reassembly->blocks_each);
        datagrams += reassembly->by_source[i].count;
        blocks += reassembly->source_blocks[i];
    }
    must(datagrams == reassembly->datagrams.count && blocks == reassembly->blocks.count);
    must(reassembly->by_age.count == datagrams && reassembly->table.count == datagrams);
    check_pool(&reassembly->datagrams);
    check_pool(&reassembly->blocks);
    check_table(&reassembly->table, reassembly->datagrams.high);
}

/* A bucket is full at the latest in a second and a price from now: a full one gives in any case. */
static void check_budgets(const struct hf_stack *stack)
{
    const int64_t second = (int64_t)US_PER_S << BUDGET_FRACTION_SHIFT;

    for (int kind = 0; kind < BUDGETS; kind++) {
        const struct budget *budget = &stack->budgets[kind];
        int64_t most = (stack->seen_us << BUDGET_FRACTION_SHIFT) + second + second / 2;

        must(budget->all <= most);
        for (uint32_t i = 0; i <= budget->mask; i++)
            must(budget->prefix[i] <= most);
    }
}

static void check_rings(const struct hf_stack *stack)
{
    must(ring_count(&stack->outbox.replies) == 0 && ring_count(&stack->outbox.answers) == 0);
    must(stack->outbox.replies.mask < RING_SLOTS && stack->outbox.answers.mask < RING_SLOTS);
    must(!icmp_wants_output(&stack->icmp));
    must(!stack->link_header || !neighbor_wants_output(&stack->neighbors));
    must(stack->connections.output.count == 0); /* all that could be said was taken */
}

void stand_gate_check(const struct stand *stand)
{
    check_gate(stand->stack);
    check_all_connections(stand->stack);
    check_time_waits(stand->stack);
    check_neighbors(stand->stack);
    check_reassembly(stand->stack);
    check_budgets(stand->stack);
    if (!stand->holds_back)
        check_rings(stand->stack);
    must(!stack_is_short(stand->stack) || hf_next_deadline(stand->stack) < NEVER_US);
}

void stand_gate_check_ticked(const struct stand *stand)
{
    const struct hf_stack *stack = stand->stack;

    must(stand->holds_back || hf_next_deadline(stack) > stand->now_us);
    must(gate_deadline(&stack->gate) > stand->now_us);
}
