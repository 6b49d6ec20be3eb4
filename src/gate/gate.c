/* Who may become a connection: LISTEN and the passive half of SYN-RECEIVED. [RFC 9293 3.10.7.2, 3.10.7.4; RFC 4987]
 *
 * Purpose: nobody costs us a TCB before he has shown that he hears us, by acknowledging an ISS that he could not guess.
 *
 * What an attacker can do here, and what it costs:
 * - Send SYNs from anywhere. Each costs him one packet and us one hash, 64 bytes until they give way or time out, and one
 *   SYN-ACK no longer than 60 bytes of headers: there is nothing to be gained by reflecting it. When there is no room the
 *   oldest half-open of the listener that holds most gives way. So an honest client gets in as long as his round trip is
 *   shorter than the time in which the cache fills: at capacity / rate seconds.
 * - Guess. A blind ACK must hit the ISS, one in 2^32 per half-open that he knows of; a blind RST must hit IRS + 1 exactly
 *   [RFC 5961 3.2]; a blind SYN must hit the window, and gains the end of a half-open that the client makes anew.
 * - Make us talk. Answers to anything but a first or repeated SYN are paid from the caller's budget.
 *
 * Whether we are calm, and whether a prefix has room, are asked in gate_on_syn: today the answer is always yes.
 */
#include "gate/gate.h"

#include "base/must.h"
#include "base/time.h"
#include "cookie/isn.h"
#include "gate/syn_ack.h"

#define VICTIMS_ASKED 16u   /* listeners looked at for the largest holder */
#define ISS_SPREAD 0x3ffffu /* of an ISS that must lie above a floor */

/* Refuses the segment for a reason: counted, and noted for the caller. */
#define refuse_segment(gate, name)       \
    do {                                 \
        (gate)->config.stats->name++;    \
        (gate)->reason = HF_STAT_##name; \
    } while (0)

void gate_init(struct gate *gate, struct arena *arena, const struct gate_config *config,
               int64_t now_us)
{
    gate->config = *config;
    gate->next_victim = 0;
    gate->reason = HF_STAT_none;
    gate->tell_full = false;
    gate->listeners = arena_take(arena, config->max_listeners * sizeof *gate->listeners);
    syn_cache_init(&gate->cache, arena, &config->cache, now_us);
    if (gate->listeners)
        for (uint32_t i = 0; i < config->max_listeners; i++) {
            list_init(&gate->listeners[i].half_opens);
            gate->listeners[i].open = false;
        }
}

