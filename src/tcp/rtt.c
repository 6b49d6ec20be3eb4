/* Round-trip times and the retransmission timeout. [RFC 6298]
 *
 * The minimum is 200 ms by default and not a second: a recorded deviation from [RFC 6298 2.4].
 */
#include "tcp/rtt.h"

#include "base/bytes.h"

#define GRANULARITY_US 1000u
#define RTT_MOST_US (1u << 29) /* nine minutes: SRTT + 4 * RTTVAR stay in 32 bits */

/* [R6298-01, R6298-07, R6298-13, R8961-01] */
static uint32_t timeout_of(const struct tcp *tcp, const struct tcb *tcb)
{
    uint32_t rto_us;

    if (tcb->srtt_us == 0)
        return tcp->config.initial_rto_us; /* [RFC 6298 2.1] */
    rto_us = tcb->srtt_us + max_u32(GRANULARITY_US, 4 * tcb->rttvar_us);
    return min_u32(max_u32(rto_us, tcp->config.min_rto_us), tcp->config.max_rto_us);
}

/* [RFC 9293 MUST-18; R6298-02, R6298-03] */
void rtt_sample(const struct tcp *tcp, struct tcb *tcb, uint32_t rtt_us)
{
    /* Bounded so that 4 * RTTVAR cannot overflow; never zero, which means "none yet". */
    rtt_us = min_u32(max_u32(rtt_us, 1), min_u32(tcp->config.max_rto_us, RTT_MOST_US));
    if (tcb->srtt_us == 0) {
        tcb->srtt_us = rtt_us;
        tcb->rttvar_us = rtt_us / 2;
    } else {
        uint32_t error = tcb->srtt_us > rtt_us ? tcb->srtt_us - rtt_us : rtt_us - tcb->srtt_us;

        tcb->rttvar_us = tcb->rttvar_us - tcb->rttvar_us / 4 + error / 4;
        tcb->srtt_us = tcb->srtt_us - tcb->srtt_us / 8 + rtt_us / 8;
    }
    tcb->rto_us = timeout_of(tcp, tcb);
}

/* [RFC 9293 MUST-19; R6298-05] */
void rtt_back_off(const struct tcp *tcp, struct tcb *tcb)
{
    tcb->rto_us = tcb->rto_us + min_u32(tcb->rto_us, tcp->config.max_rto_us - tcb->rto_us);
    if (tcb->backoff < UINT8_MAX)
        tcb->backoff++;
}

void rtt_settle(const struct tcp *tcp, struct tcb *tcb)
{
    if (tcb->backoff == 0)
        return;
    tcb->backoff = 0;
    tcb->rto_us = timeout_of(tcp, tcb);
}
