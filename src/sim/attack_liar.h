/* Receivers that lie about what they got, to be sent more, faster, or for ever. One of them is honest: the measure of the
 * others. [RFC 5681 3; RFC 3465 2; RFC 2018 8; RFC 9293 3.8.6] */
#ifndef SIM_ATTACK_LIAR_H
#define SIM_ATTACK_LIAR_H

#include "sim/attack_peer.h"

enum lie {
    LIE_NONE = 0,        /* an ACK for every second segment; for each, if pieces is 1         */
    LIE_DIVIDED,         /* each ACK in many, a few bytes further each (Savage et al. 1999)  */
    LIE_DUPLICATED,      /* duplicate ACKs for text that came in order                       */
    LIE_ONLY_DUPLICATES, /* and nothing is ever acknowledged                              */
    LIE_UNSENT,          /* ACKs of bytes that were never sent                               */
    LIE_EARLY,           /* ACKs of bytes that are still under way                           */
    LIE_SACKED,          /* SACK blocks for what never came, splitting every segment         */
    LIE_RENEGED,         /* what was SACKed is thrown away                                   */
    LIE_SHRUNK,          /* a window that is taken back with every second ACK                */
    LIE_TINY,            /* a window of one byte                                             */
    LIE_ZERO,            /* none                                                             */
    LIE_SIPPED,          /* none, but what probes it is taken, byte by byte                  */
    LIES,
};

#define LIAR_QUEUE 4096

struct liar_ack {
    int64_t at_us;
    struct segment seg;
};

struct liar {
    struct attacker attacker;
    struct attack_peer peer;
    struct field *field;
    enum lie lie;
    int64_t rtt_us;
    unsigned
        pieces; /* of a divided ACK; duplicates of another; bytes ahead of an early one in segments */
    unsigned unacked; /* segments */
    uint64_t acks;
    struct liar_ack *queue;
    uint32_t queue_from, queue_to; /* run on and wrap */
};

struct liar_setup {
    enum lie lie;
    uint16_t port;
    int64_t rtt_us;
    unsigned pieces;
    uint32_t lose_every;
};

/* Connects, and asks for what the service has to give. */
void liar_enter(struct liar *liar, struct field *field, const struct liar_setup *setup);
void liar_leave(struct liar *liar);

#endif
