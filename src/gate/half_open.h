/* A segment meets a half-open: SYN-RECEIVED after a passive open. [RFC 9293 3.10.7.4] */
#ifndef GATE_HALF_OPEN_H
#define GATE_HALF_OPEN_H

#include "gate/gate.h"

union gate_result {
    struct segment answer;
    struct handshake handshake;
};

/* Any segment at a half-open of arrived->listener. GATE_HANDSHAKE may be that of a cookie: handshake.from_cookie. */
enum gate_verdict half_open_on_segment(struct gate *gate, uint32_t half_open,
                                       const struct gate_segment *arrived,
                                       union gate_result *result, int64_t now_us);

#endif
