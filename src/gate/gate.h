/* Who may become a connection: LISTEN and the passive half of SYN-RECEIVED. [RFC 9293 3.10.7.2, 3.10.7.4] */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <handfast/socket.h>
#include <handfast/stats.h>

#include "crypto/siphash.h"
#include "gate/syn_cache.h"
#include "tcp/handshake.h"
#include "wire/segment.h"

/* What a listener's half-opens live by: its options, completed from the configuration, fixed for its life. */
struct gate_listener {
    struct list half_opens; /* by_age */
    uint32_t limit;
    uint32_t timeout_ms;
    uint16_t port;
    uint8_t retries;
    bool reset_on_timeout;
    bool open;
    bool told_full; /* HF_EVENT_CACHE_FULL was told and the cache has not had room since */
};

struct gate_config {
    struct syn_cache_setup cache;
    uint32_t max_listeners;
    uint32_t half_open_timeout_ms;
    uint8_t syn_ack_retries;
    enum hf_on_timeout on_timeout;
    uint16_t mtu;
    uint16_t announced_window; /* in our SYN-ACK, never scaled */
    uint8_t receive_scale;
    bool timestamps, scaling, sack;
    const struct hf_address *addresses; /* ours, by number */
    struct siphash_key iss_key;
    struct hf_stats *stats;
};

struct gate {
    struct syn_cache cache;
    struct gate_listener *listeners; /* by listener slot */
    uint32_t next_victim;            /* where the search for the largest holder goes on */
    struct gate_config config;
    enum hf_stat reason; /* why the last segment was refused */
    bool tell_full;      /* a listener ran out of room: to be told once; the caller clears it */
};

/* A segment at the door. */
struct gate_segment {
    const struct flow *flow;
    const struct segment *seg;
    uint64_t hash;      /* T of the flow                                        */
    struct hf_mac from; /* link address of the sender                           */
    uint8_t local;      /* which of our addresses                               */
    uint16_t listener;  /* gate_on_syn: its slot                                */
    bool has_iss_floor; /* a TIME-WAIT record: the ISS must lie above iss_floor */
    seq iss_floor;
};

enum gate_verdict {
    GATE_SILENT = 0, /* nothing is sent; gate->reason says why, if it was refused               */
    GATE_ANSWER,     /* *answer is to be sent, not limited: a SYN-ACK                           */
    GATE_CHALLENGE,  /* *answer is to be sent within budget: an ACK or a RST                    */
    GATE_HANDSHAKE,  /* *handshake is agreed: gate_commit, or leave it for the peer's next try  */
    GATE_REMOVED,    /* the half-open is gone, nothing is sent                                  */
};

void gate_init(struct gate *gate, struct arena *arena, const struct gate_config *config,
               int64_t now_us);

/* A listener opens with these options. It closes by reaper_listener_closed. */
void gate_listener_open(struct gate *gate, uint32_t listener,
                        const struct hf_listen_options *options);

/* The half-open of a flow, or SLOT_NONE. */
uint32_t gate_find(const struct gate *gate, uint64_t hash, const struct flow *flow);

/* A SYN for a listener, of a flow without a half-open. GATE_ANSWER or GATE_SILENT. */
enum gate_verdict gate_on_syn(struct gate *gate, const struct gate_segment *arrived,
                              struct segment *answer, int64_t now_us);

/* Any segment at a half-open. */
union gate_result {
    struct segment answer;
    struct handshake handshake;
};
enum gate_verdict gate_on_segment(struct gate *gate, uint32_t half_open,
                                  const struct gate_segment *arrived, union gate_result *result,
                                  int64_t now_us);

/* The connection is open: its half-open leaves. */
void gate_commit(struct gate *gate, uint32_t half_open, uint64_t hash);

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
    return wheel_next_us(&gate->cache.wheel);
}

static inline uint32_t gate_half_opens(const struct gate *gate)
{
    return gate->cache.pool.count;
}

#endif
