/* Text that arrived ahead of its turn. [RFC 9293 3.10.7.4, RFC 2018] */
#ifndef TCP_REASSEMBLY_H
#define TCP_REASSEMBLY_H

#include "tcp/tcp.h"

/* What became of text. */
enum reassembly_verdict {
    REASSEMBLY_IN_ORDER,  /* RCV.NXT moved                                         */
    REASSEMBLY_KEPT,      /* ahead of RCV.NXT, kept                                */
    REASSEMBLY_DUPLICATE, /* ahead of RCV.NXT, but all of it was there             */
    REASSEMBLY_NO_ROOM,   /* no memory, or too many gaps: as if it had been lost   */
};

/* Takes text already trimmed to the window: `at` is not before RCV.NXT. *fin: a FIN follows its last byte; afterwards
 * whether RCV.NXT stands at the peer's FIN, this one or one that came earlier. */
enum reassembly_verdict reassembly_insert(struct tcp *tcp, struct tcb *tcb, seq at,
                                          struct byte_run text, bool *fin);

/* Gives up all that is out of order. RFC 2018 allows it, though it was announced by SACK. */
void reassembly_drop(struct tcp *tcp, struct tcb *tcb);

/* The blocks to report, the most recent first. Returns how many. [RFC 2018 4] */
unsigned reassembly_sack(const struct tcp *tcp, const struct tcb *tcb, struct sack_block *blocks,
                         unsigned most);

/* Frees memory by giving up the oldest out-of-order record of any connection but `but`; false if there is none. */
bool reassembly_reclaim(struct tcp *tcp, const struct tcb *but);

#endif
