/* What must be true of every connection after each step, beyond what one look at a TCB tells. [RFC 9293 3.3.1, 3.8] */
#ifndef TESTS_FUZZ_STAND_TCP_H
#define TESTS_FUZZ_STAND_TCP_H

#include "fuzz/stand.h"

/* Whether tcb_check is content, nothing has gone back that only goes on, and whatever waits has something that ends its wait. */
void stand_tcp_check(struct stand *stand);

#endif
