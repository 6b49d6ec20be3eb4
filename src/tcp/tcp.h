/* The layer's interface: RFC 9293 for one connection at a time. [RFC 9293 3.10]
 *
 * A call changes the TCB and nothing else, but for: chunks of the shared pool, counters, and `reset`, a RST that must go out
 * although the connection may already be gone. After each call the layer above takes `reset`, announces tcb->ready, looks at
 * tcb->end, files tcb_deadline() and, if tcp_wants_output(), asks tcp_output() at the next opportunity.
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include <handfast/stats.h>

#include "base/count.h"
#include "base/chunk_pool.h"
#include "tcp/handshake.h"
#include "tcp/tcb.h"
#include "wire/segment.h"

struct congestion_module;

/* Values of the configuration, in the units used here. */
struct tcp_config {
    uint32_t receive_bytes, send_bytes;
    uint32_t min_rto_us, initial_rto_us, max_rto_us;
    uint32_t delayed_ack_us;
    uint32_t user_timeout_ms, syn_timeout_ms, fin_wait_2_ms;
    uint32_t keep_idle_ms, keep_interval_ms;
    uint8_t keep_count, initial_window;
    uint8_t receive_scale; /* from receive_bytes, the same for every connection [RFC 7323 2.3] */
    bool timestamps, scaling, sack, nagle;
    uint32_t segmentation_bytes; /* 0: one MSS a segment */
};

/* A RST to send at once, and its acknowledgment when TCP_ACK is set. */
struct tcp_reset {
    bool wanted;
    uint8_t flags;
    seq seq, ack;
};

/* What all connections of a stack share. */
struct tcp {
    struct chunk_pool chunks;
    struct tcp_config config;
    struct hf_stats *stats;
    const struct congestion_module *congestion;
    struct tcp_reset reset;
    /* SEGMENT ARRIVES in SYN-SENT: NULL until there was an active open, which a server has none of. */
    bool (*syn_sent)(struct tcp *tcp, struct tcb *tcb, const struct segment *seg, int64_t now_us);
    enum hf_stat
        reason; /* why the last segment was refused; the caller sets it to HF_STAT_none before */
    bool
        path_in_doubt; /* R1 was reached: the next hop should be asked again; the caller clears it [RFC 9293 3.8.3] */
    uint16_t
        transitions[TCP_STATES]; /* from each state: a bit for each state entered from it so far */
    uint32_t ooo_first; /* the oldest out-of-order record, first to be given up; SLOT_NONE */
    uint32_t ooo_last;
};

void tcp_init(struct tcp *tcp, const struct hf_config *config, struct hf_stats *stats);

/* What an open needs to know from outside; iss only an active one. */
struct tcp_open {
    seq iss;
    uint32_t ts_offset;
    uint16_t path_mss;    /* from the MTU of the route: MTU - IP - TCP headers [RFC 6691] */
    uint8_t option_bytes; /* to be left free in each segment: a multiple of four, at most 20 */
    bool v6;
};

/* OPEN: all fields of *tcb are set. false: the chunk pool cannot promise. [RFC 9293 3.10.1] */
bool tcp_open_active(struct tcp *tcp, struct tcb *tcb, const struct tcp_open *open, int64_t now_us);
bool tcp_open_established(struct tcp *tcp, struct tcb *tcb, const struct handshake *handshake,
                          const struct tcp_open *open, int64_t now_us);

/* Gives back all that the TCB holds: once, when it leaves for good. */
void tcp_release(struct tcp *tcp, struct tcb *tcb);

/* SEGMENT ARRIVES in every state but CLOSED and LISTEN. [RFC 9293 3.10.7.3, 3.10.7.4] */
void tcp_segment_arrives(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                         int64_t now_us);

/* Time passed: every deadline that is due. [RFC 9293 3.10.8] */
void tcp_timeout(struct tcp *tcp, struct tcb *tcb, int64_t now_us);

/* A segment to send; its text is segment.length bytes of tcb->snd_queue from text_offset on. */
struct tcp_outgoing {
    uint32_t
        text_max; /* in: the most text that fits (whole MSS are taken if it is more than one) */
    uint32_t text_offset;
    struct segment segment;
};

/* The next segment to send, if any. Call until false. */
bool tcp_output(struct tcp *tcp, struct tcb *tcb, struct tcp_outgoing *out, int64_t now_us);

/* Whether tcp_output might give a segment now. */
bool tcp_wants_output(const struct tcp *tcp, const struct tcb *tcb);

/* User calls; errors are enum hf_error. [RFC 9293 3.10.2 to 3.10.6] */
ptrdiff_t tcp_send(struct tcp *tcp, struct tcb *tcb, const void *data, size_t length,
                   int64_t now_us);
ptrdiff_t tcp_send_urgent(struct tcp *tcp, struct tcb *tcb, const void *data, size_t length,
                          int64_t now_us);
ptrdiff_t tcp_reserve(struct tcp *tcp, struct tcb *tcb, struct hf_span *spans, size_t *count);
int tcp_commit(struct tcp *tcp, struct tcb *tcb, size_t length, int64_t now_us);
ptrdiff_t tcp_receive(struct tcp *tcp, struct tcb *tcb, void *buffer, size_t capacity,
                      int64_t now_us);
ptrdiff_t tcp_peek(struct tcp *tcp, struct tcb *tcb, struct hf_span *spans, size_t *count);
int tcp_consume(struct tcp *tcp, struct tcb *tcb, size_t length, int64_t now_us);
int tcp_shutdown(struct tcp *tcp, struct tcb *tcb, int64_t now_us);
int tcp_close(struct tcp *tcp, struct tcb *tcb, int64_t now_us);
void tcp_abort(struct tcp *tcp, struct tcb *tcb, int64_t now_us);
int tcp_set_option(struct tcp *tcp, struct tcb *tcb, enum hf_option option, uint32_t value,
                   int64_t now_us);
void tcp_status(const struct tcb *tcb, struct hf_status *status); /* fills what a TCB knows */

/* The hf_error that a user of an ended connection gets. */
int tcp_end_error(enum tcp_end end);

/* ICMP, already matched to this connection by the quoted flow. `quoted` is the sequence number in the quoted segment. Counts
 * what it ignores. [RFC 5927, RFC 9293 3.9.2.2] */
void tcp_icmp_error(struct tcp *tcp, struct tcb *tcb, seq quoted, enum tcp_end hard,
                    int64_t now_us);
void tcp_icmp_too_big(struct tcp *tcp, struct tcb *tcb, seq quoted, uint32_t mtu, int64_t now_us);

/* What a TIME-WAIT record must know. [RFC 9293 3.10.7.4, RFC 6191] */
struct tcp_remains {
    seq snd_nxt, rcv_nxt;
    uint32_t rcv_wnd;
    uint32_t ts_recent, ts_offset;
    uint8_t rcv_wind_shift;
    bool timestamps;
};
void tcp_remains(const struct tcb *tcb, struct tcp_remains *remains);

#endif
