/* Sockets of a Handfast stack: listeners and connections as values. [RFC 9293 3.9.1]
 *
 * An hf_socket names a listener or a connection. It stays valid until its user closes or aborts it, even when the
 * connection has ended meanwhile; afterwards every call answers HF_NO_SOCKET, as the value carries a generation.
 * Nothing blocks: a call that cannot go on answers HF_AGAIN, and hf_take_ready names the socket when it can.
 */
#ifndef HANDFAST_SOCKET_H
#define HANDFAST_SOCKET_H

#include <handfast/handfast.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t hf_socket;

#define HF_NO_SUCH_SOCKET ((hf_socket)0)

/* The most spans that hf_reserve fills in one call. */
#define HF_SPANS_MAX 64u

/* The states of RFC 9293 3.3.2, in its order. */
enum hf_state {
    HF_STATE_CLOSED = 0,
    HF_STATE_LISTEN,
    HF_STATE_SYN_SENT,
    HF_STATE_SYN_RECEIVED,
    HF_STATE_ESTABLISHED,
    HF_STATE_FIN_WAIT_1,
    HF_STATE_FIN_WAIT_2,
    HF_STATE_CLOSE_WAIT,
    HF_STATE_CLOSING,
    HF_STATE_LAST_ACK,
    HF_STATE_TIME_WAIT,
    HF_STATES,
};

/* "ESTABLISHED"; "?" for a number that is no state. */
HF_API const char *hf_state_text(enum hf_state state);

/* Why a socket is in the readiness list. Several may be set. Each is announced once when it becomes true (edge), so read
 * until HF_AGAIN and write until HF_AGAIN. */
enum hf_readiness {
    HF_ACCEPTABLE = 1,   /* listener: hf_accept has something                                     */
    HF_CONNECTED = 2,    /* our hf_connect is finished                                            */
    HF_READABLE = 4,     /* bytes, or the peer's FIN                                              */
    HF_WRITABLE = 8,     /* room again after a call found none, or all is acknowledged            */
    HF_PEER_CLOSED = 16, /* the peer's FIN is next after what is queued                           */
    HF_URGENT = 32,      /* urgent data lies ahead: hf_status says where                          */
    HF_ENDED = 64,       /* the connection is over: hf_status says why. Close the socket          */
};

struct hf_ready {
    hf_socket socket;
    uint64_t user; /* hf_set_user */
    unsigned what; /* enum hf_readiness */
};

struct hf_span {
    void *data;
    size_t length;
};

/* How much a listener feels of a flood. It rises at once and falls only after a quiet time. */
enum hf_pressure {
    HF_CALM = 0, /* every SYN may have a cache entry                                  */
    HF_STRAINED, /* entries for peers who proved themselves lately, cookies for others */
    HF_FLOODED,  /* cookies only: a SYN costs no memory at all                         */
};

/* Whether SYNs may be answered without keeping anything. (RFC 4987 3.6; the format is HF1) */
enum hf_cookies {
    HF_COOKIES_UNDER_PRESSURE = 0, /* once the cache, or a prefix's share of it, is used up */
    HF_COOKIES_OFF,
    HF_COOKIES_ALWAYS,
};

/* What a cookie may do for a SYN without timestamps: its options are remembered but coarsely, and the last ACK of the
 * handshake can be guessed with 2^-26 instead of 2^-52 for each try. */
enum hf_without_timestamps {
    HF_PLAIN_ACCEPT = 0, /* as it is                                                        */
    HF_PLAIN_STRICT,     /* one try in 2^29, and of the options only the MSS is remembered  */
    HF_PLAIN_SEEN,       /* and the same peer must have sent a SYN in the last half minute  */
    HF_PLAIN_REFUSE,     /* under pressure such SYNs meet silence, and no ACK is a cookie   */
};

/* What a SYN that finds the cache full means while cookies are off. */
enum hf_when_full {
    HF_EVICT_OLDEST = 0, /* the oldest half-open gives way                                  */
    HF_DROP_NEW,         /* the SYN is dropped: the textbook's server, which a flood closes */
};

