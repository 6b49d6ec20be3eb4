/* hf_ipv6, a part of a stack. [RFC 8200 3] */
#include "stack/ipv6.h"

#include "stack/icmp_v6.h"
#include "stack/neighbor_discovery.h"
#include "stack/stack.h"
#include "wire/icmpv6.h"
#include "wire/ipv6.h"

static void build_header(const struct hf_stack *stack, uint8_t *to, const struct flow *flow,
                         uint32_t payload_length, uint8_t traffic_class)
{
    struct ipv6 header = {
        .source = flow->local,
        .destination = flow->remote,
        .payload_length = (uint16_t)payload_length,
        .next_header = IP_TCP,
        .hop_limit = stack->config.ttl,
        .traffic_class = traffic_class,
    };

    (void)ipv6_build(to, &header);
}

const struct hf_ipv6 hf_ipv6 = {
    .parse = packet_ipv6,
    .build_header = build_header,
    .icmp_parse = icmpv6_parse,
    .icmp_quote = icmpv6_quote_parse,
    .icmp_build = icmp_v6_build,
    .icmp_problem = icmp_v6_problem_arrives,
    .discovery_arrives = neighbor_discovery_arrives,
    .on_group_query = neighbor_discovery_on_group_query,
    .solicit = neighbor_discovery_solicit,
    .advertise = neighbor_discovery_advertise,
    .report = neighbor_discovery_report,
};
