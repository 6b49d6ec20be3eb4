/* Holders: hosts that open connections as anybody may, and then cost memory without giving anything back: closed windows,
 * windows of one byte, a byte now and then, silence, a FIN that is never acknowledged. [RFC 6429; RFC 9293 3.8.6.1] */
#ifndef SIM_ATTACK_HOLD_H
#define SIM_ATTACK_HOLD_H

#include "sim/attack_field.h"

enum hold_kind {
    HOLD_ZERO_WINDOW = 0, /* asks, and lets nothing come                                   */
    HOLD_TINY_WINDOW,     /* asks, and takes a byte at a time                              */
    HOLD_SLOW_SENDER,     /* never finishes its question: a byte every five seconds        */
    HOLD_SILENT,          /* says nothing at all                                           */
    HOLD_NEVER_ACKS,      /* asks, and acknowledges nothing: not even the last FIN         */
    HOLD_HALF_CLOSED,     /* takes the answer, and never closes                            */
};

enum hold_from {
    HOLD_FROM_ONE = 0, /* address    */
    HOLD_FROM_MANY,    /* addresses: each connection from another /24 or /64 */
};

struct hold_end;
struct hold_say;

struct hold {
    struct attacker attacker;
    struct field *field;
    enum hold_kind kind;
    enum hold_from from;
    struct random random;
    struct hf_address base;
    uint32_t wanted, opened; /* connections */
    uint32_t request;        /* bytes that make a whole question */
    int64_t opens_every_us, next_open_us;
    struct hold_end *ends; /* by port - HOLD_PORT_FIRST */
    struct hold_say *said; /* ends that will have something to say, a ring */
    uint32_t said_from, said_to;
    uint32_t next_slow; /* end that says its byte next */
    int64_t next_slow_us;
    uint64_t established, resets;
};

#define HOLD_PORT_FIRST 2000
#define HOLD_MOST 60000

struct hold_setup {
    enum hold_kind kind;
    enum hold_from from;
    uint32_t connections, per_s;
    uint32_t request;
};

void hold_enter(struct hold *hold, struct field *field, const struct hold_setup *setup);
void hold_leave(struct hold *hold);

#endif
