/* Frames in: each parsed once, checked against what this station is, and led to whom it concerns. [RFC 9293 3.10.7]
 *
 * A batch is walked in groups, so that the table's bucket and the connection of a later frame are on their way from memory
 * while an earlier one is dealt with.
 */
#include "stack/admit.h"
#include "stack/demux.h"
#include "stack/filtering.h"
#include "stack/icmp.h"
#include "stack/signing.h"
#include "stack/stack.h"
#include "wire/packet_parse.h"

#define GROUP 8

struct arrival {
    struct packet packet;
    struct flow flow;
    uint64_t hash;
    uint32_t
        guess; /* the slot that it may belong to; SLOT_NONE: to none, as long as no connection is opened ... */
    uint32_t inserted; /* ... since the table was asked */
    struct filtering_lists lists;
};

/* Counts a refusal by name and gives its number. */
#define refused(stack, name) count_reason(&(stack)->stats, name)

static void conclude(struct hf_frame *frame, enum hf_verdict verdict, enum hf_stat reason)
{
    frame->verdict = (uint8_t)verdict;
    frame->reason = (uint16_t)reason;
}

/* [R2827-02, R1122-10] */
static enum hf_stat bad_source(struct hf_stack *stack, enum address_kind kind)
{
    switch (kind) {
    case ADDRESS_UNSPECIFIED: return refused(stack, ip_source_unspecified);
    case ADDRESS_MULTICAST: return refused(stack, ip_source_multicast);
    case ADDRESS_BROADCAST: return refused(stack, ip_source_broadcast);
    case ADDRESS_UNICAST:
    case ADDRESS_LOOPBACK:
    case ADDRESS_RESERVED: break;
    }
    return refused(stack, ip_bad_source);
}

/* Who may send: a host, not us ourselves. IPv6 hosts that look for an address send from ::, and one that has ours by mistake
 * speaks from it: neighbour discovery decides. [RFC 1122 3.2.1.3; RFC 9293 MUST-63; RFC 4862 5.4]
 * [R3704-04, R1122-10] */
static enum hf_stat check_source(struct hf_stack *stack, const struct packet *packet)
{
    enum address_kind kind;

    if (address_is_v4_unicast(&packet->source) && route_is_stranger(&stack->route, &packet->source))
        return HF_STAT_none;
    kind = address_kind(&packet->source);
    if (packet->kind == PACKET_ICMPV6 && kind == ADDRESS_UNSPECIFIED)
        return HF_STAT_none;
    if (kind != ADDRESS_UNICAST)
        return bad_source(stack, kind);
    if (route_is_broadcast(&stack->route, &packet->source))
        return refused(stack, ip_source_broadcast);
    if (route_is_ours(&stack->route, &packet->source) && !stack->config.allow_self_connect &&
        packet->kind != PACKET_ICMPV6)
        return refused(stack, ip_own_source);
    return HF_STAT_none;
}

/* Who is meant: us; everybody, which for TCP means nobody [RFC 9293 MUST-57]; or others. [R1122-09] */
static enum hf_stat check_destination(struct hf_stack *stack, const struct packet *packet,
                                      uint8_t *local)
{
    *local = route_our_index(&stack->route, &packet->destination);
    if (*local != ROUTE_NOT_OURS)
        return packet->to_link_group && packet->kind != PACKET_ICMPV6 ? refused(stack, ip_broadcast)
                                                                      : HF_STAT_none;
    if (packet->kind == PACKET_ICMPV6 && route_is_our_group(&stack->route, &packet->destination))
        return HF_STAT_none;
    if (address_kind(&packet->destination) == ADDRESS_MULTICAST ||
        route_is_broadcast(&stack->route, &packet->destination))
        return refused(stack, ip_broadcast);
    return refused(stack, frame_foreign);
}

/* [R1122-39] */
static enum hf_stat check_station(struct hf_stack *stack, const struct packet *packet,
                                  uint8_t *local)
{
    enum hf_stat reason = check_destination(stack, packet, local);

    return reason != HF_STAT_none ? reason : check_source(stack, packet);
}

