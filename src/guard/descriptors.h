/* How many connections the descriptors of this process allow. */
#ifndef HF_GUARD_DESCRIPTORS_H
#define HF_GUARD_DESCRIPTORS_H

#include <stdint.h>

#define DESCRIPTORS_RESERVED 128 /* TAP, epoll, signals, control clients, capture, and some */

/* Raises RLIMIT_NOFILE as far as it may for `connections`, one descriptor each. Returns for how many there is room. */
uint32_t descriptors_raise(uint32_t connections);

#endif
