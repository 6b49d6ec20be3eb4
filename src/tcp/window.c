/* The receive window. [RFC 9293 3.8.6]
 *
 * What is offered is bounded by the connection's own limit and by what the shared pool could give it now; a member below
 * its promise always gets its promise. What was offered is never taken back: if the pool runs dry meanwhile, text is
 * dropped and sent again.
 */
#include "tcp/window.h"

#include "base/bytes.h"

/* Room for text beyond RCV.NXT. */
static uint32_t room(const struct tcp *tcp, const struct tcb *tcb)
{
    uint32_t queued = tcb->rcv_queue.length;
    uint64_t pool;

    if (queued >= tcb->rcv_limit)
        return 0;
    pool = (uint64_t)chunk_room(&tcp->chunks, tcb->rcv_held) * CHUNK_BYTES +
           byte_queue_tail_room(&tcb->rcv_queue);
    return (uint32_t)(pool < tcb->rcv_limit - queued ? pool : tcb->rcv_limit - queued);
}

/* What the field can say: a peer that does not scale cannot be told of more. */
static uint32_t most(const struct tcb *tcb)
{
    return (uint32_t)UINT16_MAX << tcb->rcv_wind_shift;
}

/* How far the edge could move; 0 if not worth a segment: less than a MSS and less than half of the buffer, which is what the
 * queue may hold, or what the pool leaves it. It moves by whole grains of the scale; by one if the queue is empty and there
 * will never be room for one, or the window would stay closed. [RFC 9293 3.8.6.2.2] [RFC 9293 MUST-39; R7323-08] */
static uint32_t gain(const struct tcp *tcp, const struct tcb *tcb)
{
    uint32_t offered = tcb_rcv_wnd(tcb), possible = room(tcp, tcb);
    uint32_t buffer = min_u32(tcb->rcv_limit, tcb->rcv_queue.length + possible);

    possible = min_u32(possible, most(tcb));
    if (possible <= offered)
        return 0;
    if (possible - offered < min_u32(tcb->mss, buffer / 2))
        return 0;
    possible = possible >> tcb->rcv_wind_shift << tcb->rcv_wind_shift;
    if (possible == 0 && tcb->rcv_queue.length == 0)
        possible = 1u << tcb->rcv_wind_shift;
    return possible > offered ? possible - offered : 0;
}

void window_open(const struct tcp *tcp, struct tcb *tcb)
{
    tcb->rcv_edge = seq_add(tcb->rcv_edge, gain(tcp, tcb));
}

/* Whether what waits and what is offered stay near the limit. A peer whose segments never end on a grain gets a little more
 * with each of them; it must not get ever more. */
static bool is_near_limit(const struct tcb *tcb, uint32_t offered)
{
    return tcb->rcv_queue.length + offered <= tcb->rcv_limit + tcb->rcv_limit / 8;
}

/* An ACK of its own for what the user has read pays only if the peer may be short of window: it has half of the buffer or
 * less, or a quarter came free at once. Otherwise the next ACK for its text brings the news, and a reader that keeps up does
 * not double the number of ACKs. */
bool window_update_due(const struct tcp *tcp, const struct tcb *tcb)
{
    uint32_t more = gain(tcp, tcb), offered = tcb_rcv_wnd(tcb);

    if (tcb->rcv_queue.length == 0 && offered >> tcb->rcv_wind_shift == 0 &&
        !is_near_limit(tcb, offered))
        return true; /* less than a grain, beyond the limit: it was announced as none */
    return more > 0 && (more >= offered || /* so also when none was */
                        (more >= 2u * tcb->mss && more >= tcb->rcv_limit / 4));
}

/* [R7323-06] */
uint16_t window_field(struct tcb *tcb)
{
    uint32_t offered = tcb_rcv_wnd(tcb), shift = tcb->rcv_wind_shift, field = offered >> shift;

    if (field << shift != offered && field < UINT16_MAX &&
        (tcb->rcv_queue.length == 0 || is_near_limit(tcb, offered))) {
        field++;
        tcb->rcv_edge = seq_add(tcb->rcv_nxt, field << shift);
    }
    return (uint16_t)min_u32(field, UINT16_MAX);
}
