/* A connection's life: opened, looked after, ended, released. [RFC 9293 3.10, 3.6] */
#include "stack/connection.h"

#include "base/must.h"
#include "cookie/syn_cookie.h"
#include "stack/demux.h"
#include "stack/filtering.h"
#include "stack/signing.h"
#include "stack/stack.h"
#include "tcp/state.h"

#define LAST_ACKS_MAX \
    4 /* duplicate ACKs that a connection may still owe when it enters TIME-WAIT */

static uint64_t hash_of_slot(const void *context, uint32_t slot)
{
    return connection_at(context, slot)->hash;
}

static struct list_links links_at(const struct connections *connections, size_t offset)
{
    return list_links_in(&connections->pool, offset);
}

#define by_output(connections) links_at(connections, offsetof(struct connection, by_output))
#define by_ready(connections) links_at(connections, offsetof(struct connection, by_ready))
#define by_accept(connections) links_at(connections, offsetof(struct connection, by_accept))

void connections_init(struct connections *connections, struct arena *arena, uint32_t capacity,
                      int64_t now_us)
{
    pool_init(&connections->pool, arena, sizeof(struct connection), capacity);
    table_init(&connections->table, arena, capacity, hash_of_slot, connections);
    wheel_init(&connections->wheel, &connections->pool, offsetof(struct connection, timer), now_us);
    list_init(&connections->output);
    list_init(&connections->ready);
}

uint32_t connection_find(const struct connections *connections, uint64_t hash,
                         const struct flow *flow)
{
    struct table_cursor cursor = table_find(&connections->table, hash);
    uint32_t slot;

    while ((slot = table_next(&connections->table, &cursor)) != SLOT_NONE)
        if (flow_equal(&connection_at(connections, slot)->flow, flow))
            break;
    return slot;
}

/* A slot with everything set but the TCB; it is not yet in the table. */
static uint32_t take_slot(struct hf_stack *stack, const struct flow *flow, uint64_t hash)
{
    struct connections *connections = &stack->connections;
    bool fresh;
    uint32_t slot = pool_take(&connections->pool, &fresh);
    struct connection *connection;

    if (slot == SLOT_NONE)
        return SLOT_NONE;
    connection = connection_at(connections, slot);
    if (fresh)
        connection->generation = 1;
    connection->flow = *flow;
    connection->flags = CONNECTION_OPEN;
    connection->hash = hash;
    connection->neighbor = (struct neighbor_ref){0};
    connection->listener = SLOT_NONE;
    connection->ready = 0;
    connection->user = 0;
    list_link_init(&connection->by_output);
    list_link_init(&connection->by_ready);
    list_link_init(&connection->by_accept);
    wheel_entry_init(&connections->wheel, slot);
    return slot;
}

static void give_slot(struct hf_stack *stack, uint32_t slot)
{
    struct connection *connection = connection_at(&stack->connections, slot);

    connection->flags = 0;
    connection->generation += connection->generation == UINT32_MAX ? 2 : 1;
    pool_give(&stack->connections.pool, slot);
}

/* [RFC 9293 MUST-45; R7323-29] */
int connection_open_active(struct hf_stack *stack, const struct flow *flow, uint64_t hash,
                           uint32_t *slot, int64_t now_us)
{
    struct tcp_open open = {
        .iss = demux_iss(stack, hash, now_us),
        .ts_offset = demux_ts_offset(hash),
        .path_mss = stack_path_mss(stack, flow),
        .option_bytes = stack->signing.calls ? stack->signing.calls->option_bytes(stack, flow) : 0,
        .v6 = !hf_address_is_v4(&flow->remote),
    };
    struct connection *connection;

    if (stack->filtering && !stack->filtering->may_open(stack, flow))
        return HF_FORBIDDEN;
    *slot = take_slot(stack, flow, hash);
    if (*slot == SLOT_NONE) {
        stack->watch.no_slot_us = now_us;
        return HF_NO_ROOM;
    }
    connection = connection_at(&stack->connections, *slot);
    if (!tcp_open_active(&stack->tcp, &connection->tcb, &open, now_us)) {
        stack->watch.no_bytes_us = now_us;
        give_slot(stack, *slot);
        return HF_NO_ROOM;
    }
    if (open.option_bytes && !stack->signing.calls->open(stack, *slot, false)) {
        tcp_release(&stack->tcp, &connection->tcb);
        give_slot(stack, *slot);
        return HF_NO_ROOM;
    }
    connection->flags |= CONNECTION_HAS_USER;
    table_insert(&stack->connections.table, hash, *slot);
    if (stack->watching)
        stack->watching->open(stack, *slot, now_us);
    connection_after(stack, *slot, NULL, now_us);
    return HF_OK;
}

