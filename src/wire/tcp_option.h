/* TCP options, every kind. [RFC 9293 3.2; RFC 7323 2.2, 3.2; RFC 2018 2, 3; RFC 2385 3; RFC 5925 2.2; RFC 7413 4.1.1] */
#ifndef WIRE_TCP_OPTION_H
#define WIRE_TCP_OPTION_H

#include "wire/segment.h"

enum tcp_option_kind {
    TCP_KIND_END = 0,
    TCP_KIND_NOP = 1,
    TCP_KIND_MSS = 2,
    TCP_KIND_SCALE = 3,
    TCP_KIND_SACK_PERMITTED = 4,
    TCP_KIND_SACK = 5,
    TCP_KIND_TIMESTAMPS = 8,
    TCP_KIND_MD5 = 19,
    TCP_KIND_AO = 29,
    TCP_KIND_TFO = 34,
};

/* Parses the options of the header at `header`, whose data offset is header_length (20 to 60 bytes). */
void tcp_option_parse(struct tcp_options *options, const uint8_t *header, uint32_t header_length);

/* Writes the options, padded to a multiple of four; returns their length, at most 40. The order is that of Linux: a
 * signature first (AO at `to`, MD5 at `to` + 2, their MACs zero, for `auth` to fill), MSS, SACK permitted and timestamps,
 * scale, then as many SACK blocks as still fit. TFO and unknown kinds are never written. The words that were written are added
 * to *sum. */
uint32_t tcp_option_build_summed(uint8_t *to, const struct tcp_options *options, uint64_t *sum);

static inline uint32_t tcp_option_build(uint8_t *to, const struct tcp_options *options)
{
    uint64_t sum = 0;

    return tcp_option_build_summed(to, options, &sum);
}

/* What tcp_option_build would return. */
uint32_t tcp_option_length(const struct tcp_options *options);

/* How many SACK blocks fit beside the other options: 0 to 4. */
uint32_t tcp_option_sack_room(const struct tcp_options *options);

#endif
