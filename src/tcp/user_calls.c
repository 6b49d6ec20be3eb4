/* OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS: what the user asks of one connection. [RFC 9293 3.10.1 to 3.10.6] */
#include "tcp/tcp.h"

#include "base/bytes.h"
#include "base/must.h"
#include "tcp/open.h"
#include "tcp/reassembly.h"
#include "tcp/retransmit_queue.h"
#include "tcp/state.h"
#include "tcp/window.h"

/* HF_OK if the state lets the user send, else the answer of 3.10.2. */
static int may_send(const struct tcb *tcb)
{
    if (tcb->end != TCP_END_NONE)
        return tcp_end_error(tcb->end);
    if (tcb->flags & (TCB_FIN_WANTED | TCB_NO_USER))
        return HF_CLOSING;
    return HF_OK;
}

/* Room in the send queue; notes that the user waits if there is none. */
static uint32_t send_room(struct tcb *tcb)
{
    uint32_t room = tcb->snd_limit - min_u32(tcb->snd_queue.length, tcb->snd_limit);

    if (room == 0)
        tcb->flags |= TCB_WANT_ROOM;
    return room;
}

ptrdiff_t tcp_send(struct tcp *tcp, struct tcb *tcb, const void *data, size_t length,
                   int64_t now_us)
{
    int error = may_send(tcb);
    uint32_t room, taken;

    (void)now_us;
    if (error)
        return error;
    if (length == 0)
        return 0;
    room = send_room(tcb);
    if (length < room)
        room = (uint32_t)length;
    taken = room ? byte_queue_append(&tcb->snd_queue, &tcp->chunks, data, room, &tcb->snd_held) : 0;
    if (taken < length)
        tcb->flags |= TCB_WANT_ROOM;
    return taken ? (ptrdiff_t)taken : HF_AGAIN;
}

/* [RFC 9293 MUST-30, MUST-31] */
ptrdiff_t tcp_send_urgent(struct tcp *tcp, struct tcb *tcb, const void *data, size_t length,
                          int64_t now_us)
{
    ptrdiff_t taken = tcp_send(tcp, tcb, data, length, now_us);

    if (taken > 0) {
        tcb->snd_up = snd_text_end(tcb);
        tcb->flags |= TCB_SND_URGENT;
    }
    return taken;
}

ptrdiff_t tcp_reserve(struct tcp *tcp, struct tcb *tcb, struct hf_span *spans, size_t *count)
{
    struct byte_run runs[HF_SPANS_MAX];
    struct byte_room room = {
        .runs = runs,
        .count = (uint32_t)(*count < HF_SPANS_MAX ? *count : HF_SPANS_MAX),
    };
    ptrdiff_t bytes = 0;
    int error = may_send(tcb);

    *count = 0;
    if (error)
        return error;
    room.limit = send_room(tcb);
    if (room.limit == 0 || room.count == 0)
        return HF_AGAIN;
    *count = byte_queue_reserve(&tcb->snd_queue, &tcp->chunks, &room, &tcb->snd_held);
    for (size_t i = 0; i < *count; i++) {
        spans[i] = (struct hf_span){runs[i].data, runs[i].length};
        bytes += (ptrdiff_t)runs[i].length;
    }
    if (bytes == 0)
        tcb->flags |= TCB_WANT_ROOM;
    return bytes ? bytes : HF_AGAIN;
}

int tcp_commit(struct tcp *tcp, struct tcb *tcb, size_t length, int64_t now_us)
{
    (void)now_us;
    byte_queue_commit(&tcb->snd_queue, &tcp->chunks, (uint32_t)length, &tcb->snd_held);
    byte_queue_rest(&tcb->snd_queue, &tcp->chunks, &tcb->snd_held);
    return HF_OK;
}

/* What RECEIVE answers when nothing is queued. [RFC 9293 3.10.3] */
static int nothing_there(const struct tcb *tcb)
{
    if (tcb->end != TCP_END_NONE && tcb->end != TCP_END_CLOSED)
        return tcp_end_error(
            tcb->end); /* text before the FIN may have been flushed: no "end of file" */
    if (tcb->flags & TCB_FIN_RECEIVED)
        return 0;
    if (tcb->end != TCP_END_NONE)
        return tcp_end_error(tcb->end);
    return HF_AGAIN;
}

