/* What a half-open says: its SYN-ACK, its ACK, its RST; and when. [RFC 9293 3.5; RFC 7323 2.2, 3.2; RFC 2018 2] */
#ifndef GATE_SYN_ACK_H
#define GATE_SYN_ACK_H

#include "gate/gate.h"

/* Takes from a SYN what it offers and our configuration accepts. */
void syn_ack_agree(const struct gate_config *config, struct half_open *half_open,
                   const struct segment *syn);

/* <SEQ=ISS><ACK=IRS+1><CTL=SYN,ACK>, with MSS and of the other options only kinds that the SYN carried. */
void syn_ack_describe(const struct gate_config *config, const struct half_open *half_open,
                      uint64_t hash, struct segment *answer, int64_t now_us);

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
void syn_ack_describe_ack(const struct gate_config *config, const struct half_open *half_open,
                          uint64_t hash, struct segment *answer, int64_t now_us);

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>: good for a peer that has our SYN-ACK, and for one that has not. */
void syn_ack_describe_reset(const struct half_open *half_open, struct segment *answer);

/* How long after the SYN-ACK number `sent` (1: the first) the half-open waits: 1 s, 2 s, 4 s ... while retries are left, then
 * for what remains of its time. */
uint32_t syn_ack_interval_ms(const struct gate_listener *listener, uint32_t sent);

/* Whether another SYN-ACK follows number `sent`. */
bool syn_ack_is_repeated(const struct gate_listener *listener, uint32_t sent);

#endif
