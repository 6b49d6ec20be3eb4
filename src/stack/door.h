/* What is odd about a segment that belongs to no connection: counted by name, and scans are told. [RFC 9293 3.10.7.1, 3.10.7.2]
 * The whole table is docs/at-the-door.md. */
#ifndef STACK_DOOR_H
#define STACK_DOOR_H

#include "stack/stack.h"

/* `open`: a listener has the port. Decides nothing: what is answered is admit.c's. */
void door_note(struct hf_stack *stack, const struct gate_segment *arrived, bool open,
               int64_t now_us);

/* An ACK belongs to nothing, not even to a cookie. */
static inline void door_note_stray_ack(struct hf_stack *stack, const struct segment *seg)
{
    stack->stats.odd_push += seg->length > 0;
}

#endif