/* What was set on the listener for those that it accepts. */
static void take_over_options(struct hf_stack *stack, const struct listener *listener,
                              struct tcb *tcb, int64_t now_us)
{
    for (unsigned option = 0; option < LISTENER_OPTIONS; option++)
        if (listener->options_set >> option & 1)
            (void)tcp_set_option(&stack->tcp, tcb, (enum hf_option)option,
                                 listener->options[option], now_us);
}

uint32_t connection_open_passive(struct hf_stack *stack, const struct gate_segment *arrived,
                                 const struct handshake *handshake, int64_t now_us)
{
    struct listener *listener = listener_at(&stack->listeners, arrived->listener);
    struct tcp_open open = {
        .path_mss = stack_path_mss(stack, arrived->flow),
        .option_bytes = stack->signing.door_keyed
                            ? stack->signing.calls->option_bytes(stack, arrived->flow)
                            : 0,
        .v6 = !hf_address_is_v4(&arrived->flow->remote),
    };
    uint32_t slot = take_slot(stack, arrived->flow, arrived->hash);
    struct connection *connection;

    if (slot == SLOT_NONE) {
        stack->watch.no_slot_us = now_us;
        return SLOT_NONE;
    }
    connection = connection_at(&stack->connections, slot);
    if (!tcp_open_established(&stack->tcp, &connection->tcb, handshake, &open, now_us)) {
        stack->watch.no_bytes_us = now_us;
        give_slot(stack, slot);
        return SLOT_NONE;
    }
    if (open.option_bytes && !stack->signing.calls->open(stack, slot, true)) {
        tcp_release(&stack->tcp, &connection->tcb);
        give_slot(stack, slot);
        return SLOT_NONE;
    }
    if (listener->options_set)
        take_over_options(stack, listener, &connection->tcb, now_us);
    table_insert(&stack->connections.table, arrived->hash, slot);
    if (stack->watching)
        stack->watching->open(stack, slot, now_us);
    connection->flags |= CONNECTION_QUEUED | CONNECTION_TOLD_OPEN;
    connection->listener = arrived->listener;
    connection->cookie_until_ms = time_ms(now_us) + COOKIE_LIFE_MS;
    list_append(&listener->accept_queue, by_accept(&stack->connections), slot);
    listener_announce(&stack->listeners, arrived->listener);
    stack_event(stack, HF_EVENT_CONNECTION_OPENED, arrived->flow, 0, now_us);
    return slot;
}

static void leave_accept_queue(struct hf_stack *stack, struct connection *connection, uint32_t slot)
{
    struct listener *listener = listener_at(&stack->listeners, connection->listener);

    list_remove(&listener->accept_queue, by_accept(&stack->connections), slot);
    connection->flags &= ~(uint32_t)CONNECTION_QUEUED;
}

static void leave_output(struct hf_stack *stack, struct connection *connection, uint32_t slot)
{
    struct list *list = &stack->connections.output;

    if (!list_is_linked(&connection->by_output))
        return;
    if (connection->flags & CONNECTION_WAITS)
        list = neighbor_waiters(&stack->neighbors, connection->neighbor.slot);
    list_remove(list, by_output(&stack->connections), slot);
    connection->flags &= ~(uint32_t)CONNECTION_WAITS;
}

/* Nobody holds it and it is over: the slot is free again. */
static void release(struct hf_stack *stack, struct connection *connection, uint32_t slot)
{
    tcp_release(&stack->tcp, &connection->tcb);
    if (connection->flags & CONNECTION_QUEUED) {
        count_one(&stack->stats, accept_queue_left);
        leave_accept_queue(stack, connection, slot);
    }
    if (list_is_linked(&connection->by_ready))
        list_remove(&stack->connections.ready, by_ready(&stack->connections), slot);
    give_slot(stack, slot);
}

