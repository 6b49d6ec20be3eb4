/* TCP frames as our stack hands them to a driver: large, with the checksum left to the device. */
#ifndef UNIT_DRIVER_FRAMES_H
#define UNIT_DRIVER_FRAMES_H

#include <handfast/handfast.h>

#include "base/bytes.h"
#include "unit/os/test.h"
#include "wire/checksum.h"
#include "wire/segment.h"

struct frame_plan {
    unsigned version; /* 4 or 6 */
    bool raw, vlan;
    uint16_t text_bytes, gso_size;
    uint8_t flags;
    uint32_t seq;
};

static inline uint16_t pseudo_sum(const uint8_t *ip, unsigned version, uint8_t protocol,
                                  uint32_t length)
{
    uint16_t sum = version == 4 ? checksum_sum(ip + 12, 8) : checksum_sum(ip + 8, 32);

    return checksum_fold((uint64_t)sum + protocol + length);
}

/* Builds the frame in `to` (large enough). The text is random, by the seed. */
static inline struct hf_frame frame_make(uint8_t *to, const struct frame_plan *plan, uint64_t *seed)
{
    uint32_t at = 0, ip_bytes = plan->version == 4 ? 20 : 40, options = 12;
    uint32_t tcp_length = 20 + options + plan->text_bytes;

    if (!plan->raw) {
        memcpy(to, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
        at = 12;
        if (plan->vlan) {
            put_be16(to + at, 0x8100);
            put_be16(to + at + 2, 7);
            at += 4;
        }
        put_be16(to + at, plan->version == 4 ? 0x0800 : 0x86dd);
        at += 2;
    }
    uint8_t *ip = to + at, *tcp = ip + ip_bytes;
    memset(ip, 0, ip_bytes + 20 + options);
    if (plan->version == 4) {
        ip[0] = 0x45;
        put_be16(ip + 2, (uint16_t)(ip_bytes + tcp_length));
        put_be16(ip + 4, 0xfffe);
        put_be16(ip + 6, 0x4000);
        ip[8] = 64, ip[9] = 6;
        memcpy(ip + 12, "\xc0\0\2\1\xc0\0\2\2", 8);
        put_be16(ip + 10, (uint16_t)~checksum_sum(ip, 20));
    } else {
        ip[0] = 0x60;
        put_be16(ip + 4, (uint16_t)tcp_length);
        ip[6] = 6, ip[7] = 64;
        memcpy(ip + 8, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2",
               32);
    }
    put_be16(tcp, 7);
    put_be16(tcp + 2, 40000);
    put_be32(tcp + 4, plan->seq);
    put_be32(tcp + 8, 0x1000);
    tcp[12] = (uint8_t)((20 + options) / 4 << 4);
    tcp[13] = plan->flags;
    put_be16(tcp + 14, 500);
    put_be16(tcp + 16, pseudo_sum(ip, plan->version, 6, tcp_length));
    memcpy(tcp + 20, "\1\1\10\12abcdefgh", 12);
    test_fill(seed, tcp + 20 + options, plan->text_bytes);
    return (struct hf_frame){
        .data = to,
        .length = at + ip_bytes + tcp_length,
        .capacity = HF_FRAME_MAX,
        .link = plan->raw ? HF_RAW_IP : HF_ETHERNET,
        .checksum = HF_CHECKSUM_PARTIAL,
        .gso_size = plan->gso_size,
        .header_length = (uint16_t)(at + ip_bytes + 20 + options),
        .transport_offset = (uint16_t)(at + ip_bytes),
    };
}

#endif
