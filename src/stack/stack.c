/* The stack as a whole: carved from the caller's memory, its instants, its numbers. [RFC 9293 3.9, 3.10.8]
 *
 * Purpose: layers that do not know each other are introduced here, and nowhere else. All memory comes from one walk over an
 * arena, which measures for hf_memory_needed and gives for hf_init; nothing is taken later, so whatever arrives can fill
 * what there is, but never more. Tables and pools begin at a high-water mark: what was never needed is never touched.
 */
#include "stack/stack.h"

#include "base/must.h"
#include "stack/admit.h"
#include "stack/config.h"
#include "stack/demux.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"

static uint64_t hash_of_half_open(const void *context, uint32_t slot)
{
    const struct hf_stack *stack = context;
    struct flow flow = gate_flow(&stack->gate, slot);

    return demux_hash(&stack->keys.tuple, &flow);
}

static uint64_t hash_of_flow(const void *context, const struct flow *flow)
{
    return demux_hash(&((const struct hf_stack *)context)->keys.tuple, flow);
}

/* HF1's master key is the operator's, or the first half of the secret. */
static struct siphash_key cookie_key(const struct hf_env *env)
{
    static const uint8_t none[sizeof env->cookie_key];

    if (env->cookie_key_shared || memcmp(env->cookie_key, none, sizeof none) != 0)
        return siphash_key_from(env->cookie_key);
    return siphash_key_from(env->secret);
}

/* The second half of the secret is the master key of everything else. [R6528-04] */
static struct siphash_key derive(const struct hf_env *env, const char *label)
{
    return siphash_derive(siphash_key_from(env->secret + 16), label, 0);
}

static void make_keys(struct stack_keys *keys, const struct hf_env *env)
{
    keys->cookie = cookie_key(env);
    keys->tuple = siphash_derive(keys->cookie, "hf1 tuple", 0);
    keys->source = derive(env, "source");
    keys->iss = derive(env, "iss");
    keys->port = derive(env, "port");
    keys->ip_id = derive(env, "ip id");
    for (uint32_t kind = 0; kind < BUDGETS; kind++)
        keys->budget[kind] = siphash_derive(siphash_key_from(env->secret + 16), "budget", kind);
    keys->neighbor = derive(env, "neighbor");
    keys->reassembly = derive(env, "reassembly");
    keys->scan = derive(env, "scan");
    keys->watch = derive(env, "watch");
}

/* As configured, or made from the secret: locally administered, unicast. [IEEE 802 8.4] */
static struct hf_mac choose_mac(const struct hf_config *config, const struct hf_env *env)
{
    static const struct hf_mac none;
    struct hf_mac mac = config->mac;
    struct siphash_key key;

    if (!mac_equal(&mac, &none))
        return mac;
    key = derive(env, "mac");
    memcpy(mac.bytes, &key, sizeof mac);
    mac.bytes[0] = (uint8_t)((mac.bytes[0] & 0xfc) | 2);
    return mac;
}

static void init_budgets(struct hf_stack *stack, struct arena *arena,
                         const struct hf_config *config, int64_t now_us)
{
    const uint32_t per_s[BUDGETS] = {
        [BUDGET_RESET] = config->reset_budget_per_s,
        [BUDGET_CHALLENGE] = config->challenge_budget_per_s,
        [BUDGET_ICMP] = config->icmp_budget_per_s,
    };

    for (int kind = 0; kind < BUDGETS; kind++) {
        struct budget *budget = &stack->budgets[kind];

        budget_take_memory(budget, arena, config->max_connections + config->max_half_opens);
        if (arena->base)
            budget_init(budget, per_s[kind], stack->keys.budget[kind], now_us);
    }
}

/* What needs no memory of its own. */
static void set_values(struct hf_stack *stack, const struct hf_config *config,
                       const struct hf_env *env, int64_t now_us)
{
    bool ethernet = config->link == HF_ETHERNET;

    stack->config = *config;
    stack->env = *env;
    stack->ipv6 = config->parts.ipv6;
    stack->fragments = config->parts.reassembly;
    stack->watching = config->parts.watch;
    stack->events = env->event_sink;
    stack->seen_us = now_us;
    stack->last_met = SLOT_NONE;
    make_keys(&stack->keys, env);
    stack->mac = choose_mac(config, env);
    stack->link_header = !ethernet ? 0u : (config->vlan ? ETHERNET_HEADER_TAGGED : ETHERNET_HEADER);
    stack->rules = (struct packet_rules){
        .link = config->link,
        .vlan = config->vlan,
        .mac = stack->mac,
        .checksum = env->checksum ? env->checksum : checksum_sum,
        .ipv6 = stack->ipv6 ? stack->ipv6->parse : NULL,
    };
    stack->copy_and_checksum = env->copy_and_checksum ? env->copy_and_checksum : checksum_copy;
    route_init(&stack->route, config);
    for (uint8_t i = 0; i < stack->route.our_count; i++)
        stack->addresses[i] = stack->route.ours[i].address;
    tcp_init(&stack->tcp, config, &stack->stats);
}

