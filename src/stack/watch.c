/* The watch of the living. [RFC 6429 3, 4; RFC 9293 3.8.6.1, MUST-37] */
#include "stack/watch.h"

#include "base/bytes.h"
#include "base/must.h"
#include "stack/config.h"
#include "stack/source.h"
#include "stack/stack.h"

#define NOTED_SHIFT 13 /* instants are noted in 8.192 ms, in 27 bits: 12 days */
#define NOTED_MASK ((1u << 27) - 1)
#define MOVED_SHIFT 4                        /* text in 16 bytes */
#define PROGRESS_SHIFT 4                     /* progress: a sixteenth of what waits ... */
#define PROGRESS_MOST (8192u >> MOVED_SHIFT) /* ... but 8 KB are enough */
#define PLACES_LEAST 64u
#define VISITS_A_LIST 32u
#define CROWD_PATIENCE_MS 2000u
#define HURRY_SLOTS 256u
#define HURRY_CHUNKS 1024u
#define LONG_AGO_US (-US_PER_S)
#define RELEASES 32u /* a run releases no more: RSTs must find room in the outbox */
#define TOLD_COST_US (US_PER_S / WATCH_TOLD_PER_S)

void watch_init(struct watch *watch, struct arena *arena, const struct hf_config *config,
                struct siphash_key key)
{
    uint32_t places = PLACES_LEAST;

    while (places < 2 * config->max_connections && places < WATCH_PLACES_MOST)
        places *= 2;
    *watch = (struct watch){
        .key = key,
        .places = places,
        .slots_high = config->max_connections - config->max_connections / 8,
        .chunks_high = config_chunks(config) - config_chunks(config) / 8,
        .stall_ms = config->stall_timeout_ms,
        .opened_us = LONG_AGO_US,
        .no_slot_us = LONG_AGO_US,
        .no_bytes_us = LONG_AGO_US,
    };
    if (watch->stall_ms == 0)
        watch->slots_high = watch->chunks_high = UINT32_MAX;
    for (uint32_t i = 0; i < WATCH_LISTS; i++)
        list_init(&watch->held[i]);
    for (int i = 0; i < 2; i++) {
        watch->counts[i] = arena_take(arena, places * sizeof *watch->counts[i]);
        if (arena->base)
            memset(watch->counts[i], 0, places * sizeof *watch->counts[i]);
    }
}

static struct list_links by_held(const struct hf_stack *stack)
{
    return list_links_in(&stack->connections.pool, offsetof(struct connection, watched.by_held));
}

static uint32_t noted_at(int64_t now_us)
{
    return (uint32_t)(now_us >> NOTED_SHIFT) & NOTED_MASK;
}

static uint32_t noted_ago_ms(const struct watched *watched, int64_t now_us)
{
    uint32_t ago = (noted_at(now_us) - watched->noted) & NOTED_MASK;

    return (uint32_t)(((uint64_t)ago << NOTED_SHIFT) / US_PER_MS);
}

static uint32_t chunks_held(const struct tcb *tcb)
{
    return tcb->snd_held + tcb->rcv_held;
}

/* All text that went through, either way: taken by the peer, come from him, read by our user. */
static uint32_t moved(const struct tcb *tcb)
{
    uint64_t read = tcb->bytes_received - tcb->rcv_queue.length;

    return (uint32_t)((tcb->bytes_acked + tcb->bytes_received + read) >> MOVED_SHIFT);
}

/* log2 of the bytes that wait to be acknowledged, plus one; 0: none. */
static uint32_t queued(const struct tcb *tcb)
{
    return tcb->snd_queue.length ? 32u - (uint32_t)__builtin_clz(tcb->snd_queue.length) : 0;
}

static void note(struct connection *connection, int64_t now_us)
{
    connection->watched.moved = moved(&connection->tcb);
    connection->watched.queued = queued(&connection->tcb) & 31u;
    connection->watched.noted = noted_at(now_us) & NOTED_MASK;
}

/* Never less than it is: other prefixes may count in the same places. */
static uint32_t connections_of_prefix(const struct watch *watch, const struct watched *watched)
{
    return min_u32(watch->counts[0][watched->place], watch->counts[1][watched->other_place]);
}

