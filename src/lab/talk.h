/* A conversation seen from its middle: which state each end is in after each segment, and a ladder of it.
 *
 * States are inferred from the segments alone, as a reader of a capture would: an end is in the state that RFC 9293's figure
 * 5 gives after what it sent and received. What the guard's stack really did is asserted by its own table of transitions.
 * [RFC 9293 3.3.2]
 */
#ifndef LAB_TALK_H
#define LAB_TALK_H

#include <stdio.h>

#include <handfast/socket.h>

#include "lab/capture.h"

enum talk_end {
    TALK_CLIENT,
    TALK_GUARD,
    TALK_ENDS,
};

struct talk_step {
    enum talk_end from;
    const struct segment *segment;
    enum hf_state state[TALK_ENDS]; /* once it has been received */
};

struct talk {
    uint32_t count;
    struct talk_step *steps;
    seq iss[TALK_ENDS];
    uint32_t opening;         /* how many steps until both ends are ESTABLISHED; 0: never  */
    uint32_t closing;         /* the first step with a FIN; count: there is none           */
    enum talk_end closer;     /* who sent it                                               */
    uint32_t resets;          /* segments with RST                                         */
    uint32_t repeated;        /* segments whose sequence numbers were sent before, all of them */
    const char *not_expected; /* what no conversation should have; NULL: all is well       */
};

/* Follows the segments of a capture, which must outlive it. False: no memory. */
bool talk_follow(struct talk *talk, const struct capture *capture);
void talk_free(struct talk *talk);

/* Steps from `first` up to `end`, as a ladder: both ends' states left and right. */
void talk_draw(const struct talk *talk, uint32_t first, uint32_t end, FILE *out);

#endif
