/* What ICMPv6 has beside ICMP: its own way to be written, and word of packets that nobody understands. [RFC 4443] */
#include "stack/icmp_v6.h"

#include "stack/stack.h"
#include "wire/icmpv6.h"
#include "wire/ipv6.h"

void icmp_v6_build(const struct icmp *icmp, uint8_t *ip, const struct packet *packet,
                   const struct icmp_message *message)
{
    struct ipv6 header = {
        .source = packet->destination,
        .destination = packet->source,
        .payload_length = (uint16_t)(ICMP_HEADER + message->body_length),
        .next_header = IP_ICMPV6,
        .hop_limit = icmp->ttl,
        .traffic_class = packet->traffic_class & 0xfc,
    };

    ip += ipv6_build(ip, &header);
    icmpv6_build(ip, message, &packet->destination, &packet->source);
}

void icmp_v6_send_problem(struct icmp *icmp, const struct packet *packet)
{
    struct icmp_message problem =
        icmpv6_error(ICMPV6_PARAMETER_PROBLEM, packet->problem_code, packet->problem_offset,
                     packet->ip, packet->ip_length);

    icmp_send_back(icmp, packet, &problem);
}

/* [R4443-08] */
void icmp_v6_problem_arrives(struct hf_stack *stack, const struct packet *packet, int64_t now_us)
{
    if (!packet->problem || !icmp_error_allowed(packet) ||
        !route_is_ours(&stack->route, &packet->destination))
        return;
    if (stack_may_say(stack, BUDGET_ICMP, &packet->source, now_us))
        icmp_v6_send_problem(&stack->icmp, packet);
}
