/* Forged frames: Ethernet, IPv4, TCP or an ICMP echo, with what varies filled in fast. [RFC 9293 3.1] */
#ifndef TESTS_LAB_FORGE_H
#define TESTS_LAB_FORGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORGE_MAX 1200
#define FORGE_FIN 0x01
#define FORGE_SYN 0x02
#define FORGE_RST 0x04
#define FORGE_PSH 0x08
#define FORGE_ACK 0x10

/* What all frames of a flood have in common. Addresses in network order, ports in host order. */
struct forge_plan {
    uint8_t from_mac[6], to_mac[6];
    uint32_t to;
    uint16_t to_port;
    uint8_t flags;
    bool options;        /* those of a Linux SYN: MSS, SACK, timestamps, window scale */
    uint16_t text_bytes; /* of zeros                                                  */
    uint16_t window;
    bool echo; /* an ICMP echo request instead of a segment */
};

struct forge_template {
    uint8_t frame[FORGE_MAX];
    uint32_t length;
    uint32_t ip_sum, transport_sum; /* of what does not vary */
    bool echo, options;
};

/* What varies. */
struct forge_segment {
    uint32_t from; /* network order */
    uint16_t from_port;
    uint32_t seq, ack;
    uint32_t timestamp;
};

void forge_prepare(struct forge_template *template, const struct forge_plan *plan);

/* Fills in a frame that was copied from the template's. */
void forge_fill(uint8_t *frame, const struct forge_template *template,
                const struct forge_segment *segment);

#endif
