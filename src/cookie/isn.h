/* Initial sequence numbers: a clock plus a keyed function of the flow. [RFC 6528 3; RFC 9293 MUST-8, MUST-9]
 *
 * An attacker who sees the ISS of his own connections learns the clock and nothing about those of others; and one flow's
 * numbers go on rising from one incarnation to the next. Freestanding.
 */
#ifndef COOKIE_ISN_H
#define COOKIE_ISN_H

#include "crypto/siphash.h"

/* ISN = M + F(flow): M counts 4 us, F is keyed. tuple: T, the flow's hash under another key.
 * [RFC 9293 SHLD-1; R6528-01, R6528-02, R6528-03] */
SIPHASH_INLINE uint32_t isn_make(struct siphash_key key, uint64_t tuple, uint64_t now_us)
{
    return (uint32_t)(now_us >> 2) + (uint32_t)siphash_8(key, tuple);
}

#endif
