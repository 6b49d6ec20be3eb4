/* SEGMENT ARRIVES in SYN-SENT. [RFC 9293 3.10.7.3] */
#include "tcp/segment_arrives.h"

#include "base/bytes.h"
#include "tcp/ack_policy.h"
#include "tcp/congestion.h"
#include "tcp/open.h"
#include "tcp/retransmit_queue.h"
#include "tcp/state.h"
#include "tcp/window.h"

/* First, check the ACK bit: an acknowledgment of what we never sent is answered by a RST. [RFC 9293 X-08] */
static bool ack_is_acceptable(struct tcp *tcp, const struct tcb *tcb, const struct segment *seg)
{
    if (seq_gt(seg->ack, tcb->iss) && seq_leq(seg->ack, tcb->snd_nxt))
        return true;
    refuse_segment(tcp, segment_bad_ack);
    if (!(seg->flags & TCP_RST))
        tcp->reset = (struct tcp_reset){.wanted = true, .flags = TCP_RST, .seq = seg->ack};
    return false;
}

/* SYN and an acceptable ACK: the connection is there. */
static void established(struct tcp *tcp, struct tcb *tcb, const struct segment *seg, int64_t now_us)
{
    retransmit_queue_acked(tcp, tcb, seg, now_us);
    take_send_window(tcp, tcb, seg, now_us);
    tcb_enter(tcp, tcb, TCP_ESTABLISHED);
    open_start_sending(tcp, tcb);
    tcb->flags |= TCB_ACK_NOW;
    tcb->ready |= HF_CONNECTED | HF_WRITABLE;
}

/* A SYN without ACK: both ends opened at once. Our SYN is sent again, now with an ACK; or for the first time, if it still waits
 * for its next hop. [RFC 9293 MUST-10] */
static void simultaneous(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                         int64_t now_us)
{
    tcb_enter(tcp, tcb, TCP_SYN_RECEIVED);
    take_send_window(tcp, tcb, seg, now_us);
    open_start_sending(tcp, tcb);
    if (seq_eq(tcb->snd_nxt, tcb->iss))
        return;
    tcb->rtx_nxt = tcb->iss;
    tcb->rtx_end = seq_add(tcb->iss, 1);
    tcb->deadline_us[TCP_TIMER_RETRANSMIT] = now_us + tcb->rto_us;
    tcb->flags &= ~(uint32_t)TCB_RTT_TIMING;
}

/* [RFC 9293 X-26; R5961-04] */
bool syn_sent_segment_arrives(struct tcp *tcp, struct tcb *tcb, const struct segment *seg,
                              int64_t now_us)
{
    bool has_ack = seg->flags & TCP_ACK;

    if (has_ack && !ack_is_acceptable(tcp, tcb, seg))
        return false;
    if (seg->flags & TCP_RST) {
        if (has_ack)
            tcb_delete(tcp, tcb, TCP_END_REFUSED);
        else
            refuse_segment(tcp, rst_outside_window);
        return false;
    }
    if (!(seg->flags & TCP_SYN)) {
        refuse_segment(tcp, segment_no_syn);
        return false;
    }
    open_learn_options(tcp, tcb, seg, now_us);
    if (!has_ack) {
        simultaneous(tcp, tcb, seg, now_us);
        return false;
    }
    established(tcp, tcb, seg, now_us);
    return true;
}