void gate_listener_open(struct gate *gate, uint32_t number, const struct hf_listen_options *options)
{
    const struct gate_config *config = &gate->config;
    struct gate_listener *listener = &gate->listeners[number];
    bool reset = config->on_timeout == HF_SEND_RESET;

    must(listener->half_opens.count == 0);
    *listener = (struct gate_listener){
        .half_opens = listener->half_opens,
        .limit = options->half_open_limit ? options->half_open_limit : UINT32_MAX,
        .timeout_ms = options->half_open_timeout_ms ? options->half_open_timeout_ms
                                                    : config->half_open_timeout_ms,
        .port = options->local.port,
        .retries = config->syn_ack_retries,
        .reset_on_timeout = options->on_timeout ? options->on_timeout > 0 : reset,
        .open = true,
    };
    if (options->syn_ack_retries)
        listener->retries = (uint8_t)(options->syn_ack_retries < 0 ? 0 : options->syn_ack_retries);
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
    struct table_cursor cursor = table_find(&gate->cache.table, hash);
    uint32_t slot;

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

void gate_forget(struct gate *gate, uint32_t slot, uint64_t hash)
{
    struct gate_listener *listener = &gate->listeners[syn_cache_at(&gate->cache, slot)->listener];

    syn_cache_remove(&gate->cache, hash, &listener->half_opens, slot);
    if (listener->told_full && !syn_cache_is_full(&gate->cache) &&
        listener->half_opens.count < listener->limit - listener->limit / 4)
        listener->told_full = false;
}

/* The listener that holds most among this one and a few others, each SYN asking the next few: with up to sixteen listeners
 * it is the largest holder of all. */
static struct gate_listener *largest_holder(struct gate *gate, struct gate_listener *mine)
{
    struct gate_listener *largest = mine;
    uint32_t all = gate->config.max_listeners;

    for (uint32_t i = 0; i < VICTIMS_ASKED && i < all; i++) {
        struct gate_listener *other = &gate->listeners[gate->next_victim];

        gate->next_victim = gate->next_victim + 1 < all ? gate->next_victim + 1 : 0;
        if (other->half_opens.count > largest->half_opens.count)
            largest = other;
    }
    return largest;
}

/* Makes room for one more: the oldest gives way. false: nobody has any. */
static bool make_room(struct gate *gate, struct gate_listener *listener)
{
    struct gate_listener *victim = listener;
    uint32_t slot;

    if (listener->half_opens.count < listener->limit) {
        if (!syn_cache_is_full(&gate->cache))
            return true;
        victim = largest_holder(gate, listener);
    }
    slot = victim->half_opens.first;
    if (slot == SLOT_NONE)
        return false;
    if (!victim->told_full)
        gate->tell_full = victim->told_full = true;
    syn_cache_remove(&gate->cache, gate_hash_of(gate, slot), &victim->half_opens, slot);
    gate->config.stats->syn_cache_evicted++;
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

/* Third, check for a SYN: LISTEN becomes SYN-RECEIVED in 64 bytes. Text and FIN beside the SYN are left for the peer to send
 * again. [RFC 9293 3.10.7.2 third] */
enum gate_verdict gate_on_syn(struct gate *gate, const struct gate_segment *arrived,
                              struct segment *answer, int64_t now_us)
{
    struct gate_listener *listener = &gate->listeners[arrived->listener];
    struct half_open *half_open;
    uint32_t slot;

    must(listener->open);
    gate->reason = HF_STAT_none;
    if (!make_room(gate, listener)) {
        refuse_segment(gate, syn_cache_full);
        return GATE_SILENT;
    }
    slot = syn_cache_insert(&gate->cache, arrived->hash, &listener->half_opens);
    half_open = syn_cache_at(&gate->cache, slot);
    half_open->remote = arrived->flow->remote;
    half_open->remote_port = arrived->flow->remote_port;
    half_open->local = arrived->local;
    half_open->listener = arrived->listener;
    half_open->back = arrived->from;
    half_open->iss = choose_iss(gate, arrived, now_us);
    half_open->irs = arrived->seg->seq;
    half_open->sent = 1;
    syn_ack_agree(&gate->config, half_open, arrived->seg);
    syn_ack_describe(&gate->config, half_open, arrived->hash, answer, now_us);
    wheel_set(&gate->cache.wheel, slot, now_us + ms_to_us(syn_ack_interval_ms(listener, 1)));
    gate->config.stats->syn_cached++;
    gate->config.stats->syn_ack_sent++;
    return GATE_ANSWER;
}

/* RCV.NXT is IRS + 1, RCV.WND what our SYN-ACK announced. [RFC 9293 3.10.7.4 first] */
static bool is_acceptable(const struct gate *gate, const struct half_open *half_open,
                          const struct segment *seg)
{
    uint32_t length = segment_length(seg), window = gate->config.announced_window;
    seq rcv_nxt = seq_add(half_open->irs, 1);

    return seq_in_window(seg->seq, rcv_nxt, window) ||
           (length > 0 && seq_in_window(seq_add(seg->seq, length - 1), rcv_nxt, window));
}

/* Only a peer that knows IRS ends his half-open: LISTEN goes on. Inside the window a RST is challenged, elsewhere ignored.
 * [RFC 9293 3.10.7.4 second; RFC 5961 3.2] */
static enum gate_verdict on_rst(struct gate *gate, uint32_t slot,
                                const struct gate_segment *arrived, struct segment *answer,
                                int64_t now_us)
{
    const struct half_open *half_open = syn_cache_at(&gate->cache, slot);

    if (seq_eq(arrived->seg->seq, seq_add(half_open->irs, 1))) {
        gate_forget(gate, slot, arrived->hash);
        gate->config.stats->syn_cache_reset++;
        return GATE_REMOVED;
    }
    if (!is_acceptable(gate, half_open, arrived->seg)) {
        refuse_segment(gate, rst_outside_window);
        return GATE_SILENT;
    }
    refuse_segment(gate, rst_challenged);
    syn_ack_describe_ack(&gate->config, half_open, arrived->hash, answer, now_us);
    return GATE_CHALLENGE;
}

/* The peer's SYN again: our SYN-ACK again, with the newest timestamp echoed. */
static enum gate_verdict on_duplicate_syn(struct gate *gate, struct half_open *half_open,
                                          const struct gate_segment *arrived,
                                          struct segment *answer, int64_t now_us)
{
    const struct tcp_options *options = &arrived->seg->options;

    if ((half_open->flags & HALF_OPEN_TIMESTAMPS) && (options->present & TCP_OPTION_TIMESTAMPS) &&
        (int32_t)(options->ts_value - half_open->ts_recent) > 0)
        half_open->ts_recent = options->ts_value;
    half_open->flags |= HALF_OPEN_ASKED_AGAIN;
    half_open->back = arrived->from;
    syn_ack_describe(&gate->config, half_open, arrived->hash, answer, now_us);
    gate->config.stats->syn_duplicate++;
    gate->config.stats->syn_ack_resent++;
    return GATE_ANSWER;
}

/* [RFC 7323 5.3 R1, 3.2] */
static bool timestamp_is_wrong(struct gate *gate, const struct half_open *half_open,
                               const struct segment *seg)
{
    if (!(half_open->flags & HALF_OPEN_TIMESTAMPS))
        return false;
    if (!(seg->options.present & TCP_OPTION_TIMESTAMPS)) {
        refuse_segment(gate, segment_no_timestamp);
        return true;
    }
    if ((int32_t)(seg->options.ts_value - half_open->ts_recent) < 0) {
        refuse_segment(gate, segment_paws);
        return true;
    }
    return false;
}

/* From the wheel's deadline back to when the SYN-ACK went out, rounded up to its tick. */
static uint32_t rtt_us(const struct gate_listener *listener, const struct half_open *half_open,
                       int64_t now_us)
{
    int64_t waits_us = ms_to_us(syn_ack_interval_ms(listener, half_open->sent));
    uint32_t now_tick = (uint32_t)(now_us >> WHEEL_TICK_SHIFT);
    int64_t left_us = (int64_t)(int32_t)(half_open->timer.tick - now_tick) << WHEEL_TICK_SHIFT;

    return (uint32_t)time_max(waits_us - left_us, 1 << WHEEL_TICK_SHIFT);
}

/* SEG.WND of the SYN was not kept: this segment's is newer. */
static void agree(const struct gate *gate, const struct half_open *half_open,
                  const struct gate_segment *arrived, struct handshake *handshake, int64_t now_us)
{
    const struct gate_listener *listener = &gate->listeners[half_open->listener];
    bool scaling = half_open->flags & HALF_OPEN_SCALING;
    bool again = half_open->flags & HALF_OPEN_ASKED_AGAIN;

    *handshake = (struct handshake){
        .iss = half_open->iss,
        .irs = half_open->irs,
        .mss = half_open->mss,
        .send_scale = scaling ? half_open->scale : SCALE_NONE,
        .receive_scale = scaling ? gate->config.receive_scale : SCALE_NONE,
        .sack = half_open->flags & HALF_OPEN_SACK,
        .timestamps = half_open->flags & HALF_OPEN_TIMESTAMPS,
        .ts_recent = half_open->ts_recent,
        .ts_offset = (uint32_t)arrived->hash,
        .first_window = arrived->seg->window,
        .announced_window = gate->config.announced_window,
        .rtt_us = rtt_us(listener, half_open, now_us),
        .syn_ack_count = (uint8_t)(half_open->sent + again),
    };
}

/* The checks of 3.10.7.4 from the first on, for a segment that is neither a RST nor the SYN again. */
static enum gate_verdict on_other(struct gate *gate, uint32_t slot,
                                  const struct gate_segment *arrived, union gate_result *result,
                                  int64_t now_us)
{
    const struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    const struct segment *seg = arrived->seg;

    if (!(seg->flags & TCP_SYN) && timestamp_is_wrong(gate, half_open, seg)) {
        syn_ack_describe_ack(&gate->config, half_open, arrived->hash, &result->answer, now_us);
        return gate->reason == HF_STAT_segment_paws ? GATE_CHALLENGE : GATE_SILENT;
    }
    if (!is_acceptable(gate, half_open, seg)) {
        if (seg->flags & TCP_SYN)
            refuse_segment(gate, syn_challenged);
        else
            refuse_segment(gate, segment_out_of_window);
        syn_ack_describe_ack(&gate->config, half_open, arrived->hash, &result->answer, now_us);
        return GATE_CHALLENGE;
    }
    if (seg->flags & TCP_SYN) { /* fourth: back to LISTEN, the peer will ask again */
        gate_forget(gate, slot, arrived->hash);
        refuse_segment(gate, syn_cache_reset);
        return GATE_REMOVED;
    }
    if (!(seg->flags & TCP_ACK)) {
        refuse_segment(gate, segment_no_ack);
        return GATE_SILENT;
    }
    if (!seq_eq(seg->ack, seq_add(half_open->iss, 1))) { /* fifth */
        refuse_segment(gate, handshake_bad_ack);
        result->answer = (struct segment){.seq = seg->ack, .flags = TCP_RST};
        return GATE_CHALLENGE;
    }
    agree(gate, half_open, arrived, &result->handshake, now_us);
    return GATE_HANDSHAKE;
}

enum gate_verdict gate_on_segment(struct gate *gate, uint32_t slot,
                                  const struct gate_segment *arrived, union gate_result *result,
                                  int64_t now_us)
{
    struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    uint8_t flags = arrived->seg->flags;

    gate->reason = HF_STAT_none;
    if (flags & TCP_RST)
        return on_rst(gate, slot, arrived, &result->answer, now_us);
    if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && seq_eq(arrived->seg->seq, half_open->irs))
        return on_duplicate_syn(gate, half_open, arrived, &result->answer, now_us);
    return on_other(gate, slot, arrived, result, now_us);
}

void gate_commit(struct gate *gate, uint32_t slot, uint64_t hash)
{
    gate_forget(gate, slot, hash);
    gate->config.stats->handshake_done++;
}
