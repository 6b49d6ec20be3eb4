/* Who may become a connection: LISTEN and the passive half of SYN-RECEIVED. [RFC 9293 3.10.7.2, 3.10.7.4; RFC 4987]
 *
 * Purpose: nobody costs us a TCB before he has shown that he hears us, by acknowledging an ISS that he could not guess.
 *
 * Each SYN meets two questions: are we calm (pressure.h), and has its prefix room (source_limit.h)? Twice yes, and it gets 64
 * bytes in the cache. Otherwise its answer is a cookie (stateless.h) and it gets nothing. Under strain the cache is kept for
 * prefixes that finished a handshake lately; under a flood it is for nobody. No prefix is ever refused for what it sends, only
 * made stateless: or a forger could lock out whom he imitates.
 *
 * What an attacker can do here, and what it costs:
 * - Send SYNs from anywhere. Each costs him one packet and us, at first, one hash, 64 bytes until they time out, and one
 *   SYN-ACK; from three quarters of a listener's limit on, two hashes and one SYN-ACK, no longer than his SYN: there is
 *   nothing to be gained by reflecting it.
 * - Send SYNs from one prefix: after a sixteenth of the cache it is stateless, and nobody else notices.
 * - Guess. A blind ACK must hit the ISS, one in 2^32 per half-open that he knows of, or a cookie (HF1); a blind RST must hit
 *   IRS + 1 exactly [RFC 5961 3.2]; a blind SYN must hit the window, and gains the end of a half-open that the client makes
 *   anew.
 * - Make us talk. Answers to anything but a first or repeated SYN are paid from the caller's budget.
 */
#include "gate/gate.h"

#include "base/bytes.h"
#include "base/must.h"
#include "cookie/isn.h"
#include "gate/stateless.h"
#include "gate/syn_ack.h"

#define VICTIMS_ASKED 16u   /* listeners looked at for the largest holder */
#define ISS_SPREAD 0x3ffffu /* of an ISS that must lie above a floor */
#define SOURCE_SHARE 16u    /* of a listener's half-opens: what one prefix may hold */

/* Filters: eight bits a turn for each that might be remembered, within bounds; a stranger is then taken for a member with a
 * chance below 10 %. */
#define FILTER_BITS_EACH 8u
#define FILTER_LEAST (UINT32_C(1) << 10)
#define FILTER_ROOMY (UINT32_C(1) << 12) /* up to here eight times as many */
#define FILTER_MOST (UINT32_C(1) << 23)
#define PROVEN_TURN_US (INT64_C(600) * US_PER_S)
#define SEEN_TURN_US (INT64_C(16) * US_PER_S) /* longer than a cookie without timestamp lives */

static uint32_t filter_bits(uint32_t members)
{
    uint64_t wanted = (uint64_t)members * FILTER_BITS_EACH;
    uint32_t bits = FILTER_LEAST;

    while (bits < FILTER_MOST && bits < (bits < FILTER_ROOMY ? 8 * wanted : wanted))
        bits *= 2;
    return bits;
}

void gate_init(struct gate *gate, struct arena *arena, const struct gate_config *config,
               int64_t now_us)
{
    gate->config = *config;
    gate->next_victim = 0;
    gate->reason = HF_STAT_none;
    gate->tell_full = gate->tell_pressure = false;
    gate->calmer_at_us = NEVER_US;
    key_ring_init(&gate->keys, config->cookie_key, cookie_slot(now_us + config->wall_minus_now_us));
    gate->listeners = arena_take(arena, config->max_listeners * sizeof *gate->listeners);
    syn_cache_init(&gate->cache, arena, &config->cache, now_us);
    source_limit_init(&gate->sources, arena, config->source_key, config->cache.capacity);
    age_filter_init(&gate->proven, arena, filter_bits(config->max_connections), PROVEN_TURN_US,
                    now_us);
    age_filter_init(&gate->seen, arena, filter_bits(config->cache.capacity), SEEN_TURN_US, now_us);
    if (gate->listeners)
        for (uint32_t i = 0; i < config->max_listeners; i++) {
            list_init(&gate->listeners[i].half_opens);
            gate->listeners[i].open = false;
        }
}