void watch_open(struct hf_stack *stack, uint32_t slot, int64_t now_us)
{
    struct watch *watch = &stack->watch;
    struct connection *connection = connection_at(&stack->connections, slot);
    struct watched *watched = &connection->watched;
    uint64_t hash = siphash_12(watch->key, source_word(&connection->flow.remote), 0);

    list_link_init(&watched->by_held);
    watched->list = 0;
    watch->opened_us = now_us;
    note(connection, now_us);
    watched->place = (uint32_t)hash & (watch->places - 1) & 0xfff;
    watched->other_place = (uint32_t)(hash >> 32) & (watch->places - 1) & 0xfff;
    watch->counts[0][watched->place]++;
    watch->counts[1][watched->other_place]++;
    watch->heaviest = max_u32(watch->heaviest, connections_of_prefix(watch, watched));
}

static void leave_list(struct hf_stack *stack, struct watched *watched, uint32_t slot)
{
    uint32_t list = watched->list;

    if (list == 0)
        return;
    list_remove(&stack->watch.held[list - 1], by_held(stack), slot);
    if (stack->watch.held[list - 1].count == 0)
        stack->watch.filled &= ~(1u << (list - 1));
    watched->list = 0;
}

void watch_close(struct hf_stack *stack, uint32_t slot)
{
    struct watched *watched = &connection_at(&stack->connections, slot)->watched;

    leave_list(stack, watched, slot);
    stack->watch.counts[0][watched->place]--;
    stack->watch.counts[1][watched->other_place]--;
}

/* Into the list that it belongs to now, at its end. */
static void file(struct hf_stack *stack, struct connection *connection, uint32_t slot)
{
    uint32_t chunks = chunks_held(&connection->tcb), list;

    leave_list(stack, &connection->watched, slot);
    if (chunks == 0)
        return;
    list = min_u32(31u - (uint32_t)__builtin_clz(chunks), WATCH_LISTS - 1);
    connection->watched.list = (list + 1) & 31u;
    list_append(&stack->watch.held[list], by_held(stack), slot);
    stack->watch.filled |= 1u << list;
}

void watch_grew(struct hf_stack *stack, uint32_t slot, int64_t now_us)
{
    struct connection *connection = connection_at(&stack->connections, slot);

    if (connection->watched.list == 0)
        note(connection, now_us); /* it begins to wait */
    file(stack, connection, slot);
}

static bool is_recent(int64_t at_us, int64_t now_us)
{
    return now_us - at_us < US_PER_S;
}

static bool is_turning_away(const struct watch *watch, int64_t now_us)
{
    return is_recent(watch->no_slot_us, now_us) || is_recent(watch->no_bytes_us, now_us);
}

enum judgement {
    JUDGED_YOUNG,    /* noted too short a time ago to say           */
    JUDGED_PROGRESS, /* it came on, or what was noted says nothing of now */
    JUDGED_STALLED,
};

/* Has it come on since it was noted? If as much waits now as then, and less than that was taken, then what waits is what
 * waited: had the queue been emptied and filled again, all of it would have moved. */
static enum judgement judge_queue(const struct hf_stack *stack, const struct connection *connection,
                                  uint32_t patience_ms, int64_t now_us)
{
    const struct watched *watched = &connection->watched;
    const struct tcb *tcb = &connection->tcb;
    uint32_t ago_ms = noted_ago_ms(watched, now_us);
    uint32_t came_on = moved(tcb) - watched->moved;
    uint32_t waited = 1u << watched->queued >> (1 + MOVED_SHIFT);
    uint32_t enough = max_u32(1, min_u32(waited >> PROGRESS_SHIFT, PROGRESS_MOST));

    if (watched->queued == 0 || watched->queued + 1u < queued(&connection->tcb) || came_on > waited)
        return JUDGED_PROGRESS; /* what waits is new */
    /* A peer that keeps his window closed hears us; one who does not answer may be in a tunnel. Where newcomers are turned
     * away, they may not wait for that. */
    if (tcb->snd_wnd >= tcb->mss && !is_turning_away(&stack->watch, now_us))
        patience_ms = max_u32(patience_ms, stack->watch.stall_ms / 4);
    if (ago_ms < patience_ms)
        return came_on >= enough ? JUDGED_PROGRESS : JUDGED_YOUNG;
    if (came_on && ago_ms > 2 * stack->watch.stall_ms)
        return JUDGED_PROGRESS; /* an average over so long says nothing of now */
    return (uint64_t)came_on * patience_ms < (uint64_t)enough * ago_ms ? JUDGED_STALLED
                                                                       : JUDGED_PROGRESS;
}

