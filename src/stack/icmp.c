/* ICMP and ICMPv6. [RFC 792; RFC 1122 3.2.2; RFC 4443; RFC 5927; RFC 1191]
 *
 * Anyone can send an ICMP error, from any address. So an error is a hint: it must quote a segment that a connection of ours
 * has in flight (an attacker outside the path has to guess a sequence number for that), it never ends a synchronized
 * connection, and half-opens do not hear it at all. What we say ourselves is at most as large as what was asked, and within
 * the budget that resets share.
 */
#include "stack/icmp.h"

#include "base/bytes.h"
#include "stack/ipv6.h"
#include "stack/stack.h"
#include "wire/ethernet.h"
#include "wire/icmpv4.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define ICMPV6_MLD_QUERY 130 /* [RFC 3810 5.1] */
#define ICMPV6_FIRST_INFORMATIONAL 128
#define MESSAGES_LARGE 4 /* of more than LARGE bytes */
#define MESSAGES_SMALL 16
#define MESSAGES_FEW 4 /* a small stack's, whatever they are */
#define LARGE 2048u

/* A frame that waits: bytes follow. */
struct waiting {
    uint32_t length;
    uint8_t bytes[];
};

void icmp_init(struct icmp *icmp, struct arena *arena, const struct hf_config *config,
               const struct hf_mac *mac, struct hf_stats *stats)
{
    *icmp = (struct icmp){
        .ipv6 = config->parts.ipv6,
        .stats = stats,
        .message_max = config->mtu + HF_LINK_HEADER_MAX,
        .mtu = config->mtu,
        .vlan = config->vlan,
        .mac = *mac,
        .ttl = config->ttl,
        .ethernet = config->link == HF_ETHERNET,
        .answer_ping = config->answer_ping,
    };
    uint32_t stride = ((uint32_t)sizeof(struct waiting) + icmp->message_max + 7) & ~7u;

    ring_init(&icmp->messages, arena, stride,
              config->mtu > LARGE                        ? MESSAGES_LARGE
              : config->max_connections < MESSAGES_SMALL ? MESSAGES_FEW
                                                         : MESSAGES_SMALL);
}

/* [R1191-04] */
uint32_t icmp_mtu_plateau(uint32_t total_length)
{
    static const uint16_t plateaus[] = {65535, 32000, 17914, 8166, 4352,
                                        2002,  1492,  1006,  508,  296};

    for (size_t i = 0; i < sizeof plateaus / sizeof *plateaus; i++)
        if (plateaus[i] < total_length)
            return plateaus[i];
    return 68;
}

/* Hard is what says "no", not "not now". No such port or protocol is a refusal, like a RST; who forbids it stands in between,
 * which the RFC's list for IPv4 is older than. [RFC 9293 3.9.2.2] */
static enum tcp_end hardness(uint8_t version, const struct icmp_message *message)
{
    if (message->kind != ICMP_UNREACHABLE)
        return TCP_END_NONE;
    if (version == 6 && message->code == ICMPV6_PORT_UNREACHABLE)
        return TCP_END_REFUSED;
    if (version == 6)
        return message->code == ICMPV6_ADMIN_PROHIBITED ? TCP_END_UNREACHABLE : TCP_END_NONE;
    switch (message->code) {
    case ICMPV4_PROTOCOL_UNREACHABLE:
    case ICMPV4_PORT_UNREACHABLE: return TCP_END_REFUSED;
    case ICMPV4_NET_PROHIBITED:
    case ICMPV4_HOST_PROHIBITED:
    case ICMPV4_ADMIN_PROHIBITED: return TCP_END_UNREACHABLE;
    default: return TCP_END_NONE;
    }
}

static enum icmp_verdict ignore(struct icmp_finding *finding, enum hf_stat reason)
{
    finding->reason = reason;
    return ICMP_VERDICT_IGNORE;
}

/* [R5927-07, R4443-14] */
static enum icmp_verdict classify_error(const struct icmp *icmp, const struct packet *packet,
                                        struct icmp_finding *finding)
{
    struct icmp_quote quote;