/* Without cookies a prefix that has used up its share could only be refused: so there is a share only if it is asked for. */
static uint32_t choose_source_limit(const struct hf_listen_options *options, uint32_t limit)
{
    if (options->source_limit)
        return options->source_limit;
    return options->cookies == HF_COOKIES_OFF ? UINT32_MAX : max_u32(limit / SOURCE_SHARE, 1);
}

/* Options, completed from the configuration. */
static void set_options(const struct gate_config *config, struct gate_listener *listener,
                        const struct hf_listen_options *options)
{
    bool reset = config->on_timeout == HF_SEND_RESET;

    listener->limit = options->half_open_limit ? options->half_open_limit : config->cache.capacity;
    listener->source_limit = choose_source_limit(options, listener->limit);
    listener->timeout_ms = options->half_open_timeout_ms ? options->half_open_timeout_ms
                                                         : config->half_open_timeout_ms;
    listener->retries = config->syn_ack_retries;
    if (options->syn_ack_retries)
        listener->retries = (uint8_t)(options->syn_ack_retries < 0 ? 0 : options->syn_ack_retries);
    listener->cookies = options->cookies;
    listener->without_timestamps = options->without_timestamps;
    listener->when_full = options->when_full;
    listener->observe = options->observe;
    listener->reset_on_timeout = options->on_timeout ? options->on_timeout > 0 : reset;
}

void gate_listener_open(struct gate *gate, uint32_t number, const struct hf_listen_options *options,
                        int64_t now_us)
{
    const struct gate_config *config = &gate->config;
    struct gate_listener *listener = &gate->listeners[number];

    must(listener->half_opens.count == 0);
    *listener = (struct gate_listener){
        .half_opens = listener->half_opens,
        .port = options->local.port,
        .open = true,
    };
    set_options(config, listener, options);
    pressure_init(&listener->pressure, min_u32(listener->limit, config->cache.capacity), now_us);
    syn_ack_cap_init(&listener->cap, options->syn_ack_cap_per_s, now_us);
}

/* A half-open waits as long as its listener's options say from its last SYN-ACK on. What is over fires at the next tick. */
static void wait_anew(struct gate *gate, uint32_t slot, const struct gate_listener *before,
                      int64_t now_us)
{
    const struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    uint32_t now_tick = (uint32_t)(now_us >> WHEEL_TICK_SHIFT);
    int64_t left_us = (int64_t)(int32_t)(half_open->timer.tick - now_tick) << WHEEL_TICK_SHIFT;
    int64_t before_us = ms_to_us(syn_ack_interval_ms(before, half_open));
    int64_t after_us =
        ms_to_us(syn_ack_interval_ms(&gate->listeners[half_open->listener], half_open));

    if (after_us != before_us)
        wheel_set(&gate->cache.wheel, slot, now_us + time_max(left_us + after_us - before_us, 0));
}

void gate_listener_change(struct gate *gate, uint32_t number,
                          const struct hf_listen_options *options, int64_t now_us)
{
    const struct gate_config *config = &gate->config;
    struct gate_listener *listener = &gate->listeners[number];
    const struct gate_listener before = *listener;
    const struct list_links by_age =
        list_links_in(&gate->cache.pool, offsetof(struct half_open, by_age));

    set_options(config, listener, options);
    pressure_limit(&listener->pressure, min_u32(listener->limit, config->cache.capacity));
    syn_ack_cap_init(&listener->cap, options->syn_ack_cap_per_s, now_us);
    listener->told_full = false;
    if (listener->timeout_ms == before.timeout_ms && listener->retries == before.retries)
        return;
    for (uint32_t slot = listener->half_opens.first; slot != SLOT_NONE;
         slot = list_link_at(by_age, slot)->next)
        wait_anew(gate, slot, &before, now_us);
}

struct flow gate_flow(const struct gate *gate, uint32_t slot)
{
    const struct half_open *half_open = syn_cache_at(&gate->cache, slot);

    return (struct flow){
        .remote = half_open->remote,
        .local = gate->config.addresses[half_open->local],
        .remote_port = half_open->remote_port,
        .local_port = gate->listeners[half_open->listener].port,
    };
}

