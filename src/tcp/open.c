/* How a connection begins. [RFC 9293 3.5, 3.10.1]
 *
 * Passive opens do not begin here: gate holds LISTEN and the passive half of SYN-RECEIVED, and hands up the result of the
 * handshake; the TCB is ESTABLISHED from its first instant.
 */
#include "tcp/open.h"

#include "base/bytes.h"
#include "tcp/congestion.h"
#include "tcp/reassembly.h"
#include "tcp/retransmit_queue.h"
#include "tcp/rtt.h"
#include "tcp/segment_arrives.h"
#include "tcp/state.h"
#include "tcp/window.h"

#define DEFAULT_MSS_V4 536 /* [RFC 9293 MUST-15] */
#define DEFAULT_MSS_V6 1220
#define MSS_FLOOR 64 /* below this a peer only wants to make us send headers */
#define SCALE_MAX 14 /* [RFC 7323 2.3] */
#define DELAYED_ACK_MOST_US \
    498000u /* a tick of the wheel later is still below half a second [RFC 9293 MUST-40] */

/* The receive window's shift: the smallest from `least` on that can express the largest queue. [R7323-04] */
static uint8_t scale_for(uint32_t receive_bytes, uint8_t least)
{
    uint8_t shift = least;

    while (shift < SCALE_MAX && receive_bytes >> shift > UINT16_MAX)
        shift++;
    return shift;
}

void tcp_init(struct tcp *tcp, const struct hf_config *config, struct hf_stats *stats)
{
    tcp->stats = stats;
    tcp->congestion = &congestion_newreno;
    tcp->reset = (struct tcp_reset){.wanted = false};
    tcp->reason = HF_STAT_none;
    tcp->path_in_doubt = false;
    tcp->ooo_first = tcp->ooo_last = SLOT_NONE;
    tcp->syn_sent = NULL;
    memset(tcp->transitions, 0, sizeof tcp->transitions);
    tcp->config = (struct tcp_config){
        .receive_bytes = config->receive_bytes,
        .send_bytes = config->send_bytes,
        .min_rto_us = config->min_rto_ms * US_PER_MS,
        .initial_rto_us = config->initial_rto_ms * US_PER_MS,
        .max_rto_us = config->max_rto_ms * US_PER_MS,
        .delayed_ack_us = min_u32(config->delayed_ack_ms * US_PER_MS, DELAYED_ACK_MOST_US),
        .user_timeout_ms = config->user_timeout_ms,
        .syn_timeout_ms = config->syn_timeout_ms,
        .fin_wait_2_ms = config->fin_wait_2_ms,
        .keep_idle_ms = config->keepalive_idle_ms,
        .keep_interval_ms = config->keepalive_interval_ms,
        .keep_count = config->keepalive_count,
        .initial_window = config->initial_window,
        .receive_scale =
            config->window_scaling ? scale_for(config->receive_bytes, config->window_scale) : 0,
        .timestamps = config->timestamps,
        .scaling = config->window_scaling,
        .sack = config->sack,
        .nagle = config->nagle,
        .segmentation_bytes = config->segmentation_bytes,
    };
}

/* What every TCB starts from. [R6582-01] */
static void blank(const struct tcp *tcp, struct tcb *tcb, seq iss, int64_t now_us)
{
    memset(tcb, 0, sizeof *tcb);
    tcb->iss = tcb->snd_una = tcb->snd_nxt = tcb->rtx_nxt = tcb->rtx_end = tcb->recover = iss;
    tcb->rto_us = tcp->config.initial_rto_us;
    tcb->ooo = SLOT_NONE;
    tcb->rcv_limit = tcp->config.receive_bytes;
    tcb->snd_limit = tcp->config.send_bytes;
    tcb->keep_idle_ms = tcp->config.keep_idle_ms;
    tcb->flags = tcp->config.nagle ? 0 : TCB_NODELAY;
    tcb->heard_at_ms = time_ms(now_us);
    tcb->last_sent_us = now_us;
    byte_queue_init(&tcb->rcv_queue);
    byte_queue_init(&tcb->snd_queue);
    for (int i = 0; i < TCP_TIMERS; i++)
        tcb->deadline_us[i] = NEVER_US;
}

/* What lies out of order gives way to a newcomer's promise: it was lent. */
static bool join(struct tcp *tcp)
{
    while (!chunk_pool_join(&tcp->chunks))
        if (!reassembly_reclaim(tcp, NULL))
            return false;
    return true;
}

/* Each direction has a promise of its own: what waits to be sent cannot keep us from receiving, or two ends that both wait
 * for the other to read would wait for ever. */
static bool join_both(struct tcp *tcp)
{
    if (!join(tcp))
        return false;
    if (join(tcp))
        return true;
    chunk_pool_leave(&tcp->chunks);
    return false;
}

bool tcp_open_active(struct tcp *tcp, struct tcb *tcb, const struct tcp_open *open, int64_t now_us)
{
    if (!join_both(tcp))
        return false;
    blank(tcp, tcb, open->iss, now_us);
    tcb->mss = tcb->peer_mss = open->path_mss;
    tcb->ts_offset = open->ts_offset;
    tcb->flags |= open->v6 ? TCB_V6 : 0;
    tcb_set_option_bytes(tcb, open->option_bytes);
    tcb->congestion.cwnd = open->path_mss;
    /* From now on, not from the first SYN: finding the next hop is part of the wait. */
    tcb->deadline_us[TCP_TIMER_USER] = now_us + user_timeout_us(tcp, tcb);
    tcp->syn_sent = syn_sent_segment_arrives;
    tcb_enter(tcp, tcb, TCP_SYN_SENT);
    count_one(tcp->stats, active_opens);
    return true;
}