/* Nothing of ours waits for the peer: has anything been said lately? */
static enum judgement judge_idle(const struct connection *connection, uint32_t patience_ms,
                                 int64_t now_us)
{
    const struct watched *watched = &connection->watched;
    const struct tcb *tcb = &connection->tcb;

    if (tcb->rcv_queue.length > 0)
        return JUDGED_PROGRESS; /* it waits for our user */
    if ((uint32_t)(now_us / US_PER_MS) - tcb->heard_at_ms >= patience_ms &&
        now_us - tcb->last_sent_us >= ms_to_us(patience_ms))
        return JUDGED_STALLED;
    if (watched->queued || moved(tcb) != watched->moved)
        return JUDGED_PROGRESS;
    return noted_ago_ms(watched, now_us) >= patience_ms ? JUDGED_STALLED : JUDGED_YOUNG;
}

static enum judgement judge(const struct hf_stack *stack, const struct connection *connection,
                            uint32_t patience_ms, int64_t now_us)
{
    if (connection->tcb.state < TCP_ESTABLISHED)
        return JUDGED_YOUNG; /* our own SYN has its own timeout */
    return connection->tcb.snd_queue.length ? judge_queue(stack, connection, patience_ms, now_us)
                                            : judge_idle(connection, patience_ms, now_us);
}

void watch_note(struct hf_stack *stack, uint32_t slot, int64_t now_us)
{
    struct connection *connection = connection_at(&stack->connections, slot);

    if (judge(stack, connection, stack->watch.stall_ms, now_us) != JUDGED_PROGRESS)
        return;
    note(connection, now_us);
    file(stack, connection, slot); /* who was noted last stands last */
}

static enum hf_held reason_of(const struct connection *connection)
{
    const struct tcb *tcb = &connection->tcb;

    if (tcb->snd_queue.length && tcb->snd_wnd == 0)
        return HF_HELD_ZERO_WINDOW;
    if (tcb->state == TCP_FIN_WAIT_2)
        return HF_HELD_FIN_WAIT_2;
    if (tcb->state == TCP_FIN_WAIT_1 || tcb->state == TCP_CLOSING || tcb->state == TCP_LAST_ACK)
        return HF_HELD_CLOSING;
    if (tcb->snd_queue.length == 0)
        return HF_HELD_IDLE;
    return moved(tcb) == connection->watched.moved && tcb->snd_wnd >= tcb->mss
               ? HF_HELD_UNACKNOWLEDGED
               : HF_HELD_SLOW;
}

static void count_release(struct hf_stats *stats, enum hf_held why)
{
    switch (why) {
    case HF_HELD_ZERO_WINDOW: stats->watch_zero_window++; break;
    case HF_HELD_SLOW: stats->watch_slow++; break;
    case HF_HELD_UNACKNOWLEDGED: stats->watch_unacknowledged++; break;
    case HF_HELD_CLOSING: stats->watch_closing++; break;
    case HF_HELD_FIN_WAIT_2: stats->watch_fin_wait_2++; break;
    case HF_HELD_IDLE: stats->watch_idle++; break;
    }
}

/* Since when nothing came on: since it was noted, or if something did, at the latest since the peer was last heard. */
static uint32_t still_for_ms(const struct connection *connection, int64_t now_us)
{
    if (moved(&connection->tcb) == connection->watched.moved || connection->tcb.snd_queue.length)
        return noted_ago_ms(&connection->watched, now_us);
    return (uint32_t)(now_us / US_PER_MS) - connection->tcb.heard_at_ms;
}

static void tell(struct hf_stack *stack, const struct connection *connection, enum hf_held why,
                 int64_t now_us)
{
    int64_t told_us = time_max(stack->watch.told_us, now_us);
    const struct flow *flow = &connection->flow;

    if (told_us + TOLD_COST_US > now_us + US_PER_S)
        return;
    stack->watch.told_us = told_us + TOLD_COST_US;
    event_sink_put(stack->events,
                   &(struct hf_event){
                       .at_us = now_us,
                       .kind = HF_EVENT_HELD,
                       .value = why,
                       .local = {flow->local, flow->local_port},
                       .remote = {flow->remote, flow->remote_port},
                       .count = (uint64_t)chunks_held(&connection->tcb) * CHUNK_BYTES,
                       .since_us = now_us - ms_to_us(still_for_ms(connection, now_us)),
                   });
}

