/* What must be true of every stack after every step, whatever the network does. */
#ifndef SIM_INVARIANTS_H
#define SIM_INVARIANTS_H

#include <handfast/stats.h>

struct world;

/* What was seen before, to compare with. */
struct invariants;

struct invariants *invariants_make(void);
void invariants_free(struct invariants *invariants);

/* A frame that hf_input has answered: who refuses must say why. */
void invariants_frame(struct world *world, unsigned node, const struct hf_frame *frame);

/* After every step: counters only grow, gauges add up, every TCB is in order, and packets are worth something (no storm of
 * frames without any progress). */
void invariants_step(struct world *world);

/* At the end, when nobody holds a socket and nothing is under way: nothing is held any more. */
void invariants_end(struct world *world);

/* The transitions between states that a stack has taken: for each state the bits of those it went to. [RFC 9293 3.3.2] */
void invariants_transitions(const struct world *world, unsigned node, uint16_t seen[HF_STATES]);

#endif