    if (!(packet->version == 4 ? icmpv4_quote_parse(&quote, &finding->message)
                               : icmp->ipv6->icmp_quote(&quote, &finding->message)))
        return ignore(finding, HF_STAT_icmp_ignored);
    if (quote.protocol == IP_UDP) /* the caller's, like UDP itself */
        return ignore(finding, HF_STAT_frame_foreign);
    if (!quote.has_ports || !quote.has_seq)
        return ignore(finding, HF_STAT_icmp_ignored);

    finding->flow = quote.flow;
    finding->quoted = quote.seq;
    finding->hard = hardness(packet->version, &finding->message);
    if (finding->message.kind != ICMP_TOO_BIG)
        return ICMP_VERDICT_ERROR;
    finding->mtu = finding->message.mtu;
    if (finding->mtu == 0 && packet->version == 4)
        finding->mtu = icmp_mtu_plateau(quote.total_length);
    /* What went through is not too big. [RFC 5927 7.1] */
    if (finding->mtu >= quote.total_length)
        return ignore(finding, HF_STAT_icmp_ignored);
    return ICMP_VERDICT_TOO_BIG;
}

/* A group query comes from a router of this link. [RFC 3810 5.1.14] */
static bool is_group_query(const struct packet *packet, const struct icmp_message *message)
{
    return packet->version == 6 && message->type == ICMPV6_MLD_QUERY && packet->ttl == 1 &&
           address_is_link_local(&packet->source);
}

/* [R1122-27, R1122-30] */
enum icmp_verdict icmp_classify(const struct icmp *icmp, const struct packet *packet,
                                struct icmp_finding *finding)
{
    struct icmp_message *message = &finding->message;

    *finding = (struct icmp_finding){.reason = HF_STAT_none};
    if (!(packet->version == 4
              ? icmpv4_parse(message, packet->payload, packet->payload_length)
              : icmp->ipv6->icmp_parse(message, packet->payload, packet->payload_length)))
        return ignore(finding, HF_STAT_icmp_malformed);

    switch (message->kind) {
    case ICMP_ECHO_REQUEST:
        if (packet->to_link_group || address_kind(&packet->destination) != ADDRESS_UNICAST)
            return ignore(finding, HF_STAT_ip_broadcast);
        return ICMP_VERDICT_ECHO;
    case ICMP_ECHO_REPLY: return ignore(finding, HF_STAT_frame_foreign); /* we never ask */
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
    case ICMP_TOO_BIG: return classify_error(icmp, packet, finding);
    case ICMP_NEIGHBOR: return ICMP_VERDICT_NEIGHBOR;
    case ICMP_OTHER: break; /* redirects, source quench [RFC 9293 MUST-55], routers' words */
    }
    return is_group_query(packet, message) ? ICMP_VERDICT_GROUP_QUERY
                                           : ignore(finding, HF_STAT_none);
}

/* The place of a message of `bytes` behind link and IP header, or NULL: no room. */
static struct waiting *push(struct icmp *icmp, uint32_t ip_bytes)
{
    struct waiting *waiting = NULL;

    if (ip_bytes <= icmp->mtu)
        waiting = ring_push(&icmp->messages);
    if (!waiting)
        icmp->stats->outbox_dropped++;
    return waiting;
}

static uint32_t link_header(const struct icmp *icmp, const struct packet *packet, uint8_t *frame)
{
    if (!icmp->ethernet)
        return 0;
    return ethernet_build(frame,
                          &(struct ethernet){
                              .destination = packet->link.source,
                              .source = icmp->mac,
                              .vlan = icmp->vlan,
                              .ethertype = packet->version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
                          });
}

/* A message to whoever sent `packet`, from the address that he spoke to, with his type of service. [RFC 1122 3.2.1.6]
 * [R4443-02] */
void icmp_send_back(struct icmp *icmp, const struct packet *packet,
                    const struct icmp_message *message)
{
    uint32_t header = packet->version == 4 ? IPV4_HEADER : IPV6_HEADER;
    uint32_t text = ICMP_HEADER + message->body_length;
    struct waiting *waiting = push(icmp, header + text);
    uint8_t traffic_class = packet->traffic_class & 0xfc;

    if (!waiting)
        return;
    waiting->length = link_header(icmp, packet, waiting->bytes);
    uint8_t *ip = waiting->bytes + waiting->length;

    if (packet->version == 4) {
        ipv4_build(ip, &(struct ipv4){
                           .source = packet->destination,
                           .destination = packet->source,
                           .total_length = (uint16_t)(header + text),
                           .ttl = icmp->ttl,
                           .protocol = IP_ICMPV4,
                           .traffic_class = traffic_class,
                           .dont_fragment = true,
                       });
        icmpv4_build(ip + header, message);
    } else {
        icmp->ipv6->icmp_build(icmp, ip, packet, message);
    }
    waiting->length += header + text;
}

