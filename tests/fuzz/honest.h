/* An honest peer that takes over a conversation, whatever it was until then: what was begun must come to its end. */
#ifndef TESTS_FUZZ_HONEST_H
#define TESTS_FUZZ_HONEST_H

#include "fuzz/stand.h"

/* Every unsigned connection that is synchronized gets a peer that answers what it hears, offers `window` bytes, and has text to
 * send; and a user who reads, writes a little more and closes. All text must arrive in both directions, and both ends close,
 * within minutes of virtual time: nobody may wait for somebody who waits for him. [RFC 9293 3.8.6.1, MUST-36]
 * moods: 1: he loses some of the first frames; 2: he begins with a closed window, and sends meanwhile. */
void honest_complete(struct stand *stand, uint32_t window, unsigned moods);

#endif