/* What a listener may have of its own. Zero: the configuration's value, or the default that is named. */
struct hf_listen_options {
    struct hf_endpoint local; /* address all zero: every address of ours */
    uint32_t backlog;         /* connections waiting for hf_accept: 128  */
    uint32_t half_open_limit;
    uint32_t half_open_timeout_ms;
    int8_t syn_ack_retries; /* -1: none (zero means the configuration's) */
    int8_t on_timeout;      /* -1: HF_FORGET, 1: HF_SEND_RESET           */
    uint32_t source_limit;  /* half-opens of one /32 or /64; 0: a sixteenth of half_open_limit */
    /* SYN-ACKs a second to peers who have not proved themselves, above it chosen at random; 0: no cap. */
    uint32_t syn_ack_cap_per_s;
    uint8_t cookies;            /* enum hf_cookies            */
    uint8_t without_timestamps; /* enum hf_without_timestamps */
    uint8_t when_full;          /* enum hf_when_full          */
    bool observe; /* counts (would_refuse) what it would refuse, and refuses nothing */
    bool
        require_key; /* only peers of whom a key speaks (auth.h): a SYN of anybody else is dropped silently */
    uint64_t user;
};

/* What hf_set_option sets on a connection, or on a listener for those it will accept. */
enum hf_option {
    HF_NODELAY = 1,       /* 1: no Nagle                                          RFC 9293 3.7.4 */
    HF_USER_TIMEOUT_MS,   /* 0: the configuration's                               RFC 5482      */
    HF_KEEPALIVE_IDLE_MS, /* 0: off                                               RFC 9293 3.8.4 */
    HF_RECEIVE_BYTES,     /* the receive queue's limit; not below what is announced             */
    HF_SEND_BYTES,        /* the send queue's limit                                             */
    HF_QUICK_ACK,         /* 1: acknowledge every segment at once                               */
    HF_CORK,              /* 1: send only full segments until 0 is set                          */
    HF_DSCP,              /* 0 to 63, of each segment from now on                RFC 9293 3.9.1.9 */
};

/* What is known of a socket: for people, statistics and tests. */
struct hf_status {
    enum hf_state state;
    int error; /* why the connection ended: HF_RESET, HF_TIMED_OUT ...; HF_OK otherwise */
    struct hf_endpoint local, remote;
    uint64_t user;
    uint64_t bytes_received, bytes_sent; /* text in order from the peer; acknowledged by the peer */
    uint32_t receive_queued, send_queued, unsent;
    uint32_t receive_window, send_window; /* as last announced by us, by the peer */
    uint32_t srtt_us, rttvar_us, rto_us;
    uint32_t congestion_window, slow_start_threshold;
    uint32_t retransmits; /* segments sent again         */
    uint16_t mss;         /* text of our largest segment */
    uint8_t send_scale, receive_scale;
    bool timestamps, sack, window_scaling, peer_closed, nodelay;
    uint32_t urgent_bytes; /* unread up to and with the last urgent one; 0: none */
    /* HF_UNREACHABLE: the network said so of text that was on its way, and the connection goes on; else HF_OK.
     * [RFC 9293 MUST-47] */
    int soft_error;
    /* Sequence numbers, for tests and teaching. */
    uint32_t iss, irs, snd_una, snd_nxt, rcv_nxt;

    /* Of a listener. */
    uint32_t accept_queued; /* connections waiting            */
    uint32_t half_opens;    /* in the SYN cache               */
    uint32_t backlog;
    enum hf_pressure pressure;
    int64_t pressure_since_us; /* when it last changed           */
    uint64_t cookies_sent;     /* SYNs answered without a memory */
};

/* Passive OPEN. HF_ADDRESS_IN_USE, HF_NO_ADDRESS, HF_NO_ROOM, HF_INVALID (port 0). */
HF_API int hf_listen(struct hf_stack *stack, const struct hf_endpoint *local, hf_socket *listener);
HF_API int hf_listen_with(struct hf_stack *stack, const struct hf_listen_options *options,
                          hf_socket *listener);

/* A listener goes on with other options: neither its half-opens nor the connections that wait are touched, though there may
 * be more of them than it may have now, and none is added until there are fewer. options->local and options->user are not
 * looked at: hf_set_user changes the latter. HF_INVALID: it is a connection. */
HF_API int hf_listen_change(struct hf_stack *stack, hf_socket listener,
                            const struct hf_listen_options *options, int64_t now_us);

/* The oldest connection that waits, or HF_AGAIN. */
HF_API int hf_accept(struct hf_stack *stack, hf_socket listener, hf_socket *connection);

/* Active OPEN. `local` NULL, or its zero parts, are chosen (port by RFC 6056). The socket is HF_CONNECTED or HF_ENDED
 * later. HF_NO_ROUTE, HF_NO_ADDRESS, HF_ADDRESS_IN_USE, HF_NO_ROOM, HF_INVALID (remote unspecified, or ourselves). */
