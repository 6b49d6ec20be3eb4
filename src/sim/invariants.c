/* What must be true of every stack after every step. */
#include "sim/invariants.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim/world.h"
#include "stack/stack.h"

/* So many frames without one byte delivered, one connection opened, ended or changed are a storm. Zero-window probes and
 * retransmissions of a dead path come at most every 200 ms at first, and give up long before. */
#define STORM_FRAMES 4000

struct invariants {
    uint64_t stats[WORLD_NODES_MAX][HF_STAT_COUNT];
    uint64_t progress;
    uint64_t frames_at_progress;
};

struct invariants *invariants_make(void)
{
    struct invariants *invariants = calloc(1, sizeof *invariants);

    must(invariants);
    return invariants;
}

void invariants_free(struct invariants *invariants)
{
    free(invariants);
}

void invariants_frame(struct world *world, unsigned node, const struct hf_frame *frame)
{
    if (frame->verdict > HF_FOREIGN)
        world_fail(world, "node %u: verdict %u is none", node, frame->verdict);
    else if (frame->reason >= HF_STAT_COUNT)
        world_fail(world, "node %u: reason %u is none", node, frame->reason);
    else if (frame->verdict == HF_DROPPED && frame->reason == HF_STAT_none)
        world_fail(world, "node %u: a frame was refused without a reason", node);
}

static void check_counters(struct world *world, unsigned node)
{
    uint64_t *before = world->invariants->stats[node];
    uint64_t now[HF_STAT_COUNT];

    memcpy(now, hf_stats(world->nodes[node].stack), sizeof now);
    for (unsigned i = 0; i < HF_STAT_COUNT; i++)
        if (now[i] < before[i])
            world_fail(world, "node %u: counter %s went back", node, hf_stat_name((enum hf_stat)i));
    memcpy(before, now, sizeof now);
}

static void check_gauges(struct world *world, unsigned node)
{
    struct hf_gauges g;
    uint64_t sum = 0;

    hf_gauges(world->nodes[node].stack, &g);
    for (unsigned i = 0; i < HF_STATES; i++)
        if (i != HF_STATE_LISTEN && i != HF_STATE_TIME_WAIT && i != HF_STATE_CLOSED)
            sum += g.connections[i];
    if (g.pool_used_bytes > g.pool_bytes)
        world_fail(world, "node %u: more of the pool is used than there is", node);
    else if (g.connections_used > g.max_connections)
        world_fail(world, "node %u: more connections than allowed", node);
    else if (g.half_opens > g.max_half_opens || g.half_opens > g.connections[HF_STATE_SYN_RECEIVED])
        world_fail(world, "node %u: half-opens %u do not add up", node, g.half_opens);
    else if (g.time_waits > g.max_time_waits)
        world_fail(world, "node %u: TIME-WAIT records %u are too many", node, g.time_waits);
    else if (sum - g.half_opens > g.connections_used)
        world_fail(world, "node %u: %llu connections by state, %u used", node,
                   (unsigned long long)(sum - g.half_opens), g.connections_used);
    else if (g.memory_bytes > world->nodes[node].memory_bytes)
        world_fail(world, "node %u: more memory used than was given", node);
}

static void check_tcbs(struct world *world, unsigned node)
{
    const struct connections *connections = &world->nodes[node].stack->connections;
    uint32_t held = 0;

    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        const struct connection *connection = connection_at(connections, slot);

        if (!(connection->flags & CONNECTION_OPEN))
            continue;
        const char *wrong = tcb_check(&connection->tcb);
        if (wrong)
            world_fail(world, "node %u, port %u, %s: not true: %s", node,
                       connection->flow.local_port,
                       hf_state_text((enum hf_state)connection->tcb.state), wrong);
        held += connection->tcb.rcv_held + connection->tcb.snd_held;
    }
    if (held != world->nodes[node].stack->tcp.chunks.pool.count)
        world_fail(world, "node %u: connections hold %u chunks, the pool gave %u", node, held,
                   world->nodes[node].stack->tcp.chunks.pool.count);
}

