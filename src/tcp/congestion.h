/* How fast a sender may go: the module behind one small table of functions. [RFC 5681]
 *
 * A module decides cwnd and ssthresh. Which segments are lost and sent again is recovery.c's business.
 */
#ifndef TCP_CONGESTION_H
#define TCP_CONGESTION_H

#include <stdint.h>

#include "tcp/tcb.h"

struct congestion_module {
    const char *name;
    void (*open)(struct congestion *c, uint32_t mss, uint32_t initial_window);

    /* New data was acknowledged outside of recovery, while cwnd was what limited us. */
    void (*acknowledged)(struct congestion *c, uint32_t bytes, uint32_t mss);

    /* A loss was noticed with `flight` bytes outstanding: sets ssthresh (not cwnd). */
    void (*lost)(struct congestion *c, uint32_t flight, uint32_t mss);

    /* The retransmission timer fired: sets ssthresh (if `first` in a row) and cwnd. */
    void (*timed_out)(struct congestion *c, uint32_t flight, uint32_t mss, bool first);
};

/* NewReno with appropriate byte counting: the first module, and the default. [RFC 5681 3.1, RFC 3465] */
extern const struct congestion_module congestion_newreno;

#endif
