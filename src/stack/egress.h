/* Frames out. [RFC 9293 3.1, 3.8.1] hf_output is in egress.c. */
#ifndef STACK_EGRESS_H
#define STACK_EGRESS_H

#include "stack/outbox.h"

struct hf_stack;

/* Answers a stranger: the frame is written into its lane of the outbox; seg's ports are filled in. A full lane drops and counts
 * it. way->to is not looked at without link headers. */
void egress_answer(struct hf_stack *stack, const struct outbox_way *way, struct segment *seg);

#endif
