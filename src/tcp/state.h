/* The states and every legal transition between them: one table. [RFC 9293 3.3.2, figure 5]
 *
 * The code asserts it (tcb_enter), docs/states.svg is drawn from it, and a test reports that each row was taken.
 * LISTEN and the passive half of SYN-RECEIVED are rows too, though gate holds them and not a TCB.
 */
#ifndef TCP_STATE_H
#define TCP_STATE_H

#include "tcp/tcp.h"

/* X(from, to, why) */
#define TCP_TRANSITIONS(X)                                                    \
    X(CLOSED, LISTEN, "passive OPEN")                                         \
    X(CLOSED, SYN_SENT, "active OPEN / send SYN")                             \
    X(LISTEN, CLOSED, "CLOSE")                                                \
    X(LISTEN, SYN_RECEIVED, "receive SYN / send SYN,ACK")                     \
    X(SYN_SENT, SYN_RECEIVED, "receive SYN / send SYN,ACK")                   \
    X(SYN_SENT, ESTABLISHED, "receive SYN,ACK / send ACK")                    \
    X(SYN_SENT, CLOSED, "CLOSE, receive RST, or timeout")                     \
    X(SYN_RECEIVED, ESTABLISHED, "receive ACK of SYN")                        \
    X(SYN_RECEIVED, FIN_WAIT_1, "CLOSE / send FIN")                           \
    X(SYN_RECEIVED, LISTEN, "receive RST, or timeout (passive open)")         \
    X(SYN_RECEIVED, CLOSED, "receive RST, ABORT, or timeout")                 \
    X(ESTABLISHED, FIN_WAIT_1, "CLOSE / send FIN")                            \
    X(ESTABLISHED, CLOSE_WAIT, "receive FIN / send ACK")                      \
    X(ESTABLISHED, CLOSED, "receive RST, ABORT, or timeout")                  \
    X(FIN_WAIT_1, FIN_WAIT_2, "receive ACK of FIN")                           \
    X(FIN_WAIT_1, CLOSING, "receive FIN / send ACK")                          \
    X(FIN_WAIT_1, CLOSED, "receive RST, ABORT, or timeout")                   \
    X(FIN_WAIT_2, TIME_WAIT, "receive FIN / send ACK")                        \
    X(FIN_WAIT_2, CLOSED, "receive RST, ABORT, text after CLOSE, or timeout") \
    X(CLOSE_WAIT, LAST_ACK, "CLOSE / send FIN")                               \
    X(CLOSE_WAIT, CLOSED, "receive RST, ABORT, or timeout")                   \
    X(CLOSING, TIME_WAIT, "receive ACK of FIN")                               \
    X(CLOSING, CLOSED, "receive RST, ABORT, or timeout")                      \
    X(LAST_ACK, CLOSED, "receive ACK of FIN, RST, ABORT, or timeout")         \
    X(TIME_WAIT, CLOSED, "2 MSL are over")                                    \
    X(TIME_WAIT, SYN_RECEIVED, "receive newer SYN / send SYN,ACK")

/* The bits of the states that may follow `from`. */
uint16_t tcp_state_successors(enum tcp_state from);

/* Notes that a transition happened; must() be legal. For transitions of a TCB, tcb_enter does it. */
void tcp_state_note(struct tcp *tcp, enum tcp_state from, enum tcp_state to);

/* Moves a TCB to another state. */
void tcb_enter(struct tcp *tcp, struct tcb *tcb, enum tcp_state to);

/* Ends a connection: state CLOSED, queues flushed, timers off, its user told. [RFC 9293 3.10.7.4] */
void tcb_delete(struct tcp *tcp, struct tcb *tcb, enum tcp_end why);

/* Ends it with a RST to the peer: <SEQ=SND.NXT><CTL=RST,ACK>, or from where a closed window believes it. */
void tcb_abort(struct tcp *tcp, struct tcb *tcb, enum tcp_end why);

#endif