/* A RST, and the user is told. [RFC 6429 4] */
static void let_go(struct hf_stack *stack, uint32_t slot, int64_t now_us)
{
    struct connection *connection = connection_at(&stack->connections, slot);
    enum hf_held why = reason_of(connection);

    count_release(&stack->stats, why);
    tell(stack, connection, why, now_us);
    tcp_abort(&stack->tcp, &connection->tcb, now_us);
    connection_after(stack, slot, NULL, now_us);
}

/* How near: 0 not at all, 1 an eighth is left, 2 a sixteenth, 3 a thirty-second; 4: next to nothing, and somebody was
 * turned away for it within the last second. */
#define NEAR_TURNED_AWAY 4u
#define NEAR_IDLE_MOST 3u

static uint32_t nearness(uint32_t left, uint32_t capacity)
{
    if (left > capacity / 8)
        return 0;
    return left > capacity / 16 ? 1 : left > capacity / 32 ? 2 : 3;
}

/* A stack may be made for exactly those who use it: it is full, and all is well. So it takes a newcomer to be short of
 * connections, and where there are few, one who was turned away to be in a hurry. Connections that are over and wait for
 * their user to notice do not count: their slots are as good as free. */
static uint32_t slots_near(const struct hf_stack *stack, int64_t now_us)
{
    uint32_t capacity = stack->connections.pool.capacity;
    uint32_t near = nearness(capacity - stack->connections.table.count, capacity);

    if (near == 0)
        return 0;
    if (is_recent(stack->watch.no_slot_us, now_us))
        return near == 3 && capacity >= HURRY_SLOTS ? NEAR_TURNED_AWAY : near;
    if (!is_recent(stack->watch.opened_us, now_us))
        return 0;
    return capacity < HURRY_SLOTS ? 1 : near;
}

static uint32_t chunks_left(const struct chunk_pool *chunks)
{
    return chunks->pool.capacity - chunks->pool.count - chunks->owed;
}

/* What is lent is lent: that little is left is no hurry where there is little. */
static uint32_t chunks_near(const struct hf_stack *stack)
{
    const struct chunk_pool *chunks = &stack->tcp.chunks;
    uint32_t near = nearness(chunks_left(chunks), chunks->pool.capacity);

    return chunks->pool.capacity < HURRY_CHUNKS ? min_u32(near, 1) : near;
}

static uint32_t patience_ms(const struct hf_stack *stack, uint32_t near)
{
    return stack->watch.stall_ms >> 2 * (max_u32(near, 1) - 1);
}

/* What a run has still to do. */
struct round {
    uint32_t visits, releases;
    uint32_t slots;  /* how near connections are to their limit           */
    uint32_t chunks; /* ... and the bytes of all                          */
    bool closed;     /* somebody new could not be promised his share of them */
    int64_t now_us;
};

/* Whether it holds what a newcomer needs: a slot, a promise, or bytes beyond its own promise. */
static bool is_in_the_way(const struct hf_stack *stack, const struct connection *connection,
                          const struct round *round)
{
    uint32_t promise = stack->tcp.chunks.promise;

    return round->slots || round->closed || connection->tcb.snd_held > promise ||
           connection->tcb.rcv_held > promise;
}

/* Finds out how near the limits are by now. */
static bool is_short(const struct hf_stack *stack, struct round *round)
{
    round->slots = slots_near(stack, round->now_us);
    round->chunks = chunks_near(stack);
    round->closed = round->chunks && is_recent(stack->watch.no_bytes_us, round->now_us);
    return round->slots || round->chunks;
}

/* false: those behind it in its list were noted later still. */
static bool visit_holder(struct hf_stack *stack, uint32_t slot, uint32_t patience,
                         struct round *round)
{
    struct connection *connection = connection_at(&stack->connections, slot);
    enum judgement judgement = judge(stack, connection, patience, round->now_us);

    if (judgement == JUDGED_STALLED && is_in_the_way(stack, connection, round) &&
        chunks_held(&connection->tcb) >> (connection->watched.list - 1)) {
        let_go(stack, slot, round->now_us);
        round->releases--;
        return true;
    }
    if (judgement == JUDGED_YOUNG && noted_ago_ms(&connection->watched, round->now_us) < patience)
        return false;
    if (judgement == JUDGED_PROGRESS) {
        note(connection, round->now_us);
        stack->stats.watch_spared++;
    }
    file(stack, connection, slot); /* at the end of its list; a lower one if it holds less by now */
    return true;
}

