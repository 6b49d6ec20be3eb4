/* The transmission control block: all that is known of one connection. [RFC 9293 3.3.1]
 *
 * Fields carry the RFC's names. The invariants that tie them together are stated, and checked, in tcb.c. The layer above
 * reads `state`, `ready`, `end` and the deadlines after each call; nobody is called upward.
 */
#ifndef TCP_TCB_H
#define TCP_TCB_H

#include <stdbool.h>
#include <stdint.h>

#include <handfast/socket.h>

#include "base/byte_queue.h"
#include "base/seq.h"
#include "base/time.h"

/* The states, as the public header numbers them. [RFC 9293 3.3.2] */
enum tcp_state {
    TCP_CLOSED = HF_STATE_CLOSED,
    TCP_LISTEN = HF_STATE_LISTEN, /* never in a TCB: lives in gate */
    TCP_SYN_SENT = HF_STATE_SYN_SENT,
    TCP_SYN_RECEIVED = HF_STATE_SYN_RECEIVED, /* in a TCB: simultaneous open only */
    TCP_ESTABLISHED = HF_STATE_ESTABLISHED,
    TCP_FIN_WAIT_1 = HF_STATE_FIN_WAIT_1,
    TCP_FIN_WAIT_2 = HF_STATE_FIN_WAIT_2,
    TCP_CLOSE_WAIT = HF_STATE_CLOSE_WAIT,
    TCP_CLOSING = HF_STATE_CLOSING,
    TCP_LAST_ACK = HF_STATE_LAST_ACK,
    TCP_TIME_WAIT = HF_STATE_TIME_WAIT,
    TCP_STATES = HF_STATES,
};

/* Why a connection ended; TCP_END_NONE while it lives. */
enum tcp_end {
    TCP_END_NONE = 0,
    TCP_END_CLOSED,      /* in order: LAST-ACK done, or TIME-WAIT began      */
    TCP_END_RESET,       /* the peer's RST                                   */
    TCP_END_REFUSED,     /* a RST answered our SYN, or ICMP: no such port    */
    TCP_END_TIMED_OUT,   /* user timeout, R2, keep-alive                     */
    TCP_END_UNREACHABLE, /* an ICMP hard error answered our SYN              */
    TCP_END_ABORTED,     /* our user, or data after our close                */
};

/* One deadline each; the connection's wheel entry holds the earliest. */
enum tcp_timer {
    TCP_TIMER_RETRANSMIT, /* retransmission [RFC 6298] or, with a zero window, persist [RFC 9293 3.8.6.1] */
    TCP_TIMER_ACK, /* delayed ACK [RFC 9293 3.8.6.3]                                              */
    TCP_TIMER_USER, /* user timeout [RFC 5482], R2                                                 */
    TCP_TIMER_KEEP, /* keep-alive [RFC 9293 3.8.4]; FIN-WAIT-2 without a user                      */
    TCP_TIMER_HOLD, /* Nagle's and SWS' override [RFC 9293 3.8.6.2.1]                              */
    TCP_TIMERS,
};

enum tcb_flag {
    TCB_SCALING = 0x0001,          /* window scaling agreed                                      */
    TCB_TIMESTAMPS = 0x0002,       /* timestamps agreed                                          */
    TCB_SACK = 0x0004,             /* SACK agreed                                                */
    TCB_NODELAY = 0x0008,          /* no Nagle                                                   */
    TCB_FIN_WANTED = 0x0010,       /* the user has closed: FIN follows what is queued            */
    TCB_FIN_SENT = 0x0020,         /* SND.NXT is past our FIN                                    */
    TCB_FIN_RECEIVED = 0x0040,     /* RCV.NXT is past the peer's FIN                             */
    TCB_NO_USER = 0x0080,          /* hf_close: nobody will read [RFC 9293 MAY-1]                */
    TCB_ACK_NOW = 0x0100,          /* an ACK is due with the next output                         */
    TCB_PROBE_NOW = 0x0400,        /* a window probe is due                                      */
    TCB_KEEP_NOW = 0x0800,         /* a keep-alive probe is due                                  */
    TCB_RTT_TIMING = 0x1000,       /* rtt_seq is being timed                                     */
    TCB_RECOVERY = 0x2000,         /* fast recovery, until snd_una reaches recover [RFC 6582]    */
    TCB_PERSIST = 0x4000,          /* TCP_TIMER_RETRANSMIT is the persist timer                  */
    TCB_WANT_ROOM = 0x8000,        /* the user met a full send queue                             */
    TCB_SND_URGENT = 0x10000,      /* snd_up means something                                     */
    TCB_RCV_URGENT = 0x20000,      /* rcv_up means something                                     */
    TCB_QUICK_ACK = 0x40000,       /* the user wants every segment acknowledged at once          */
    TCB_CORK = 0x80000,            /* the user wants full segments only                          */
    TCB_HOLD_OVER = 0x100000,      /* the SWS override fired: send what there is                 */
    TCB_SYN_ACKED = 0x200000,      /* our SYN is acknowledged                                    */
    TCB_NO_DF = 0x400000,          /* path MTU fell below what DF allows [RFC 1191]              */
    TCB_SYN_NO_OPTIONS = 0x800000, /* our SYN was lost often: try it bare                      */
    TCB_COOKIE = 0x1000000,        /* opened by a cookie                                         */
    TCB_R1_TOLD = 0x2000000,       /* R1 was reached: the next hop is in doubt [RFC 9293 3.8.3]  */
    TCB_V6 = 0x4000000,
    TCB_TOLD_ENDED = 0x8000000, /* HF_ENDED or HF_PEER_CLOSED was announced                   */
    TCB_OPTION_WORDS =
        0x70000000, /* words of option bytes that are reserved in each segment for others */
};

