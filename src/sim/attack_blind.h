/* Blind forgeries: an attacker off the path who knows a connection's four-tuple and nothing else, and tries every sequence
 * number. Victims in every state. [RFC 5961 1.1; RFC 5927 2; RFC 9293 3.3.2] */
#ifndef SIM_ATTACK_BLIND_H
#define SIM_ATTACK_BLIND_H

#include "sim/attack_peer.h"
#include "tcp/tcb.h"

/* A connection of the server, brought to a state with its honest peer, who then falls silent. */
struct victim {
    struct attack_peer peer;
    hf_socket socket; /* HF_NO_SUCH_SOCKET: a half-open, or TIME-WAIT  */
    enum hf_state wanted;
    bool simultaneous; /* SYN-RECEIVED without a listener               */
};

/* Brings a victim there, of a peer with this port. simultaneous is read for SYN-RECEIVED alone. */
void victim_reach(struct victim *victim, struct field *field, enum hf_state state, uint16_t port);
void victim_forget(struct victim *victim, struct field *field);

/* The state in which the server holds the victim's flow: CLOSED if it knows it no more. */
enum hf_state victim_state(const struct victim *victim, const struct field *field);

/* Its TCB; NULL in LISTEN's SYN-RECEIVED, TIME-WAIT and CLOSED. */
struct tcb *victim_tcb(const struct victim *victim, const struct field *field);

/* A run of guesses: what they look like, and what came of them. */
struct blind {
    struct segment seg; /* what each guess looks like                       */
    bool guesses_ack;   /* SEG.ACK and not SEG.SEQ runs through the numbers */
    seq first;          /* the guesses: first, first + step, ...            */
    uint32_t step;
    uint64_t count;
    seq but; /* not this one, if spares                          */
    bool spares;
    uint64_t answers; /* frames that the guesses provoked                 */
    uint64_t ends;    /* guesses after which the victim's state was another */
    seq ended_by;     /* the first of those                               */
};

/* Guesses one after the other, all at the same instant. */
void blind_sweep(struct blind *blind, struct field *field, const struct victim *victim);

#endif
