/* What must be true of the door, and of all that holds slots, after every step: walks of the whole structure. [RFC 9293 3.10.7] */
#ifndef TESTS_FUZZ_STAND_GATE_H
#define TESTS_FUZZ_STAND_GATE_H

#include "fuzz/stand.h"

/* Tables, lists, wheels, pools and counts tell the same story, nothing waits without a deadline, no bucket is fuller than full. */
void stand_gate_check(const struct stand *stand);

/* After hf_tick: nothing that was due is left. */
void stand_gate_check_ticked(const struct stand *stand);

#endif