uint32_t gate_find(const struct gate *gate, uint64_t hash, const struct flow *flow)
{
    struct table_cursor cursor;
    uint32_t slot;

    if (gate->cache.table.count == 0)
        return SLOT_NONE;
    cursor = table_find(&gate->cache.table, hash);
    while ((slot = table_next(&gate->cache.table, &cursor)) != SLOT_NONE) {
        const struct half_open *half_open = syn_cache_at(&gate->cache, slot);

        if (half_open->remote_port == flow->remote_port &&
            gate->listeners[half_open->listener].port == flow->local_port &&
            address_equal(&half_open->remote, &flow->remote) &&
            address_equal(&gate->config.addresses[half_open->local], &flow->local))
            break;
    }
    return slot;
}

static uint64_t source_of(const struct gate *gate, const struct hf_address *remote)
{
    return source_hash(&gate->sources, source_prefix(remote));
}

static void take_out(struct gate *gate, struct gate_listener *listener, uint32_t slot,
                     uint64_t hash)
{
    source_limit_remove(&gate->sources, source_of(gate, &syn_cache_at(&gate->cache, slot)->remote));
    syn_cache_remove(&gate->cache, hash, &listener->half_opens, slot);
}

void gate_forget(struct gate *gate, uint32_t slot, uint64_t hash)
{
    struct gate_listener *listener = &gate->listeners[syn_cache_at(&gate->cache, slot)->listener];

    take_out(gate, listener, slot, hash);
    if (listener->told_full && !syn_cache_is_full(&gate->cache) &&
        listener->half_opens.count < listener->limit - listener->limit / 4)
        listener->told_full = false;
}

/* The listener that holds most among this one and a few others, each SYN asking the next few: with up to sixteen listeners
 * it is the largest holder of all. Who has cookies fills his share of the cache only in calm times, and nothing of it is taken. */
static struct gate_listener *largest_holder(struct gate *gate, struct gate_listener *mine)
{
    struct gate_listener *largest = mine;
    uint32_t all = gate->config.max_listeners;

    for (uint32_t i = 0; i < VICTIMS_ASKED && i < all; i++) {
        struct gate_listener *other = &gate->listeners[gate->next_victim];

        gate->next_victim = gate->next_victim + 1 < all ? gate->next_victim + 1 : 0;
        if (other->cookies == HF_COOKIES_OFF && other->half_opens.count > largest->half_opens.count)
            largest = other;
    }
    return largest;
}

static bool has_room(const struct gate *gate, const struct gate_listener *listener)
{
    return listener->half_opens.count < listener->limit && !syn_cache_is_full(&gate->cache);
}

static void tell_full(struct gate *gate, struct gate_listener *listener)
{
    if (!listener->told_full)
        gate->tell_full = listener->told_full = true;
}

/* Makes room for one more: the oldest gives way. false: nobody has any. [R4987-03] */
static bool evict_oldest(struct gate *gate, struct gate_listener *listener)
{
    struct gate_listener *victim =
        listener->half_opens.count < listener->limit ? largest_holder(gate, listener) : listener;
    uint32_t slot = victim->half_opens.first;

    if (slot == SLOT_NONE)
        return false;
    take_out(gate, victim, slot, gate_hash_of(gate, slot));
    count_one(gate->config.stats, syn_cache_evicted);
    tell_full(gate, victim);
    return true;
}

/* Above the last number of the incarnation that is still in TIME-WAIT. [RFC 6191 2; RFC 9293 3.4.2] */
static seq choose_iss(const struct gate *gate, const struct gate_segment *arrived, int64_t now_us)
{
    seq iss = seq_of(isn_make(gate->config.iss_key, arrived->hash, (uint64_t)now_us));

    if (arrived->has_iss_floor && seq_leq(iss, arrived->iss_floor))
        iss = seq_add(arrived->iss_floor, 1 + (iss.value & ISS_SPREAD));
    return iss;
}

/* LISTEN becomes SYN-RECEIVED in 64 bytes. Text and FIN beside the SYN are left for the peer to send again. */
static void enter_cache(struct gate *gate, const struct gate_segment *arrived, uint64_t source,
                        struct segment *answer, int64_t now_us)
{
    struct gate_listener *listener = &gate->listeners[arrived->listener];
    const struct flow *flow = arrived->flow;
    uint32_t slot = syn_cache_insert(&gate->cache, arrived->hash, &listener->half_opens);
    struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    struct syn_terms terms =
        syn_ack_agree(&gate->config, arrived->seg, hf_address_is_v4(&flow->remote));