static void put_segment(struct hf_stack *stack, const struct connection *connection,
                        const struct segment *seg, const struct hf_mac *from)
{
    struct outbox_way way = {&connection->flow, stack->link_header ? from : NULL, connection->hash,
                             NULL};

    if (signing_is_signed(connection)) {
        const struct auth_session *session =
            stack->signing.calls->session(stack, connection_slot(&stack->connections, connection));

        if (!session)
            return;
        way.terms = &session->terms;
    }
    outbox_put(&stack->outbox, &way, seg);
}

/* A RST that tcp wants sent, though the connection may be over. */
static void send_reset(struct hf_stack *stack, const struct connection *connection,
                       const struct hf_mac *from)
{
    const struct tcp_reset *reset = &stack->tcp.reset;
    struct segment seg = {.seq = reset->seq, .ack = reset->ack, .flags = reset->flags};

    put_segment(stack, connection, &seg, from);
    count_one(&stack->stats, resets_sent);
    stack->tcp.reset.wanted = false;
}

/* TIME-WAIT is kept in a record of 64 bytes. The ACK of the peer's FIN must still go out. [RFC 9293 3.10.7.4 eighth] */
static void leave_time_wait(struct hf_stack *stack, struct connection *connection,
                            const struct hf_mac *from, int64_t now_us)
{
    struct tcp_outgoing out = {.text_max = 0};
    struct tcp_remains remains;

    for (int i = 0; i < LAST_ACKS_MAX; i++) {
        if (!tcp_output(&stack->tcp, &connection->tcb, &out, now_us))
            break;
        put_segment(stack, connection, &out.segment, from);
    }
    tcp_remains(&connection->tcb, &remains);
    time_wait_insert(&stack->time_waits, connection->hash, &connection->flow, &remains, now_us);
    if (signing_is_signed(connection))
        stack->signing.calls->seal(stack, connection_slot(&stack->connections, connection));
    connection->flags |= CONNECTION_TIME_WAIT;
    tcb_delete(&stack->tcp, &connection->tcb, TCP_END_CLOSED);
}

/* The ACK that opened it may come again and would open a ghost: a record knows it until its cookie is void. */
static bool is_replayable(const struct connection *connection, int64_t now_us)
{
    uint32_t now_ms = time_ms(now_us);

    return (connection->tcb.flags & TCB_COOKIE) &&
           (int32_t)(connection->cookie_until_ms - now_ms) > 0;
}

static void tell_ended(struct hf_stack *stack, const struct connection *connection, int64_t now_us)
{
    enum tcp_end end = (enum tcp_end)connection->tcb.end;

    stack_event(stack, HF_EVENT_CONNECTION_ENDED, &connection->flow,
                end == TCP_END_CLOSED ? 0 : (uint32_t)tcp_end_error(end), now_us);
}

/* Takes a connection that is over out of everything through which a segment or an instant could find it. */
static void detach(struct hf_stack *stack, struct connection *connection, uint32_t slot,
                   const struct hf_mac *from, int64_t now_us)
{
    table_remove(&stack->connections.table, connection->hash, slot);
    if (stack->watching)
        stack->watching->close(stack, slot);
    if (is_replayable(connection, now_us))
        time_wait_guard(&stack->time_waits, connection->hash, &connection->flow,
                        connection->tcb.iss, now_us);
    if (connection->tcb.state == TCP_TIME_WAIT)
        leave_time_wait(stack, connection, from, now_us);
    tell_ended(stack, connection, now_us);
    if (signing_is_signed(connection))
        stack->signing.calls->close(stack, slot);
    wheel_cancel(&stack->connections.wheel, slot);
    leave_output(stack, connection, slot);
    connection->flags |= CONNECTION_DETACHED;
}