#define TCB_OPTION_WORDS_SHIFT 28
#define TCB_OPTION_BYTES_MAX 28u

/* A sender's congestion state: the fields every module shares, and a few words of its own. [RFC 5681] */
struct congestion {
    uint32_t cwnd, ssthresh;
    uint32_t acked; /* bytes acknowledged since cwnd last grew in congestion avoidance [RFC 3465] */
    uint32_t own[2];
};

struct tcb {
    uint8_t state;     /* enum tcp_state */
    uint8_t end;       /* enum tcp_end   */
    uint8_t acks_owed; /* duplicate ACKs to send, each its own segment [RFC 5681 3.2] */
    uint8_t dup_acks;
    uint32_t flags; /* enum tcb_flag  */
    uint16_t ready; /* enum hf_readiness, to be announced; the layer above clears it */
    uint16_t mss; /* text of a segment without options: what peer and path allow [RFC 9293 3.7.1] */
    uint8_t snd_wind_shift, rcv_wind_shift;
    uint8_t backoff;     /* times the retransmission timer fired in a row */
    uint8_t keep_probes; /* sent without an answer */

    /* receiving */
    seq rcv_nxt;
    seq rcv_edge; /* RCV.NXT + RCV.WND as announced: never moves left [RFC 9293 SHLD-14] */
    seq last_ack_sent;
    uint32_t ts_recent;
    uint32_t ts_recent_at_s; /* when it was set: void after 24 days [RFC 7323 5.5] */
    uint32_t ts_offset;
    uint32_t unacked_bytes; /* text received since our last ACK [RFC 9293 SHLD-19] */
    uint32_t ooo; /* chunk with the out-of-order record (reassembly.c), SLOT_NONE if none */

    /* sending */
    seq snd_una, snd_nxt; /* SND.NXT: the highest ever sent, plus one */
    seq rtx_nxt, rtx_end; /* what is to be sent again: rtx_nxt == rtx_end if nothing */
    uint32_t snd_wnd, max_snd_wnd;
    seq snd_wl1, snd_wl2;
    struct congestion congestion;
    seq recover; /* [RFC 6582 3.2] */
    seq rtt_seq; /* the segment being timed, when there are no timestamps [RFC 6298 3] */
    uint32_t srtt_us, rttvar_us, rto_us;

    int64_t deadline_us[TCP_TIMERS];
    int64_t rtt_sent_us;  /* when rtt_seq was sent                             */
    int64_t last_sent_us; /* text last sent: idle longer than RTO restarts cwnd [RFC 5681 4.1] */

    struct byte_queue rcv_queue; /* text in order, not yet taken: ends at RCV.NXT */
    struct byte_queue snd_queue; /* text from SND.UNA on                          */
    uint32_t rcv_held,
        snd_held; /* chunks held: each direction is a member of the pool of its own */
    uint32_t rcv_limit, snd_limit;

    /* seldom */
    seq iss, irs;
    seq rcv_up, snd_up;
    seq dsack_left, dsack_right; /* a duplicate to report once [RFC 2883]; equal: none */
    uint32_t user_timeout_ms, keep_idle_ms;
    uint32_t challenge_at_ms; /* start of the throttle's interval [RFC 5961 7] */
    uint8_t challenges;       /* sent in it */
    bool soft_error;          /* the network said that the peer is unreachable: for hf_status */
    uint8_t dscp;             /* of what we send [RFC 9293 3.9.1.9] */
    uint16_t peer_mss;        /* as offered: PMTU never raises mss above it */
    uint16_t
        max_acked; /* largest text of ours that was acknowledged: the path carries it [RFC 5927 7.2] */
    uint16_t pending_mtu; /* claimed by a packet-too-big not yet believed; 0: none */
    uint32_t retransmits;
    uint32_t heard_at_ms; /* last acceptable segment */
    uint64_t bytes_received, bytes_acked;
};

static inline bool tcp_state_is_synchronized(enum tcp_state state)
{
    return state >= TCP_ESTABLISHED;
}

static inline uint32_t tcb_rcv_wnd(const struct tcb *tcb)
{
    return seq_distance(tcb->rcv_nxt, tcb->rcv_edge);
}

#define TCP_TIMESTAMPS_BYTES 12

/* Option bytes that somebody else fills in: a multiple of four. 0 for nearly everybody. [RFC 5925 7.6; R5925-25, R2385-06] */
static inline uint32_t tcb_option_bytes(const struct tcb *tcb)
{
    return (tcb->flags & TCB_OPTION_WORDS) >> TCB_OPTION_WORDS_SHIFT << 2;
}

static inline void tcb_set_option_bytes(struct tcb *tcb, uint32_t bytes)
{
    tcb->flags = (tcb->flags & ~(uint32_t)TCB_OPTION_WORDS) | bytes >> 2 << TCB_OPTION_WORDS_SHIFT;
}

/* The text of a full segment: SMSS. [RFC 5681 2; RFC 9293 MUST-16; RFC 6691] [RFC 9293 X-23; R6691-01] */
static inline uint32_t tcb_smss(const struct tcb *tcb)
{
    return tcb->mss - (tcb->flags & TCB_TIMESTAMPS ? TCP_TIMESTAMPS_BYTES : 0u) -
           tcb_option_bytes(tcb);
}

/* The earliest of its deadlines. */
static inline int64_t tcb_deadline(const struct tcb *tcb)
{
    int64_t earliest = tcb->deadline_us[0];

    for (int i = 1; i < TCP_TIMERS; i++)
        earliest = time_min(earliest, tcb->deadline_us[i]);
    return earliest;
}

/* NULL, or the invariant that does not hold, in the RFC's words. */
const char *tcb_check(const struct tcb *tcb);

#endif
