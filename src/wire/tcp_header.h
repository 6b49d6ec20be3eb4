/* The TCP header. [RFC 9293 3.1] */
#ifndef WIRE_TCP_HEADER_H
#define WIRE_TCP_HEADER_H

#include <handfast/stats.h>

#include "base/bytes.h"
#include "base/must.h"
#include "wire/segment.h"
#include "wire/tcp_option.h"

#define TCP_HEADER 20
#define TCP_CHECKSUM_OFFSET 16

/* What can be refused without reading the text: HF_STAT_none, tcp_truncated, tcp_bad_header, tcp_port_zero. */
enum hf_stat tcp_header_check(const uint8_t *data, uint32_t length);

/* Fills everything but `ecn` from a header that passed tcp_header_check. Bad options only set MALFORMED. */
void tcp_header_parse(struct segment *seg, const uint8_t *data, uint32_t length);

/* Writes header and options and returns their length; the checksum field is zero. Reads neither data_offset nor text. What was
 * written is added to *sum, in words of host order, for the checksum: checksum_fold. */
static inline uint32_t tcp_header_build_summed(uint8_t *to, const struct segment *seg,
                                               uint64_t *sum)
{
    uint32_t length = TCP_HEADER;
    uint32_t ports = (uint32_t)seg->source_port << 16 | seg->destination_port;
    uint32_t fourth = (uint32_t)seg->flags << 16 | seg->window;

    if (seg->options.present)
        length += tcp_option_build_summed(to + TCP_HEADER, &seg->options, sum);
    must(length <= TCP_HEADER + TCP_OPTIONS_MAX);
    fourth |= length / 4 << 28;
    put_be32(to, ports);
    put_be32(to + 4, seg->seq.value);
    put_be32(to + 8, seg->ack.value);
    put_be32(to + 12, fourth);
    put_be32(to + 16, seg->urgent);
    *sum += (uint64_t)ports + seg->seq.value + seg->ack.value + fourth + seg->urgent;
    return length;
}

static inline uint32_t tcp_header_build(uint8_t *to, const struct segment *seg)
{
    uint64_t sum = 0;

    return tcp_header_build_summed(to, seg, &sum);
}

#endif
