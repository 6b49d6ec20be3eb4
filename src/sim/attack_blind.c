/* Blind forgeries. [RFC 5961 1.1; RFC 5927 2; RFC 9293 3.3.2] */
#include "sim/attack_blind.h"

#include "base/must.h"
#include "stack/demux.h"
#include "stack/stack.h"

static uint32_t slot_of(const struct victim *victim, const struct field *field, uint64_t *hash)
{
    const struct hf_stack *stack = field->server.stack;

    *hash = demux_hash(&stack->keys.tuple, &victim->peer.flow);
    return connection_find(&stack->connections, *hash, &victim->peer.flow);
}

struct tcb *victim_tcb(const struct victim *victim, const struct field *field)
{
    uint64_t hash;
    uint32_t slot = slot_of(victim, field, &hash);

    return slot == SLOT_NONE ? NULL : &connection_at(&field->server.stack->connections, slot)->tcb;
}

enum hf_state victim_state(const struct victim *victim, const struct field *field)
{
    const struct hf_stack *stack = field->server.stack;
    const struct flow *flow = &victim->peer.flow;
    uint64_t hash;
    uint32_t slot = slot_of(victim, field, &hash);

    if (slot != SLOT_NONE)
        return (enum hf_state)connection_at(&stack->connections, slot)->tcb.state;
    if (gate_find(&stack->gate, hash, flow) != SLOT_NONE)
        return HF_STATE_SYN_RECEIVED;
    if (time_wait_find(&stack->time_waits, hash, flow) != SLOT_NONE)
        return HF_STATE_TIME_WAIT;
    return HF_STATE_CLOSED;
}

/* The server opens, and its SYN is heard. */
static void let_open(struct victim *victim, struct field *field)
{
    struct flow *flow = &victim->peer.flow;
    struct hf_endpoint local = {flow->local, flow->local_port};
    struct hf_endpoint remote = {flow->remote, flow->remote_port};

    must(hf_connect(field->server.stack, &local, &remote, &victim->socket, field->now_us) == HF_OK);
    field_drain(field);
    must(victim->peer.last.flags & TCP_SYN);
    victim->peer.irs = victim->peer.last.seq;
    victim->peer.rcv_nxt = seq_add(victim->peer.irs, 1);
}

/* Neither an established connection nor one that has left it. */
static bool reach_opening(struct victim *victim, struct field *field)
{
    struct attack_peer *peer = &victim->peer;

    if (victim->wanted == HF_STATE_SYN_SENT || victim->simultaneous) {
        let_open(victim, field);
        if (victim->simultaneous)
            attack_peer_syn(peer, field);
        return true;
    }
    if (victim->wanted == HF_STATE_SYN_RECEIVED) {
        attack_peer_syn(peer, field);
        return true;
    }
    must(attack_peer_open(peer, field));
    must(hf_accept(field->server.stack, field->listener, &victim->socket) == HF_OK);
    return victim->wanted == HF_STATE_ESTABLISHED;
}

/* What the peer says in answer to our FIN, or of its own. */
static void say(struct victim *victim, struct field *field, bool acks_fin, bool fin)
{
    struct attack_peer *peer = &victim->peer;

    if (!acks_fin)
        peer->rcv_nxt = seq_sub(peer->rcv_nxt, 1);
    must(attack_peer_say(peer, field, (uint8_t)(TCP_ACK | (fin ? TCP_FIN : 0)), NULL, 0) ==
         HF_STAT_none);
    if (!acks_fin)
        peer->rcv_nxt = seq_add(peer->rcv_nxt, 1);
}

static void reach_closing(struct victim *victim, struct field *field)
{
    struct hf_stack *stack = field->server.stack;
    bool peer_first = victim->wanted == HF_STATE_CLOSE_WAIT || victim->wanted == HF_STATE_LAST_ACK;

    if (peer_first) {
        must(attack_peer_say(&victim->peer, field, TCP_FIN | TCP_ACK, NULL, 0) == HF_STAT_none);
        if (victim->wanted == HF_STATE_CLOSE_WAIT)
            return;
    }
    must(hf_shutdown(stack, victim->socket, field->now_us) == HF_OK);
    field_drain(field);
    if (victim->wanted == HF_STATE_FIN_WAIT_2 || victim->wanted == HF_STATE_TIME_WAIT)
        say(victim, field, true, false);
    if (victim->wanted == HF_STATE_TIME_WAIT)
        say(victim, field, true, true);
    if (victim->wanted == HF_STATE_CLOSING)
        say(victim, field, false, true);
}

void victim_reach(struct victim *victim, struct field *field, enum hf_state state, uint16_t port)
{
    bool simultaneous = victim->simultaneous && state == HF_STATE_SYN_RECEIVED;
    bool active = state == HF_STATE_SYN_SENT || simultaneous;
    struct hf_address from = {{0x20, 0x01, 0x0d, 0xb8, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};

    if (!field->v6)
        from = address_v4(0x05060708);
    *victim = (struct victim){.wanted = state, .simultaneous = simultaneous};
    attack_peer_init(&victim->peer, field, from, port,
                     active ? (uint16_t)(port ^ 0x4000) : FIELD_PORT);
    if (!reach_opening(victim, field))
        reach_closing(victim, field);
    must(victim_state(victim, field) == state);
}

void victim_forget(struct victim *victim, struct field *field)
{
    if (victim->socket)
        (void)hf_abort(field->server.stack, victim->socket, field->now_us);
    field_drain(field);
    attack_peer_forget(&victim->peer, field);
}

void blind_sweep(struct blind *blind, struct field *field, const struct victim *victim)
{
    enum hf_state before = victim_state(victim, field);
    uint64_t said = field->to_others.frames;

    for (uint64_t i = 0; i < blind->count; i++) {
        struct segment seg = blind->seg;
        seq guess = seq_add(blind->first, (uint32_t)i * blind->step);

        if (blind->spares && seq_eq(guess, blind->but))
            continue;
        if (blind->guesses_ack)
            seg.ack = guess;
        else
            seg.seq = guess;
        field_give_segment(field, &victim->peer.flow, &seg);
        if (victim_state(victim, field) == before)
            continue;
        if (blind->ends++ == 0)
            blind->ended_by = guess;
        before = victim_state(victim, field);
    }
    blind->answers = field->to_others.frames - said;
}
