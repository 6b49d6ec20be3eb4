/* Who may become a connection: LISTEN and the passive half of SYN-RECEIVED. [RFC 9293 3.10.7.2, 3.10.7.4] */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <handfast/socket.h>
#include <handfast/stats.h>

#include "base/count.h"
#include "base/time.h"
#include "cookie/key_ring.h"
#include "crypto/siphash.h"
#include "gate/age_filter.h"
#include "gate/pressure.h"
#include "gate/source_limit.h"
#include "gate/syn_ack_cap.h"
#include "gate/syn_cache.h"
#include "tcp/handshake.h"
#include "wire/segment.h"

/* What a listener's half-opens live by: its options, completed from the configuration. */
struct gate_listener {
    struct list half_opens; /* by_age */
    uint32_t limit, source_limit;
    uint32_t timeout_ms;
    uint16_t port;
    uint8_t retries;
    uint8_t cookies;            /* enum hf_cookies            */
    uint8_t without_timestamps; /* enum hf_without_timestamps */
    uint8_t when_full;          /* enum hf_when_full          */
    bool reset_on_timeout, observe, open;
    bool told_full;        /* HF_EVENT_CACHE_FULL was told and the cache has not had room since */
    bool has_cookies;      /* some were sent: the last in cookie_slot */
    uint32_t cookie_slot;  /* of HF1's time                           */
    uint64_t cookies_sent; /* ever                                    */
    struct pressure pressure;
    struct syn_ack_cap cap;
};

struct gate_config {
    struct syn_cache_setup cache;
    uint32_t max_listeners;
    uint32_t max_connections; /* how many prefixes may be worth remembering */
    uint32_t half_open_timeout_ms;
    uint8_t syn_ack_retries;
    enum hf_on_timeout on_timeout;
    uint16_t mtu;
    uint16_t announced_window; /* in our SYN-ACK, never scaled */
    uint8_t receive_scale;
    uint8_t options;                    /* HALF_OPEN_OPTIONS: those that we accept */
    const struct hf_address *addresses; /* ours, by number */
    struct siphash_key iss_key;
    struct siphash_key source_key; /* counters and filters of prefixes and tuples          */
    struct siphash_key cookie_key; /* HF1's master                                         */
    bool cookie_key_shared;        /* other machines have it: their cookies are opened too */
    int64_t wall_minus_now_us;
    struct hf_stats *stats;
};

struct gate {
    struct syn_cache cache;
    struct gate_listener *listeners; /* by listener slot                                 */
    uint32_t next_victim;            /* where the search for the largest holder goes on  */
    struct key_ring keys;            /* of cookies                                       */
    struct source_limit sources;     /* half-opens by prefix                             */
    struct age_filter proven;        /* prefixes that finished a handshake lately        */
    struct age_filter seen;          /* tuples that were sent a cookie without timestamp */
    int64_t calmer_at_us;            /* when a listener's pressure may fall              */
    struct gate_config config;
    enum hf_stat reason; /* why the last segment was refused */
    bool tell_full;      /* a listener ran out of room: to be told once; the caller clears it */
    bool tell_pressure;  /* the last SYN's listener: `change`; the caller clears it           */
    struct pressure_change change;
};

/* A segment at the door. */
struct gate_segment {
    const struct flow *flow;
    const struct segment *seg;
    uint64_t hash;      /* T of the flow                                        */
    struct hf_mac from; /* link address of the sender                           */
    uint8_t local;      /* which of our addresses                               */
    uint16_t listener;  /* its slot                                             */
    bool has_iss_floor; /* a TIME-WAIT record: the ISS must lie above iss_floor */
    seq iss_floor;
};

enum gate_verdict {
    GATE_SILENT = 0, /* nothing is sent; gate->reason says why, if it was refused               */
    GATE_ANSWER,     /* *answer is to be sent, not limited: a SYN-ACK                           */
    GATE_CHALLENGE,  /* *answer is to be sent within budget: an ACK or a RST                    */
    GATE_HANDSHAKE,  /* *handshake is agreed: gate_commit, or leave it for the peer's next try  */
    GATE_REMOVED,    /* the half-open is gone, nothing is sent                                  */
    GATE_STRAY,      /* it means nothing here                                                   */
};

void gate_init(struct gate *gate, struct arena *arena, const struct gate_config *config,
               int64_t now_us);

/* A listener opens with these options. It closes by reaper_listener_closed. */
void gate_listener_open(struct gate *gate, uint32_t listener,
                        const struct hf_listen_options *options, int64_t now_us);

/* It goes on with other ones (their address and user are not looked at). Its half-opens stay, also if there are more than
 * it may have now; what they wait for counts from their last SYN-ACK. */
void gate_listener_change(struct gate *gate, uint32_t listener,
                          const struct hf_listen_options *options, int64_t now_us);

/* The half-open of a flow, or SLOT_NONE. */
uint32_t gate_find(const struct gate *gate, uint64_t hash, const struct flow *flow);

/* A SYN for a listener, of a flow without a half-open. GATE_ANSWER or GATE_SILENT. */
enum gate_verdict gate_on_syn(struct gate *gate, const struct gate_segment *arrived,
                              struct segment *answer, int64_t now_us);

/* An ACK for a listener, of a flow without a half-open: GATE_HANDSHAKE if it returns a cookie, GATE_SILENT if one may be
 * outstanding that this is not, GATE_STRAY if none can be. */
enum gate_verdict gate_on_ack(struct gate *gate, const struct gate_segment *arrived,
                              struct handshake *handshake, int64_t now_us);

/* The connection is open: its half-open leaves, if it has one (else SLOT_NONE), and its prefix is proven. */
void gate_commit(struct gate *gate, uint32_t half_open, const struct gate_segment *arrived,
                 const struct handshake *handshake, int64_t now_us);

/* Keys are made ahead, and pressure falls: true and *listener and *change for each change, to be called until false. */
bool gate_tick(struct gate *gate, uint32_t *listener, struct pressure_change *change,
               int64_t now_us);

/* A half-open leaves, for whatever reason. */
void gate_forget(struct gate *gate, uint32_t half_open, uint64_t hash);

/* The flow of a half-open, and its hash. */
struct flow gate_flow(const struct gate *gate, uint32_t half_open);

static inline uint64_t gate_hash_of(const struct gate *gate, uint32_t half_open)
{
    return gate->config.cache.hash_of(gate->config.cache.hash_context, half_open);
}

static inline int64_t gate_deadline(const struct gate *gate)
{
    return time_min(wheel_next_us(&gate->cache.wheel), gate->calmer_at_us);
}

/* Whether half-opens of this listener have less time than usual. The textbook's server knows no hurry. */
static inline bool gate_is_hurried(const struct gate_listener *listener)
{
    return listener->pressure.level != HF_CALM && listener->when_full != HF_DROP_NEW;
}

static inline uint32_t gate_half_opens(const struct gate *gate)
{
    return gate->cache.pool.count;
}

/* Refuses the segment for a reason: counted, and noted for the caller. */
#define gate_refuse(gate, name) ((void)((gate)->reason = count_reason((gate)->config.stats, name)))

/* Whether a refusal is carried out: a listener that only observes counts it and goes on. */
static inline bool gate_enforces(struct gate *gate, const struct gate_listener *listener)
{
    gate->config.stats->would_refuse += listener->observe;
    return !listener->observe;
}

#endif
