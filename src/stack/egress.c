/* Frames out: described segments become bytes, text is copied and summed in one pass. [RFC 9293 3.1, 3.8.1; RFC 1122 3.2]
 *
 * The order: replies for connections, neighbour messages, connections in turn, and one answer to the unproven after every
 * four segments of connections. A flood of SYNs then takes at most a fifth of what connections send, and bulk data keeps no newcomer
 * waiting.
 */
#include "stack/egress.h"

#include "base/bytes.h"
#include "base/must.h"
#include "stack/demux.h"
#include "stack/signing.h"
#include "stack/stack.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_header.h"

#define TURN_SEGMENTS 4u /* that a connection may send before the next one's turn */
#define TCP_HEADER_MAX 60u
#define IP_PAYLOAD_MAX (65535u - IPV4_HEADER)

/* A segment on its way out. */
struct outgoing {
    const struct flow *flow;
    const struct hf_mac *to;
    const struct segment *seg;
    struct tcb *tcb;              /* text comes from its send queue; NULL: no text */
    uint32_t text_offset;         /* in the queue */
    struct auth_session *session; /* signs it, and `seg` has room for that; NULL: unsigned */
    bool v4, no_df;
};

static inline void build_link(const struct hf_stack *stack, uint8_t *to, const struct outgoing *out)
{
    struct ethernet header = {
        .destination = *out->to,
        .source = stack->mac,
        .vlan = stack->rules.vlan,
        .ethertype = out->v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
    };

    (void)ethernet_build(to, &header);
}

/* IP identification is 0 with DF: nobody will look at it. [RFC 6864 4.1] ECN bits are 0.
 * [RFC 9293 MUST-48, MUST-49, SHLD-21, SHLD-22; R1122-14, R1122-15, R1191-01, R6864-01] */
static inline void build_ip(struct hf_stack *stack, uint8_t *to, const struct outgoing *out,
                            uint32_t payload_length)
{
    const struct flow *flow = out->flow;
    uint8_t traffic_class = (uint8_t)(out->tcb ? out->tcb->dscp << 2 : 0);

    if (out->v4) {
        struct ipv4 header = {
            .source = flow->local,
            .destination = flow->remote,
            .total_length = (uint16_t)(payload_length + IPV4_HEADER),
            .id = out->no_df ? demux_ip_id(stack, &flow->remote) : 0,
            .ttl = stack->config.ttl,
            .traffic_class = traffic_class,
            .protocol = IP_TCP,
            .dont_fragment = !out->no_df,
        };

        (void)ipv4_build(to, &header);
    } else {
        stack->ipv6->build_header(stack, to, flow, payload_length, traffic_class);
    }
}

/* Copies text and gives its sum; 0 if a driver sums. Runs of odd length move the next one's bytes to the other half of their
 * words. [RFC 1071] */
static uint16_t copy_text(const struct hf_stack *stack, uint8_t *to, const struct outgoing *out)
{
    uint32_t length = out->seg->length;
    uint16_t sum = 0;

    for (uint32_t done = 0; done < length;) {
        struct byte_run run = byte_queue_at(&out->tcb->snd_queue, &stack->tcp.chunks,
                                            out->text_offset + done, length - done);

        if (stack->config.checksum_offload) {
            memcpy(to + done, run.data, run.length);
        } else {
            uint16_t part = stack->copy_and_checksum(to + done, run.data, run.length);

            sum = checksum_add(sum, done & 1 ? checksum_swap(part) : part);
        }
        done += run.length;
    }
    return sum;
}

/* The addresses of the pseudo-header, in words of host order. [RFC 9293 3.1; RFC 8200 8.1] */
static inline uint64_t sum_addresses(const struct outgoing *out)
{
    const uint8_t *local = out->flow->local.bytes, *remote = out->flow->remote.bytes;
    uint64_t sum = (uint64_t)get_be32(local + 12) + get_be32(remote + 12);

    if (!out->v4)
        for (int i = 0; i < 12; i += 4)
            sum += (uint64_t)get_be32(local + i) + get_be32(remote + i);
    return sum;
}