/* The other end of a connection, if it has a TCB that lives. */
static const struct tcb *other_end(const struct world *world, unsigned node,
                                   const struct flow *flow)
{
    const struct connections *connections = &world->nodes[!node].stack->connections;

    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        const struct connection *c = connection_at(connections, slot);

        if ((c->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) == CONNECTION_OPEN &&
            c->flow.remote_port == flow->local_port && c->flow.local_port == flow->remote_port &&
            address_equal(&c->flow.remote, &flow->local))
            return c->tcb.state >= TCP_ESTABLISHED ? &c->tcb : NULL;
    }
    return NULL;
}

/* Nobody sends beyond what the other end has ever offered, but for the one octet of a window probe. [RFC 9293 3.8.6] */
static void check_edges(struct world *world, unsigned node)
{
    const struct connections *connections = &world->nodes[node].stack->connections;

    for (uint32_t slot = 0; slot < connections->pool.high; slot++) {
        const struct connection *c = connection_at(connections, slot);
        const struct tcb *other;

        if ((c->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) != CONNECTION_OPEN ||
            c->tcb.state < TCP_ESTABLISHED)
            continue;
        other = other_end(world, node, &c->flow);
        if (other && seq_eq(other->irs, c->tcb.iss) &&
            seq_gt(c->tcb.snd_nxt, seq_add(other->rcv_edge, 1)))
            world_fail(world, "node %u, port %u: sent %u bytes beyond the peer's window", node,
                       c->flow.local_port, seq_distance(other->rcv_edge, c->tcb.snd_nxt));
    }
}

/* What changes when something is achieved. */
static uint64_t progress(const struct world *world)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < world->node_count; i++) {
        const struct hf_stats *s = hf_stats(world->nodes[i].stack);
        struct hf_gauges g;

        sum += s->bytes_received + s->bytes_acknowledged + s->handshake_done + s->syn_cached +
               s->active_opens + s->connections_closed + s->connections_reset +
               s->connections_aborted + s->connections_timed_out + s->connections_refused +
               s->connections_unreachable + s->time_waits + s->syn_cache_timeout;
        hf_gauges(world->nodes[i].stack, &g);
        for (unsigned state = 0; state < HF_STATES; state++)
            sum += (uint64_t)g.connections[state] << state;
    }
    return sum;
}

void invariants_step(struct world *world)
{
    struct invariants *invariants = world->invariants;
    uint64_t now = progress(world);

    for (unsigned i = 0; i < world->node_count; i++) {
        check_counters(world, i);
        check_gauges(world, i);
        check_tcbs(world, i);
        if (world->node_count == 2)
            check_edges(world, i);
    }
    if (now != invariants->progress) {
        invariants->progress = now;
        invariants->frames_at_progress = world->frames;
    } else if (world->frames - invariants->frames_at_progress > STORM_FRAMES) {
        world_fail(world, "a storm: %u frames and no progress", STORM_FRAMES);
    }
}

void invariants_end(struct world *world)
{
    for (unsigned i = 0; i < world->node_count; i++) {
        struct hf_gauges g;

        hf_gauges(world->nodes[i].stack, &g);
        if (g.pool_used_bytes != 0)
            world_fail(world, "node %u: %llu bytes of the pool are lost", i,
                       (unsigned long long)g.pool_used_bytes);
        if (g.connections_used != 0)
            world_fail(world, "node %u: %u connections are left", i, g.connections_used);
        if (g.half_opens != 0 || g.time_waits != 0)
            world_fail(world, "node %u: %u half-opens and %u TIME-WAIT records are left", i,
                       g.half_opens, g.time_waits);
    }
}

void invariants_transitions(const struct world *world, unsigned node, uint16_t seen[HF_STATES])
{
    memcpy(seen, world->nodes[node].stack->tcp.transitions, HF_STATES * sizeof *seen);
}
