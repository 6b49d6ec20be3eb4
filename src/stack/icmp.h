/* ICMP and ICMPv6: what arrives is answered, believed with RFC 5927's doubts, or counted; what we say is little and within
 * budget. [RFC 792; RFC 1122 3.2.2; RFC 4443; RFC 5927] */
#ifndef STACK_ICMP_H
#define STACK_ICMP_H

#include <handfast/stats.h>

#include "base/ring.h"
#include "stack/route.h"
#include "tcp/tcb.h"
#include "wire/icmp.h"
#include "wire/packet.h"

struct hf_stack;

/* Messages that wait for hf_output, built whole. */
struct icmp {
    struct ring messages;
    const struct hf_ipv6 *ipv6; /* NULL: ICMP alone */
    struct hf_stats *stats;
    uint32_t message_max; /* bytes of a frame */
    uint16_t mtu, vlan;
    struct hf_mac mac;
    uint8_t ttl;
    bool ethernet, answer_ping;
};

void icmp_init(struct icmp *icmp, struct arena *arena, const struct hf_config *config,
               const struct hf_mac *mac, struct hf_stats *stats);

/* What a message asks of the stack. */
enum icmp_verdict {
    ICMP_VERDICT_IGNORE =
        0,              /* finding->reason counts it, HF_STAT_none: nothing to count             */
    ICMP_VERDICT_ECHO,  /* an echo request: icmp_answer_echo, within budget                      */
    ICMP_VERDICT_ERROR, /* about finding->flow, whose segment at finding->quoted must be in flight */
    ICMP_VERDICT_TOO_BIG, /* the same; finding->mtu                                                */
    ICMP_VERDICT_NEIGHBOR, /* neighbor_on_nd                                                        */
    ICMP_VERDICT_GROUP_QUERY, /* neighbor_on_group_query                                              */
};

struct icmp_finding {
    enum hf_stat reason;
    struct flow flow;
    seq quoted;
    uint32_t mtu;
    enum tcp_end hard; /* how it ends a SYN of ours; TCP_END_NONE: soft [RFC 9293 3.9.2.2] */
    struct icmp_message message;
};

/* Reads a PACKET_ICMPV4 or PACKET_ICMPV6 without knowing any connection. */
enum icmp_verdict icmp_classify(const struct icmp *icmp, const struct packet *packet,
                                struct icmp_finding *finding);

/* The MTU to assume when a router names none: the next plateau below the packet's length. [RFC 1191 7.1] */
uint32_t icmp_mtu_plateau(uint32_t total_length);

/* Queue an answer, its link header reversed from the frame. The caller has asked the budget and checked the addresses. */
void icmp_answer_echo(struct icmp *icmp, const struct packet *packet,
                      const struct icmp_message *request);

/* A message to whoever sent `packet`, the same way. */
void icmp_send_back(struct icmp *icmp, const struct packet *packet,
                    const struct icmp_message *message);

/* Whether an error may be sent about a packet at all: never about an error, a later fragment, or to or from more than one
 * station. [RFC 1122 3.2.2; RFC 4443 2.4] */
bool icmp_error_allowed(const struct packet *packet);

/* The whole of it, for ingress: an ICMP packet to one of our addresses or groups; packet->reason says why it was refused. */
void icmp_arrives(struct hf_stack *stack, struct packet *packet, int64_t now_us);

/* Copies the next message's frame (of at most icmp->message_max bytes); 0: none, or it does not fit into capacity and was
 * dropped. */
uint32_t icmp_next_message(struct icmp *icmp, uint8_t *frame, uint32_t capacity);

static inline bool icmp_wants_output(const struct icmp *icmp)
{
    return ring_count(&icmp->messages) > 0;
}

/* The part of a stack that hears and speaks ICMP: what stands above. */
struct hf_icmp {
    void (*init)(struct icmp *icmp, struct arena *arena, const struct hf_config *config,
                 const struct hf_mac *mac, struct hf_stats *stats);
    void (*arrives)(struct hf_stack *stack, struct packet *packet, int64_t now_us);
    uint32_t (*next_message)(struct icmp *icmp, uint8_t *frame, uint32_t capacity);
};

#endif