/* The checksum field: complete, or for a driver that completes it, the sum of the pseudo-header alone.
 * [RFC 9293 MUST-2] */
static inline void put_checksum(const struct hf_stack *stack, uint8_t *tcp,
                                const struct outgoing *out, uint32_t payload, uint64_t sum)
{
    uint64_t pseudo = sum_addresses(out) + IP_TCP + payload;

    if (stack->config.checksum_offload)
        put_be16(tcp + TCP_CHECKSUM_OFFSET, checksum_fold(pseudo));
    else
        put_be16(tcp + TCP_CHECKSUM_OFFSET, (uint16_t)~checksum_fold(pseudo + sum));
}

/* What a frame consists of. */
struct written {
    uint32_t length, headers, transport; /* transport: where the TCP header begins */
};

/* Inlined, as an answer to a stranger needs only half of it. */
INLINED struct written write_frame(struct hf_stack *stack, uint8_t *to, const struct outgoing *out)
{
    uint32_t transport = stack->link_header + (out->v4 ? IPV4_HEADER : IPV6_HEADER);
    uint8_t *tcp = to + transport;
    uint64_t sum = 0;
    uint32_t header = tcp_header_build_summed(tcp, out->seg, &sum);
    uint32_t payload = header + out->seg->length;

    must(payload <= IP_PAYLOAD_MAX);

    if (stack->link_header)
        build_link(stack, to, out);
    build_ip(stack, to + stack->link_header, out, payload);
    if (out->tcb && out->seg->length)
        sum += copy_text(stack, tcp + header, out);
    if (__builtin_expect(out->session != NULL, 0)) /* last of all [RFC 5925 7.4] */
        sum += stack->signing.calls->sign(stack, out->flow, out->session, tcp, payload);
    put_checksum(stack, tcp, out, payload, sum);
    count_one(&stack->stats, segments_out);
    return (struct written){transport + payload, transport + header, transport};
}

static void describe_frame(const struct hf_stack *stack, struct hf_frame *frame,
                           const struct written *written)
{
    frame->length = written->length;
    frame->link = (uint8_t)stack->rules.link;
    frame->checksum = stack->config.checksum_offload ? HF_CHECKSUM_PARTIAL : HF_CHECKSUM_NONE;
    frame->verdict = HF_DELIVERED;
    frame->reason = HF_STAT_none;
    frame->gso_size = 0;
    frame->header_length = (uint16_t)written->headers;
    frame->transport_offset = (uint16_t)written->transport;
}

/* Writes the frame. */
static void build(struct hf_stack *stack, struct hf_frame *frame, const struct outgoing *out)
{
    struct written written = write_frame(stack, frame->data, out);

    must(written.length <= frame->capacity);

    describe_frame(stack, frame, &written);
}

/* A message that is built already: neighbour, ICMP. */
static void finish_message(const struct hf_stack *stack, struct hf_frame *frame, uint32_t length,
                           bool unproven)
{
    frame->length = length;
    frame->link = (uint8_t)stack->rules.link;
    frame->checksum = HF_CHECKSUM_NONE;
    frame->verdict = HF_DELIVERED;
    frame->reason = HF_STAT_none;
    frame->unproven = unproven;
    frame->gso_size = 0;
    frame->header_length = 0;
    frame->transport_offset = 0;
    frame->flow_hash = 0;
}

/* The link address of a flow's next hop. A neighbour that was reached lately costs one look. */
static enum neighbor_verdict link_address(struct hf_stack *stack, const struct flow *flow,
                                          struct neighbor_ref *ref, struct hf_mac *mac,
                                          int64_t now_us)
{
    if (stack->link_header == 0)
        return NEIGHBOR_READY;
    if (ref->generation) {
        const struct neighbor *neighbor = pool_at(&stack->neighbors.pool, ref->slot);

        if (neighbor->generation == ref->generation && neighbor->state == NEIGHBOR_REACHABLE &&
            now_us < neighbor->deadline_us) {
            *mac = neighbor->mac;
            return NEIGHBOR_READY;
        }
    }
    return stack->neighbors.calls->resolve(stack, flow, ref, mac, now_us);
}

