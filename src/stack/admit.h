/* Segments that belong to no connection: half-opens, TIME-WAIT records, listeners, strays. [RFC 9293 3.10.7.1, 3.10.7.2] */
#ifndef STACK_ADMIT_H
#define STACK_ADMIT_H

#include "stack/stack.h"

/* HF_STAT_none: it was used. Otherwise the reason why it was refused, which is counted. */
enum hf_stat admit_segment(struct hf_stack *stack, struct gate_segment *arrived, int64_t now_us);

/* Half-opens whose time has come. */
void admit_tick(struct hf_stack *stack, int64_t now_us);

#endif
