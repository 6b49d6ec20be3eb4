/* A TCP segment as meaning: what a header says, without its bytes. The same struct describes one that arrived and one that
 * is to be built. [RFC 9293 3.1] */
#ifndef WIRE_SEGMENT_H
#define WIRE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/seq.h"

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

enum tcp_option_bit {
    TCP_OPTION_MSS = 0x01,
    TCP_OPTION_SCALE = 0x02,
    TCP_OPTION_SACK_PERMITTED = 0x04,
    TCP_OPTION_SACK = 0x08,
    TCP_OPTION_TIMESTAMPS = 0x10,
    TCP_OPTION_MD5 = 0x20,
    TCP_OPTION_AO = 0x40,
    TCP_OPTION_TFO = 0x80,
    TCP_OPTION_UNKNOWN =
        0x100, /* at least one kind that we do not know: ignored [RFC 9293 MUST-6] */
    TCP_OPTION_MALFORMED =
        0x200, /* a length that cannot be: what follows it was not read           */
    TCP_OPTION_BAD_SIGNATURE =
        0x400, /* ... and it was a signature's, or a second one: the segment is nobody's [RFC 5925 2.2] */
};

#define TCP_SACK_BLOCKS_MAX 4
#define TCP_OPTIONS_MAX 40

struct sack_block {
    seq left, right;
};

/* The options of one segment. `present` says which fields mean something. Repeated kinds: the last one counts, but a second
 * MD5 or AO is MALFORMED. */
struct tcp_options {
    uint16_t present; /* enum tcp_option_bit */
    uint16_t mss;     /* [RFC 9293 3.7.1] */
    uint8_t scale;    /* as found; above 14 it is used as 14 [RFC 7323 2.3] */
    uint8_t sack_count;
    uint32_t ts_value, ts_echo;                  /* [RFC 7323 3.2] */
    struct sack_block sack[TCP_SACK_BLOCKS_MAX]; /* [RFC 2018 3]   */
    uint16_t md5_offset, ao_offset,
        tfo_offset;                /* of the kind byte, from the start of the TCP header */
    uint8_t ao_length, tfo_length; /* whole option */
};

struct segment {
    seq seq, ack;
    uint16_t window; /* as in the header, not scaled [RFC 9293 MUST-1] */
    uint16_t urgent;
    uint8_t flags;       /* enum tcp_flag          */
    uint8_t data_offset; /* header bytes: 20 to 60 */
    uint16_t source_port, destination_port;
    uint32_t length;     /* bytes of text          */
    const uint8_t *text; /* in: where the text begins, in the frame */
    uint8_t ecn;         /* the IP header's ECN bits [RFC 3168 5] */
    struct tcp_options options;
};

/* SEG.LEN: text, SYN and FIN. [RFC 9293 3.4] */
static inline uint32_t segment_length(const struct segment *seg)
{
    return seg->length + !!(seg->flags & TCP_SYN) + !!(seg->flags & TCP_FIN);
}

#endif
