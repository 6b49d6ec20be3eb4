/* Fuzzer of packet_parse, hf_steer and the printer: any bytes as one frame. What it says of a frame must lie in the frame, and a
 * header that was read must be written again to the same bytes. [RFC 791 3.1; RFC 8200 3; RFC 9293 3.1] */
#include <stdlib.h>

#include "base/must.h"
#include "fuzz/input.h"
#include "wire/checksum.h"
#include "wire/packet.h"
#include "wire/tcp_header.h"

static void check_segment(const struct packet *packet)
{
    const struct segment *seg = &packet->segment;
    uint8_t again[TCP_HEADER + TCP_OPTIONS_MAX];
    struct segment plain = *seg;

    must(seg->data_offset >= TCP_HEADER && seg->data_offset <= packet->payload_length);
    must(seg->length == packet->payload_length - seg->data_offset);
    must(seg->length == 0 || seg->text == packet->payload + seg->data_offset);
    must(seg->source_port != 0 && seg->destination_port != 0);
    plain.options.present = 0;
    must(tcp_header_build(again, &plain) == TCP_HEADER);
    must(memcmp(again, packet->payload, 12) == 0 &&
         memcmp(again + 13, packet->payload + 13, 3) == 0);
    must(memcmp(again + 18, packet->payload + 18, 2) == 0);
}

static void check_packet(const struct packet *packet, const struct hf_frame *frame)
{
    must(packet->reason < HF_STAT_COUNT);
    switch (packet->kind) {
    case PACKET_REFUSED: must(packet->reason != HF_STAT_none); return;
    case PACKET_FOREIGN: must(packet->reason == HF_STAT_frame_foreign); return;
    case PACKET_TCP:
    case PACKET_ICMPV4:
    case PACKET_ICMPV6:
    case PACKET_FRAGMENT:
        must(packet->ip >= frame->data &&
             packet->ip_length <= frame->data + frame->length - packet->ip);
        must(packet->version == 4 || packet->version == 6);
        must(packet->ip_header_length <= packet->ip_length);
        break;
    case PACKET_ARP: break;
    }
    must(packet->payload >= frame->data);
    must(packet->payload_length <= frame->data + frame->length - packet->payload);
    if (packet->kind == PACKET_TCP)
        check_segment(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    unsigned choice = input_u8(&input);
    struct packet_rules rules = {.link = choice & 1 ? HF_ETHERNET : HF_RAW_IP,
                                 .vlan = (choice & 3) == 3 ? 7 : 0,
                                 .mac = {{2, 0, 0, 0, 0, 1}},
                                 .checksum = checksum_sum,
                                 .ipv6 = packet_ipv6};
    struct hf_frame frame = {.length = (uint32_t)input_left(&input),
                             .link = (uint8_t)rules.link,
                             .checksum = choice & 4   ? HF_CHECKSUM_VERIFIED
                                         : choice & 8 ? HF_CHECKSUM_PARTIAL
                                                      : HF_CHECKSUM_NONE};
    struct packet packet;

    if (input_left(&input) > HF_FRAME_MAX)
        return 0;
    frame.capacity = frame.length;
    frame.data = malloc(frame.length ? frame.length : 1);
    must(frame.data);
    input_bytes(&input, frame.data, frame.length);
    must(hf_steer(&frame, 4) <= 4);
    memset(&packet, 0xa5, sizeof packet);
    packet_parse(&packet, &rules, &frame);
    check_packet(&packet, &frame);
    free(frame.data);
    return 0;
}
