/* What SYN-SENT and the synchronized states share when a segment arrives. [RFC 9293 3.10.7] */
#ifndef TCP_SEGMENT_ARRIVES_H
#define TCP_SEGMENT_ARRIVES_H

#include "tcp/tcp.h"

/* 3.10.7.3: the state SYN-SENT. true: the SYN was acknowledged and text, URG and FIN of the same segment are to be
 * processed as in ESTABLISHED. */
bool syn_sent_segment_arrives(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                              int64_t now_us);

/* SND.WND, SND.WL1, SND.WL2 from an acceptable segment; the caller has checked WL1 and WL2. */
void take_send_window(struct tcp *tcp, struct tcb *tcb, const struct segment *seg, int64_t now_us);

/* Refuses the segment for a reason: counted, and noted for the caller. */
#define refuse_segment(tcp, name) ((void)((tcp)->reason = count_reason((tcp)->stats, name)))

#endif