/* [R7323-02, R7323-05, R7323-07] */
void open_learn_options(const struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                        int64_t now_us)
{
    const struct tcp_options *options = &seg->options;
    /* A SYN-ACK repeats what one of our SYNs offered, be it one before the bare ones. */
    bool bare = (tcb->flags & TCB_SYN_NO_OPTIONS) && !(seg->flags & TCP_ACK);
    uint16_t mss = tcb->flags & TCB_V6 ? DEFAULT_MSS_V6 : DEFAULT_MSS_V4;

    if (options->present & TCP_OPTION_MSS)
        mss = (uint16_t)max_u32(options->mss, MSS_FLOOR);
    tcb->peer_mss = mss;
    if (!bare && tcp->config.scaling && (options->present & TCP_OPTION_SCALE)) {
        tcb->flags |= TCB_SCALING;
        tcb->snd_wind_shift = (uint8_t)min_u32(options->scale, SCALE_MAX);
        tcb->rcv_wind_shift = tcp->config.receive_scale;
    }
    if (!bare && tcp->config.sack && (options->present & TCP_OPTION_SACK_PERMITTED))
        tcb->flags |= TCB_SACK;
    if (!bare && tcp->config.timestamps && (options->present & TCP_OPTION_TIMESTAMPS)) {
        tcb->flags |= TCB_TIMESTAMPS;
        tcb->ts_recent = options->ts_value;
        tcb->ts_recent_at_s = time_s(now_us);
    }
    tcb->irs = seg->seq;
    tcb->rcv_nxt = tcb->last_ack_sent = seq_add(seg->seq, 1);
    tcb->rcv_edge = seq_add(tcb->rcv_nxt, window_first(tcp));
}

/* [RFC 9293 MUST-14; R1191-06] */
void open_take_peer_mss(struct tcb *tcb)
{
    tcb->mss = (uint16_t)min_u32(tcb->mss, tcb->peer_mss);
}

#define RTO_AFTER_LOST_SYN_US 3000000u

/* A SYN that was sent again and timed nothing: the path may be slower than we thought. [RFC 6298 5.7]
 * [R5681-02, R5681-03, R6928-01, R6298-11] */
void open_start_sending(const struct tcp *tcp, struct tcb *tcb)
{
    uint32_t segments = tcb->retransmits > 0 ? 1 : tcp->config.initial_window;

    if (tcb->retransmits > 0 && tcb->srtt_us == 0)
        tcb->rto_us = min_u32(max_u32(tcb->rto_us, RTO_AFTER_LOST_SYN_US), tcp->config.max_rto_us);

    tcp->congestion->open(&tcb->congestion, min_u32(tcb->mss, tcb->peer_mss), segments);
}

/* [RFC 9293 MUST-25, MUST-27] */
void keepalive_start(const struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    (void)tcp;
    if (tcb->keep_idle_ms)
        tcb->deadline_us[TCP_TIMER_KEEP] = now_us + ms_to_us(tcb->keep_idle_ms);
}

/* What the handshake agreed on. [R7323-01] */
static uint32_t agreed_flags(const struct handshake *h)
{
    uint32_t flags = TCB_SYN_ACKED;

    flags |= h->send_scale != SCALE_NONE ? TCB_SCALING : 0;
    flags |= h->timestamps ? TCB_TIMESTAMPS : 0;
    flags |= h->sack ? TCB_SACK : 0;
    flags |= h->from_cookie ? TCB_COOKIE : 0;
    return flags;
}

bool tcp_open_established(struct tcp *tcp, struct tcb *tcb, const struct handshake *h,
                          const struct tcp_open *open, int64_t now_us)
{
    if (!join_both(tcp))
        return false;
    blank(tcp, tcb, seq_add(h->iss, 1), now_us);
    tcb->iss = tcb->recover = h->iss; /* [RFC 6582 3.2] */
    tcb->flags |= agreed_flags(h) | (open->v6 ? TCB_V6 : 0);
    tcb_set_option_bytes(tcb, open->option_bytes);
    tcb->irs = h->irs;
    tcb->rcv_nxt = tcb->last_ack_sent = seq_add(h->irs, 1);
    tcb->rcv_edge = seq_add(tcb->rcv_nxt, h->announced_window);
    tcb->peer_mss = (uint16_t)max_u32(h->mss, MSS_FLOOR);
    tcb->mss = (uint16_t)min_u32(tcb->peer_mss, open->path_mss);
    if (tcb->flags & TCB_SCALING) {
        tcb->snd_wind_shift = (uint8_t)min_u32(h->send_scale, SCALE_MAX);
        tcb->rcv_wind_shift = h->receive_scale;
    }
    tcb->ts_recent = h->ts_recent;
    tcb->ts_recent_at_s = time_s(now_us);
    tcb->ts_offset = h->ts_offset;
    tcb->snd_wnd = tcb->max_snd_wnd = h->first_window;
    tcb->snd_wl1 = h->irs;
    tcb->snd_wl2 = h->iss;
    tcb->state = TCP_ESTABLISHED; /* SYN-RECEIVED was gate's */
    tcb->retransmits = h->syn_ack_count > 1 ? 1u : 0u;
    if (h->rtt_us && h->syn_ack_count <= 1)
        rtt_sample(tcp, tcb, h->rtt_us);
    open_start_sending(tcp, tcb);
    keepalive_start(tcp, tcb, now_us);
    return true;
}