static void init_gate(struct hf_stack *stack, struct arena *arena, const struct hf_config *config,
                      int64_t now_us)
{
    struct gate_config gate = {
        .cache = {.capacity = config->max_half_opens,
                  .hash_of = hash_of_half_open,
                  .hash_context = stack},
        .max_listeners = config->max_listeners,
        .max_connections = config->max_connections,
        .half_open_timeout_ms = config->half_open_timeout_ms,
        .syn_ack_retries = config->syn_ack_retries,
        .on_timeout = config->on_timeout,
        .mtu = config->mtu,
        .announced_window =
            (uint16_t)(config->receive_bytes < UINT16_MAX ? config->receive_bytes : UINT16_MAX),
        .receive_scale = stack->tcp.config.receive_scale,
        .options = (uint8_t)((config->timestamps ? HALF_OPEN_TIMESTAMPS : 0) |
                             (config->window_scaling ? HALF_OPEN_SCALING : 0) |
                             (config->sack ? HALF_OPEN_SACK : 0)),
        .addresses = stack->addresses,
        .iss_key = stack->keys.iss,
        .source_key = stack->keys.source,
        .cookie_key = stack->keys.cookie,
        .cookie_key_shared = stack->env.cookie_key_shared,
        .wall_minus_now_us = stack->env.wall_minus_now_us,
        .stats = &stack->stats,
    };

    gate_init(&stack->gate, arena, &gate, now_us);
}

static void init_neighbors(struct hf_stack *stack, struct arena *arena,
                           const struct hf_config *config, int64_t now_us)
{
    struct neighbor_setup neighbors = {
        .config = config,
        .route = &stack->route,
        .mac = stack->mac,
        .stats = &stack->stats,
        .events = stack->events,
        .key = stack->keys.neighbor,
    };

    config->parts.ethernet->init(&stack->neighbors, arena, &neighbors, now_us);
}

static void init_watch(struct hf_stack *stack, struct arena *arena, const struct hf_config *config)
{
    if (config->parts.watch)
        config->parts.watch->init(&stack->watch, arena, config, stack->keys.watch);
    else
        stack->watch.slots_high = stack->watch.chunks_high = UINT32_MAX; /* never short */
}

static void init_scan(struct hf_stack *stack, struct arena *arena, const struct hf_config *config)
{
    if (!config->parts.scan)
        return;
    stack->scan = arena_take(arena, sizeof *stack->scan);
    if (stack->scan)
        config->parts.scan->init(stack->scan, config->scan_ports, stack->keys.scan);
}

/* The walk over the memory: the same for measuring, when *stack is a scratch value and the arena has no base. */
static void carve(struct hf_stack *stack, struct arena *arena, const struct hf_config *config,
                  int64_t now_us)
{
    struct time_wait_setup waits = {
        .capacity = config->max_time_waits ? config->max_time_waits : config->max_connections,
        .msl_ms = config->msl_ms,
        .timestamps = config->timestamps,
        .route = &stack->route,
        .stats = &stack->stats,
        .hash_of = hash_of_flow,
        .hash_context = stack,
    };

    connections_init(&stack->connections, arena, config->max_connections, now_us);
    listeners_init(&stack->listeners, arena, config->max_listeners);
    init_gate(stack, arena, config, now_us);
    time_wait_init(&stack->time_waits, arena, &waits);
    init_watch(stack, arena, config);
    init_scan(stack, arena, config);
    outbox_init(&stack->outbox, arena, config, &stack->stats);
    if (config->link == HF_ETHERNET)
        init_neighbors(stack, arena, config, now_us);
    if (config->parts.reassembly)
        config->parts.reassembly->init(&stack->reassembly, arena, config->max_reassemblies,
                                       stack->keys.reassembly, &stack->stats);
    if (config->parts.icmp)
        config->parts.icmp->init(&stack->icmp, arena, config, &stack->mac, &stack->stats);
    init_budgets(stack, arena, config, now_us);
    signing_init(stack, arena, config);
    chunk_pool_init(&stack->tcp.chunks, arena, config_chunks(config), config_chunk_promise(config));
}

size_t hf_memory_needed(const struct hf_config *config)
{
    struct arena arena = {NULL, 0};
    struct hf_stack scratch;

    if (config_find_fault(config) != CONFIG_POSSIBLE)
        return 0;
    scratch.tcp.config.receive_scale = 0;
    scratch.keys = (struct stack_keys){0};
    scratch.env = (struct hf_env){0};
    (void)arena_take(&arena, sizeof scratch);
    carve(&scratch, &arena, config, 0);
    return arena.used;
}

int hf_init(struct hf_stack **stack, const struct hf_config *config, const struct hf_env *env,
            int64_t now_us)
{
    struct arena arena = {env->memory, 0};
    size_t needed = hf_memory_needed(config);

    if (needed == 0 || !env->memory || (uintptr_t)env->memory % CACHE_LINE != 0)
        return HF_INVALID;
    if (env->event_sink && !config->parts.events)
        return HF_INVALID;
    if (env->memory_bytes < needed)
        return HF_TOO_SMALL;
    *stack = arena_take(&arena, sizeof **stack);
    memset(*stack, 0, sizeof **stack);
    set_values(*stack, config, env, now_us);
    carve(*stack, &arena, config, now_us);
    (*stack)->memory_bytes = arena.used;
    must(arena.used == needed);
    return HF_OK;
}