void connection_file_deadline(struct connections *connections, uint32_t slot)
{
    struct connection *connection = connection_at(connections, slot);
    int64_t deadline_us = tcb_deadline(&connection->tcb);

    if (deadline_us == NEVER_US)
        return;
    int64_t now_tick = connections->wheel.now;
    int64_t ahead = ((deadline_us + (1 << WHEEL_TICK_SHIFT) - 1) >> WHEEL_TICK_SHIFT) - now_tick;

    /* What is filed too early finds nothing when it fires, and is filed again then: cheaper than moving it each time. Both are
     * told from now: two ticks may lie more than half of their circle apart. */
    if (connection->timer.next != SLOT_UNLINKED &&
        (uint32_t)(connection->timer.tick - (uint32_t)now_tick) <= ahead)
        return;
    wheel_set(&connections->wheel, slot, deadline_us);
}

static void announce(struct connections *connections, struct connection *connection, uint32_t slot)
{
    connection->ready |= connection->tcb.ready;
    connection->tcb.ready = 0;
    if ((connection->flags & CONNECTION_HAS_USER) && !list_is_linked(&connection->by_ready))
        list_append(&connections->ready, by_ready(connections), slot);
}

/* Seldom: the connection opened, or is over. false: its slot is gone. */
static bool after_change(struct hf_stack *stack, struct connection *connection, uint32_t slot,
                         const struct hf_mac *from, int64_t now_us)
{
    if (connection->tcb.end == TCP_END_NONE && connection->tcb.state != TCP_TIME_WAIT) {
        if (connection->tcb.state >= TCP_ESTABLISHED) {
            connection->flags |= CONNECTION_TOLD_OPEN;
            stack_event(stack, HF_EVENT_CONNECTION_OPENED, &connection->flow, 0, now_us);
        }
        return true;
    }
    if (!(connection->flags & CONNECTION_DETACHED))
        detach(stack, connection, slot, from, now_us);
    if (connection->flags & CONNECTION_HAS_USER)
        return true;
    release(stack, connection, slot);
    return false;
}

void connection_after(struct hf_stack *stack, uint32_t slot, const struct hf_mac *from,
                      int64_t now_us)
{
    struct connections *connections = &stack->connections;
    struct connection *connection = connection_at(connections, slot);
    struct tcb *tcb = &connection->tcb;

    if (__builtin_expect(stack->tcp.reset.wanted, 0))
        send_reset(stack, connection, from);
    if (__builtin_expect(stack->tcp.path_in_doubt, 0)) {
        if (stack->link_header)
            stack->neighbors.calls->doubt(&stack->neighbors, &connection->neighbor);
        stack->tcp.path_in_doubt = false;
    }
    if (tcb->end != TCP_END_NONE || tcb->state == TCP_TIME_WAIT ||
        !(connection->flags & CONNECTION_TOLD_OPEN)) {
        if (!after_change(stack, connection, slot, from, now_us))
            return;
    }
    if (tcb->ready)
        announce(connections, connection, slot);
    if (connection->flags & CONNECTION_DETACHED)
        return;
    if (__builtin_expect(watch_is_above(&connection->watched, tcb->snd_held + tcb->rcv_held), 0) &&
        stack->watching)
        stack->watching->grew(stack, slot, now_us);
    connection_file_deadline(connections, slot);
    if (!list_is_linked(&connection->by_output) && tcp_wants_output(&stack->tcp, tcb))
        list_append(&connections->output, by_output(connections), slot);
}

void connection_drop_user(struct hf_stack *stack, uint32_t slot, int64_t now_us)
{
    struct connection *connection = connection_at(&stack->connections, slot);

    connection->flags &= ~(uint32_t)CONNECTION_HAS_USER;
    connection->ready = 0;
    if (list_is_linked(&connection->by_ready))
        list_remove(&stack->connections.ready, by_ready(&stack->connections), slot);
    connection_after(stack, slot, NULL, now_us);
}

uint32_t connection_accept(struct hf_stack *stack, uint32_t number)
{
    struct connections *connections = &stack->connections;
    struct listener *listener = listener_at(&stack->listeners, number);
    uint32_t slot = list_take(&listener->accept_queue, by_accept(connections));
    struct connection *connection;

    if (slot == SLOT_NONE)
        return SLOT_NONE;
    connection = connection_at(connections, slot);
    connection->flags &= ~(uint32_t)CONNECTION_QUEUED;
    connection->flags |= CONNECTION_HAS_USER;
    if (connection->ready)
        list_append(&connections->ready, by_ready(connections), slot);
    return slot;
}