static void describe(const struct reply *reply, struct segment *seg)
{
    *seg = (struct segment){
        .seq = reply->seq,
        .ack = reply->ack,
        .window = reply->window,
        .flags = reply->flags,
        .source_port = reply->flow.local_port,
        .destination_port = reply->flow.remote_port,
        .options = {.present = reply->options,
                    .mss = reply->mss,
                    .scale = reply->scale,
                    .ts_value = reply->ts_value,
                    .ts_echo = reply->ts_echo},
    };
}

/* A reply or an answer that is signed by terms: built by `build`'s means, with a session for the moment. */
static bool build_signed_reply(struct hf_stack *stack, struct hf_frame *frame,
                               const struct reply *reply, struct outgoing *out, struct segment *seg)
{
    struct auth_session session;

    if (!stack->signing.calls->resume(stack, out->flow, &reply->terms, &session, seg))
        return false;
    out->session = &session;
    build(stack, frame, out);
    stack->signing.calls->end(stack, &session);
    return true;
}

/* The next reply whose link address is known; others are dropped. */
static bool from_replies(struct hf_stack *stack, struct hf_frame *frame, int64_t now_us)
{
    struct ring *ring = &stack->outbox.replies;
    struct reply *reply;

    while ((reply = ring_peek(ring)) != NULL) {
        struct outgoing out = {.flow = &reply->flow, .to = &reply->to};
        struct neighbor_ref ref = {0};
        struct segment seg;

        if (!reply->to_known &&
            link_address(stack, &reply->flow, &ref, &reply->to, now_us) != NEIGHBOR_READY) {
            count_one(&stack->stats, neighbor_no_answer);
            ring_drop(ring);
            continue;
        }
        describe(reply, &seg);
        out.seg = &seg;
        out.v4 = hf_address_is_v4(&reply->flow.remote);
        if (__builtin_expect(reply->terms.algorithm != HF_KEY_NONE, 0)) {
            if (!build_signed_reply(stack, frame, reply, &out, &seg)) {
                ring_drop(ring);
                continue;
            }
        } else {
            build(stack, frame, &out);
        }
        frame->unproven = 0;
        frame->flow_hash = reply->flow_hash;
        ring_drop(ring);
        return true;
    }
    return false;
}

static void describe_answer(struct answer *answer, const struct outbox_way *way,
                            const struct written *written)
{
    answer->length = answer->header_length = (uint8_t)written->length;
    answer->transport_offset = (uint8_t)written->transport;
    answer->flow_hash = (uint32_t)(way->hash >> 32);
}

/* Built by the frames' writer: one of its own would be for nothing but the rare. */
__attribute__((noinline, cold)) static void answer_signed(struct hf_stack *stack,
                                                          const struct outbox_way *way,
                                                          struct segment *seg)
{
    struct outgoing out = {
        .flow = way->flow, .to = way->to, .seg = seg, .v4 = hf_address_is_v4(&way->flow->remote)};
    struct auth_session session;
    struct answer *answer;

    if (!stack->signing.calls->resume(stack, out.flow, way->terms, &session, seg))
        return;
    out.session = &session;
    answer = outbox_take_answer(&stack->outbox);
    if (answer) {
        struct hf_frame frame = {.data = answer->bytes, .capacity = sizeof answer->bytes};

        build(stack, &frame, &out);
        describe_answer(
            answer, way,
            &(struct written){frame.length, frame.header_length, frame.transport_offset});
    }
    stack->signing.calls->end(stack, &session);
}