/* [R1122-26, R4443-12] */
void icmp_answer_echo(struct icmp *icmp, const struct packet *packet,
                      const struct icmp_message *request)
{
    struct icmp_message reply = *request;

    reply.type = packet->version == 4 ? (uint8_t)ICMPV4_ECHO_REPLY : (uint8_t)ICMPV6_ECHO_REPLY;
    reply.code = 0;
    icmp_send_back(icmp, packet, &reply);
}

static bool is_icmp_error(const struct packet *packet)
{
    if (packet->version == 6)
        return packet->protocol == IP_ICMPV6 &&
               (packet->payload_length == 0 || packet->payload[0] < ICMPV6_FIRST_INFORMATIONAL);
    return packet->protocol == IP_ICMPV4;
}

/* [R4443-07] */
bool icmp_error_allowed(const struct packet *packet)
{
    if (packet->to_link_group || address_kind(&packet->destination) != ADDRESS_UNICAST ||
        address_kind(&packet->source) != ADDRESS_UNICAST)
        return false;
    if (packet->fragmented && packet->fragment_offset != 0)
        return false;
    return !is_icmp_error(packet);
}

static enum hf_stat on_echo(struct hf_stack *stack, const struct packet *packet,
                            const struct icmp_finding *finding, int64_t now_us)
{
    if (!stack->config.answer_ping || stack->config.addresses_shared)
        return HF_STAT_none;
    if (!route_is_ours(&stack->route, &packet->destination))
        return HF_STAT_ip_broadcast;
    if (!budget_take(&stack->budgets[BUDGET_ICMP], &packet->source, now_us))
        return HF_STAT_icmp_over_budget;
    icmp_answer_echo(&stack->icmp, packet, &finding->message);
    return HF_STAT_none;
}

/* [RFC 9293 MUST-54; R1122-21, R1122-24, R4443-10] */
void icmp_arrives(struct hf_stack *stack, struct packet *packet, int64_t now_us)
{
    struct icmp_finding finding;
    enum icmp_verdict verdict = icmp_classify(&stack->icmp, packet, &finding);
    enum hf_stat reason = finding.reason;

    stack->stats.icmp_in++;
    switch (verdict) {
    case ICMP_VERDICT_IGNORE: break;
    case ICMP_VERDICT_ECHO: reason = on_echo(stack, packet, &finding, now_us); break;
    case ICMP_VERDICT_ERROR:
        if (!connection_icmp_error(stack, &finding.flow, finding.quoted, finding.hard, now_us))
            reason = HF_STAT_icmp_ignored;
        break;
    case ICMP_VERDICT_TOO_BIG:
        if (!connection_icmp_too_big(stack, &finding.flow, finding.quoted, finding.mtu, now_us))
            reason = HF_STAT_icmp_ignored;
        break;
    case ICMP_VERDICT_NEIGHBOR: /* counts by itself */
        packet->reason = stack->ipv6->discovery_arrives(&stack->neighbors, packet, now_us);
        return;
    case ICMP_VERDICT_GROUP_QUERY: stack->ipv6->on_group_query(&stack->neighbors, now_us); break;
    }
    if (reason != HF_STAT_none)
        stack_count(stack, reason);
    packet->reason = reason;
}

uint32_t icmp_next_message(struct icmp *icmp, uint8_t *frame, uint32_t capacity)
{
    const struct waiting *waiting;

    while ((waiting = ring_peek(&icmp->messages))) {
        uint32_t length = waiting->length;

        if (length <= capacity) {
            memcpy(frame, waiting->bytes, length);
            ring_drop(&icmp->messages);
            icmp->stats->icmp_out++;
            return length;
        }
        ring_drop(&icmp->messages);
        icmp->stats->outbox_dropped++;
    }
    return 0;
}

const struct hf_icmp hf_icmp = {
    .init = icmp_init,
    .arrives = icmp_arrives,
    .next_message = icmp_next_message,
};
