/* ARP for IPv4 over Ethernet. [RFC 826; RFC 5227] */
#ifndef WIRE_ARP_H
#define WIRE_ARP_H

#include <handfast/handfast.h>

enum arp_operation {
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
};

#define ARP_LENGTH 28

struct arp_message {
    uint16_t operation; /* enum arp_operation */
    struct hf_mac sender_mac, target_mac;
    struct hf_address sender, target;
};

/* False: truncated, not IPv4 over Ethernet, or an operation that is neither request nor reply. */
bool arp_parse(struct arp_message *message, const uint8_t *data, uint32_t length);

/* Writes ARP_LENGTH bytes and returns that. */
uint32_t arp_build(uint8_t *to, const struct arp_message *message);

/* Who has `target`? A sender of 0.0.0.0 makes it a probe. [RFC 5227 2.1.1] */
struct arp_message arp_request(const struct hf_mac *mac, const struct hf_address *sender,
                               const struct hf_address *target);

/* The answer to a request for `address`, which is ours. */
struct arp_message arp_reply(const struct arp_message *request, const struct hf_mac *mac,
                             const struct hf_address *address);

/* A gratuitous announcement: a request for our own address. [RFC 5227 2.3] */
struct arp_message arp_announcement(const struct hf_mac *mac, const struct hf_address *address);

#endif
