/* One turn of an open relay: bytes, FINs and resets, both ways. */
#ifndef HF_GUARD_RELAY_PUMP_H
#define HF_GUARD_RELAY_PUMP_H

#include "guard/relay.h"

enum relay_end {
    RELAY_GOES_ON,
    RELAY_CLOSED,
    RELAY_CLIENT_RESET,
    RELAY_BACKEND_RESET,
    RELAY_REFUSED,
    RELAY_NO_BACKEND_UP,
    RELAY_CONNECT_TIMEOUT,
    RELAY_IDLE_TIMEOUT,
    RELAY_TOTAL_TIMEOUT,
    RELAY_KILLED,
    RELAY_CUT,
};

/* *moved: a byte or an end of stream was passed on. *more: the turn ended by its limit, another is due. */
enum relay_end relay_pump(struct relay *relay, int64_t now_us, bool *moved, bool *more);

#endif