ptrdiff_t tcp_peek(struct tcp *tcp, struct tcb *tcb, struct hf_span *spans, size_t *count)
{
    uint32_t offset = 0;
    size_t used = 0;

    while (used < *count && offset < tcb->rcv_queue.length) {
        struct byte_run run =
            byte_queue_at(&tcb->rcv_queue, &tcp->chunks, offset, tcb->rcv_queue.length - offset);

        spans[used++] = (struct hf_span){run.data, run.length};
        offset += run.length;
    }
    *count = used;
    return offset ? (ptrdiff_t)offset : nothing_there(tcb);
}

static void tell_of_window(const struct tcp *tcp, struct tcb *tcb)
{
    if (tcb->end == TCP_END_NONE && !(tcb->flags & TCB_FIN_RECEIVED) &&
        tcb->state >= TCP_ESTABLISHED && window_update_due(tcp, tcb))
        tcb->flags |= TCB_ACK_NOW;
}

int tcp_consume(struct tcp *tcp, struct tcb *tcb, size_t length, int64_t now_us)
{
    (void)now_us;
    if (length > tcb->rcv_queue.length)
        return HF_INVALID;
    byte_queue_consume(&tcb->rcv_queue, &tcp->chunks, (uint32_t)length, &tcb->rcv_held);
    if (tcb->ooo == SLOT_NONE)
        byte_queue_rest(&tcb->rcv_queue, &tcp->chunks, &tcb->rcv_held);
    if ((tcb->flags & TCB_WANT_ROOM) && tcb->snd_queue.length < tcb->snd_limit &&
        chunk_room(&tcp->chunks, tcb->snd_held) > 0) { /* what was read made room to write */
        tcb->flags &= ~(uint32_t)TCB_WANT_ROOM;
        tcb->ready |= HF_WRITABLE;
    }
    if ((tcb->flags & TCB_RCV_URGENT) &&
        seq_leq(tcb->rcv_up,
                seq_sub(tcb->rcv_nxt, tcb->rcv_queue.length + !!(tcb->flags & TCB_FIN_RECEIVED))))
        tcb->flags &= ~(uint32_t)TCB_RCV_URGENT;
    tell_of_window(tcp, tcb);
    return HF_OK;
}

ptrdiff_t tcp_receive(struct tcp *tcp, struct tcb *tcb, void *buffer, size_t capacity,
                      int64_t now_us)
{
    uint32_t offset = 0;

    if (tcb->rcv_queue.length == 0)
        return nothing_there(tcb);
    while (offset < capacity && offset < tcb->rcv_queue.length) {
        uint32_t want = (uint32_t)(capacity - offset < tcb->rcv_queue.length - offset
                                       ? capacity - offset
                                       : tcb->rcv_queue.length - offset);
        struct byte_run run = byte_queue_at(&tcb->rcv_queue, &tcp->chunks, offset, want);

        memcpy((uint8_t *)buffer + offset, run.data, run.length);
        offset += run.length;
    }
    tcp_consume(tcp, tcb, offset, now_us);
    return (ptrdiff_t)offset;
}

int tcp_shutdown(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    (void)now_us;
    if (tcb->end != TCP_END_NONE)
        return tcp_end_error(tcb->end);
    switch ((enum tcp_state)tcb->state) {
    case TCP_SYN_SENT: tcb_delete(tcp, tcb, TCP_END_ABORTED); return HF_OK; /* [RFC 9293 3.10.4] */
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED: tcb_enter(tcp, tcb, TCP_FIN_WAIT_1); break;
    case TCP_CLOSE_WAIT: tcb_enter(tcp, tcb, TCP_LAST_ACK); break;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
    case TCP_STATES: return HF_CLOSING;
    }
    tcb->flags |= TCB_FIN_WANTED;
    tcb->flags &= ~(uint32_t)(TCB_WANT_ROOM | TCB_CORK);
    return HF_OK;
}

int tcp_close(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    if (tcb->end != TCP_END_NONE || tcb->state == TCP_TIME_WAIT)
        return HF_OK;
    if (tcb->rcv_queue.length >
        0) { /* bytes nobody will read: the peer must know [RFC 9293 SHLD-3] */
        tcb_abort(tcp, tcb, TCP_END_ABORTED);
        return HF_OK;
    }
    if (!(tcb->flags & TCB_FIN_WANTED))
        tcp_shutdown(tcp, tcb, now_us);
    if (tcb->end != TCP_END_NONE)
        return HF_OK;
    tcb->flags |= TCB_NO_USER;
    reassembly_drop(tcp, tcb);
    if (tcb->state == TCP_FIN_WAIT_2)
        tcb->deadline_us[TCP_TIMER_KEEP] = now_us + ms_to_us(tcp->config.fin_wait_2_ms);
    return HF_OK;
}