HF_API int hf_connect(struct hf_stack *stack, const struct hf_endpoint *local,
                      const struct hf_endpoint *remote, hf_socket *connection, int64_t now_us);

/* SEND: bytes taken (may be fewer than length), HF_AGAIN when there is no room, else why not. Data may be queued while
 * the handshake is under way. */
HF_API ptrdiff_t hf_send(struct hf_stack *stack, hf_socket socket, const void *data, size_t length,
                         int64_t now_us);

/* As hf_send; the last byte taken is urgent. Prefer not to: RFC 6093. */
HF_API ptrdiff_t hf_send_urgent(struct hf_stack *stack, hf_socket socket, const void *data,
                                size_t length, int64_t now_us);

/* RECEIVE: bytes copied, 0 once the peer's FIN is reached, HF_AGAIN when nothing is there, else why not. */
HF_API ptrdiff_t hf_receive(struct hf_stack *stack, hf_socket socket, void *buffer, size_t capacity,
                            int64_t now_us);

/* The first contiguous bytes that wait, without a copy; as hf_receive otherwise. Valid until the next call that takes
 * now_us. hf_peek_spans fills up to count spans and returns the bytes in them. */
HF_API ptrdiff_t hf_peek(struct hf_stack *stack, hf_socket socket, const void **data);
HF_API ptrdiff_t hf_peek_spans(struct hf_stack *stack, hf_socket socket, struct hf_span *spans,
                               size_t *count);

/* Takes length bytes off, which opens the window. HF_INVALID: more than is there. */
HF_API int hf_consume(struct hf_stack *stack, hf_socket socket, size_t length, int64_t now_us);

/* Room at the end of the send queue to write to directly: spans and the bytes in them, or HF_AGAIN. hf_commit then queues
 * the first length bytes of it. Between the two no other call for this stack may come. */
HF_API ptrdiff_t hf_reserve(struct hf_stack *stack, hf_socket socket, struct hf_span *spans,
                            size_t *count);
HF_API int hf_commit(struct hf_stack *stack, hf_socket socket, size_t length, int64_t now_us);

/* FIN after what is queued; receiving goes on (half-close). */
HF_API int hf_shutdown(struct hf_stack *stack, hf_socket socket, int64_t now_us);

/* CLOSE: the socket is given up. What is queued is still sent, then FIN; if received bytes were not read, or more arrive
 * later, the peer gets a RST [RFC 9293 MAY-1, SHLD-3]. A listener's half-opens and waiting connections are reset. */
HF_API int hf_close(struct hf_stack *stack, hf_socket socket, int64_t now_us);

/* ABORT: RST, and the socket is given up. */
HF_API int hf_abort(struct hf_stack *stack, hf_socket socket, int64_t now_us);

/* Sockets that became ready since they were last taken: fills up to count, returns how many. */
HF_API size_t hf_take_ready(struct hf_stack *stack, struct hf_ready *ready, size_t count);

/* A word of the caller's own, given back by hf_take_ready and hf_status. */
HF_API int hf_set_user(struct hf_stack *stack, hf_socket socket, uint64_t user);
HF_API int hf_set_option(struct hf_stack *stack, hf_socket socket, enum hf_option option,
                         uint32_t value, int64_t now_us);

/* STATUS. */
HF_API int hf_status(const struct hf_stack *stack, hf_socket socket, struct hf_status *status);

/* Walks all connections and listeners: start with *cursor = 0; HF_AGAIN at the end. Half-opens are not among them. */
HF_API int hf_next_socket(const struct hf_stack *stack, uint64_t *cursor, hf_socket *socket);

/* A handshake under way that holds memory: it waits for its last ACK. */
struct hf_half_open {
    struct hf_endpoint local, remote;
    uint64_t user;                         /* of its listener                  */
    uint16_t mss;                          /* the peer's                       */
    uint8_t syn_acks;                      /* sent so far, duplicates' answers not counted */
    bool timestamps, sack, window_scaling; /* agreed on    */
};

/* Looks at one place of the SYN cache; start with *cursor = 0. HF_OK: *half_open is filled; HF_NO_SOCKET: the place is free,
 * go on; HF_AGAIN: that was the end. Those that come or go meanwhile may be shown or not. */
HF_API int hf_next_half_open(const struct hf_stack *stack, uint64_t *cursor,
                             struct hf_half_open *half_open);

#ifdef __cplusplus
}
#endif

#endif
