/* From a flow to numbers: its hash, its ISS, its port, its IP identification. [RFC 6528; RFC 6056; RFC 6864] */
#ifndef STACK_DEMUX_H
#define STACK_DEMUX_H

#include "stack/stack.h"

/* T of HF1: SipHash(K_ts, remote | local | be16 remote port | be16 local port), IPv4 addresses as 4 bytes. The same T files
 * connections, half-opens and TIME-WAIT records, and its low 32 bits are the flow's timestamp offset. */
uint64_t demux_hash(const struct siphash_key *key, const struct flow *flow);

/* ISS = M + F(flow): M a clock of 4 us, F keyed. [RFC 6528 3, RFC 9293 MUST-8, MUST-9] */
seq demux_iss(const struct hf_stack *stack, uint64_t hash, int64_t now_us);

static inline uint32_t demux_ts_offset(uint64_t hash)
{
    return (uint32_t)hash;
}

/* Whether a flow is new: no connection, no half-open, no TIME-WAIT record has it. */
bool demux_is_new(const struct hf_stack *stack, const struct flow *flow, uint64_t hash);

/* Fills flow->local_port with a port that makes the flow a new one, and that no listener has, and *hash with its T; false:
 * none is free. [RFC 6056 3.3.3] */
bool demux_choose_port(struct hf_stack *stack, struct flow *flow, uint64_t *hash, int64_t now_us);

/* IP identification for a packet without DF. [RFC 6864 4.1] */
uint16_t demux_ip_id(struct hf_stack *stack, const struct hf_address *remote);

#endif