void tcp_abort(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    (void)now_us;
    if (tcb->end != TCP_END_NONE || tcb->state == TCP_TIME_WAIT)
        return;
    tcb_abort(tcp, tcb, TCP_END_ABORTED);
}

static void set_flag(struct tcb *tcb, enum tcb_flag flag, bool on)
{
    tcb->flags = on ? tcb->flags | flag : tcb->flags & ~(uint32_t)flag;
}

/* [RFC 9293 MUST-17, MUST-21, MUST-24] [RFC 9293 MUST-48] */
int tcp_set_option(struct tcp *tcp, struct tcb *tcb, enum hf_option option, uint32_t value,
                   int64_t now_us)
{
    switch (option) {
    case HF_NODELAY: set_flag(tcb, TCB_NODELAY, value); return HF_OK;
    case HF_QUICK_ACK: set_flag(tcb, TCB_QUICK_ACK, value); return HF_OK;
    case HF_CORK: set_flag(tcb, TCB_CORK, value); return HF_OK;
    case HF_USER_TIMEOUT_MS:
        tcb->user_timeout_ms = value;
        if (tcb->deadline_us[TCP_TIMER_USER] != NEVER_US)
            tcb->deadline_us[TCP_TIMER_USER] = now_us + user_timeout_us(tcp, tcb);
        return HF_OK;
    case HF_KEEPALIVE_IDLE_MS:
        tcb->keep_idle_ms = value;
        if (value && tcb->state >= TCP_ESTABLISHED)
            keepalive_start(tcp, tcb, now_us);
        return HF_OK;
    case HF_RECEIVE_BYTES:
        if (value == 0 || value > tcp->config.receive_bytes)
            return HF_INVALID; /* the window scale is fixed by the configuration */
        tcb->rcv_limit = value;
        tell_of_window(tcp, tcb);
        return HF_OK;
    case HF_SEND_BYTES:
        if (value == 0)
            return HF_INVALID;
        tcb->snd_limit = value;
        return HF_OK;
    case HF_DSCP:
        if (value > 63)
            return HF_INVALID;
        tcb->dscp = (uint8_t)value;
        return HF_OK;
    }
    return HF_INVALID;
}

/* [RFC 9293 MUST-33] */
static uint32_t urgent_unread(const struct tcb *tcb)
{
    seq first = seq_sub(tcb->rcv_nxt, tcb->rcv_queue.length);

    if (!(tcb->flags & TCB_RCV_URGENT) || seq_leq(tcb->rcv_up, first))
        return 0;
    return seq_distance(first, tcb->rcv_up);
}

/* [RFC 9293 MUST-47] */
void tcp_status(const struct tcb *tcb, struct hf_status *status)
{
    uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);

    status->state = (enum hf_state)tcb->state;
    status->error = tcb->end == TCP_END_CLOSED ? HF_OK : tcp_end_error(tcb->end);
    status->bytes_received = tcb->bytes_received;
    status->bytes_sent = tcb->bytes_acked;
    status->receive_queued = tcb->rcv_queue.length;
    status->send_queued = tcb->snd_queue.length;
    status->unsent = tcb->snd_queue.length - min_u32(flight, tcb->snd_queue.length);
    status->receive_window = tcb_rcv_wnd(tcb);
    status->send_window = tcb->snd_wnd;
    status->srtt_us = tcb->srtt_us;
    status->rttvar_us = tcb->rttvar_us;
    status->rto_us = tcb->rto_us;
    status->congestion_window = tcb->congestion.cwnd;
    status->slow_start_threshold = tcb->congestion.ssthresh;
    status->retransmits = tcb->retransmits;
    status->mss = tcb->mss;
    status->send_scale = tcb->snd_wind_shift;
    status->receive_scale = tcb->rcv_wind_shift;
    status->timestamps = tcb->flags & TCB_TIMESTAMPS;
    status->sack = tcb->flags & TCB_SACK;
    status->window_scaling = tcb->flags & TCB_SCALING;
    status->peer_closed = tcb->flags & TCB_FIN_RECEIVED;
    status->nodelay = tcb->flags & TCB_NODELAY;
    status->urgent_bytes = urgent_unread(tcb);
    status->soft_error = tcb->soft_error ? HF_UNREACHABLE : HF_OK;
    status->iss = tcb->iss.value;
    status->irs = tcb->irs.value;
    status->snd_una = tcb->snd_una.value;
    status->snd_nxt = tcb->snd_nxt.value;
    status->rcv_nxt = tcb->rcv_nxt.value;
}
