/* Segments that belong to no connection. [RFC 9293 3.10.7.1, 3.10.7.2; RFC 6191; RFC 5961]
 *
 * The order: a half-open of ours, a TIME-WAIT record, a listener, nobody. What is said to a peer who has proved nothing goes
 * to the lane that is dropped first, by the link address that he came from, and but for SYN-ACKs it is paid from a budget.
 */
#include "stack/admit.h"

#include "gate/half_open.h"
#include "gate/reaper.h"
#include "stack/door.h"
#include "stack/egress.h"
#include "stack/signing.h"
#include "tcp/state.h"

/* Counts a refusal by name and gives its number. */
#define refused(stack, name) count_reason(&(stack)->stats, name)

static void put(struct hf_stack *stack, const struct gate_segment *arrived, struct segment *answer)
{
    struct outbox_way way = {
        arrived->flow, stack->link_header ? &arrived->from : NULL, arrived->hash,
        stack->signing.door_keyed ? stack->signing.calls->answer_terms(stack, answer) : NULL};

    egress_answer(stack, &way, answer);
}

/* An answer that costs budget. */
static bool put_within_budget(struct hf_stack *stack, const struct gate_segment *arrived,
                              struct segment *answer, int64_t now_us)
{
    enum budget_kind kind = answer->flags & TCP_RST ? BUDGET_RESET : BUDGET_CHALLENGE;

    if (!stack_may_say(stack, kind, &arrived->flow->remote, now_us))
        return false;
    put(stack, arrived, answer);
    stack->stats.resets_sent += !!(answer->flags & TCP_RST);
    return true;
}

/* The stray rule, and LISTEN's for an ACK: <SEQ=SEG.ACK><CTL=RST>, or <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. A RST never
 * answers a RST. [RFC 9293 3.10.7.1] [RFC 9293] */
static enum hf_stat reset_stray(struct hf_stack *stack, const struct gate_segment *arrived,
                                enum hf_stat reason, int64_t now_us)
{
    const struct segment *seg = arrived->seg;
    struct segment answer;

    if (stack->signing.door_keyed) /* [RFC 5925 7.3] */
        return signing_refuse_stray(stack, arrived->flow, now_us);
    if (seg->flags & TCP_ACK)
        answer = (struct segment){.seq = seg->ack, .flags = TCP_RST};
    else
        answer = (struct segment){.ack = seq_add(seg->seq, segment_length(seg)),
                                  .flags = TCP_RST | TCP_ACK};
    stack_count(stack, reason);
    return put_within_budget(stack, arrived, &answer, now_us) ? reason : HF_STAT_stray_over_budget;
}

static void tell_pressure(struct hf_stack *stack, uint32_t number,
                          const struct pressure_change *change, int64_t now_us)
{
    if (stack->events)
        stack->config.parts.events->pressure(stack, number, change, now_us);
}

/* What gate_on_syn wants told. */
static void tell_gate(struct hf_stack *stack, const struct gate_segment *arrived, int64_t now_us)
{
    struct gate *gate = &stack->gate;

    if (__builtin_expect(gate->tell_pressure, 0)) {
        gate->tell_pressure = false;
        tell_pressure(stack, arrived->listener, &gate->change, now_us);
    }
    if (__builtin_expect(gate->tell_full, 0)) {
        gate->tell_full = false;
        stack_event(stack, HF_EVENT_CACHE_FULL, arrived->flow, gate_half_opens(gate), now_us);
    }
}

/* A SYN for a listener. */
static enum hf_stat on_syn(struct hf_stack *stack, struct gate_segment *arrived, uint32_t number,
                           int64_t now_us)
{
    enum gate_verdict verdict;
    struct segment answer;

    count_one(&stack->stats, syn_received);
    if (arrived->seg->flags & (TCP_FIN | TCP_URG))
        count_one(&stack->stats,
                  syn_odd_flags); /* answered: FIN and urgent data come again with the text */
    if (listener_queue_is_full(listener_at(&stack->listeners, number))) {
        stack_event(stack, HF_EVENT_ACCEPT_QUEUE_FULL, arrived->flow, 0, now_us);
        return refused(stack, syn_accept_queue_full);
    }
    arrived->listener = (uint16_t)number;
    verdict = gate_on_syn(&stack->gate, arrived, &answer, now_us);
    tell_gate(stack, arrived, now_us);
    if (verdict != GATE_ANSWER)
        return stack->gate.reason;
    put(stack, arrived, &answer);
    tcp_state_note(&stack->tcp, TCP_LISTEN, TCP_SYN_RECEIVED);
    return HF_STAT_none;
}