void egress_answer(struct hf_stack *stack, const struct outbox_way *way, struct segment *seg)
{
    struct outgoing out = {
        .flow = way->flow, .to = way->to, .seg = seg, .v4 = hf_address_is_v4(&way->flow->remote)};
    struct written written;
    struct answer *answer;

    seg->source_port = way->flow->local_port;
    seg->destination_port = way->flow->remote_port;
    if (__builtin_expect(way->terms != NULL, 0)) {
        answer_signed(stack, way, seg);
        return;
    }
    answer = outbox_take_answer(&stack->outbox);
    if (!answer)
        return;
    written = write_frame(stack, answer->bytes, &out);
    describe_answer(answer, way, &written);
}

/* The oldest answer. It is shorter than any slot. */
static inline bool from_answers(struct hf_stack *stack, struct hf_frame *frame)
{
    const struct answer *answer = ring_peek(&stack->outbox.answers);

    if (!answer)
        return false;
    memcpy(frame->data, answer->bytes, sizeof answer->bytes);
    describe_frame(
        stack, frame,
        &(struct written){answer->length, answer->header_length, answer->transport_offset});
    frame->unproven = 1;
    frame->flow_hash = answer->flow_hash;
    ring_drop(&stack->outbox.answers);
    return true;
}

static struct list_links by_output(const struct hf_stack *stack)
{
    return list_links_in(&stack->connections.pool, offsetof(struct connection, by_output));
}

/* The connection at the head leaves the output list: it has nothing more to say, or its turn is over. */
static void leave_head(struct hf_stack *stack, uint32_t slot)
{
    list_remove(&stack->connections.output, by_output(stack), slot);
    connection_file_deadline(&stack->connections, slot);
    stack->output_turn = 0;
}

/* [R1122-03, R4861-09] */
static void wait_for_neighbor(struct hf_stack *stack, struct connection *connection, uint32_t slot)
{
    leave_head(stack, slot);
    connection->flags |= CONNECTION_WAITS;
    list_append(neighbor_waiters(&stack->neighbors, connection->neighbor.slot), by_output(stack),
                slot);
}

/* The most text that the frame can take; one segment always fits. */
static uint32_t text_room(const struct hf_stack *stack, const struct hf_frame *frame,
                          const struct connection *connection)
{
    uint32_t headers = stack->link_header + IPV6_HEADER + TCP_HEADER_MAX;
    uint32_t room = frame->capacity > headers ? frame->capacity - headers : 0;

    return max_u32(min_u32(room, IP_PAYLOAD_MAX - TCP_HEADER_MAX), connection->tcb.mss);
}

/* false: it cannot be signed any more, and is lost. */
static bool build_for(struct hf_stack *stack, struct hf_frame *frame, struct connection *connection,
                      struct tcp_outgoing *from, const struct hf_mac *mac)
{
    struct outgoing out = {
        .flow = &connection->flow,
        .to = mac,
        .seg = &from->segment,
        .tcb = &connection->tcb,
        .text_offset = from->text_offset,
        .v4 = !(connection->tcb.flags & TCB_V6),
        .no_df = connection->tcb.flags & TCB_NO_DF,
    };
    uint32_t each;

    from->segment.source_port = connection->flow.local_port;
    from->segment.destination_port = connection->flow.remote_port;
    if (signing_is_signed(connection)) {
        out.session =
            stack->signing.calls->session(stack, connection_slot(&stack->connections, connection));
        if (!stack->signing.calls->reserve(stack, &connection->flow, out.session, &from->segment))
            return false;
    }
    build(stack, frame, &out);
    frame->unproven = 0;
    frame->flow_hash = (uint32_t)(connection->hash >> 32);
    each = connection->tcb.mss -
           (frame->header_length - frame->transport_offset - (uint32_t)TCP_HEADER);
    if (from->segment.length > each)
        frame->gso_size = (uint16_t)each;
    return true;
}

/* One segment of the connections that want output, each in its turn. What a dead next hop would get is lost, as on any
 * link: the retransmission timer deals with it. */
