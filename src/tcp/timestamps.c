/* The timestamps option: PAWS, TS.Recent and round-trip times. [RFC 7323] */
#include "tcp/timestamps.h"

#include "base/must.h"

/* After 24 days without a segment TS.Recent may have wrapped: it is void then. [RFC 7323 5.5] */
#define RECENT_LIFE_S (24u * 24 * 3600)

static uint32_t seconds(int64_t now_us)
{
    return time_s(now_us);
}

/* [R7323-24, R7323-27] */
bool timestamp_is_old(const struct tcb *tcb, const struct segment *seg, int64_t now_us)
{
    if ((int32_t)(seg->options.ts_value - tcb->ts_recent) >= 0)
        return false;
    return seconds(now_us) - tcb->ts_recent_at_s <= RECENT_LIFE_S;
}

/* [R7323-20, R7323-21] */
void timestamp_remember(struct tcb *tcb, const struct segment *seg, int64_t now_us)
{
    must(!timestamp_is_old(tcb, seg, now_us)); /* or PAWS had refused it */
    if (seq_gt(seg->seq, tcb->last_ack_sent))
        return;
    tcb->ts_recent = seg->options.ts_value;
    tcb->ts_recent_at_s = seconds(now_us);
}

uint32_t timestamp_rtt_us(const struct tcb *tcb, const struct segment *seg, int64_t now_us)
{
    uint32_t age_ms = timestamp_now(tcb, now_us) - seg->options.ts_echo;

    if (!(seg->options.present & TCP_OPTION_TIMESTAMPS) || age_ms > 600000)
        return 0; /* an echo that we did not send, or from long ago, says nothing */
    return (age_ms ? age_ms : 1) * US_PER_MS;
}
