/* A segment meets a half-open: SYN-RECEIVED after a passive open. [RFC 9293 3.10.7.4; RFC 5961 3.2; RFC 7323 5.3] */
#include "gate/half_open.h"

#include "base/must.h"
#include "base/time.h"
#include "gate/stateless.h"
#include "gate/syn_ack.h"

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
 * [RFC 9293 3.10.7.4 second; RFC 5961 3.2] [RFC 9293 MUST-11, X-14] */
static enum gate_verdict on_rst(struct gate *gate, uint32_t slot,
                                const struct gate_segment *arrived, struct segment *answer,
                                int64_t now_us)
{
    const struct half_open *half_open = syn_cache_at(&gate->cache, slot);

    if (seq_eq(arrived->seg->seq, seq_add(half_open->irs, 1))) {
        gate_forget(gate, slot, arrived->hash);
        count_one(gate->config.stats, syn_cache_reset);
        return GATE_REMOVED;
    }
    if (!seq_in_window(arrived->seg->seq, seq_add(half_open->irs, 1),
                       gate->config.announced_window)) { /* its text does not count */
        gate_refuse(gate, rst_outside_window);
        return GATE_SILENT;
    }
    gate_refuse(gate, rst_challenged);
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
    syn_ack_describe_half_open(&gate->config, half_open, arrived->hash, answer, now_us);
    count_one(gate->config.stats, syn_duplicate);
    count_one(gate->config.stats, syn_ack_resent);
    return GATE_ANSWER;
}

/* [RFC 7323 5.3 R1, 3.2] */
static bool timestamp_is_wrong(struct gate *gate, const struct half_open *half_open,
                               const struct segment *seg)
{
    if (!(half_open->flags & HALF_OPEN_TIMESTAMPS))
        return false;
    if (!(seg->options.present & TCP_OPTION_TIMESTAMPS)) {
        if (seg->flags & TCP_SYN)
            return false; /* it may be of another incarnation, which agrees anew */
        gate_refuse(gate, segment_no_timestamp);
        return true;
    }
    if ((int32_t)(seg->options.ts_value - half_open->ts_recent) < 0) {
        gate_refuse(gate, segment_paws);
        return true;
    }
    return false;
}

/* From the wheel's deadline back to when the SYN-ACK went out, rounded up to its tick. */
static uint32_t rtt_us(const struct gate_listener *listener, const struct half_open *half_open,
                       int64_t now_us)
{
    int64_t waits_us = ms_to_us(syn_ack_interval_ms(listener, half_open));
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

    if (timestamp_is_wrong(gate, half_open, seg)) {
        syn_ack_describe_ack(&gate->config, half_open, arrived->hash, &result->answer, now_us);
        return gate->reason == HF_STAT_segment_paws ? GATE_CHALLENGE : GATE_SILENT;
    }
    if (!is_acceptable(gate, half_open, seg)) {
        if (seg->flags & TCP_SYN)
            gate_refuse(gate, syn_challenged);
        else
            gate_refuse(gate, segment_out_of_window);
        syn_ack_describe_ack(&gate->config, half_open, arrived->hash, &result->answer, now_us);
        return GATE_CHALLENGE;
    }
    if (seg->flags & TCP_SYN) { /* fourth: back to LISTEN, the peer will ask again */
        gate_forget(gate, slot, arrived->hash);
        gate_refuse(gate, syn_cache_reset);
        return GATE_REMOVED;
    }
    if (!(seg->flags & TCP_ACK)) {
        gate_refuse(gate, segment_no_ack);
        return GATE_SILENT;
    }
    if (!seq_eq(seg->ack, seq_add(half_open->iss, 1))) { /* fifth */
        gate_refuse(gate, handshake_bad_ack);
        result->answer = (struct segment){.seq = seg->ack, .flags = TCP_RST};
        return GATE_CHALLENGE;
    }
    agree(gate, half_open, arrived, &result->handshake, now_us);
    return GATE_HANDSHAKE;
}

/* Its peer has changed his mind, or somebody else speaks for him. Once cookies are on the entry stays as it is, and he gets a
 * cookie beside it; but where the ISS must lie above another no cookie can give it. */
static bool is_for_cookie(const struct gate *gate, const struct half_open *half_open,
                          const struct gate_segment *arrived)
{
    const struct gate_listener *listener = &gate->listeners[half_open->listener];

    return (arrived->seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !arrived->has_iss_floor &&
           listener->cookies != HF_COOKIES_OFF &&
           (listener->cookies == HF_COOKIES_ALWAYS || listener->pressure.level != HF_CALM);
}

/* An ACK that is not for this half-open may be for a cookie that the same peer was sent. */
static bool may_be_cookie(const struct gate *gate, const struct half_open *half_open,
                          const struct gate_segment *arrived, int64_t now_us)
{
    const struct segment *seg = arrived->seg;

    return (seg->flags & (TCP_SYN | TCP_ACK)) == TCP_ACK &&
           !seq_eq(seg->ack, seq_add(half_open->iss, 1)) &&
           stateless_is_outstanding(gate, &gate->listeners[half_open->listener], now_us);
}

enum gate_verdict half_open_on_segment(struct gate *gate, uint32_t slot,
                                       const struct gate_segment *arrived,
                                       union gate_result *result, int64_t now_us)
{
    struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    uint8_t flags = arrived->seg->flags;

    must(arrived->listener == half_open->listener);
    gate->reason = HF_STAT_none;
    if (flags & TCP_RST)
        return on_rst(gate, slot, arrived, &result->answer, now_us);
    if ((flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && seq_eq(arrived->seg->seq, half_open->irs))
        return on_duplicate_syn(gate, half_open, arrived, &result->answer, now_us);
    if (is_for_cookie(gate, half_open, arrived))
        return stateless_on_syn(gate, arrived, &result->answer, now_us);
    if (may_be_cookie(gate, half_open, arrived, now_us))
        return stateless_on_ack(gate, arrived, &result->handshake, now_us) ? GATE_HANDSHAKE
                                                                           : GATE_SILENT;
    return on_other(gate, slot, arrived, result, now_us);
}
