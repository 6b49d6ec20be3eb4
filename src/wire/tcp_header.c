/* The TCP header. [RFC 9293 3.1] */
#include "wire/tcp_header.h"

#include "base/bytes.h"

/* [RFC 9293 X-22] */
enum hf_stat tcp_header_check(const uint8_t *data, uint32_t length)
{
    if (length < TCP_HEADER)
        return HF_STAT_tcp_truncated;
    uint32_t data_offset = (data[12] >> 4) * 4u;

    if (data_offset < TCP_HEADER || data_offset > length)
        return HF_STAT_tcp_bad_header;
    if (get_be16(data) == 0 || get_be16(data + 2) == 0)
        return HF_STAT_tcp_port_zero;
    return HF_STAT_none;
}

/* [RFC 9293 MUST-5, X-21] */
void tcp_header_parse(struct segment *seg, const uint8_t *data, uint32_t length)
{
    uint32_t data_offset = (data[12] >> 4) * 4u;

    seg->source_port = get_be16(data);
    seg->destination_port = get_be16(data + 2);
    seg->seq = seq_of(get_be32(data + 4));
    seg->ack = seq_of(get_be32(data + 8));
    seg->data_offset = (uint8_t)data_offset;
    seg->flags = data[13]; /* the four reserved bits are not read [RFC 9293 3.1] */
    seg->window = get_be16(data + 14);
    seg->urgent = get_be16(data + 18);
    seg->length = length - data_offset;
    seg->text = data + data_offset;
    tcp_option_parse(&seg->options, data, data_offset);
}
