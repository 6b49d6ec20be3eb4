/* What ICMPv6 has beside ICMP. [RFC 4443] */
#ifndef STACK_ICMP_V6_H
#define STACK_ICMP_V6_H

#include "stack/icmp.h"

/* Writes IP header and message to whoever sent `packet`, from the address that he spoke to. */
void icmp_v6_build(const struct icmp *icmp, uint8_t *ip, const struct packet *packet,
                   const struct icmp_message *message);

/* Queues a Parameter Problem message: packet->problem_*. The caller has asked the budget and checked the addresses. */
void icmp_v6_send_problem(struct icmp *icmp, const struct packet *packet);

/* A packet that is refused or foreign with packet->problem set: a Parameter Problem message, if allowed and within budget. */
void icmp_v6_problem_arrives(struct hf_stack *stack, const struct packet *packet, int64_t now_us);

#endif