int hf_set_mac(struct hf_stack *stack, const struct hf_mac *mac)
{
    static const struct hf_mac none;

    if (!stack->link_header || mac_is_group(mac) || mac_equal(mac, &none))
        return HF_INVALID;
    stack->mac = *mac;
    stack->rules.mac = *mac;
    stack->icmp.mac = *mac;
    stack->neighbors.mac = *mac;
    return HF_OK;
}

int hf_set_routes(struct hf_stack *stack, const struct hf_route *routes, size_t count)
{
    struct hf_config config = stack->config;

    if (count > HF_ROUTES_MAX)
        return HF_INVALID;
    memset(config.routes, 0, sizeof config.routes);
    memcpy(config.routes, routes, count * sizeof *routes);
    if (config_find_fault(&config) != CONFIG_POSSIBLE)
        return HF_INVALID;
    stack->config = config;
    route_init(&stack->route, &config); /* our addresses keep their numbers */
    neighbor_renew(&stack->neighbors);
    return HF_OK;
}

void hf_tick(struct hf_stack *stack, int64_t now_us)
{
    stack->seen_us = now_us;
    connections_tick(stack, now_us);
    admit_tick(stack, now_us);
    time_wait_tick(&stack->time_waits, now_us);
    if (ip_reassembly_count(&stack->reassembly))
        stack->fragments->tick(&stack->reassembly, now_us);
    if (neighbor_has_deadline(&stack->neighbors))
        stack->neighbors.calls->tick(&stack->neighbors, now_us);
    if (stack->neighbors.changed.count)
        stack->neighbors.calls->wake(stack);
    if (stack_is_short(stack))
        stack->watching->run(stack, now_us);
}

int64_t hf_next_deadline(const struct hf_stack *stack)
{
    int64_t deadline_us = wheel_next_us(&stack->connections.wheel);

    deadline_us = time_min(deadline_us, gate_deadline(&stack->gate));
    deadline_us = time_min(deadline_us, time_wait_deadline(&stack->time_waits, stack->seen_us));
    if (ip_reassembly_count(&stack->reassembly))
        deadline_us = time_min(deadline_us, stack->fragments->deadline(&stack->reassembly));
    if (neighbor_has_deadline(&stack->neighbors))
        deadline_us = time_min(deadline_us, stack->neighbors.calls->deadline(&stack->neighbors));
    if (stack_is_short(stack))
        deadline_us = time_min(deadline_us, time_max(stack->watch.next_us, stack->seen_us + 1));
    return deadline_us;
}

bool stack_may_say(struct hf_stack *stack, enum budget_kind kind, const struct hf_address *remote,
                   int64_t now_us)
{
    static const uint16_t unsaid[BUDGETS] = {
        [BUDGET_RESET] = HF_STAT_stray_over_budget,
        [BUDGET_CHALLENGE] = HF_STAT_challenge_over_budget,
        [BUDGET_ICMP] = HF_STAT_icmp_over_budget,
    };

    if (budget_take(&stack->budgets[kind], remote, now_us))
        return true;
    stack_count(stack, (enum hf_stat)unsaid[kind]);
    return false;
}

void stack_event(struct hf_stack *stack, enum hf_event_kind kind, const struct flow *flow,
                 uint32_t value, int64_t now_us)
{
    if (stack->events)
        stack->config.parts.events->flow(stack, kind, flow, value, now_us);
}

const struct hf_stats *hf_stats(const struct hf_stack *stack)
{
    return &stack->stats;
}

void hf_gauges(const struct hf_stack *stack, struct hf_gauges *gauges)
{
    const struct pool *connections = &stack->connections.pool;

    *gauges = (struct hf_gauges){
        .half_opens = gate_half_opens(&stack->gate),
        .max_half_opens = stack->config.max_half_opens,
        .connections_used = connections->count,
        .max_connections = connections->capacity,
        .time_waits = time_wait_records(&stack->time_waits),
        .max_time_waits = stack->time_waits.pool.capacity,
        .listeners = stack->listeners.pool.count,
        .neighbors = neighbor_count(&stack->neighbors),
        .reassemblies = ip_reassembly_count(&stack->reassembly),
        .pool_used_bytes = (uint64_t)stack->tcp.chunks.pool.count * CHUNK_BYTES,
        .pool_bytes = (uint64_t)stack->tcp.chunks.pool.capacity * CHUNK_BYTES,
        .memory_bytes = stack->memory_bytes,
    };
    for (uint32_t slot = 0; slot < connections->high; slot++) {
        const struct connection *connection = connection_at(&stack->connections, slot);

        if ((connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) == CONNECTION_OPEN)
            gauges->connections[connection->tcb.state]++;
    }
    gauges->connections[HF_STATE_LISTEN] = gauges->listeners;
    gauges->connections[HF_STATE_SYN_RECEIVED] += gauges->half_opens;
    gauges->connections[HF_STATE_TIME_WAIT] += time_wait_count(&stack->time_waits);
}
