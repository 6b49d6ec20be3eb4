/* Filters in a stack: asked once for each packet, before it is led to a connection. */
#ifndef STACK_FILTERING_H
#define STACK_FILTERING_H

#include "filter/match.h"
#include "stack/stack.h"

/* What all filters together say; only to be asked while stack->filters is not 0. Counts nothing but what is observed;
 * `counter` is the name of a refusal. */
enum filter_verdict filtering_ask(struct hf_stack *stack, const struct packet *packet,
                                  enum hf_stat *counter);

#endif
