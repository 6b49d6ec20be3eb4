/* Neighbour discovery: solicitations and advertisements. [RFC 4861 4.3, 4.4, 7.1] */
#ifndef WIRE_ND_H
#define WIRE_ND_H

#include "wire/packet.h"

struct nd_message {
    bool advertisement; /* else a solicitation */
    bool router, solicited, override;
    bool has_mac; /* source (solicitation) or target (advertisement) link-layer address option */
    struct hf_mac mac;
    struct hf_address target;
};

#define ND_LENGTH_MAX 32

/* Makes every check of RFC 4861 7.1.1 and 7.1.2 and RFC 6980 on a PACKET_ICMPV6; false: discard it. */
bool nd_parse(struct nd_message *message, const struct packet *packet);

/* Writes the ICMPv6 message (24 or 32 bytes) with its checksum; returns its length. It goes out with hop limit 255. */
uint32_t nd_build(uint8_t *to, const struct nd_message *message, const struct hf_address *source,
                  const struct hf_address *destination);

#endif
