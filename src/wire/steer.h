/* Whose frame is it: the addresses and ports of a frame, found cheaply and without judging it. */
#ifndef WIRE_STEER_H
#define WIRE_STEER_H

#include "wire/flow.h"

enum steer_kind {
    STEER_FLOW, /* the whole four-tuple; of an ICMP error: that of the packet it quotes, seen from us */
    STEER_ADDRESSES, /* fragments, echoes, other protocols: ports are 0                                    */
    STEER_ALL, /* ARP and neighbour discovery: every stack of this station wants it                  */
    STEER_NONE, /* not IP, or too short to tell                                                       */
};

/* Never reads outside the frame. Checks neither checksums nor whether the frame is for us. */
enum steer_kind steer_frame(struct flow *flow, const struct hf_frame *frame);

#endif
