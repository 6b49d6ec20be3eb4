/* What must be true of every connection after each step. [RFC 9293 3.3.1, 3.8; RFC 5681 3.1] */
#include "fuzz/stand_tcp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/time.h"
#include "stack/stack.h"
#include "tcp/retransmit_queue.h"

/* What only goes on, and whether it did since the last look. [RFC 9293 3.4, SHLD-14] */
static const char *check_progress(const struct tcb *tcb, const struct stand_seen *seen)
{
    if (seq_lt(tcb->snd_una, seen->snd_una) || seq_lt(tcb->snd_nxt, seen->snd_nxt))
        return "SND.UNA and SND.NXT only go on";
    if (seq_lt(tcb->rcv_nxt, seen->rcv_nxt))
        return "RCV.NXT only goes on";
    if (seq_lt(tcb->rcv_edge, seen->rcv_edge))
        return "the receive window's right edge never moves left [RFC 9293 SHLD-14]";
    if (seq_gt(tcb->snd_nxt, seq_add(seq_max(seen->snd_edge, seen->snd_nxt), 1)) &&
        seq_gt(tcb->snd_nxt, seq_add(tcb->snd_una, tcb->snd_wnd)))
        return "nothing but a probe is sent beyond the peer's window [RFC 9293 MUST-34]";
    return NULL;
}

static void see(const struct tcb *tcb, struct stand_seen *seen)
{
    seq edge = seq_add(tcb->snd_una, tcb->snd_wnd);

    if (!seq_eq(seen->iss, tcb->iss) || !seq_eq(seen->irs, tcb->irs) ||
        seq_lt(seen->snd_edge, edge))
        seen->snd_edge = edge;
    seen->iss = tcb->iss;
    seen->irs = tcb->irs;
    seen->snd_una = tcb->snd_una;
    seen->snd_nxt = tcb->snd_nxt;
    seen->rcv_nxt = tcb->rcv_nxt;
    seen->rcv_edge = tcb->rcv_edge;
}

/* [RFC 5681 3.1; RFC 6298 2.4, 2.5] */
static const char *check_limits(const struct tcp_config *config, const struct tcb *tcb)
{
    uint32_t grain = 1u << tcb->rcv_wind_shift;

    if ((tcb->flags & TCB_SYN_ACKED) && tcb->congestion.cwnd < tcb_smss(tcb))
        return "cwnd is a segment at least";
    if ((tcb->flags & TCB_SYN_ACKED) && tcb->congestion.ssthresh < 2 * tcb_smss(tcb))
        return "ssthresh is two segments at least [RFC 5681 (4)]";
    if (tcb->rto_us < config->min_rto_us || tcb->rto_us > config->max_rto_us)
        return "RTO is within its bounds";
    if (tcb->rcv_queue.length + tcb_rcv_wnd(tcb) >
        config->receive_bytes + config->receive_bytes / 8 + 2 * grain)
        return "no more waits, or is offered, than the limit";
    return NULL;
}

/* Once all that may be sent is sent. */
static const char *check_waiting(const struct tcp *tcp, const struct tcb *tcb)
{
    bool text = (tcb->flags & TCB_SYN_ACKED) &&
                seq_gt(snd_text_end(tcb), seq_max(tcb->snd_nxt, tcb->snd_una));
    bool fin = (tcb->flags & (TCB_FIN_WANTED | TCB_FIN_SENT)) == TCB_FIN_WANTED;

    if (tcp_wants_output(tcp, tcb) && seq_eq(tcb->rtx_nxt, tcb->rtx_end))
        return "all is sent that may be";
    if (tcb->state >= TCP_ESTABLISHED && (text || fin) &&
        tcb->deadline_us[TCP_TIMER_RETRANSMIT] == NEVER_US &&
        tcb->deadline_us[TCP_TIMER_HOLD] == NEVER_US)
        return "a timer runs for what waits to be sent";
    return NULL;
}

static const char *check_connection(struct stand *stand, uint32_t slot)
{
    const struct connection *connection = connection_at(&stand->stack->connections, slot);
    struct stand_seen *seen = &stand->seen[slot % STAND_SEEN];
    const struct tcb *tcb = &connection->tcb;
    const char *untrue = tcb_check(tcb);

    if (tcb->end != TCP_END_NONE || untrue)
        return untrue;
    untrue = check_limits(&stand->stack->tcp.config, tcb);
    if (!untrue && seen->generation == connection->generation && seq_eq(seen->iss, tcb->iss) &&
        seq_eq(seen->irs, tcb->irs))
        untrue = check_progress(tcb, seen);
    if (!untrue && !stand->holds_back &&
        !(connection->flags & CONNECTION_WAITS)) /* for its next hop's address */
        untrue = check_waiting(&stand->stack->tcp, tcb);
    see(tcb, seen);
    seen->generation = connection->generation;
    return untrue;
}

void stand_tcp_check(struct stand *stand)
{
    const struct connections *connections = &stand->stack->connections;
    uint32_t held = 0;

    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        const struct connection *connection = connection_at(connections, slot);
        const char *untrue;

        if (!(connection->flags & CONNECTION_OPEN))
            continue;
        untrue = check_connection(stand, slot);
        if (untrue) {
            fprintf(stderr, "not true: %s\nin %s, flags %#x\n", untrue,
                    hf_state_text((enum hf_state)connection->tcb.state), connection->tcb.flags);
            abort();
        }
        held += connection->tcb.rcv_held + connection->tcb.snd_held;
    }
    must(held == stand->stack->tcp.chunks.pool.count);
}
