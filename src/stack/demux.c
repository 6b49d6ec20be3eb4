/* From a flow to numbers: its hash, its ISS, its port, its IP identification. [RFC 6528; RFC 6056; RFC 6864] */
#include "stack/demux.h"

#include "base/bytes.h"
#include "cookie/isn.h"

#define PORT_FIRST 1024u /* [RFC 6056 3.2] */
#define PORTS (65536u - PORT_FIRST)

/* The two ports as they lie on the wire, in a word as siphash_load32 reads them. */
static uint32_t ports_word(const struct flow *flow)
{
    return __builtin_bswap32((uint32_t)flow->remote_port << 16 | flow->local_port);
}

uint64_t demux_hash(const struct siphash_key *key, const struct flow *flow)
{
    uint64_t words[4];

    if (hf_address_is_v4(&flow->remote)) {
        words[0] = siphash_load32(flow->remote.bytes + 12) |
                   (uint64_t)siphash_load32(flow->local.bytes + 12) << 32;
        return siphash_12(*key, words[0], ports_word(flow));
    }
    words[0] = siphash_load(flow->remote.bytes);
    words[1] = siphash_load(flow->remote.bytes + 8);
    words[2] = siphash_load(flow->local.bytes);
    words[3] = siphash_load(flow->local.bytes + 8);
    return siphash_36(*key, words, ports_word(flow));
}

/* [R6528-01] */
seq demux_iss(const struct hf_stack *stack, uint64_t hash, int64_t now_us)
{
    return seq_of(isn_make(stack->keys.iss, hash, (uint64_t)now_us));
}

bool demux_is_new(const struct hf_stack *stack, const struct flow *flow, uint64_t hash)
{
    return connection_find(&stack->connections, hash, flow) == SLOT_NONE &&
           time_wait_find(&stack->time_waits, hash, flow) == SLOT_NONE &&
           gate_find(&stack->gate, hash, flow) == SLOT_NONE;
}

/* Simple hash-based port selection: ports to one destination follow each other from a secret start; the clock moves the
 * start on, so that a destination met again does not tell how often it was met. [RFC 6056 3.3.3]
 * [R6056-01, R6056-02, R6056-03, R6056-04, R6056-07, R6056-08, R5927-03] */
bool demux_choose_port(struct hf_stack *stack, struct flow *flow, uint64_t *hash, int64_t now_us)
{
    uint64_t start;

    flow->local_port = 0;
    start =
        demux_hash(&stack->keys.port, flow) + stack->next_port++ + (uint64_t)(now_us / US_PER_S);
    for (uint32_t i = 0; i < PORTS; i++) {
        flow->local_port = (uint16_t)(PORT_FIRST + (start + i) % PORTS);
        *hash = demux_hash(&stack->keys.tuple, flow);
        if (demux_is_new(stack, flow, *hash) &&
            listener_find(&stack->listeners, &flow->local, flow->local_port) == SLOT_NONE) {
            stack->next_port +=
                i; /* or the port behind a run of taken ones would be chosen again and again */
            return true;
        }
    }
    return false;
}

/* [R6864-02] */
uint16_t demux_ip_id(struct hf_stack *stack, const struct hf_address *remote)
{
    uint64_t secret =
        siphash_16(stack->keys.ip_id, siphash_load(remote->bytes), siphash_load(remote->bytes + 8));

    return (uint16_t)((uint16_t)(secret >> 16) +
                      stack->ip_ids[(secret >> 32) & (IP_ID_COUNTERS - 1)]++);
}
