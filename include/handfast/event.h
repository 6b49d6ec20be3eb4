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
    HF_EVENT_HALF_OPEN_TIMED_OUT, /* nobody acknowledged our SYN-ACK                           */
    HF_EVENT_CACHE_FULL,          /* the SYN cache of a listener is full                       */
    HF_EVENT_ACCEPT_QUEUE_FULL,
    HF_EVENT_POOL_FULL,        /* no memory for bytes that arrived                          */
    HF_EVENT_CHALLENGED,       /* a RST, SYN or ACK that might be forged was challenged     */
    HF_EVENT_ADDRESS_CONFLICT, /* another station claims our address (ARP, ND)              */
    HF_EVENT_NEIGHBOR_FAILED,  /* nobody answers for a next hop                             */
    HF_EVENT_KINDS,
};

struct hf_event {
    int64_t at_us;
    enum hf_event_kind kind;
    uint32_t value;
    struct hf_endpoint local, remote;
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

#ifdef __cplusplus
}
#endif

#endif