void connection_abort_queued(struct hf_stack *stack, uint32_t number, int64_t now_us)
{
    struct listener *listener = listener_at(&stack->listeners, number);
    uint32_t slot;

    while ((slot = listener->accept_queue.first) != SLOT_NONE) {
        tcp_abort(&stack->tcp, &connection_at(&stack->connections, slot)->tcb, now_us);
        connection_after(stack, slot, NULL, now_us);
    }
}

void connections_tick(struct hf_stack *stack, int64_t now_us)
{
    struct connections *connections = &stack->connections;
    uint32_t slot;

    while ((slot = wheel_expire(&connections->wheel, now_us)) != SLOT_NONE) {
        struct tcb *tcb = &connection_at(connections, slot)->tcb;

        if (tcb_deadline(tcb) > now_us) {
            connection_file_deadline(connections, slot);
            continue;
        }
        tcp_timeout(&stack->tcp, tcb, now_us);
        if (tcb->backoff && tcb->end == TCP_END_NONE && stack->watching)
            stack->watching->note(stack, slot, now_us);
        connection_after(stack, slot, NULL, now_us);
    }
}

void connections_wake(struct hf_stack *stack)
{
    struct connections *connections = &stack->connections;
    uint32_t neighbor, slot;

    while ((neighbor = neighbor_take_changed(&stack->neighbors)) != SLOT_NONE) {
        struct list *waiters = neighbor_waiters(&stack->neighbors, neighbor);

        while ((slot = list_take(waiters, by_output(connections))) != SLOT_NONE) {
            connection_at(connections, slot)->flags &= ~(uint32_t)CONNECTION_WAITS;
            list_append(&connections->output, by_output(connections), slot);
        }
    }
}

/* [RFC 9293 MUST-54; R5927-02] */
static uint32_t find_flow(const struct hf_stack *stack, const struct flow *flow)
{
    return connection_find(&stack->connections, demux_hash(&stack->keys.tuple, flow), flow);
}

/* Who signs segments does not let an unsigned word end them or cut them small: IPv4 type 3 codes 2 to 4, IPv6 type 1 codes 1
 * and 4. IPv6's packet-too-big is heard, as no router cuts there. [RFC 5925 7.8; R5925-27] */
static bool is_deaf_to_icmp(struct hf_stack *stack, uint32_t slot)
{
    const struct connection *connection = connection_at(&stack->connections, slot);

    if (!signing_is_signed(connection) || !tcp_state_is_synchronized(connection->tcb.state) ||
        !stack->signing.calls->ignores_icmp(stack, slot))
        return false;
    count_one(&stack->stats, auth_icmp_ignored);
    return true;
}

bool connection_icmp_error(struct hf_stack *stack, const struct flow *flow, seq quoted,
                           enum tcp_end hard, int64_t now_us)
{
    uint32_t slot = find_flow(stack, flow);

    if (slot == SLOT_NONE)
        return false;
    if (hard != TCP_END_NONE && is_deaf_to_icmp(stack, slot))
        return true;
    tcp_icmp_error(&stack->tcp, &connection_at(&stack->connections, slot)->tcb, quoted, hard,
                   now_us);
    connection_after(stack, slot, NULL, now_us);
    return true;
}

bool connection_icmp_too_big(struct hf_stack *stack, const struct flow *flow, seq quoted,
                             uint32_t mtu, int64_t now_us)
{
    uint32_t slot = find_flow(stack, flow);

    if (slot == SLOT_NONE)
        return false;
    if (hf_address_is_v4(&flow->remote) && is_deaf_to_icmp(stack, slot))
        return true;
    tcp_icmp_too_big(&stack->tcp, &connection_at(&stack->connections, slot)->tcb, quoted, mtu,
                     now_us);
    connection_after(stack, slot, NULL, now_us);
    return true;
}