/* A listener that requires keys, and a peer of whom none speaks (any more). */
static inline bool lacks_key(const struct hf_stack *stack, uint32_t number)
{
    return __builtin_expect(listener_at(&stack->listeners, number)->require_key, 0) &&
           !stack->signing.door_keyed;
}

/* An answer to a SYN must lie above what the flow's last incarnation sent, while that is in TIME-WAIT. [RFC 6191 2] */
static void note_floor(const struct hf_stack *stack, struct gate_segment *arrived, uint32_t record)
{
    arrived->has_iss_floor = record != SLOT_NONE;
    if (arrived->has_iss_floor)
        arrived->iss_floor = time_wait_snd_nxt(&stack->time_waits, record);
}

static enum hf_stat at_time_wait(struct hf_stack *stack, struct gate_segment *arrived,
                                 uint32_t record, int64_t now_us)
{
    const struct flow *flow = arrived->flow;
    struct segment answer;
    uint32_t number;
    enum hf_stat refusal =
        __builtin_expect(stack->signing.calls != NULL, 0)
            ? stack->signing.calls->check_time_wait(stack, arrived, record, now_us)
            : HF_STAT_none;

    if (refusal != HF_STAT_none)
        return refusal;
    switch (time_wait_segment_arrives(&stack->time_waits, record, arrived->seg, &answer, now_us)) {
    case TIME_WAIT_SILENT: return HF_STAT_time_wait_segments;
    case TIME_WAIT_OVER: return HF_STAT_none;
    case TIME_WAIT_ANSWER: {
        /* Who knows the end of what we received is the peer, or on the path: a FIN again is always answered. */
        if (!(arrived->seg->flags & TCP_FIN) &&
            !stack_may_say(stack, BUDGET_CHALLENGE, &flow->remote, now_us))
            return HF_STAT_challenge_over_budget;
        struct outbox_way way = {flow, stack->link_header ? &arrived->from : NULL, arrived->hash,
                                 time_wait_terms(&stack->time_waits, record)};

        outbox_put(&stack->outbox, &way, &answer);
        return HF_STAT_none;
    }
    case TIME_WAIT_NEW: break;
    }
    number = listener_find(&stack->listeners, &flow->local, flow->local_port);
    if (number == SLOT_NONE)
        return refused(stack, stray_syn); /* never a RST: the record may still be needed */
    if (lacks_key(stack, number))
        return signing_refuse_unsigned(stack, flow, arrived->seg, now_us);
    note_floor(stack, arrived, record);
    return on_syn(stack, arrived, number, now_us);
}

/* The handshake is agreed. Without room nothing is committed: half-open or cookie stays good for the peer's next try. The
 * segment that finished it goes on to the connection, with its text. [RFC 9293 3.10.7.4 fifth] */
static enum hf_stat open_connection(struct hf_stack *stack, const struct gate_segment *arrived,
                                    uint32_t half_open, const struct handshake *handshake,
                                    int64_t now_us)
{
    uint32_t slot, record;

    if (handshake->from_cookie &&
        time_wait_is_replay(&stack->time_waits, arrived->hash, arrived->flow, handshake->iss))
        return refused(stack, cookie_replayed);
    if (listener_queue_is_full(listener_at(&stack->listeners, arrived->listener))) {
        stack_event(stack, HF_EVENT_ACCEPT_QUEUE_FULL, arrived->flow, 0, now_us);
        return refused(stack, handshake_accept_queue_full);
    }
    slot = connection_open_passive(stack, arrived, handshake, now_us);
    if (slot == SLOT_NONE)
        return refused(stack, handshake_no_connection);
    gate_commit(&stack->gate, half_open, arrived, handshake, now_us);
    tcp_state_note(&stack->tcp, TCP_SYN_RECEIVED, TCP_ESTABLISHED);
    record = time_wait_find(&stack->time_waits, arrived->hash, arrived->flow);
    if (record != SLOT_NONE) {
        time_wait_end(&stack->time_waits, record);
        tcp_state_note(&stack->tcp, TCP_TIME_WAIT, TCP_SYN_RECEIVED);
    }
    if (stack->link_header)
        stack->neighbors.calls->confirm(stack, arrived->flow, &arrived->from, now_us);
    stack->tcp.reason = HF_STAT_none;
    tcp_segment_arrives(&stack->tcp, &connection_at(&stack->connections, slot)->tcb, arrived->seg,
                        now_us);
    connection_after(stack, slot, &arrived->from, now_us);
    return stack->tcp.reason;
}

