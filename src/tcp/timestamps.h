/* The timestamps option: our clock, PAWS, and TS.Recent. [RFC 7323] */
#ifndef TCP_TIMESTAMPS_H
#define TCP_TIMESTAMPS_H

#include "tcp/tcp.h"

/* One tick a millisecond, from a secret start per connection. [RFC 7323 5.4] [R7323-26, R7323-17] */
static inline uint32_t timestamp_now(const struct tcb *tcb, int64_t now_us)
{
    return time_ms(now_us) + tcb->ts_offset;
}

/* Whether a segment is an old duplicate by its timestamp. [RFC 7323 5.3 R1] */
bool timestamp_is_old(const struct tcb *tcb, const struct segment *seg, int64_t now_us);

/* Takes over SEG.TSval from an acceptable segment. [RFC 7323 4.3] */
void timestamp_remember(struct tcb *tcb, const struct segment *seg, int64_t now_us);

/* The round-trip time that SEG.TSecr tells; 0 if it tells none. [RFC 7323 4.1] */
uint32_t timestamp_rtt_us(const struct tcb *tcb, const struct segment *seg, int64_t now_us);

#endif
