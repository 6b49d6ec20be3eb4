/* Floods: frames at a rate that cost their sender nothing to think about. Off the path: he sees no answer, unless the owners
 * of the addresses that he forges speak up. [RFC 4987 2.1, 3; RFC 4953 2] */
#ifndef SIM_ATTACK_FLOOD_H
#define SIM_ATTACK_FLOOD_H

#include "sim/attack_field.h"

enum flood_kind {
    FLOOD_SYN = 0,
    FLOOD_SYN_BARE, /* without any option                                      */
    FLOOD_ACK,      /* of connections that never were                          */
    FLOOD_PUSH,     /* the same with text, as middleboxes do                   */
    FLOOD_RST,
    FLOOD_FIN,
    FLOOD_CLOSED, /* SYNs to ports that nobody opened                        */
    FLOOD_ECHO,   /* pings                                                   */
};

enum flood_source {
    FLOOD_FROM_ANYWHERE = 0,
    FLOOD_FROM_ONE,    /* one address, all its ports                */
    FLOOD_FROM_PREFIX, /* one /24 or /64                            */
    FLOOD_FROM_CLIENT, /* an honest client's address is imitated: number 0 */
};

struct flood {
    struct attacker attacker;
    enum flood_kind kind;
    enum flood_source source;
    bool owners_reset; /* who gets a SYN-ACK that he never asked for says so [RFC 9293 3.5.2] */
    struct random random;
    bool v6;
    struct hf_address victim, base;
    uint16_t port;
    uint64_t answers, answer_bytes, resets; /* seen by the owners; their resets */
};

struct flood_setup {
    enum flood_kind kind;
    enum flood_source source;
    bool owners_reset;
    uint64_t frames;
    uint32_t per_s;
    uint16_t port; /* 0: FIELD_PORT */
};

/* Into the field it goes. Bursts come every 50 us, or seldomer if the rate is so low. */
void flood_enter(struct flood *flood, struct field *field, const struct flood_setup *setup);

#endif