/* Those that hold bytes, most first. */
static void release_holders(struct hf_stack *stack, struct round *round)
{
    struct watch *watch = &stack->watch;
    uint32_t lists = watch->filled;

    while (lists && is_short(stack, round)) {
        uint32_t number = 31u - (uint32_t)__builtin_clz(lists);
        struct list *list = &watch->held[number];
        uint32_t patience = patience_ms(stack, max_u32(round->slots, round->chunks));

        lists &= ~(1u << number);
        round->visits = min_u32(list->count, VISITS_A_LIST);
        while (round->visits-- && round->releases && is_short(stack, round) &&
               visit_holder(stack, list->first, patience, round))
            ;
    }
}

/* A crowd: an eighth of all connections comes from one prefix. It has a sixteenth of the patience, so that those who come
 * faster than patience lasts do not push out who was here before. */
static uint32_t patience_with(const struct hf_stack *stack, uint32_t weight, uint32_t patience)
{
    if (weight < stack->connections.table.count / 8)
        return patience;
    return max_u32(patience / 16, min_u32(patience, CROWD_PATIENCE_MS));
}

/* What the hand met. */
struct meeting {
    uint32_t slot;   /* a connection that holds no bytes and stands still, or SLOT_NONE */
    uint32_t weight; /* connections of its prefix */
};

static struct meeting meet_next(struct hf_stack *stack, uint32_t patience, int64_t now_us)
{
    struct watch *watch = &stack->watch;
    uint32_t slot = watch->hand < stack->connections.pool.high ? watch->hand : 0;
    struct connection *connection = connection_at(&stack->connections, slot);
    struct meeting met = {SLOT_NONE, 0};

    watch->hand = slot + 1;
    if ((connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) != CONNECTION_OPEN ||
        chunks_held(&connection->tcb) > 0)
        return met;
    met.weight = connections_of_prefix(watch, &connection->watched);
    switch (judge(stack, connection, patience_with(stack, met.weight, patience), now_us)) {
    case JUDGED_YOUNG: break;
    case JUDGED_PROGRESS:
        note(connection, now_us);
        stack->stats.watch_spared++;
        break;
    case JUDGED_STALLED: met.slot = slot; break;
    }
    return met;
}

/* Those that hold nothing but themselves. Who comes from a prefix with half as many as the heaviest, or whose user is gone,
 * goes at once; others only when next to nothing is left, the heaviest that was met. */
static void release_idle(struct hf_stack *stack, struct round *round)
{
    struct watch *watch = &stack->watch;
    uint32_t patience = patience_ms(stack, min_u32(round->slots, NEAR_IDLE_MOST));
    uint32_t heaviest_met = 0;
    struct meeting best = {SLOT_NONE, 0};

    round->visits = min_u32(stack->connections.pool.high, WATCH_VISITS);
    while (round->visits-- && round->releases && is_short(stack, round) &&
           (round->slots || round->closed)) {
        struct meeting met = meet_next(stack, patience, round->now_us);

        heaviest_met = max_u32(heaviest_met, met.weight);
        if (met.slot == SLOT_NONE)
            continue;
        if (2 * met.weight >= watch->heaviest ||
            (connection_at(&stack->connections, met.slot)->tcb.flags & TCB_NO_USER)) {
            let_go(stack, met.slot, round->now_us);
            round->releases--;
        } else if (met.weight > best.weight) {
            best = met;
        }
    }
    watch->heaviest = max_u32(heaviest_met, watch->heaviest - watch->heaviest / 8);
    if (best.slot != SLOT_NONE && round->releases == RELEASES &&
        (round->slots >= NEAR_IDLE_MOST || round->closed)) {
        let_go(stack, best.slot, round->now_us);
        round->releases--;
    }
}

/* [R6429-02, R6429-03] */
void watch_run(struct hf_stack *stack, int64_t now_us)
{
    struct round round = {.releases = RELEASES, .now_us = now_us};

    if (now_us < stack->watch.next_us)
        return;
    release_holders(stack, &round);
    if (round.releases == RELEASES)
        release_idle(stack, &round);
    stack->watch.next_us = round.releases == RELEASES ? now_us + WATCH_REST_US : now_us;
}

const struct hf_watch hf_watch = {
    .init = watch_init,
    .open = watch_open,
    .close = watch_close,
    .grew = watch_grew,
    .note = watch_note,
    .run = watch_run,
};