    half_open->remote = flow->remote;
    half_open->remote_port = flow->remote_port;
    half_open->local = arrived->local;
    half_open->listener = arrived->listener;
    half_open->back = arrived->from;
    half_open->iss = choose_iss(gate, arrived, now_us);
    half_open->irs = arrived->seg->seq;
    half_open->mss = terms.mss;
    half_open->scale = terms.scale;
    half_open->ts_recent = terms.ts_value;
    half_open->flags = (uint8_t)(terms.flags | (gate_is_hurried(listener) ? HALF_OPEN_HURRIED : 0));
    half_open->sent = 1;
    source_limit_add(&gate->sources, source);
    syn_ack_describe_half_open(&gate->config, half_open, arrived->hash, answer, now_us);
    wheel_set(&gate->cache.wheel, slot,
              now_us + ms_to_us(syn_ack_interval_ms(listener, half_open)));
    count_one(gate->config.stats, syn_cached);
    count_one(gate->config.stats, syn_ack_sent);
}

static void count_level(struct gate *gate, enum hf_pressure level)
{
    switch (level) {
    case HF_CALM: count_one(gate->config.stats, pressure_calmed); break;
    case HF_STRAINED: count_one(gate->config.stats, pressure_strained); break;
    case HF_FLOODED: count_one(gate->config.stats, pressure_flooded); break;
    }
}

/* The first question. */
static void feel(struct gate *gate, struct gate_listener *listener, const struct hf_address *remote,
                 int64_t now_us)
{
    struct pressure *pressure = &listener->pressure;

    pressure_note_syn(pressure, remote, source_prefix(remote));
    if (pressure_rise(pressure, listener->half_opens.count, &gate->change, now_us)) {
        gate->tell_pressure = true;
        gate->calmer_at_us = time_min(gate->calmer_at_us, pressure_deadline(pressure));
        count_level(gate, pressure->level);
    }
}

enum tier {
    TIER_CACHE,
    TIER_COOKIE,
    TIER_NONE, /* gate->reason says why */
};

/* Then nobody is asked where he comes from: the question costs a hash. */
static bool is_cookie_for_all(const struct gate_listener *listener)
{
    return listener->cookies == HF_COOKIES_ALWAYS ||
           (listener->cookies != HF_COOKIES_OFF && listener->pressure.level == HF_FLOODED);
}

/* Under strain the cache is for those who have proved themselves. */
static bool is_cookie_for(struct gate *gate, const struct gate_listener *listener, uint64_t source,
                          int64_t now_us)
{
    return is_cookie_for_all(listener) || (listener->pressure.level == HF_STRAINED &&
                                           !age_filter_has(&gate->proven, source, now_us));
}

/* Without cookies there is only the cache: its oldest gives way, or the newcomer. */
static enum tier tier_without_cookies(struct gate *gate, struct gate_listener *listener,
                                      uint64_t source, int64_t now_us)
{
    if (source_limit_count(&gate->sources, source) >= listener->source_limit &&
        gate_enforces(gate, listener)) {
        gate_refuse(gate, syn_source_limited);
        return TIER_NONE;
    }
    if (has_room(gate, listener))
        return TIER_CACHE;
    pressure_note_pending(&listener->pressure, now_us);
    tell_full(gate, listener);
    if ((listener->when_full == HF_DROP_NEW && gate_enforces(gate, listener)) ||
        !evict_oldest(gate, listener)) {
        gate_refuse(gate, syn_cache_full);
        return TIER_NONE;
    }
    return TIER_CACHE;
}

/* Both questions. A SYN that ends a TIME-WAIT needs an ISS above the last one, which no cookie can give. [RFC 6191 2]
 * [R4987-08] */
