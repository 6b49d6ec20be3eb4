/* The TCP header. [RFC 9293 3.1] */
#ifndef WIRE_TCP_HEADER_H
#define WIRE_TCP_HEADER_H

#include <handfast/stats.h>

#include "wire/segment.h"
#include "wire/tcp_option.h"

#define TCP_HEADER 20
#define TCP_CHECKSUM_OFFSET 16

/* What can be refused without reading the text: HF_STAT_none, tcp_truncated, tcp_bad_header, tcp_port_zero. */
enum hf_stat tcp_header_check(const uint8_t *data, uint32_t length);

/* Fills everything but `ecn` from a header that passed tcp_header_check. Bad options only set MALFORMED. */
void tcp_header_parse(struct segment *seg, const uint8_t *data, uint32_t length);

/* Writes header and options and returns their length; the checksum field is zero. Reads neither data_offset nor text. */
uint32_t tcp_header_build(uint8_t *to, const struct segment *seg);

#endif
