/* Typed events: facts for a log and for users, kept in a ring of the caller's that counts what it drops. */
#ifndef HANDFAST_EVENT_H
#define HANDFAST_EVENT_H

#include <handfast/handfast.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hf_event_kind {
    HF_EVENT_NONE = 0,
    HF_EVENT_CONNECTION_OPENED,   /* a handshake was finished                                  */
    HF_EVENT_CONNECTION_ENDED,    /* value: the enum hf_error, 0 for an orderly close          */
    HF_EVENT_HALF_OPEN_TIMED_OUT, /* nobody acknowledged our SYN-ACK: count since since_us     */
    HF_EVENT_CACHE_FULL,          /* the SYN cache of a listener is full                       */
    HF_EVENT_ACCEPT_QUEUE_FULL,   /* connections wait for hf_accept, no more can: likewise     */
    HF_EVENT_POOL_FULL,           /* no memory for bytes that arrived                          */
    HF_EVENT_CHALLENGED,          /* a RST, SYN or ACK that might be forged was challenged     */
    HF_EVENT_ADDRESS_CONFLICT,    /* another station claims our address (ARP, ND)              */
    HF_EVENT_NEIGHBOR_FAILED,     /* nobody answers for a next hop                             */
    /* A listener's pressure changed. value: the enum hf_pressure; local: the listener; remote with prefix_length: the
     * prefix that sent most, if one stands out; count: SYNs of the level that ends; since_us: when it began. */
    HF_EVENT_PRESSURE,
    /* One prefix tries many closed ports or odd flags. remote with prefix_length: who; local: what it tried last; count:
     * segments since since_us; value: different closed ports among them, about. */
    HF_EVENT_SCAN,
    /* A connection that held memory without progress was released. value: the enum hf_held; count: bytes; since_us: its
     * last progress. Told ten times a second at most; the counters watch_* know all. */
    HF_EVENT_HELD,
    /* The listener is calm again. count: SYNs since since_us, the first change from calm. */
    HF_EVENT_FLOOD_OVER,
    /* A segment was not believed: a peer's of whom a key speaks, or one with two signatures. value: the enum
     * hf_signature_fault (auth.h); count since since_us, as it is told a few times a second at most. */
    HF_EVENT_SIGNATURE,
    HF_EVENT_KINDS,
};

/* Why a connection was released near a limit. */
enum hf_held {
    HF_HELD_ZERO_WINDOW = 1, /* the peer kept its window closed               */
    HF_HELD_SLOW,            /* it took next to nothing                       */
    HF_HELD_UNACKNOWLEDGED,  /* it acknowledged nothing                       */
    HF_HELD_CLOSING,         /* FIN-WAIT-1, CLOSING or LAST-ACK               */
    HF_HELD_FIN_WAIT_2,      /* we have closed, the peer never did            */
    HF_HELD_IDLE,            /* nothing was said, and its prefix holds most   */
};

/* What happened, and for an alarm also how much of it, since when and from where: enough to act without looking. */
struct hf_event {
    int64_t at_us;
    enum hf_event_kind kind;
    uint32_t value;
    struct hf_endpoint local, remote;
    uint64_t count;
    int64_t since_us;
    uint8_t prefix_length; /* of remote, in bits of its family; 0: remote is one host, or none */
};

/* A ring in the caller's memory. `capacity` must be a power of two. */
struct hf_event_sink {
    struct hf_event *events;
    uint32_t capacity;
    uint32_t written, taken; /* run on and wrap */
    uint64_t dropped;        /* the ring was full */
};

/* The oldest event, or false. */
HF_API bool hf_event_take(struct hf_event_sink *sink, struct hf_event *event);

/* "connection opened"; "?" for a number that is no kind. */
HF_API const char *hf_event_text(enum hf_event_kind kind);

/* Longest sentence with its final zero. */
#define HF_EVENT_SENTENCE_MAX 384u

/* The event as one sentence for people: what, where, from whom, how much, since when and why. Writes at most `capacity` bytes
 * with a final zero and returns the length of the whole sentence. */
HF_API size_t hf_event_sentence(const struct hf_event *event, char *sentence, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