/* A bare SYN that meets our own SYN, sent from a port that listens: a simultaneous open that nobody asked for. */
static bool is_unwanted_simultaneous(struct hf_stack *stack, const struct tcb *tcb,
                                     const struct arrival *arrival)
{
    return tcb->state == TCP_SYN_SENT &&
           (arrival->packet.segment.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
           !stack->config.allow_simultaneous_at_listener &&
           listener_find(&stack->listeners, &arrival->flow.local, arrival->flow.local_port) !=
               SLOT_NONE;
}

static enum hf_stat at_connection(struct hf_stack *stack, uint32_t slot,
                                  const struct arrival *arrival, int64_t now_us)
{
    struct connection *connection = connection_at(&stack->connections, slot);
    struct tcb *tcb = &connection->tcb;
    seq una = tcb->snd_una;

    stack->last_met = slot;
    if (arrival->packet.to_link_group)
        return refused(stack, ip_broadcast);
    if (signing_is_signed(connection)) {
        enum hf_stat refusal =
            stack->signing.calls->check(stack, slot, &arrival->packet.segment, now_us);

        if (refusal != HF_STAT_none)
            return refusal;
    }
    if (__builtin_expect(is_unwanted_simultaneous(stack, tcb, arrival), 0))
        return refused(stack, simultaneous_refused);
    stack->tcp.reason = HF_STAT_none;
    tcp_segment_arrives(&stack->tcp, tcb, &arrival->packet.segment, now_us);
    if (stack->link_header && !seq_eq(una, tcb->snd_una))
        stack->neighbors.calls->progress(&stack->neighbors, &connection->neighbor, now_us);
    connection_after(stack, slot, &arrival->packet.link.source, now_us);
    return stack->tcp.reason;
}

static bool is_connection(const struct hf_stack *stack, uint32_t slot, const struct flow *flow)
{
    const struct connection *connection;

    if (slot == SLOT_NONE)
        return false;
    connection = connection_at(&stack->connections, slot);
    return (connection->flags & (CONNECTION_OPEN | CONNECTION_DETACHED)) == CONNECTION_OPEN &&
           flow_equal(&connection->flow, flow);
}

/* The table was asked already, and has nothing new. */
static bool is_stranger(const struct hf_stack *stack, const struct arrival *arrival)
{
    return arrival->guess == SLOT_NONE && arrival->inserted == stack->connections.table.inserted;
}

#define ODD_OPTIONS (TCP_OPTION_MALFORMED | TCP_OPTION_AO | TCP_OPTION_MD5)

/* Two signatures, or one of an impossible length, are nobody's. One alone, of a peer of whom no key speaks, means nothing.
 * [RFC 5925 2.2, 7.3; R5925-19] */
static enum hf_stat meet_odd_options(struct hf_stack *stack, const struct arrival *arrival,
                                     int64_t now_us)
{
    const uint16_t both = TCP_OPTION_AO | TCP_OPTION_MD5;
    uint16_t present = arrival->packet.segment.options.present;

    stack->stats.tcp_bad_option += !!(present & TCP_OPTION_MALFORMED);
    if ((present & TCP_OPTION_BAD_SIGNATURE) || (present & both) == both)
        return signing_refuse_both(stack, &arrival->flow, now_us);
    return HF_STAT_none;
}

static enum hf_stat on_tcp(struct hf_stack *stack, const struct arrival *arrival, int64_t now_us)
{
    struct gate_segment at_door;
    enum hf_stat reason;
    uint32_t slot = arrival->guess;
    uint8_t local;

    count_one(&stack->stats, segments_in);
    if (__builtin_expect(arrival->packet.segment.options.present & ODD_OPTIONS, 0)) {
        reason = meet_odd_options(stack, arrival, now_us);
        if (reason != HF_STAT_none)
            return reason;
    }
    if (!is_connection(stack, slot, &arrival->flow) && !is_stranger(stack, arrival))
        slot = connection_find(&stack->connections, arrival->hash, &arrival->flow);
    if (slot != SLOT_NONE)
        return at_connection(stack, slot, arrival, now_us);
    reason = check_station(stack, &arrival->packet, &local);
    if (reason != HF_STAT_none)
        return reason;
    at_door = (struct gate_segment){
        .flow = &arrival->flow,
        .seg = &arrival->packet.segment,
        .hash = arrival->hash,
        .from = arrival->packet.link.source,
        .local = local,
    };
    return admit_segment(stack, &at_door, now_us);
}

static enum hf_stat on_icmp(struct hf_stack *stack, struct packet *packet, int64_t now_us)
{
    uint8_t local;
    enum hf_stat reason = check_station(stack, packet, &local);

    if (reason != HF_STAT_none)
        return reason;
    if (!stack->config.parts.icmp)
        return refused(stack, frame_foreign);
    stack->config.parts.icmp->arrives(stack, packet, now_us);
    return packet->reason;
}

/* A packet that the parser refused or does not know. [R1122-06] */
static enum hf_stat on_unknown(struct hf_stack *stack, const struct packet *packet, int64_t now_us)
{
    stack_count(stack, packet->reason);
    if (packet->problem)
        stack->ipv6->icmp_problem(stack, packet, now_us);
    return packet->reason;
}

_Static_assert(GROUP <= PREFIX_TABLE_GROUP, "a group is looked up at once");

static void look_up_lists(struct hf_stack *stack, struct arrival *arrivals, size_t count)
{
    const struct packet *packets[GROUP];
    struct filtering_lists lists[GROUP];

    for (size_t i = 0; i < count; i++)
        packets[i] = &arrivals[i].packet;
    stack->filtering->look_up(stack, packets, (unsigned)count, lists);
    for (size_t i = 0; i < count; i++)
        arrivals[i].lists = lists[i];
}

/* Segments come in trains: the connection that met the last one is asked before the flow is hashed.
 * [Partridge and Pink, 1993: a one-behind cache] */
static void prepare(struct hf_stack *stack, struct arrival *arrival)
{
    arrival->guess = SLOT_NONE;
    /* To ask an empty table is needless; one that was not asked yet has always something new. */
    arrival->inserted = stack->connections.table.inserted - (stack->connections.table.count != 0);
    if (arrival->packet.kind != PACKET_TCP)
        return;
    arrival->flow = packet_flow(&arrival->packet);
    if (is_connection(stack, stack->last_met, &arrival->flow)) {
        arrival->guess = stack->last_met;
        arrival->hash = connection_at(&stack->connections, arrival->guess)->hash;
        return;
    }
    arrival->hash = demux_hash(&stack->keys.tuple, &arrival->flow);
    if (stack->connections.table.count)
        table_prefetch(&stack->connections.table, arrival->hash);
}

static enum hf_stat dispatch(struct hf_stack *stack, struct arrival *arrival, int64_t now_us);

static enum hf_stat on_fragment(struct hf_stack *stack, struct arrival *arrival, int64_t now_us)
{
    struct packet *packet = &arrival->packet;
    struct ip_reassembly_whole whole;
    uint8_t local;
    enum hf_stat reason = check_station(stack, packet, &local);

    if (reason != HF_STAT_none)
        return reason;
    if (!stack->fragments)
        return refused(stack, ip_fragment_refused);
    switch (stack->fragments->add(&stack->reassembly, packet, &whole, now_us)) {
    case IP_REASSEMBLY_KEPT: return HF_STAT_none;
    case IP_REASSEMBLY_REFUSED: return HF_STAT_ip_fragment_refused;
    case IP_REASSEMBLY_OVERLAP: return HF_STAT_ip_fragment_overlap;
    case IP_REASSEMBLY_FOREIGN: return refused(stack, frame_foreign);
    case IP_REASSEMBLY_WHOLE: break;
    }
    stack->fragments->parse(packet, &stack->rules, whole.ip, whole.length, HF_CHECKSUM_NONE);
    if (packet->kind == PACKET_FRAGMENT) /* fragments of fragments */
        return refused(stack, ip_fragment_refused);
    prepare(stack, arrival);
    if (stack->filters)
        look_up_lists(stack, arrival, 1);
    return dispatch(stack, arrival, now_us);
}

/* Refused by a filter, though a connection may have been there before the rule. */
static bool is_of_connection(struct hf_stack *stack, const struct arrival *arrival)
{
    return arrival->packet.kind == PACKET_TCP &&
           connection_find(&stack->connections, arrival->hash, &arrival->flow) != SLOT_NONE;
}

static enum hf_stat ask_filters(struct hf_stack *stack, const struct arrival *arrival)
{
    enum hf_stat counter = HF_STAT_none;

    switch (stack->filtering->ask(stack, &arrival->packet, &arrival->lists, &counter)) {
    case FILTER_PASS:
    case FILTER_OBSERVED: return HF_STAT_none;
    case FILTER_REFUSE_FRESH:
        if (!is_of_connection(stack, arrival))
            break;
        count_one(&stack->stats, filter_established);
        return HF_STAT_none;
    case FILTER_REFUSE: break;
    }
    stack_count(stack, counter);
    return counter;
}

/* What became of it: HF_STAT_none if it was used. */
static enum hf_stat dispatch(struct hf_stack *stack, struct arrival *arrival, int64_t now_us)
{
    if (__builtin_expect(stack->filters != 0, 0)) {
        enum hf_stat refusal = ask_filters(stack, arrival);

        if (refusal != HF_STAT_none)
            return refusal;
    }
    switch (arrival->packet.kind) {
    case PACKET_TCP: return on_tcp(stack, arrival, now_us);
    case PACKET_ICMPV4:
    case PACKET_ICMPV6: return on_icmp(stack, &arrival->packet, now_us);
    case PACKET_ARP:
        return stack->neighbors.calls->on_arp(&stack->neighbors, &arrival->packet, now_us);
    case PACKET_FRAGMENT: return on_fragment(stack, arrival, now_us);
    case PACKET_REFUSED:
    case PACKET_FOREIGN: return on_unknown(stack, &arrival->packet, now_us);
    }
    return HF_STAT_none;
}

static enum hf_verdict verdict_for(enum hf_stat reason)
{
    if (reason == HF_STAT_none)
        return HF_DELIVERED;
    if (reason == HF_STAT_frame_foreign || reason == HF_STAT_frame_other_station ||
        reason == HF_STAT_frame_other_vlan)
        return HF_FOREIGN;
    return HF_DROPPED;
}

/* The slot that most likely is the one, and its first lines on their way. */
static void guess(struct hf_stack *stack, struct arrival *arrival)
{
    struct table_cursor cursor;
    const uint8_t *connection;

    if (arrival->packet.kind != PACKET_TCP || arrival->guess != SLOT_NONE)
        return;
    arrival->inserted = stack->connections.table.inserted;
    cursor = table_find(&stack->connections.table, arrival->hash);
    arrival->guess = table_next(&stack->connections.table, &cursor);
    if (arrival->guess == SLOT_NONE)
        return;
    connection = (const uint8_t *)connection_at(&stack->connections, arrival->guess);
    __builtin_prefetch(connection);
    __builtin_prefetch(connection + CACHE_LINE);
    __builtin_prefetch(connection + 2 * CACHE_LINE);
    __builtin_prefetch(connection + 3 * CACHE_LINE);
}

static void input_group(struct hf_stack *stack, struct hf_frame *frames, size_t count,
                        int64_t now_us)
{
    struct arrival arrivals[GROUP];

    for (size_t i = 0; i < count; i++) {
        stack->stats.bytes_in += frames[i].length;
        packet_parse_frame(&arrivals[i].packet, &stack->rules, &frames[i]);
        prepare(stack, &arrivals[i]);
    }
    if (__builtin_expect(stack->filters != 0, 0))
        look_up_lists(stack, arrivals, count);
    if (stack->connections.table.count)
        for (size_t i = 0; i < count; i++)
            guess(stack, &arrivals[i]);
    for (size_t i = 0; i < count; i++) {
        enum hf_stat reason = dispatch(stack, &arrivals[i], now_us);

        conclude(&frames[i], verdict_for(reason), reason);
    }
}

/* Seldom: a next hop was answered, or room runs short. */
static __attribute__((noinline, cold)) void after_input(struct hf_stack *stack, int64_t now_us)
{
    if (stack->neighbors.changed.count)
        stack->neighbors.calls->wake(stack);
    if (stack_is_short(stack))
        stack->watching->run(stack, now_us);
}

/* [RFC 9293 MUST-59] */
void hf_input(struct hf_stack *stack, struct hf_frame *frames, size_t count, int64_t now_us)
{
    stack->seen_us = now_us;
    stack->stats.frames_in += count;
    for (size_t done = 0; done < count; done += GROUP)
        input_group(stack, frames + done, count - done < GROUP ? count - done : GROUP, now_us);
    if (__builtin_expect(stack->neighbors.changed.count != 0 || stack_is_short(stack), 0))
        after_input(stack, now_us);
}
