/* One stack: everything it holds, in the caller's memory. Only files of this layer and the socket layer look inside.
 *
 * Per connection the memory holds numbers and no pointers; the few pointers here lead into the same block.
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include <handfast/event.h>
#include <handfast/filter.h>
#include <handfast/stats.h>

#include "base/event_sink.h"
#include "base/table.h"
#include "base/wheel.h"
#include "crypto/siphash.h"
#include "gate/gate.h"
#include "stack/budget.h"
#include "stack/connection.h"
#include "stack/ethernet.h"
#include "stack/events.h"
#include "stack/icmp.h"
#include "stack/ip_reassembly.h"
#include "stack/ipv6.h"
#include "stack/listener.h"
#include "stack/neighbor.h"
#include "stack/outbox.h"
#include "stack/repeat.h"
#include "stack/route.h"
#include "stack/scan.h"
#include "stack/signing.h"
#include "stack/time_wait.h"
#include "stack/watch.h"
#include "tcp/tcp.h"
#include "wire/packet.h"

/* A key for each purpose, so that what leaks from one says nothing about another. [RFC 6528 3; RFC 7323 5.4; RFC 6056] */
struct stack_keys {
    struct siphash_key tuple; /* T: flow tables, and the timestamp offset (its low 32 bits) [HF1] */
    struct siphash_key cookie; /* HF1's master key, `tuple` comes from it */
    struct siphash_key source; /* counters and filters of prefixes at the gate */
    struct siphash_key iss;    /* initial sequence numbers          */
    struct siphash_key port;   /* ephemeral ports                   */
    struct siphash_key ip_id;  /* IP identification without DF      */
    struct siphash_key
        budget[BUDGETS]; /* which bucket a prefix falls into, and what an answer costs */
    struct siphash_key neighbor, reassembly, scan, watch;
};

#define IP_ID_COUNTERS 256

struct hf_stack {
    struct hf_stats stats;
    struct tcp tcp;
    struct packet_rules rules;
    struct stack_keys keys;
    uint16_t (*copy_and_checksum)(void *to, const void *from, size_t length);

    struct connections connections;
    struct listeners listeners;
    struct gate gate;
    struct time_waits time_waits;
    struct watch watch;
    struct outbox outbox;
    struct budget budgets[BUDGETS];
    struct scan *scan; /* NULL: none is looked for */
    struct signing signing;
    const struct filtering_calls *filtering;
    uint32_t filters;                     /* set: how many, ... */
    struct hf_filter *filter[HF_FILTERS]; /* ... and where they lie, in memory of the caller's */
    uint32_t last_met;    /* the connection of the last segment, SLOT_NONE at first */
    uint32_t output_turn; /* segments that the head of the output list has sent in this turn */
    uint32_t proven_run;  /* segments of connections since the last answer to the unproven */

    const struct hf_ipv6 *ipv6; /* parts, or NULL: see struct hf_parts */
    const struct hf_reassembly *fragments;
    const struct hf_watch *watching;

    struct route route;
    struct neighbors neighbors; /* of HF_ETHERNET: only there its calls may be used */
    struct ip_reassembly reassembly;
    struct icmp icmp;

    struct hf_config config;
    struct hf_env env;
    struct hf_address addresses[HF_ADDRESSES_MAX]; /* ours, by their number in `route` */
    struct hf_mac mac;
    struct hf_event_sink *events;
    struct repeat half_open_timeouts, full_accept_queues, refused_signatures;
    size_t memory_bytes;
    uint64_t next_port;   /* ephemeral ports given so far */
    int64_t seen_us;      /* the last instant that we were told */
    uint32_t link_header; /* 0, 14 or 18 */
    uint16_t ip_ids[IP_ID_COUNTERS];
};

_Static_assert(sizeof(struct hf_stats) == HF_STAT_COUNT * sizeof(uint64_t),
               "a counter's number is its place");

/* Counts by number: what packet_parse or another layer below gives as the reason. */
static inline void stack_count(struct hf_stack *stack, enum hf_stat stat)
{
    ((uint64_t *)(void *)&stack->stats)[stat]++;
}

/* Whether something may be said to a peer without a connection: paid from the budget of its kind, or counted. */
bool stack_may_say(struct hf_stack *stack, enum budget_kind kind, const struct hf_address *remote,
                   int64_t now_us);

/* Whether connections, or the bytes of all queues, come near their limit: then the watch lets go who stands still. */
static inline bool stack_is_short(const struct hf_stack *stack)
{
    const struct chunk_pool *chunks = &stack->tcp.chunks;

    return stack->connections.table.count >= stack->watch.slots_high ||
           chunks->pool.count + chunks->owed >= stack->watch.chunks_high;
}

/* Tells a fact about a flow. */
void stack_event(struct hf_stack *stack, enum hf_event_kind kind, const struct flow *flow,
                 uint32_t value, int64_t now_us);

/* The MSS that we announce to a peer, and the largest that we send before path MTU discovery: MTU - IP - TCP headers.
 * [RFC 9293 3.7.1, MUST-67] [R1122-38, R8200-19] */
static inline uint16_t stack_path_mss(const struct hf_stack *stack, const struct flow *flow)
{
    return (uint16_t)(stack->config.mtu - (hf_address_is_v4(&flow->remote) ? 40 : 60));
}

#endif