static bool from_connections(struct hf_stack *stack, struct hf_frame *frame, int64_t now_us)
{
    struct list *list = &stack->connections.output;
    uint32_t slot;

    while ((slot = list->first) != SLOT_NONE) {
        struct connection *connection = connection_at(&stack->connections, slot);
        struct tcp_outgoing out; /* large: tcp fills it */
        struct hf_mac mac;
        enum neighbor_verdict verdict =
            link_address(stack, &connection->flow, &connection->neighbor, &mac, now_us);

        if (verdict == NEIGHBOR_WAIT) {
            wait_for_neighbor(stack, connection, slot);
            continue;
        }
        out.text_max = text_room(stack, frame, connection);
        if (!tcp_output(&stack->tcp, &connection->tcb, &out, now_us)) {
            leave_head(stack, slot);
            continue;
        }
        if (!tcp_wants_output(&stack->tcp, &connection->tcb)) {
            leave_head(stack, slot);
        } else if (++stack->output_turn >= TURN_SEGMENTS) {
            leave_head(stack, slot);
            list_append(list, by_output(stack), slot);
        }
        if (verdict != NEIGHBOR_READY) {
            count_one(&stack->stats, neighbor_no_answer);
            continue;
        }
        if (build_for(stack, frame, connection, &out, &mac))
            return true;
    }
    return false;
}

static inline bool neighbors_want_output(const struct hf_stack *stack)
{
    return stack->link_header && neighbor_wants_output(&stack->neighbors);
}

static bool from_neighbors(struct hf_stack *stack, struct hf_frame *frame, int64_t now_us)
{
    uint32_t length = stack->neighbors.calls->next_message(&stack->neighbors, frame->data, now_us);

    if (length == 0)
        return false;
    finish_message(stack, frame, length, false);
    return true;
}

static bool from_icmp(struct hf_stack *stack, struct hf_frame *frame)
{
    while (icmp_wants_output(&stack->icmp)) {
        uint32_t length =
            stack->config.parts.icmp->next_message(&stack->icmp, frame->data, frame->capacity);

        if (length) {
            finish_message(stack, frame, length, true);
            return true;
        }
    }
    return false;
}

static inline bool from_unproven(struct hf_stack *stack, struct hf_frame *frame)
{
    stack->proven_run = 0;
    return from_answers(stack, frame) || from_icmp(stack, frame);
}

static bool fill(struct hf_stack *stack, struct hf_frame *frame, int64_t now_us)
{
    if (ring_count(&stack->outbox.replies) && from_replies(stack, frame, now_us))
        return true;
    if (neighbors_want_output(stack) && from_neighbors(stack, frame, now_us))
        return true;
    if (stack->connections.output.count == 0)
        return from_unproven(stack, frame);
    if (stack->proven_run >= TURN_SEGMENTS && from_unproven(stack, frame))
        return true;
    if (from_connections(stack, frame, now_us)) {
        stack->proven_run++;
        return true;
    }
    /* A connection may just have asked for its next hop. */
    if (stack->neighbors.to_ask.count && from_neighbors(stack, frame, now_us))
        return true;
    return from_unproven(stack, frame);
}

/* Asked in every idle turn of a caller's loop: so it is cheap. */
static bool is_silent(const struct hf_stack *stack)
{
    return ring_count(&stack->outbox.replies) == 0 && ring_count(&stack->outbox.answers) == 0 &&
           stack->connections.output.count == 0 && !icmp_wants_output(&stack->icmp) &&
           !neighbors_want_output(stack);
}

size_t hf_output(struct hf_stack *stack, struct hf_frame *slots, size_t count, int64_t now_us)
{
    uint32_t needed = stack->link_header + stack->config.mtu;
    size_t filled = 0;

    stack->seen_us = now_us;
    if (is_silent(stack))
        return 0;
    while (filled < count && slots[filled].capacity >= needed &&
           fill(stack, &slots[filled], now_us)) {
        stack->stats.bytes_out += slots[filled].length;
        filled++;
    }
    stack->stats.frames_out += filled;
    return filled;
}
