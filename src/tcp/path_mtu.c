/* What ICMP may tell a connection. [RFC 1191; RFC 8201; RFC 5927; RFC 9293 3.9.2.2]
 *
 * Anyone who can guess a flow can send such a message. So: the quoted sequence number must be in flight; hard errors end
 * only what is not yet synchronized; a smaller path is believed at once only if it is no smaller than what is known to have
 * passed, else when a segment really was lost; and never below 552 (IPv4, then without DF) or 1280 (IPv6).
 */
#include "tcp/path_mtu.h"

#include "base/bytes.h"
#include "tcp/segment_arrives.h"
#include "tcp/state.h"

#define MTU_FLOOR_V4 552u
#define MTU_FLOOR_V6 1280u

static uint32_t header_bytes(const struct tcb *tcb)
{
    return tcb->flags & TCB_V6 ? 60 : 40;
}

/* [R5927-01, R8201-04] */
static bool is_in_flight(const struct tcb *tcb, seq quoted)
{
    return seq_in_window(quoted, tcb->snd_una, seq_distance(tcb->snd_una, tcb->snd_nxt));
}

/* Takes over a smaller path: what is outstanding is cut anew and sent again, without blaming congestion. [RFC 1191 6.4]
 * [R8201-07, R1191-02] */
static void shrink(struct tcb *tcb, uint32_t mtu)
{
    uint32_t floor = tcb->flags & TCB_V6 ? MTU_FLOOR_V6 : MTU_FLOOR_V4;

    if (mtu < floor) {
        mtu = floor;
        tcb->flags |= tcb->flags & TCB_V6 ? 0 : TCB_NO_DF;
    }
    tcb->pending_mtu = 0;
    if (mtu - header_bytes(tcb) >= tcb->mss)
        return;
    tcb->mss = (uint16_t)(mtu - header_bytes(tcb));
    if (tcb->flags & TCB_SYN_ACKED) {
        tcb->rtx_nxt = tcb->snd_una;
        tcb->rtx_end = tcb->snd_nxt;
    }
}

/* [R5927-09] */
void path_mtu_on_timeout(struct tcb *tcb)
{
    if (tcb->pending_mtu)
        shrink(tcb, tcb->pending_mtu);
}

/* [RFC 9293 X-29; R7323-28, R5927-08, R8201-01, R8201-02, R1191-01, R1191-05, R1191-08] */
void tcp_icmp_too_big(struct tcp *tcp, struct tcb *tcb, seq quoted, uint32_t mtu, int64_t now_us)
{
    (void)now_us;
    if (!is_in_flight(tcb, quoted) || mtu >= tcb->mss + header_bytes(tcb)) {
        refuse_segment(tcp, icmp_ignored);
        return;
    }
    count_one(tcp->stats, icmp_too_big);
    if (mtu >= tcb->max_acked + header_bytes(tcb))
        shrink(tcb, mtu);
    else
        tcb->pending_mtu = (uint16_t)max_u32(mtu, 1);
}

/* [RFC 9293 MUST-56, SHLD-25; R5927-04] [RFC 9293 MUST-47, SHLD-20] */
void tcp_icmp_error(struct tcp *tcp, struct tcb *tcb, seq quoted, enum tcp_end hard, int64_t now_us)
{
    (void)now_us;
    if (!is_in_flight(tcb, quoted)) {
        refuse_segment(tcp, icmp_ignored);
        return;
    }
    if (hard != TCP_END_NONE && tcb->state == TCP_SYN_SENT) { /* [RFC 9293 SHLD-26] */
        tcb_delete(tcp, tcb, hard);
        return;
    }
    count_one(tcp->stats, icmp_soft_error);
    tcb->soft_error = true;
}