/* Second, an ACK at LISTEN: it may return a cookie. If it is none while some are under way, silence: whoever guesses is not
 * told that he failed. Otherwise nothing was sent that could be acknowledged. [RFC 9293 3.10.7.2 second] */
static enum hf_stat ack_at_listener(struct hf_stack *stack, struct gate_segment *arrived,
                                    int64_t now_us)
{
    struct handshake handshake;

    switch (gate_on_ack(&stack->gate, arrived, &handshake, now_us)) {
    case GATE_HANDSHAKE:
        if (__builtin_expect(stack->signing.door_keyed, 0)) {
            const struct auth_isns isns = {handshake.iss, handshake.irs};
            enum hf_stat refusal = stack->signing.calls->check_door(stack, arrived, &isns, now_us);

            if (refusal != HF_STAT_none)
                return refusal; /* not committed: the peer's own ACK is still good */
        }
        return open_connection(stack, arrived, SLOT_NONE, &handshake, now_us);
    case GATE_SILENT: return stack->gate.reason;
    case GATE_STRAY:
    case GATE_ANSWER:
    case GATE_CHALLENGE:
    case GATE_REMOVED: break;
    }
    door_note_stray_ack(stack, arrived->seg);
    return reset_stray(stack, arrived, HF_STAT_stray_ack, now_us);
}

/* SEGMENT ARRIVES in LISTEN. */
static enum hf_stat at_listener(struct hf_stack *stack, struct gate_segment *arrived,
                                uint32_t number, int64_t now_us)
{
    uint8_t flags = arrived->seg->flags;

    arrived->listener = (uint16_t)number;
    if (flags & TCP_RST) /* first */
        return flags & TCP_SYN ? refused(stack, syn_odd_flags) : refused(stack, stray_rst);
    if (lacks_key(stack, number))
        return signing_refuse_unsigned(stack, arrived->flow, arrived->seg, now_us);
    if (flags & TCP_ACK) {
        if (!(flags & TCP_SYN))
            return ack_at_listener(stack, arrived, now_us);
        door_note_stray_ack(stack, arrived->seg);
        return reset_stray(stack, arrived, HF_STAT_stray_ack, now_us);
    }
    if (flags & TCP_SYN) { /* third */
        enum hf_stat refusal = stack->signing.door_keyed
                                   ? stack->signing.calls->check_syn(stack, arrived, now_us)
                                   : HF_STAT_none;

        return refusal != HF_STAT_none ? refusal : on_syn(stack, arrived, number, now_us);
    }
    return refused(stack, stray_other); /* fourth: its sequence number cannot be checked */
}

/* SEGMENT ARRIVES in CLOSED. */
static enum hf_stat at_closed_port(struct hf_stack *stack, const struct gate_segment *arrived,
                                   int64_t now_us)
{
    uint8_t flags = arrived->seg->flags;

    if (flags & TCP_RST)
        return flags & TCP_SYN ? refused(stack, syn_odd_flags) : refused(stack, stray_rst);
    if (flags & TCP_ACK) {
        door_note_stray_ack(stack, arrived->seg);
        return reset_stray(stack, arrived, HF_STAT_stray_ack, now_us);
    }
    return reset_stray(stack, arrived, flags & TCP_SYN ? HF_STAT_stray_syn : HF_STAT_stray_other,
                       now_us);
}

static enum hf_stat at_port(struct hf_stack *stack, struct gate_segment *arrived, int64_t now_us)
{
    const struct flow *flow = arrived->flow;
    uint32_t number = listener_find(&stack->listeners, &flow->local, flow->local_port);

