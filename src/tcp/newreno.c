/* Slow start and congestion avoidance by bytes. [RFC 5681 3.1; RFC 3465; RFC 6928]
 *
 * Counting bytes and not ACKs is what keeps a receiver that divides its ACKs from speeding us up.
 */
#include "tcp/congestion.h"

#include "base/bytes.h"

/* cwnd stays below this so that sums with sequence numbers never reach half the circle. */
#define CWND_MAX (1u << 29)

/* Slow start grows by two segments an ACK, but by one after a timeout, when an ACK may cover what left the network long ago.
 * [RFC 3465 2.3] */
enum own { AFTER_TIMEOUT };

/* [R5681-04] */
static void newreno_open(struct congestion *c, uint32_t mss, uint32_t initial_window)
{
    *c = (struct congestion){.cwnd = initial_window * mss, .ssthresh = CWND_MAX};
}

/* [RFC 9293 MUST-19; R5681-05, R5681-06] */
static void newreno_acknowledged(struct congestion *c, uint32_t bytes, uint32_t mss)
{
    if (c->cwnd < c->ssthresh) {
        c->cwnd += min_u32(bytes, c->own[AFTER_TIMEOUT] ? mss : 2 * mss);
    } else {
        c->own[AFTER_TIMEOUT] = false;
        c->acked += bytes;
        if (c->acked >= c->cwnd) {
            c->acked -= c->cwnd;
            c->cwnd += mss;
        }
    }
    c->cwnd = min_u32(c->cwnd, CWND_MAX);
}

/* [R5681-12] */
static void newreno_lost(struct congestion *c, uint32_t flight, uint32_t mss)
{
    c->ssthresh = max_u32(flight / 2, 2 * mss); /* [RFC 5681 (4)] */
    c->acked = 0;
}

/* [R5681-07, R5681-16] */
static void newreno_timed_out(struct congestion *c, uint32_t flight, uint32_t mss, bool first)
{
    if (first)
        newreno_lost(c, flight, mss);
    c->cwnd = mss; /* the loss window [RFC 5681 3.1] */
    c->own[AFTER_TIMEOUT] = true;
    c->acked = 0;
}

const struct congestion_module congestion_newreno = {
    .name = "newreno",
    .open = newreno_open,
    .acknowledged = newreno_acknowledged,
    .lost = newreno_lost,
    .timed_out = newreno_timed_out,
};
