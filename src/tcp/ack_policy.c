/* When to acknowledge. [RFC 9293 3.8.6.3; RFC 5681 4.2; RFC 5961 7]
 *
 * Counting bytes and not segments: one ACK for two full segments' worth, whatever they came in, so neither a sender of
 * small segments nor a driver that joins segments makes us send more or fewer.
 */
#include "tcp/ack_policy.h"

/* Answers to what may be forged: ten in each second and connection, as RFC 5961 suggests ten in five for a host. */
#define CHALLENGES_MAX 10
#define PROBES_MAX 10 /* and as many more to what only the peer can know */
#define CHALLENGE_INTERVAL_MS 1000u

/* Text of a full segment as the peer sends it, who spends room on timestamps as we do. */
static uint32_t full_segment(const struct tcb *tcb)
{
    return tcb_smss(tcb);
}

/* [RFC 9293 MUST-58, SHLD-18; R5681-15, R6582-07] */
void ack_in_order(const struct tcp *tcp, struct tcb *tcb, uint32_t bytes, bool closed_gap,
                  int64_t now_us)
{
    tcb->unacked_bytes += bytes;
    if (closed_gap || tcp->config.delayed_ack_us == 0 || (tcb->flags & TCB_QUICK_ACK) ||
        tcb->unacked_bytes >= 2 * full_segment(tcb)) { /* [RFC 9293 SHLD-19] */
        tcb->flags |= TCB_ACK_NOW;
        return;
    }
    if (tcb->deadline_us[TCP_TIMER_ACK] == NEVER_US)
        tcb->deadline_us[TCP_TIMER_ACK] = now_us + tcp->config.delayed_ack_us;
}

/* [RFC 9293 MAY-13; R2018-06, R5681-09] */
void ack_duplicate(struct tcb *tcb)
{
    tcb->flags |= TCB_ACK_NOW;
    if (tcb->acks_owed < UINT8_MAX)
        tcb->acks_owed++;
}

void ack_sent(struct tcb *tcb)
{
    tcb->flags &= ~(uint32_t)TCB_ACK_NOW;
    tcb->unacked_bytes = 0;
    tcb->deadline_us[TCP_TIMER_ACK] = NEVER_US;
}

/* [R5961-10, R5961-11, R5961-14] */
static void challenge(struct tcp *tcp, struct tcb *tcb, uint8_t most, int64_t now_us)
{
    uint32_t now_ms = time_ms(now_us);

    if (tcb->challenges == 0 || now_ms - tcb->challenge_at_ms >= CHALLENGE_INTERVAL_MS) {
        tcb->challenges = 0;
        tcb->challenge_at_ms = now_ms;
    }
    if (tcb->challenges >= most) {
        count_one(tcp->stats, challenge_throttled);
        return;
    }
    tcb->challenges++;
    tcb->flags |= TCB_ACK_NOW;
}

void ack_challenge(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    challenge(tcp, tcb, CHALLENGES_MAX, now_us);
}

void ack_probe(struct tcp *tcp, struct tcb *tcb, int64_t now_us)
{
    challenge(tcp, tcb, CHALLENGES_MAX + PROBES_MAX, now_us);
}