    door_note(stack, arrived, number != SLOT_NONE, now_us);
    return number == SLOT_NONE ? at_closed_port(stack, arrived, now_us)
                               : at_listener(stack, arrived, number, now_us);
}

/* SEGMENT ARRIVES in the passive half of SYN-RECEIVED. */
static enum hf_stat at_half_open(struct hf_stack *stack, struct gate_segment *arrived,
                                 uint32_t half_open, int64_t now_us)
{
    union gate_result result;

    arrived->listener = syn_cache_at(&stack->gate.cache, half_open)->listener;
    if (arrived->seg->flags & TCP_SYN)
        note_floor(stack, arrived,
                   time_wait_find(&stack->time_waits, arrived->hash, arrived->flow));
    if (__builtin_expect(stack->signing.door_keyed, 0)) {
        enum hf_stat refusal =
            stack->signing.calls->check_half_open(stack, arrived, half_open, now_us);

        if (refusal != HF_STAT_none)
            return refusal;
    } else if (lacks_key(stack, arrived->listener)) { /* required, or removed, since its SYN */
        return signing_refuse_unsigned(stack, arrived->flow, arrived->seg, now_us);
    }
    switch (half_open_on_segment(&stack->gate, half_open, arrived, &result, now_us)) {
    case GATE_SILENT: return stack->gate.reason;
    case GATE_ANSWER: put(stack, arrived, &result.answer); return stack->gate.reason;
    case GATE_CHALLENGE:
        (void)put_within_budget(stack, arrived, &result.answer, now_us);
        return stack->gate.reason;
    case GATE_REMOVED:
        tcp_state_note(&stack->tcp, TCP_SYN_RECEIVED, TCP_LISTEN);
        return stack->gate.reason;
    case GATE_STRAY:
    case GATE_HANDSHAKE: break;
    }
    return open_connection(stack, arrived, half_open, &result.handshake, now_us);
}

static enum hf_stat admit(struct hf_stack *stack, struct gate_segment *arrived, int64_t now_us)
{
    uint32_t slot = gate_find(&stack->gate, arrived->hash, arrived->flow);

    if (slot != SLOT_NONE)
        return at_half_open(stack, arrived, slot, now_us);
    slot = time_wait_find(&stack->time_waits, arrived->hash, arrived->flow);
    if (slot != SLOT_NONE)
        return at_time_wait(stack, arrived, slot, now_us);
    return at_port(stack, arrived, now_us);
}

enum hf_stat admit_segment(struct hf_stack *stack, struct gate_segment *arrived, int64_t now_us)
{
    bool keyed = stack->signing.auth.keys.pool.count != 0;
    enum hf_stat reason;

    if (__builtin_expect(keyed, 0))
        stack->signing.calls->door_open(stack, arrived->flow);
    reason = admit(stack, arrived, now_us);
    if (__builtin_expect(keyed, 0))
        stack->signing.calls->door_close(stack);
    return reason;
}

void admit_tick(struct hf_stack *stack, int64_t now_us)
{
    struct reaper_task task;
    struct pressure_change change;
    enum reaper_task_kind kind;
    uint32_t number;

    while ((kind = reaper_tick(&stack->gate, &task, now_us)) != REAPER_DONE) {
        struct auth_terms terms;
        struct outbox_way way = {&task.flow, stack->link_header ? &task.to : NULL, task.hash,
                                 stack->signing.calls ? stack->signing.calls->spontaneous_terms(
                                                            stack, &task.flow, &task.seg, &terms)
                                                      : NULL};

        if (kind != REAPER_FORGET)
            egress_answer(stack, &way, &task.seg);
        if (kind == REAPER_RESEND)
            continue;
        stack->stats.resets_sent += kind == REAPER_RESET;
        tcp_state_note(&stack->tcp, TCP_SYN_RECEIVED,
                       kind == REAPER_RESET ? TCP_CLOSED : TCP_LISTEN);
        stack_event(stack, HF_EVENT_HALF_OPEN_TIMED_OUT, &task.flow, 0, now_us);
    }
    while (gate_tick(&stack->gate, &number, &change, now_us))
        tell_pressure(stack, number, &change, now_us);
}
