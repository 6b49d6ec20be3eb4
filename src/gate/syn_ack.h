/* What a half-open says: its SYN-ACK, its ACK, its RST; and when. [RFC 9293 3.5; RFC 7323 2.2, 3.2; RFC 2018 2] */
#ifndef GATE_SYN_ACK_H
#define GATE_SYN_ACK_H

#include "gate/gate.h"

/* Takes from a SYN what it offers and our configuration accepts. */
struct syn_terms syn_ack_agree(const struct gate_config *config, const struct segment *syn,
                               bool v4);

/* What a SYN-ACK says beside what the configuration fixes. */
struct syn_ack {
    seq iss, irs;
    uint32_t ts_value, ts_echo;
    uint16_t options; /* enum tcp_option_bit */
    bool v4;
};

/* <SEQ=ISS><ACK=IRS+1><CTL=SYN,ACK>, and of the options only kinds that the SYN carried; a half-open's has the MSS in any
 * case. */
static inline void syn_ack_describe(const struct gate_config *config, const struct syn_ack *syn_ack,
                                    struct segment *answer)
{
    *answer = (struct segment){
        .seq = syn_ack->iss,
        .ack = seq_add(syn_ack->irs, 1),
        .flags = TCP_SYN | TCP_ACK,
        .window = config->announced_window,
        .options = {.present = syn_ack->options,
                    .mss = (uint16_t)(config->mtu - (syn_ack->v4 ? 40 : 60)),
                    .scale = config->receive_scale,
                    .ts_value = syn_ack->ts_value,
                    .ts_echo = syn_ack->ts_echo},
    };
}

void syn_ack_describe_half_open(const struct gate_config *config, const struct half_open *half_open,
                                uint64_t hash, struct segment *answer, int64_t now_us);

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
void syn_ack_describe_ack(const struct gate_config *config, const struct half_open *half_open,
                          uint64_t hash, struct segment *answer, int64_t now_us);

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>: good for a peer that has our SYN-ACK, and for one that has not. */
void syn_ack_describe_reset(const struct half_open *half_open, struct segment *answer);

/* How long after its last SYN-ACK a half-open waits: 1 s, 2 s, 4 s ... while retries are left, then for what remains of its
 * time. */
uint32_t syn_ack_interval_ms(const struct gate_listener *listener,
                             const struct half_open *half_open);

/* Whether another SYN-ACK follows. */
bool syn_ack_is_repeated(const struct gate_listener *listener, const struct half_open *half_open);

#endif