static enum tier choose_tier(struct gate *gate, struct gate_listener *listener,
                             const struct gate_segment *arrived, uint64_t source, int64_t now_us)
{
    if (listener->cookies == HF_COOKIES_OFF)
        return tier_without_cookies(gate, listener, source, now_us);
    if (arrived->has_iss_floor) {
        if (has_room(gate, listener))
            return TIER_CACHE;
        gate_refuse(gate, syn_cache_full);
        return TIER_NONE;
    }
    if (is_cookie_for(gate, listener, source, now_us)) {
        pressure_note_pending(&listener->pressure, now_us);
        return TIER_COOKIE;
    }
    if (source_limit_count(&gate->sources, source) >= listener->source_limit) {
        count_one(gate->config.stats, syn_source_limited);
        return TIER_COOKIE;
    }
    if (has_room(gate, listener))
        return TIER_CACHE;
    pressure_note_pending(&listener->pressure, now_us);
    tell_full(gate, listener);
    return TIER_COOKIE;
}

/* Whether an operator's cap lets the SYN be answered. The chance is of this flow at this instant, under a key. */
static bool is_within_cap(struct gate *gate, struct gate_listener *listener,
                          const struct gate_segment *arrived, uint64_t source, int64_t now_us)
{
    uint64_t chance;

    if (listener->cap.per_window == 0 || age_filter_has(&gate->proven, source, now_us))
        return true;
    chance = siphash_16(gate->config.source_key, arrived->hash, (uint64_t)now_us);
    return syn_ack_cap_admits(&listener->cap, (uint32_t)chance, now_us) ||
           !gate_enforces(gate, listener);
}

/* Third, check for a SYN. [RFC 9293 3.10.7.2 third] */
enum gate_verdict gate_on_syn(struct gate *gate, const struct gate_segment *arrived,
                              struct segment *answer, int64_t now_us)
{
    struct gate_listener *listener = &gate->listeners[arrived->listener];
    uint64_t source = 0;

    must(listener->open);
    gate->reason = HF_STAT_none;
    feel(gate, listener, &arrived->flow->remote, now_us);
    if (listener->cap.per_window || arrived->has_iss_floor || !is_cookie_for_all(listener))
        source = source_of(gate, &arrived->flow->remote);
    if (!is_within_cap(gate, listener, arrived, source, now_us)) {
        gate_refuse(gate, syn_capped);
        return GATE_SILENT;
    }
    switch (choose_tier(gate, listener, arrived, source, now_us)) {
    case TIER_COOKIE: return stateless_on_syn(gate, arrived, answer, now_us);
    case TIER_NONE: return GATE_SILENT;
    case TIER_CACHE: break;
    }
    enter_cache(gate, arrived, source, answer, now_us);
    return GATE_ANSWER;
}

enum gate_verdict gate_on_ack(struct gate *gate, const struct gate_segment *arrived,
                              struct handshake *handshake, int64_t now_us)
{
    gate->reason = HF_STAT_none;
    if (!stateless_is_outstanding(gate, &gate->listeners[arrived->listener], now_us))
        return GATE_STRAY;
    return stateless_on_ack(gate, arrived, handshake, now_us) ? GATE_HANDSHAKE : GATE_SILENT;
}

void gate_commit(struct gate *gate, uint32_t slot, const struct gate_segment *arrived,
                 const struct handshake *handshake, int64_t now_us)
{
    if (slot != SLOT_NONE)
        gate_forget(gate, slot, arrived->hash);
    if (handshake->from_cookie) {
        pressure_note_answered(&gate->listeners[arrived->listener].pressure);
        count_one(gate->config.stats, cookie_opened);
    }
    age_filter_add(&gate->proven, source_of(gate, &arrived->flow->remote), now_us);
    count_one(gate->config.stats, handshake_done);
}

bool gate_tick(struct gate *gate, uint32_t *number, struct pressure_change *change, int64_t now_us)
{
    key_ring_advance(&gate->keys, cookie_slot(now_us + gate->config.wall_minus_now_us));
    if (now_us < gate->calmer_at_us)
        return false;
    gate->calmer_at_us = NEVER_US;
    for (*number = 0; *number < gate->config.max_listeners; ++*number) {
        struct gate_listener *listener = &gate->listeners[*number];

        if (!listener->open)
            continue;
        if (pressure_fall(&listener->pressure, listener->half_opens.count, change, now_us)) {
            gate->calmer_at_us = now_us; /* there may be more */
            count_level(gate, listener->pressure.level);
            return true;
        }
        gate->calmer_at_us = time_min(gate->calmer_at_us, pressure_deadline(&listener->pressure));
    }
    return false;
}
