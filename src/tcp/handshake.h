/* The agreed result of a passive handshake: what `gate` hands up and `tcp` opens a connection from. [RFC 9293 3.5] */
#ifndef TCP_HANDSHAKE_H
#define TCP_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/seq.h"

#define SCALE_NONE 15

struct handshake {
    seq iss, irs;
    uint16_t
        mss; /* the peer's, as offered or rounded down by a cookie; 536 or 1220 if it gave none */
    uint8_t send_scale; /* the peer's shift for its windows, SCALE_NONE if scaling was not agreed */
    uint8_t receive_scale; /* ours, SCALE_NONE likewise */
    uint8_t syn_ack_count; /* SYN-ACKs sent: above 1, IW is 1 and there is no RTT [RFC 5681 3.1] */
    bool sack, timestamps, ecn;
    bool from_cookie;
    uint16_t first_window;     /* SEG.WND of the SYN */
    uint16_t announced_window; /* the window in our SYN-ACK, never scaled */
    uint32_t ts_recent;        /* TSval of the SYN (cache), or of the ACK (cookie) */
    uint32_t ts_offset;        /* our clock: TSval = now in ms + offset */
    uint32_t rtt_us;           /* SYN-ACK to ACK; 0: unknown */
};

#endif
