/* The table of legal transitions, and the two ways a connection ends. [RFC 9293 3.3.2] */
#include "tcp/state.h"

#include "base/must.h"
#include "tcp/reassembly.h"
#include "tcp/retransmit_queue.h"

static const bool legal[TCP_STATES][TCP_STATES] = {
#define ROW(from, to, why) [TCP_##from][TCP_##to] = true,
    TCP_TRANSITIONS(ROW)
#undef ROW
};

uint16_t tcp_state_successors(enum tcp_state from)
{
    uint32_t bits = 0;

    must(from < TCP_STATES);
    for (uint32_t to = 0; to < TCP_STATES; to++)
        bits |= (uint32_t)legal[from][to] << to;
    return (uint16_t)bits;
}

void tcp_state_note(struct tcp *tcp, enum tcp_state from, enum tcp_state to)
{
    must(from < TCP_STATES && to < TCP_STATES && legal[from][to]);
    tcp->transitions[from] |= (uint16_t)(1u << to);
}

void tcb_enter(struct tcp *tcp, struct tcb *tcb, enum tcp_state to)
{
    tcp_state_note(tcp, tcb->state, to);
    tcb->state = (uint8_t)to;
}

static void timers_off(struct tcb *tcb)
{
    for (int i = 0; i < TCP_TIMERS; i++)
        tcb->deadline_us[i] = NEVER_US;
}

static void count_end(struct hf_stats *stats, enum tcp_end why)
{
    switch (why) {
    case TCP_END_NONE: never();
    case TCP_END_CLOSED: count_one(stats, connections_closed); break;
    case TCP_END_RESET: count_one(stats, connections_reset); break;
    case TCP_END_REFUSED: count_one(stats, connections_refused); break;
    case TCP_END_TIMED_OUT: count_one(stats, connections_timed_out); break;
    case TCP_END_UNREACHABLE: count_one(stats, connections_unreachable); break;
    case TCP_END_ABORTED: count_one(stats, connections_aborted); break;
    }
}

void tcb_delete(struct tcp *tcp, struct tcb *tcb, enum tcp_end why)
{
    must(tcb->end == TCP_END_NONE);
    tcb_enter(tcp, tcb, TCP_CLOSED);
    tcb->end = (uint8_t)why;
    tcb->flags &= ~(uint32_t)(TCB_ACK_NOW | TCB_PROBE_NOW | TCB_KEEP_NOW);
    tcb->acks_owed = 0;
    tcb->rtx_nxt = tcb->rtx_end;
    timers_off(tcb);
    reassembly_drop(tcp, tcb);
    byte_queue_clear(&tcb->snd_queue, &tcp->chunks, &tcb->snd_held);
    if (why != TCP_END_CLOSED)
        byte_queue_clear(&tcb->rcv_queue, &tcp->chunks, &tcb->rcv_held);
    tcb->ready |= HF_ENDED;
    count_end(tcp->stats, why);
}

void tcb_abort(struct tcp *tcp, struct tcb *tcb, enum tcp_end why)
{
    tcp->reset = (struct tcp_reset){
        .wanted = tcb->state != TCP_SYN_SENT,
        .flags = TCP_RST | TCP_ACK,
        .seq = snd_speaks_from(tcb),
        .ack = tcb->rcv_nxt,
    };
    tcb_delete(tcp, tcb, why);
}

void tcp_release(struct tcp *tcp, struct tcb *tcb)
{
    reassembly_drop(tcp, tcb);
    byte_queue_clear(&tcb->snd_queue, &tcp->chunks, &tcb->snd_held);
    byte_queue_clear(&tcb->rcv_queue, &tcp->chunks, &tcb->rcv_held);
    must(tcb->rcv_held == 0 && tcb->snd_held == 0);
    chunk_pool_leave(&tcp->chunks);
    chunk_pool_leave(&tcp->chunks);
}

/* [RFC 9293 MUST-12] */
int tcp_end_error(enum tcp_end end)
{
    switch (end) {
    case TCP_END_NONE: return HF_OK;
    case TCP_END_CLOSED: return HF_CLOSING;
    case TCP_END_RESET: return HF_RESET;
    case TCP_END_REFUSED: return HF_REFUSED;
    case TCP_END_TIMED_OUT: return HF_TIMED_OUT;
    case TCP_END_UNREACHABLE: return HF_UNREACHABLE;
    case TCP_END_ABORTED: return HF_ABORTED;
    }
    never();
}

void tcp_remains(const struct tcb *tcb, struct tcp_remains *remains)
{
    *remains = (struct tcp_remains){
        .snd_nxt = tcb->snd_nxt,
        .rcv_nxt = tcb->rcv_nxt,
        .rcv_wnd = tcb_rcv_wnd(tcb),
        .ts_recent = tcb->ts_recent,
        .ts_offset = tcb->ts_offset,
        .rcv_wind_shift = tcb->rcv_wind_shift,
        .timestamps = !!(tcb->flags & TCB_TIMESTAMPS),
    };
}
