/* Large frames cut as a device would cut them, and checksums completed. [RFC 791 3.1, RFC 8200 3, RFC 9293 3.1] */
#include "driver/cut.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/segment.h"

enum {
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ICMPV6 = 58,
};

/* ---- finding the headers ---- */

static bool find_ip(struct cut *cut)
{
    const struct hf_frame *frame = cut->frame;
    uint32_t type_at = 12;

    if (frame->link == HF_ETHERNET) {
        if (frame->length >= 18 && get_be16(frame->data + type_at) == 0x8100)
            type_at += 4;
        cut->ip_at = type_at + 2;
    }
    if (frame->length < cut->ip_at + 20)
        return false;
    cut->version = frame->data[cut->ip_at] >> 4;
    if (frame->link != HF_ETHERNET)
        return cut->version == 4 || cut->version == 6;
    return get_be16(frame->data + type_at) == (cut->version == 4   ? 0x0800
                                               : cut->version == 6 ? 0x86dd
                                                                   : -1);
}

/* IPv6 extension headers hide the transport header; such frames are left as they are. */
static bool find_transport(struct cut *cut)
{
    const uint8_t *ip = cut->frame->data + cut->ip_at;

    if (cut->version == 4) {
        cut->protocol = ip[9];
        cut->transport_at = cut->ip_at + (ip[0] & 15u) * 4u;
        cut->end = cut->ip_at + get_be16(ip + 2);
        if ((get_be16(ip + 6) & 0x3fff) != 0) /* a fragment */
            return false;
    } else {
        if (cut->frame->length < cut->ip_at + 40)
            return false;
        cut->protocol = ip[6];
        cut->transport_at = cut->ip_at + 40;
        cut->end = cut->transport_at + get_be16(ip + 4);
    }
    return cut->end <= cut->frame->length && cut->transport_at < cut->end;
}

static uint32_t checksum_place(const struct cut *cut)
{
    uint32_t at;

    switch (cut->protocol) {
    case PROTOCOL_TCP: at = cut->transport_at + 16; break;
    case PROTOCOL_UDP: at = cut->transport_at + 6; break;
    case PROTOCOL_ICMPV6: at = cut->transport_at + 2; break;
    default: return 0;
    }
    return at + 2 <= cut->end ? at : 0;
}

static void plan_parts(struct cut *cut)
{
    const struct hf_frame *frame = cut->frame;

    if (!frame->gso_size || cut->protocol != PROTOCOL_TCP || cut->transport_at + 20 > cut->end)
        return;
    uint32_t text_at = cut->transport_at + (frame->data[cut->transport_at + 12] >> 4) * 4u;
    if (text_at < cut->transport_at + 20 || text_at + frame->gso_size >= cut->end)
        return;
    cut->text_at = text_at;
    cut->parts = (cut->end - text_at + frame->gso_size - 1) / frame->gso_size;
    cut->checksum_at = cut->transport_at + 16;
}

void cut_begin(struct cut *cut, const struct hf_frame *frame)
{
    *cut = (struct cut){.frame = frame, .parts = 1};
    if (!find_ip(cut) || !find_transport(cut)) {
        cut->checksum_at = 0;
        return;
    }
    if (frame->checksum == HF_CHECKSUM_PARTIAL)
        cut->checksum_at = checksum_place(cut);
    plan_parts(cut);
}

/* ---- writing ---- */

static void complete_checksum(const struct cut *cut, uint8_t *to, uint32_t length)
{
    uint32_t addresses = cut->version == 4 ? 8 : 32;
    uint32_t transport_bytes = length - cut->transport_at;
    uint16_t sum = checksum_sum(to + cut->ip_at + (cut->version == 4 ? 12 : 8), addresses);

    put_be16(to + cut->checksum_at, 0);
    sum = checksum_fold((uint64_t)sum + cut->protocol + transport_bytes +
                        checksum_sum(to + cut->transport_at, transport_bytes));
    sum = (uint16_t)~sum;
    put_be16(to + cut->checksum_at, sum == 0 && cut->protocol == PROTOCOL_UDP ? 0xffff : sum);
}

static void write_ip_length(const struct cut *cut, uint8_t *to, uint32_t length)
{
    uint8_t *ip = to + cut->ip_at;

    if (cut->version == 6) {
        put_be16(ip + 4, (uint16_t)(length - cut->transport_at));
        return;
    }
    put_be16(ip + 2, (uint16_t)(length - cut->ip_at));
    put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + cut->part));
    put_be16(ip + 10, 0);
    put_be16(ip + 10, (uint16_t)~checksum_sum(ip, cut->transport_at - cut->ip_at));
}

static uint32_t write_part(struct cut *cut, uint8_t *to)
{
    const struct hf_frame *frame = cut->frame;
    uint32_t text = min_u32(frame->gso_size, cut->end - cut->text_at - cut->next);
    uint32_t length = cut->text_at + text;
    uint8_t *tcp = to + cut->transport_at;

    memcpy(to, frame->data, cut->text_at);
    memcpy(to + cut->text_at, frame->data + cut->text_at + cut->next, text);
    write_ip_length(cut, to, length);
    put_be32(tcp + 4, get_be32(tcp + 4) + cut->next);
    if (cut->part > 0)
        tcp[13] &= (uint8_t)~TCP_CWR; /* said once [RFC 3168 6.1.2] */
    if (cut->part + 1 < cut->parts)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH); /* true of the last byte */
    complete_checksum(cut, to, length);
    cut->next += text;
    return length;
}

uint32_t cut_next(struct cut *cut, uint8_t *to)
{
    uint32_t length = cut->frame->length;

    if (cut->part == cut->parts)
        return 0;
    if (cut->parts > 1) {
        length = write_part(cut, to);
    } else {
        memcpy(to, cut->frame->data, length);
        if (cut->checksum_at)
            complete_checksum(cut, to, cut->end);
    }
    cut->part++;
    return length;
}
