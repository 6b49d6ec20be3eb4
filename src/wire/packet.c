/* Frames to meaning, once: see packet_parse.h. [RFC 791 3.1; RFC 8200 3; RFC 9293 3.1] */
#include "wire/packet.h"

#include "wire/packet_parse.h"

void packet_parse(struct packet *packet, const struct packet_rules *rules,
                  const struct hf_frame *frame)
{
    packet_parse_frame(packet, rules, frame);
}

void packet_parse_ip(struct packet *packet, const struct packet_rules *rules, uint8_t *ip,
                     uint32_t length, enum hf_checksum checksum)
{
    packet->problem = false;
    packet->fragmented = true;
    if (length && ip[0] >> 4 == 6)
        packet_parse_v6(packet, rules, ip, length, checksum);
    else
        packet_parse_v4(packet, rules, ip, length, checksum);
}
